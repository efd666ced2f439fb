//! Technical faults of the storage. None of them is an answer to a client: the engine stops and recovers.

use rusqlite::ErrorCode;
use std::io;
use std::path::PathBuf;

/// Why a data directory cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("{0} is in use by another OmniFlow process; stop that one, or choose another --data-dir")]
    InUse(PathBuf),
    /// There is none.
    #[error("{0}: there is no OmniFlow data here")]
    NoData(PathBuf),
    /// There is something else.
    #[error("{0} is not a database of OmniFlow, nor a backup of one")]
    Foreign(PathBuf),
    /// It cannot be read or made.
    #[error("{path} cannot be used")]
    Io {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A newer program wrote it.
    #[error(
        "the data was written by a newer OmniFlow (schema {found}, this one knows {known}); upgrade this one"
    )]
    NewerSchema {
        /// The schema found.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The log is damaged.
    #[error("{0}; run `omniflow verify` on the data directory and restore a copy from before the damage")]
    Damaged(String),
    /// The database failed.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// A fault of the database under the engine.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// SQLite's own.
    #[error("the database failed: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A stored order that cannot be read.
    #[error("a stored order cannot be read: {0}")]
    Record(postcard::Error),
    /// A row is not what memory says it is.
    #[error("{0}")]
    Diverged(String),
    /// No randomness, or no file.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl StorageError {
    /// Whether what is stored of the order at work is to blame, rather than the disk.
    pub(crate) fn is_of_one_order(&self) -> bool {
        matches!(self, Self::Record(_) | Self::Diverged(_))
    }

    /// Whether the file itself is not what it should be.
    pub(crate) fn is_damage(&self) -> bool {
        let code = match self {
            Self::Sqlite(error) => error.sqlite_error_code(),
            _ => None,
        };
        matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
    }

    /// Whether there is no room left, so that nothing was written.
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }
}
