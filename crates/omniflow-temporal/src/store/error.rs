//! What can go wrong between here and PostgreSQL.

use omniflow_engine::Error;
use std::error::Error as _;
use tokio_postgres::error::{DbError, SqlState};
use tokio_postgres::types::WrongType;

/// Why the store did not do what it was asked.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The address or a setting cannot be used.
    #[error("PostgreSQL's settings cannot be used: {0}")]
    Settings(String),
    /// It cannot be reached, or it took too long; nothing was done.
    #[error("PostgreSQL at {address} cannot be used now: {reason}")]
    Unavailable {
        /// Its host and port.
        address: String,
        /// What was found.
        reason: String,
    },
    /// Others were always first; nothing was done.
    #[error("PostgreSQL has too much to do at once with the same rows")]
    Contended,
    /// The connection was lost while committing: it was done or not. Asking the same again is safe.
    #[error("the connection was lost while committing")]
    OutcomeUnknown,
    /// What is stored cannot be read, or contradicts itself.
    #[error("{0}")]
    Diverged(String),
    /// A newer program wrote the tables.
    #[error(
        "the tables are of a newer OmniFlow (schema {found}, this one knows {known}); upgrade this process"
    )]
    NewerSchema {
        /// The schema found.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
    /// No fault: the engine's answer to what was asked; nothing was changed.
    #[error(transparent)]
    Refused(#[from] Error),
}

impl From<StoreError> for Error {
    /// What the engine answers. The cause of a fault is for the log, which is the caller's to write.
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused(error) => error,
            StoreError::OutcomeUnknown => Self::OutcomeUnknown,
            StoreError::Diverged(_) => Self::SetAside,
            StoreError::Contended => Self::Overloaded,
            StoreError::Settings(_) | StoreError::Unavailable { .. } | StoreError::NewerSchema { .. } => {
                Self::Unavailable(error.to_string())
            }
        }
    }
}

/// How an attempt ended that did not succeed.
#[derive(Debug)]
pub(super) enum Fault {
    /// Another transaction was in the way: nothing was done, and again it may work.
    Conflict,
    /// The connection was gone before anything was done.
    Gone(String),
    /// It cannot be asked now; nothing was done.
    Unavailable(String),
    /// For good.
    Final(StoreError),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Final(error)
    }
}

impl From<tokio_postgres::Error> for Fault {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            Some(db) => of_statement(db),
            None if is_unsent(&error) => Self::Final(StoreError::Diverged(in_full(&error))),
            None => Self::Gone(in_full(&error)),
        }
    }
}

impl Fault {
    /// The same where the commit was already under way.
    pub(super) fn while_committing(error: &tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // The server's own end: it may have committed before.
            Some(db) if db.code().code().starts_with("57P") => Self::Final(StoreError::OutcomeUnknown),
            Some(db) => of_statement(db),
            None if is_unsent(error) => Self::Final(StoreError::Diverged(in_full(error))),
            None => Self::Final(StoreError::OutcomeUnknown),
        }
    }

    /// What is said of it when no further attempt is made.
    pub(super) fn into_error(self, address: &str) -> StoreError {
        match self {
            Self::Conflict => StoreError::Contended,
            Self::Gone(reason) | Self::Unavailable(reason) => {
                StoreError::Unavailable { address: address.to_owned(), reason }
            }
            Self::Final(error) => error,
        }
    }
}

/// Whether a value has no place in its statement: it was not sent, nor was what follows it.
fn is_unsent(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|source| source.is::<WrongType>())
}

fn of_statement(db: &DbError) -> Fault {
    let code = db.code();
    if *code == SqlState::T_R_SERIALIZATION_FAILURE || *code == SqlState::T_R_DEADLOCK_DETECTED {
        return Fault::Conflict;
    }
    let said = said(db);
    match code.code().get(..2) {
        Some("57") if *code != SqlState::QUERY_CANCELED => Fault::Gone(said),
        // A constraint, or data that the server cannot read.
        Some("23" | "XX" | "22") => Fault::Final(StoreError::Diverged(said)),
        _ => Fault::Unavailable(said),
    }
}

/// What the server said, or an error with all its causes: the outermost of the driver says little.
pub(super) fn in_full(error: &tokio_postgres::Error) -> String {
    if let Some(db) = error.as_db_error() {
        return said(db);
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn said(db: &DbError) -> String {
    format!("{} ({})", db.message(), db.code().code())
}
