//! Technical faults of the storage. None of them is an answer to a client: the engine stops and recovers.

use rusqlite::ErrorCode;
use rusqlite::ffi::SQLITE_IOERR_SHMSIZE;
use std::io;
use std::path::{Path, PathBuf};

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
    /// There is no room on its disk, of which a start needs some.
    #[error("the disk of {0} is full: make room and start again")]
    DiskFull(PathBuf),
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

impl OpenError {
    /// The same of a data directory; said plainly where all it lacks is room.
    pub(crate) fn of(self, data_dir: &Path) -> Self {
        let lacks_room = match &self {
            Self::Storage(error) => error.lacks_room(),
            Self::Io { source, .. } => is_no_room(source),
            _ => false,
        };
        if lacks_room { Self::DiskFull(data_dir.to_owned()) } else { self }
    }
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

    /// Whether the database found no room to write. A commit that fails so has not come as far as the log.
    pub(crate) fn is_disk_full(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull))
    }

    /// Whether room was lacking for anything at all, also for a file beside the database.
    pub(crate) fn lacks_room(&self) -> bool {
        let of_index = |error: &rusqlite::Error| {
            error.sqlite_error().is_some_and(|error| error.extended_code == SQLITE_IOERR_SHMSIZE)
        };
        match self {
            Self::Sqlite(error) => self.is_disk_full() || of_index(error),
            Self::Io(error) => is_no_room(error),
            Self::Record(_) | Self::Diverged(_) => false,
        }
    }
}

/// Whether an error of the system says that there is no room.
pub(crate) fn is_no_room(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::ffi::{self, SQLITE_FULL, SQLITE_IOERR_FSYNC};

    #[test]
    fn a_lack_of_room_is_told_from_other_faults() {
        let of_code = |code| StorageError::from(rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        let of_kind = |kind: io::ErrorKind| StorageError::Io(kind.into());
        for (error, lacks_room) in [
            (of_code(SQLITE_FULL), true),
            (of_code(SQLITE_IOERR_SHMSIZE), true),
            (of_code(SQLITE_IOERR_FSYNC), false),
            (of_kind(io::ErrorKind::StorageFull), true),
            (of_kind(io::ErrorKind::QuotaExceeded), true),
            (of_kind(io::ErrorKind::PermissionDenied), false),
            (StorageError::Diverged(String::new()), false),
        ] {
            let detail = format!("{error:?}");
            assert_eq!(error.lacks_room(), lacks_room, "{detail}");
            let told = OpenError::from(error).of(Path::new("data"));
            assert_eq!(matches!(told, OpenError::DiskFull(_)), lacks_room, "{detail}");
        }
    }
}
