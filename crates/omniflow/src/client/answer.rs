//! What a server answered.

use super::{Address, Error};
use hyper::HeaderMap;
use hyper::body::Bytes;
use serde::Deserialize;

/// An answer, whole.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(super) headers: HeaderMap,
    body: Bytes,
    from: Address,
}

impl Answer {
    pub(super) fn new(from: Address, status: u16, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, from }
    }

    /// A header's value, where it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Whether the request had been answered before and this is that answer.
    pub(crate) fn is_replayed(&self) -> bool {
        self.header("idempotent-replayed") == Some("true")
    }

    /// The body as it came.
    ///
    /// # Errors
    /// [`Error::Strange`] where it is not UTF-8.
    pub(crate) fn text(&self) -> Result<&str, Error> {
        str::from_utf8(&self.body).map_err(|_| self.strange("a body that is not text"))
    }

    /// The body, read.
    ///
    /// # Errors
    /// [`Error::Strange`] where it is not what this program knows.
    pub(crate) fn json<'a, T: Deserialize<'a>>(&'a self) -> Result<T, Error> {
        serde_json::from_slice(&self.body)
            .map_err(|error| self.strange(&format!("what it does not know: {error}")))
    }

    fn strange(&self, what: &str) -> Error {
        Error::Strange { address: self.from.to_string(), status: self.status, what: what.to_owned() }
    }
}
