//! `Prefer` (RFC 7240): a list of preferences, whose values may be quoted and then hold anything.

use axum::http::{HeaderMap, HeaderName};

const PREFER: HeaderName = HeaderName::from_static("prefer");

/// The value of a preference, without its quotes and parameters; empty where it has none. Of several, the
/// first counts.
pub(super) fn value_of<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h [u8]> {
    let lines = headers.get_all(PREFER).into_iter();
    lines.flat_map(|line| split(line.as_bytes(), b',')).find_map(|preference| {
        let named = split(preference, b';').next().unwrap_or_default();
        let mut parts = named.splitn(2, |&byte| byte == b'=').map(<[u8]>::trim_ascii);
        let is_it = parts.next().is_some_and(|named| named.eq_ignore_ascii_case(name.as_bytes()));
        is_it.then(|| unquoted(parts.next().unwrap_or_default()))
    })
}

/// The parts of a text between separators that are not in quotes. A quote that is not closed holds the rest.
fn split(text: &[u8], separator: u8) -> impl Iterator<Item = &[u8]> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |&byte| {
        let escapes = is_quoted && !is_escaped && byte == b'\\';
        is_quoted ^= byte == b'"' && !is_escaped;
        is_escaped = escapes;
        byte == separator && !is_quoted
    })
}

fn unquoted(value: &[u8]) -> &[u8] {
    value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn wait_in(lines: &[&'static [u8]]) -> Option<Vec<u8>> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(PREFER, HeaderValue::from_bytes(line).unwrap());
        }
        value_of(&headers, "wait").map(<[u8]>::to_vec)
    }

    #[test]
    fn a_preference_is_found_wherever_it_stands() {
        for line in [
            &b"wait=5"[..],
            b"WAIT=5",
            b"wait = 5",
            b"wait=\"5\"",
            b"wait=5; by=\"a,b\"",
            b"return=minimal,\twait=5",
            b", ,wait=5",
            b"wait=5, wait=6",
            b"foo=\"a;b\"; c=\"d,e\", wait=5",
            b"foo=\"a\\\",wait=9\", wait=5",
            b"foo=\"a\\\\\", wait=5",
            b"foo=\"\xe9\", wait=5",
        ] {
            assert_eq!(wait_in(&[line]).as_deref(), Some(&b"5"[..]), "{:?}", line.escape_ascii().to_string());
        }
        assert_eq!(wait_in(&[b"foo", b"wait=5", b"wait=6"]).as_deref(), Some(&b"5"[..]));
    }

    #[test]
    fn what_is_in_quotes_or_of_another_preference_is_none() {
        for line in [
            &b"foo=\"a,wait=9\""[..],
            b"foo=\"a\\\",wait=9\"",
            b"foo=\"a, wait=9",
            b"foo; wait=9",
            b"foo=\"a;wait=9\"",
            b"await=9",
            b"foo=wait=9",
            b"",
        ] {
            assert_eq!(wait_in(&[line]), None, "{:?}", line.escape_ascii().to_string());
        }
    }

    #[test]
    fn a_preference_without_a_value_has_an_empty_one() {
        for line in [&b"wait"[..], b"wait=", b"wait=\"\"", b"wait;a=5"] {
            assert_eq!(wait_in(&[line]).as_deref(), Some(&b""[..]), "{:?}", line.escape_ascii().to_string());
        }
    }
}
