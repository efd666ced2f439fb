//! A POST as handlers take it: its headers, its body, and its `Idempotency-Key`.

use super::Api;
use crate::{Payload, Problem};
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use omniflow_engine::Idempotency;

const KEY: &str = "Idempotency-Key";
const MAX_KEY_BYTES: usize = 255;
const MUST: &str = "must be one key of 1 to 255 bytes, bare or in double quotes";

/// A POST.
pub(super) struct Post {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// Marks it where it has a key: the same key and body of one caller at one path is one request.
    pub(super) mark: Option<Idempotency>,
}

impl FromRequest<Api> for Post {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Api) -> Result<Self, Problem> {
        let headers = request.headers().clone();
        let path = request.uri().path().to_owned();
        let key = key(&headers)?;
        let Payload(body) = Payload::from_request(request, api).await?;
        let keep_ms = u64::try_from(api.keep_answers.as_millis()).unwrap_or(u64::MAX);
        let actor = api.actor();
        let mark = key.map(|key| Idempotency::new(actor.as_str(), &path, &key, &body, keep_ms));
        Ok(Self { headers, body, mark })
    }
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
