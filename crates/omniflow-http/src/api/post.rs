//! A POST as handlers take it: its headers, its body, and its `Idempotency-Key`. None takes parameters.

use super::Shared;
use super::in_progress::InProgress;
use super::query::NoQuery;
use crate::{Payload, Problem};
use axum::RequestPartsExt;
use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, MatchedPath, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use omniflow_engine::{Error, Idempotency};
use std::panic::resume_unwind;
use tracing::Instrument;

const KEY: &str = "Idempotency-Key";
const MAX_KEY_BYTES: usize = 255;
const MUST: &str = "must be one key of 1 to 255 bytes, bare or in double quotes";

/// A POST.
pub(super) struct Post {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    pub(super) mark: Mark,
}

/// Marks a request that has a key: the same key and body of one caller at one path is one request.
#[derive(Default)]
pub(super) struct Mark(Option<(Idempotency, InProgress)>);

impl FromRequest<Shared> for Post {
    type Rejection = Problem;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        NoQuery::from_request_parts(&mut parts, shared).await?;
        let headers = parts.headers.clone();
        let (key, path) = match key(&headers)? {
            Some(key) => (Some(key), path(&mut parts).await),
            None => (None, String::new()),
        };
        let Payload(body) = Payload::from_request(Request::from_parts(parts, body), shared).await?;
        let api = shared.api();
        let keep_ms = u64::try_from(api.keep_answers.as_millis()).unwrap_or(u64::MAX);
        let actor = api.actor();
        let mark = key.map(|key| Idempotency::new(actor.as_str(), &path, &key, &body, keep_ms));
        Ok(Self { headers, body, mark: Mark(mark.map(|mark| (mark, shared.in_progress()))) })
    }
}

impl Mark {
    /// Does what was asked. Without a mark nothing else is looked at.
    ///
    /// With one, a request that is sent again meanwhile waits until the first is answered, and gets the same
    /// answer: the work is told the mark, to find that answer by. So what has begun goes on also where its
    /// caller has gone.
    ///
    /// # Errors
    /// Those of the work; [`Error::IdempotencyInProgress`] where the first is still at work after a while.
    pub(super) async fn carry_out<T, W>(self, work: impl FnOnce(Option<Idempotency>) -> W) -> Result<T, Error>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let Some((mark, in_progress)) = self.0 else { return work(None).await };
        let turn = in_progress.turn(mark.key).await?;
        let work = work(Some(mark));
        let done = async move {
            let answer = work.await;
            drop(turn);
            answer
        };
        tokio::spawn(done.in_current_span()).await.unwrap_or_else(|ended| match ended.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            Err(_) => Err(Error::OutcomeUnknown),
        })
    }
}

/// What the path names, however it is written: `%2D` is `-`.
async fn path(parts: &mut Parts) -> String {
    let Some(route) = parts.extensions.get::<MatchedPath>().map(|route| route.as_str().to_owned()) else {
        return parts.uri.path().to_owned();
    };
    let named = parts.extract::<Path<Vec<(String, String)>>>().await;
    let named = named.map_or_else(|_| vec![], |Path(named)| named);
    named.into_iter().fold(route, |path, (name, value)| path.replace(&format!("{{{name}}}"), &value))
}

/// The key that the caller chose; quoted as a structured field (RFC 9651) or bare, it is the same.
fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let refuse = || Problem::header(KEY, MUST);
    let text = value.to_str().map_err(|_| refuse())?.trim();
    let key = match text.strip_prefix('"') {
        Some(quoted) => unquoted(quoted).ok_or_else(refuse)?,
        None => text.to_owned(),
    };
    let is_key = (1..=MAX_KEY_BYTES).contains(&key.len());
    if is_key && values.next().is_none() { Ok(Some(key)) } else { Err(refuse()) }
}

/// What stands between quotes, of which the first is taken off.
fn unquoted(text: &str) -> Option<String> {
    let mut key = String::with_capacity(text.len());
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return letters.as_str().is_empty().then_some(key),
            '\\' => key.push(letters.next().filter(|letter| ['"', '\\'].contains(letter))?),
            letter => key.push(letter),
        }
    }
}

/// Marks an answer that was given before.
pub(super) fn mark_replayed(response: &mut Response, replayed: bool) {
    if replayed {
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[&'static str]) -> Result<Option<String>, Problem> {
        let values = values.iter().map(|value| HeaderValue::from_static(value));
        key(&values.map(|value| (axum::http::HeaderName::from_static("idempotency-key"), value)).collect())
    }

    #[test]
    fn quoted_and_bare_keys_are_equal() {
        assert_eq!(of(&[]).unwrap(), None);
        for text in ["k-1", "\"k-1\"", " \"k-1\" "] {
            assert_eq!(of(&[text]).unwrap().as_deref(), Some("k-1"), "{text}");
        }
        assert_eq!(of(&[r#""a\"b\\c""#]).unwrap().as_deref(), Some(r#"a"b\c"#));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long: &'static str = "x".repeat(256).leak();
        for values in [&[""][..], &["\"\""], &["\"open"], &["\"a\" b"], &[r#""a\n""#], &["a", "a"], &[long]] {
            assert!(of(values).is_err(), "{values:?}");
        }
        assert!(of(&[&long[1..]]).is_ok());
    }
}
