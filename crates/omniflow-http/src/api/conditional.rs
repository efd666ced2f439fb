//! Conditional requests (RFC 9110, 13) and `Prefer: wait` (RFC 7240).

mod preferences;
mod tags;

pub(super) use tags::Tags;

use crate::Problem;
use axum::http::{HeaderMap, header};
use omniflow_engine::{Answered, Error, OrderEngine, Request};
use std::sync::Arc;
use std::time::Duration;

/// The longest that a caller may wait.
const MAX_WAIT_SECONDS: u64 = 30;

/// `If-None-Match`.
pub(super) fn if_none_match(headers: &HeaderMap) -> Result<Option<Tags>, Problem> {
    Tags::of(headers, &header::IF_NONE_MATCH, "If-None-Match")
}

/// `If-Match`.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<Tags>, Problem> {
    Tags::of(headers, &header::IF_MATCH, "If-Match")
}

/// Asks something of an order if it has one of the versions of `If-Match`.
///
/// The engine takes one version and decides by it. So it is asked with the lowest one, which may be none
/// that an order has; and where it answers with a higher one that the caller listed too, with that.
pub(super) async fn command(
    engine: Arc<dyn OrderEngine>,
    mut request: Request,
    if_match: Option<Tags>,
) -> Result<Answered, Error> {
    let Some(Tags::Listed(tags)) = &if_match else { return engine.command(request).await };
    let listed = || tags.iter().filter_map(tags::Tag::strong_version);
    let mut version = listed().min().unwrap_or(0);
    loop {
        request.if_version = Some(version);
        match engine.command(request.clone()).await {
            Err(Error::VersionMismatch { current })
                if current > version && listed().any(|v| v == current) =>
            {
                version = current;
            }
            answer => return answer,
        }
    }
}

/// How long `Prefer: wait=N` lets the answer wait. Other preferences are ignored, as RFC 7240 has it.
pub(super) fn wait(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let refuse =
        || Problem::header("Prefer", "must have wait as whole seconds from 0 to 30, such as wait=10");
    let Some(value) = preferences::value_of(headers, "wait") else { return Ok(None) };
    let seconds = whole(value).filter(|seconds| *seconds <= MAX_WAIT_SECONDS).ok_or_else(refuse)?;
    Ok(Some(Duration::from_secs(seconds)))
}

/// A number of digits alone: a sign, which Rust would read, is none.
fn whole(value: &[u8]) -> Option<u64> {
    let digits = str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn a_wait_is_bounded_and_other_preferences_are_nobodys_business() {
        let of = |value| wait(&headers("prefer", value));
        assert_eq!(of("wait=30").unwrap(), Some(Duration::from_secs(30)));
        assert_eq!(of("respond-async, Wait=5").unwrap(), Some(Duration::from_secs(5)));
        assert_eq!(of("wait=\"5\"; by=me").unwrap(), Some(Duration::from_secs(5)));
        assert_eq!(of("return=minimal").unwrap(), None);
        assert_eq!(of("foo=\"a,wait=99\"").unwrap(), None);
        for refused in
            ["wait=31", "wait=-1", "wait=+5", "wait=\"+5\"", "wait=5\"", "wait=5 5", "wait=x", "wait"]
        {
            assert!(of(refused).is_err(), "{refused}");
        }
    }
}
