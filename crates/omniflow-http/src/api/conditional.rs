//! Conditional requests (RFC 9110, 13) and `Prefer: wait` (RFC 7240).

use crate::Problem;
use axum::http::{HeaderMap, HeaderName, header};
use std::time::Duration;

/// The longest that a caller may wait.
const MAX_WAIT_SECONDS: u64 = 30;

/// A list of entity tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: whatever there is.
    Any,
    /// These versions; tags that are no version of ours match nothing.
    Versions(Vec<u32>),
}

impl Tags {
    pub(super) fn matches(&self, version: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// `If-None-Match`.
pub(super) fn if_none_match(headers: &HeaderMap) -> Result<Option<Tags>, Problem> {
    tags(headers, &header::IF_NONE_MATCH, "If-None-Match")
}

/// The one version that `If-Match` asks for, `None` where it asks for none. A tag that is no version of
/// ours matches none, so it asks for version 0, which no order has.
pub(super) fn if_match(headers: &HeaderMap) -> Result<Option<u32>, Problem> {
    match tags(headers, &header::IF_MATCH, "If-Match")? {
        None | Some(Tags::Any) => Ok(None),
        Some(Tags::Versions(versions)) => match versions[..] {
            [] => Ok(Some(0)),
            [version] => Ok(Some(version)),
            _ => Err(Problem::header("If-Match", "must name one version, such as \"3\", or be *")),
        },
    }
}

fn tags(headers: &HeaderMap, name: &HeaderName, shown: &'static str) -> Result<Option<Tags>, Problem> {
    let refuse = || Problem::header(shown, "must be * or a list of entity tags, such as \"3\"");
    let mut versions = vec![];
    let mut any = false;
    let mut values = headers.get_all(name).iter().peekable();
    if values.peek().is_none() {
        return Ok(None);
    }
    for value in values {
        let text = value.to_str().map_err(|_| refuse())?;
        for tag in text.split(',').map(str::trim).filter(|tag| !tag.is_empty()) {
            if tag == "*" {
                any = true;
                continue;
            }
            let quoted = tag.strip_prefix("W/").unwrap_or(tag);
            let inside = quoted.strip_prefix('"').and_then(|tag| tag.strip_suffix('"')).ok_or_else(refuse)?;
            versions.extend(inside.parse::<u32>().ok());
        }
    }
    Ok(Some(if any { Tags::Any } else { Tags::Versions(versions) }))
}

/// How long `Prefer: wait=N` lets the answer wait. Other preferences are ignored, as RFC 7240 has it.
pub(super) fn wait(headers: &HeaderMap) -> Result<Option<Duration>, Problem> {
    let refuse =
        || Problem::header("Prefer", "must have wait as whole seconds from 0 to 30, such as wait=10");
    for value in headers.get_all("prefer") {
        let text = value.to_str().map_err(|_| refuse())?;
        for preference in text.split(',') {
            let (name, value) = preference.split_once('=').unwrap_or((preference, ""));
            if !name.trim().eq_ignore_ascii_case("wait") {
                continue;
            }
            let value = value.split(';').next().unwrap_or_default().trim().trim_matches('"');
            let seconds: u64 = value.parse().map_err(|_| refuse())?;
            if seconds > MAX_WAIT_SECONDS {
                return Err(refuse());
            }
            return Ok(Some(Duration::from_secs(seconds)));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(HeaderName::from_static(name), HeaderValue::from_static(value))])
    }

    #[test]
    fn tags_are_strong_weak_listed_or_any() {
        let of = |value| if_none_match(&headers("if-none-match", value)).unwrap().unwrap();
        assert!(of("\"3\"").matches(3));
        assert!(of("W/\"3\", \"x\"").matches(3));
        assert!(!of("\"x\"").matches(0));
        assert!(of("*").matches(7));
        assert_eq!(if_none_match(&HeaderMap::new()).unwrap(), None);
        assert!(if_none_match(&headers("if-none-match", "3")).is_err());
    }

    #[test]
    fn if_match_asks_for_one_version() {
        let of = |value| if_match(&headers("if-match", value));
        assert_eq!(of("\"3\"").unwrap(), Some(3));
        assert_eq!(of("*").unwrap(), None);
        assert_eq!(of("\"other\"").unwrap(), Some(0));
        assert!(of("\"3\", \"4\"").is_err());
    }

    #[test]
    fn a_wait_is_bounded_and_other_preferences_are_nobodys_business() {
        let of = |value| wait(&headers("prefer", value));
        assert_eq!(of("wait=30").unwrap(), Some(Duration::from_secs(30)));
        assert_eq!(of("respond-async, Wait=5").unwrap(), Some(Duration::from_secs(5)));
        assert_eq!(of("return=minimal").unwrap(), None);
        for refused in ["wait=31", "wait=-1", "wait=x", "wait"] {
            assert!(of(refused).is_err(), "{refused}");
        }
    }
}
