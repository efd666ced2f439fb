//! The way to the Temporal server, by the SDK's own environment variables and profiles.
//!
//! A server that is down is an error of what is asked of it, never of a start; once it is up it is used.

use crate::lately::Lately;
use omniflow_engine::Error;
use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;
use temporalio_client::envconfig::LoadClientConfigProfileOptions;
use temporalio_client::errors::ClientConnectError;
use temporalio_client::tonic::{Code, IntoRequest, Status};
use temporalio_client::{Client, ClientOptions, Connection, ConnectionOptions, GrpcCompression, Url};
use temporalio_common::protos::temporal::api::workflowservice::v1::DescribeNamespaceRequest;
use tokio::sync::OnceCell;
use tokio::time::timeout;

/// How long connecting may take.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);
/// How long a sign of life may take where somebody asks for nothing else.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);
/// How long a sign of life holds.
const LIVES_FOR: Duration = Duration::from_secs(1);

/// Why there is no way to the server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// An environment variable or a profile cannot be used.
    #[error("the settings of the Temporal client cannot be used: {0}")]
    Settings(String),
    /// The server cannot be reached, or does not let us in.
    #[error("Temporal at {address} cannot be used now: {reason}")]
    Temporal {
        /// Its host and port.
        address: String,
        /// What was found.
        reason: String,
    },
}

impl From<ConnectError> for Error {
    fn from(error: ConnectError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The way to a Temporal server. Clones share the connection and what is known of it.
#[derive(Clone)]
pub struct Link(Arc<Inner>);

struct Inner {
    connection: ConnectionOptions,
    client: ClientOptions,
    address: String,
    connected: OnceCell<Client>,
    connecting: Lately<Result<Client, ConnectError>>,
    alive: Lately<Result<(), ConnectError>>,
}

impl Link {
    /// Reads the settings, and asks nobody. They come from `TEMPORAL_ADDRESS`, `TEMPORAL_NAMESPACE`,
    /// `TEMPORAL_API_KEY`, `TEMPORAL_TLS_*`, and the profile file that all of Temporal's clients share;
    /// `address`, where given, wins.
    ///
    /// # Errors
    /// [`ConnectError::Settings`].
    pub fn new(address: Option<&str>) -> Result<Self, ConnectError> {
        let settings = |error: &dyn std::fmt::Display| ConnectError::Settings(error.to_string());
        let (mut connection, client) =
            ClientOptions::load_from_config(LoadClientConfigProfileOptions::default())
                .map_err(|error| settings(&error))?;
        if let Some(address) = address {
            let scheme = if connection.tls_options.is_some() { "https" } else { "http" };
            let url =
                if address.contains("://") { address.to_owned() } else { format!("{scheme}://{address}") };
            connection.target =
                url.parse().map_err(|error| settings(&format!("the address {address:?}: {error}")))?;
        }
        let address = host_and_port(&connection.target)?;
        connection.grpc_compression = GrpcCompression::None;
        connection.connect_timeout.get_or_insert(CONNECTS_WITHIN);
        Ok(Self(Arc::new(Inner {
            connection,
            client,
            address,
            connected: OnceCell::new(),
            connecting: Lately::new(Duration::ZERO),
            alive: Lately::new(LIVES_FOR),
        })))
    }

    /// The server's host and port.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    /// The namespace that is used there.
    pub fn namespace(&self) -> &str {
        &self.0.client.namespace
    }

    /// The shared connection, made when it is first asked for, within 5 s. Where that fails it is tried again
    /// when it is next asked for. It lives on the runtime that asked first.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn client(&self) -> Result<Client, ConnectError> {
        if let Some(client) = self.0.connected.get() {
            return Ok(client.clone());
        }
        let connect = async { self.0.connected.get_or_try_init(|| self.connect()).await.cloned() };
        self.0.connecting.answer(connect).await
    }

    /// A connection of one's own, within 5 s: a worker, on a runtime of its own, is not to share one.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn connect(&self) -> Result<Client, ConnectError> {
        let connecting = Connection::connect(self.0.connection.clone());
        let connected = match timeout(CONNECTS_WITHIN, connecting).await {
            Ok(connected) => connected.map_err(|error| self.fault(refusal(&error)))?,
            Err(_) => return Err(self.fault("it does not answer".to_owned())),
        };
        Client::new(connected, self.0.client.clone())
            .map_err(|error| ConnectError::Settings(error.to_string()))
    }

