//! Why a run could not be made, and the exit code that says so.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::target::Target;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing answers at the address.
    #[error(
        "nothing answers at {url} ({reason}). Start a server there, for example with `omniflow dev`, \
         or name another one with --url"
    )]
    Unreachable {
        /// The server's base URL.
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// Something answers, but not in a way that this client reads.
    #[error("{url}: {reason}")]
    Unreadable {
        /// The server's base URL.
        url: String,
        /// What was wrong with the answer.
        reason: String,
    },
    /// The server did not let the run be prepared.
    #[error(
        "{request} was refused with {status} {reason}. To run with the stock as it is, give --keep-stock"
    )]
    Refused {
        /// Method and path.
        request: String,
        /// The HTTP status.
        status: u16,
        /// The problem's code and detail.
        reason: String,
    },
    /// The sync floor could not be taken.
    #[error("cannot write to {} ({source}): name another directory with --floor-dir", dir.display())]
    FloorDir {
        /// The directory for the file that is synced.
        dir: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The server process's figures could not be read.
    #[error("cannot read /proc/{pid} ({source}): --server-pid names a process of yours on this machine")]
    ServerPid {
        /// The process id given.
        pid: u32,
        /// What the system said.
        source: io::Error,
    },
    /// Ctrl-C before anything was measured.
    #[error("interrupted before anything was measured")]
    Interrupted,
    /// The generator's own machinery.
    #[error("the load generator failed")]
    Generator(#[from] io::Error),
}

impl Error {
    /// The program's exit code: 2 usage, 3 not reachable, 4 refused, 1 anything else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::FloorDir { .. } | Self::ServerPid { .. } => 2,
            Self::Unreachable { .. } => 3,
            Self::Refused { .. } => 4,
            Self::Unreadable { .. } | Self::Interrupted | Self::Generator(_) => 1,
        }
    }

    pub(super) fn unreachable(target: &Target, reason: &impl fmt::Display) -> Self {
        Self::Unreachable { url: target.to_string(), reason: reason.to_string() }
    }
}
