//! Where PostgreSQL is and how long it may take.

use super::StoreError;
use std::time::Duration;
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;

/// Where PostgreSQL is and how long it may take.
#[derive(Clone, PartialEq, Eq)]
pub struct StoreSettings {
    /// Its address, `postgres://user:password@host:port/database`; more than one host may be named.
    pub url: String,
    /// Its password, where the address has none.
    pub password: Option<String>,
    /// The schema in which the tables are; made where it is missing. `a-z`, `0-9` and `_`.
    pub schema: String,
    /// How many connections are used at most, beside the one that listens.
    pub connections: usize,
    /// How long connecting may take.
    pub connect_timeout: Duration,
    /// How long one statement may take. A free connection is waited for somewhat longer.
    pub statement_timeout: Duration,
    /// How long one statement may wait for a row that another transaction has.
    pub lock_timeout: Duration,
}

impl StoreSettings {
    /// The usual settings for an address.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            password: None,
            schema: "omniflow".to_owned(),
            connections: 16,
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(5),
            lock_timeout: Duration::from_secs(3),
        }
    }

    /// Whether they can be used at all; no server is asked.
    ///
    /// # Errors
    /// [`StoreError::Settings`].
    pub fn check(&self) -> Result<(), StoreError> {
        self.config().map(drop)
    }

    /// How long an answer may take before the connection counts as lost: the server's own time-outs come first.
    pub(super) fn patience(&self) -> Duration {
        self.statement_timeout + Duration::from_secs(2)
    }

    /// The driver's configuration.
    pub(super) fn config(&self) -> Result<Config, StoreError> {
        if !is_name(&self.schema) {
            let schema = &self.schema;
            return Err(StoreError::Settings(format!(
                "the schema {schema:?} must be 1 to 60 of a-z, 0-9 and _, and not begin with a digit"
            )));
        }
        let mut config: Config = self.url.parse().map_err(|error| {
            // The error names what is wrong, never the address, which may have a password.
            StoreError::Settings(super::error::in_full(&error))
        })?;
        if !matches!(config.get_ssl_mode(), SslMode::Disable | SslMode::Prefer) {
            return Err(StoreError::Settings(
                "TLS is not built in: sslmode must be disable or prefer".to_owned(),
            ));
        }
        if let (Some(password), None) = (&self.password, config.get_password()) {
            config.password(password);
        }
        // The address's own options come last, so that they win.
        let options = format!(
            "-c search_path={} -c statement_timeout={} -c lock_timeout={} \
             -c idle_in_transaction_session_timeout={} -c default_transaction_isolation=read\\ committed {}",
            self.schema,
            self.statement_timeout.as_millis(),
            self.lock_timeout.as_millis(),
            self.patience().as_millis() * 2,
            config.get_options().unwrap_or_default(),
        );
        config.options(options).connect_timeout(self.connect_timeout).tcp_user_timeout(self.patience());
        if config.get_application_name().is_none() {
            config.application_name("omniflow");
        }
        Ok(config)
    }
}

/// Whether a schema, and the channel on which its changes are announced, can be called this.
fn is_name(text: &str) -> bool {
    let is_part = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (1..=60).contains(&text.len())
        && text.chars().all(is_part)
        && !text.starts_with(|first: char| first.is_ascii_digit())
}

impl std::fmt::Debug for StoreSettings {
    /// Without the address, which may have a password.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            url: _,
            password: _,
            schema,
            connections,
            connect_timeout,
            statement_timeout,
            lock_timeout,
        } = self;
        f.debug_struct("StoreSettings")
            .field("schema", schema)
            .field("connections", connections)
            .field("connect_timeout", connect_timeout)
            .field("statement_timeout", statement_timeout)
            .field("lock_timeout", lock_timeout)
            .finish_non_exhaustive()
    }
}
