//! How the program ends when it cannot do what was asked: a sentence, and an exit code that scripts know.

use std::io::{self, Write};
use std::process::ExitCode;

/// Wrong use or configuration.
const USAGE: u8 = 2;
/// A server that cannot be reached.
const UNREACHABLE: u8 = 3;
/// Anything that has no code of its own.
const OTHER: u8 = 1;

/// A failure and its exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    error: anyhow::Error,
}

impl Failure {
    /// Wrong use or configuration: exit code 2.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self { code: USAGE, error: anyhow::Error::msg(message.into()) }
    }

    /// Something that this build cannot do, since it was made without the feature `temporal`: exit code 2.
    pub(crate) fn without_feature(what: &str) -> Self {
        Self::usage(format!("{what} needs a build with the feature `temporal`, and this one has none"))
    }

    /// A server that cannot be reached: exit code 3.
    pub(crate) fn unreachable(error: anyhow::Error) -> Self {
        Self { code: UNREACHABLE, error }
    }

    /// A failure with the code of its kind.
    pub(crate) fn with_code(code: u8, error: impl Into<anyhow::Error>) -> Self {
        Self { code, error: error.into() }
    }

    /// Tells it on standard error.
    pub(crate) fn report(&self) -> ExitCode {
        // Where nobody listens, the exit code says it.
        drop(writeln!(io::stderr(), "error: {:#}", self.error));
        ExitCode::from(self.code)
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self { code: OTHER, error: error.into() }
    }
}
