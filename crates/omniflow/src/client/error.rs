//! Why a server did not do what was asked, in words for people, and the exit code that scripts know.

use super::clean;
use super::problem::Problem;
use crate::failure::Failure;
use std::io;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// Nothing answers; nothing was asked.
    #[error(
        "nothing answers at {address} ({reason}).\n  Start a server there, for example with `omniflow dev`, or \
         name another one with --server or OMNIFLOW_SERVER"
    )]
    Unreachable {
        /// The server.
        address: String,
        /// What the system said.
        reason: String,
    },
    /// It was asked and no answer came.
    #[error("{address} gave no answer ({reason}).\n  {advice}")]
    Lost {
        /// The server.
        address: String,
        /// How that came.
        reason: String,
        /// What the caller can do.
        advice: String,
    },
    /// The server refused or failed, and said why.
    #[error("{0}")]
    Refused(Box<Problem>),
    /// Something answers that is no OmniFlow server, or a newer one.
    #[error(
        "{address} answered {status} with {what}.\n  Is that an OmniFlow server? Name it with --server or \
         OMNIFLOW_SERVER"
    )]
    Strange {
        /// The server.
        address: String,
        /// The HTTP status.
        status: u16,
        /// What was unexpected.
        what: String,
    },
    /// The command line asks for what cannot be.
    #[error("{0}")]
    Usage(String),
    /// Standard output.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
    /// This program's own machinery.
    #[error("the system gives no runtime: {0}")]
    Runtime(io::Error),
}

impl Error {
    /// 2 usage, 3 not reachable, 4 refused, 1 anything else.
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Unreachable { .. } | Self::Lost { .. } => 3,
            Self::Refused(problem) => problem.exit_code(),
            Self::Strange { status: 502..=504, .. } => 3,
            Self::Strange { .. } | Self::Output(_) | Self::Runtime(_) => 1,
        }
    }
}

impl Error {
    /// The program's failure that this is.
    pub(crate) fn into_failure(self) -> Failure {
        // What a server says may hold anything, also what moves a terminal's cursor.
        let lines: Vec<String> = self.to_string().lines().map(clean).collect();
        Failure::with_code(self.exit_code(), anyhow::Error::msg(lines.join("\n")))
    }
}