    /// A sign of life of the server and the namespace, within 1 s. It holds for a second, for all who ask.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn check(&self) -> Result<(), ConnectError> {
        match timeout(ANSWERS_WITHIN, self.alive()).await {
            Ok(answer) => answer,
            Err(_) => Err(self.fault("it does not answer".to_owned())),
        }
    }

    /// The same before something is asked of it: a server that is busy has as long as connecting may take.
    pub(crate) async fn alive(&self) -> Result<(), ConnectError> {
        self.0.alive.answer(self.sign_of_life()).await
    }

    async fn sign_of_life(&self) -> Result<(), ConnectError> {
        let asked = async {
            let client = self.client().await?;
            let request = DescribeNamespaceRequest {
                namespace: self.namespace().to_owned(),
                ..DescribeNamespaceRequest::default()
            };
            // Not by the client itself, which would try again for a while.
            let answer =
                client.connection().workflow_service().describe_namespace(request.into_request()).await;
            match answer {
                Ok(_) => Ok(()),
                Err(status) if status.code() == Code::NotFound => {
                    let namespace = self.namespace();
                    Err(self.fault(format!("it has no namespace {namespace}")))
                }
                Err(status) => Err(self.fault(said(&status))),
            }
        };
        match timeout(CONNECTS_WITHIN, asked).await {
            Ok(answer) => answer,
            Err(_) => Err(self.fault("it does not answer".to_owned())),
        }
    }

    pub(crate) fn fault(&self, reason: String) -> ConnectError {
        ConnectError::Temporal { address: self.0.address.clone(), reason }
    }
}

/// What may be shown of an address: it may have a password.
fn host_and_port(url: &Url) -> Result<String, ConnectError> {
    let Some(host) = url.host_str() else {
        return Err(ConnectError::Settings("the address of the Temporal server has no host".to_owned()));
    };
    Ok(match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    })
}

/// Why a connection was not made.
fn refusal(error: &ClientConnectError) -> String {
    match error {
        ClientConnectError::SystemInfoCallError(status) => said(status),
        ClientConnectError::TonicTransportError(error) => in_full(error),
        error => error.to_string(),
    }
}

/// What a server said, or why it said nothing.
pub(crate) fn said(status: &Status) -> String {
    match status.source() {
        Some(cause) => in_full(cause),
        None if status.message().is_empty() => status.code().to_string(),
        None => status.message().to_owned(),
    }
}

/// An error with all its causes: the outermost says little.
fn in_full(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.ends_with(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_of_an_address_has_no_password() {
        for (address, shown) in [
            ("temporal:7233", "temporal:7233"),
            ("http://me:secret@temporal:7233", "temporal:7233"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("[::1]:7233", "[::1]:7233"),
        ] {
            assert_eq!(Link::new(Some(address)).unwrap().address(), shown);
        }
    }

    #[test]
    fn an_address_that_is_none_is_refused_before_anything_is_asked() {
        for address in ["", "temporal:port", "http://", "a b"] {
            let refused = Link::new(Some(address)).err();
            assert!(matches!(refused, Some(ConnectError::Settings(_))), "{address:?}: {refused:?}");
        }
    }

    #[tokio::test]
    async fn a_server_that_is_not_there_is_said_each_time() {
        let port = {
            let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let link = Link::new(Some(&format!("127.0.0.1:{port}"))).unwrap();
        let said = format!("Temporal at 127.0.0.1:{port} cannot be used now: ");
        for error in [link.check().await.err(), link.client().await.err(), link.client().await.err()] {
            let error = error.unwrap().to_string();
            assert!(error.starts_with(&said) && error.contains("refused"), "{error}");
        }
    }
}
