//! Query parameters, strictly: an unknown or repeated one is a fault, never ignored.

use crate::Problem;
use axum::extract::{FromRequestParts, Query as Pairs};
use axum::http::request::Parts;

/// Of a route that takes no parameters.
pub(super) struct NoQuery;

impl<S: Send + Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let pairs = Pairs::try_from_uri(&parts.uri).map_or_else(|_| vec![], |Pairs(pairs)| pairs);
        Query::new(pairs).finish().map(|()| Self)
    }
}

/// Parameters being taken apart.
pub(super) struct Query(Vec<(String, String)>);

impl Query {
    pub(super) fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// Takes a parameter that may be given once.
    pub(super) fn take(&mut self, name: &'static str) -> Result<Option<String>, Problem> {
        let Some(place) = self.0.iter().position(|(key, _)| key == name) else { return Ok(None) };
        let (_, value) = self.0.swap_remove(place);
        match self.0.iter().any(|(key, _)| key == name) {
            true => Err(Problem::parameter(name, "must be given once")),
            false => Ok(Some(value)),
        }
    }

    /// Takes a parameter that may be given several times.
    pub(super) fn take_all(&mut self, name: &str) -> Vec<String> {
        let (taken, left) = std::mem::take(&mut self.0).into_iter().partition(|(key, _)| key == name);
        self.0 = left;
        let taken: Vec<(String, String)> = taken;
        taken.into_iter().map(|(_, value)| value).collect()
    }

    /// Takes the page size: 50 unless asked otherwise.
    pub(super) fn take_limit(&mut self) -> Result<usize, Problem> {
        match self.take("limit")? {
            None => Ok(50),
            // A sign, which Rust would read, is none of a limit's.
            Some(text) => match text.parse() {
                Ok(limit @ 1..=200) if !text.starts_with('+') => Ok(limit),
                _ => Err(Problem::parameter("limit", "must be a whole number from 1 to 200")),
            },
        }
    }

    /// Refuses what was not taken.
    pub(super) fn finish(self) -> Result<(), Problem> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                Err(Problem::parameter(name, "is not known here: leave it out or correct its name"))
            }
        }
    }
}
