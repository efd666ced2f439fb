//! The way to the Temporal server, by the SDK's own environment variables and profiles.

use temporalio_client::envconfig::LoadClientConfigProfileOptions;
use temporalio_client::{Client, ClientOptions, Connection, GrpcCompression};

/// Why there is no way to the server.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// An environment variable or a profile cannot be used.
    #[error("the settings of the Temporal client cannot be used: {0}")]
    Settings(String),
    /// The server cannot be reached, or does not let us in.
    #[error("Temporal cannot be used now: {0}")]
    Temporal(String),
}

/// Connects once. Settings come from `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`, `TEMPORAL_API_KEY`,
/// `TEMPORAL_TLS_*`, and the profile file that all of Temporal's clients share; `address`, where given, wins.
///
/// # Errors
/// [`ConnectError`].
pub async fn connect(address: Option<&str>) -> Result<Client, ConnectError> {
    let settings = |error: &dyn std::fmt::Display| ConnectError::Settings(error.to_string());
    let (mut connection, client) = ClientOptions::load_from_config(LoadClientConfigProfileOptions::default())
        .map_err(|error| settings(&error))?;
    if let Some(address) = address {
        let url = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
        connection.target = url.parse().map_err(|error| settings(&error))?;
    }
    connection.grpc_compression = GrpcCompression::None;
    let connection =
        Connection::connect(connection).await.map_err(|error| ConnectError::Temporal(error.to_string()))?;
    Client::new(connection, client).map_err(|error| settings(&error))
}
