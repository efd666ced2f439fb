//! `X-Request-Id`: the caller's name for a request, or one made here.

use axum::http::{HeaderMap, HeaderName, HeaderValue};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The header, in requests and answers alike.
pub static HEADER: HeaderName = HeaderName::from_static("x-request-id");

const MAX_CHARS: usize = 100;

/// What names one request in answers and logs: 1 to 100 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId {
    value: HeaderValue,
    made: bool,
}

impl RequestId {
    /// The caller's, or a new one where the caller sent none that can be used.
    pub fn of(headers: &HeaderMap) -> Self {
        match headers.get(&HEADER) {
            Some(value) if usable(value) => Self { value: value.clone(), made: false },
            _ => Self::make(),
        }
    }

    /// A new one: 8 digits that differ from process to process, and a count.
    pub fn make() -> Self {
        static PROCESS: OnceLock<u64> = OnceLock::new();
        static COUNT: AtomicU64 = AtomicU64::new(1);
        // The standard library seeds its hasher at random; names need to differ, not to be secret.
        let process = *PROCESS.get_or_init(|| RandomState::new().hash_one(0_u8));
        let mut text = *b"00000000-000000000000";
        let (left, right) = text.split_at_mut(9);
        write_hex(&mut left[..8], process);
        write_hex(right, COUNT.fetch_add(1, Ordering::Relaxed));
        let value = HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("unnamed"));
        Self { value, made: true }
    }

    /// Whether it was made here, not sent by the caller.
    pub fn is_made(&self) -> bool {
        self.made
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        self.value.to_str().unwrap_or_default()
    }

    /// The header's value.
    pub fn value(&self) -> HeaderValue {
        self.value.clone()
    }

    #[cfg(test)]
    pub(crate) fn named(name: &'static str) -> Self {
        Self { value: HeaderValue::from_static(name), made: false }
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The last digits of a number; the format machinery would take longer than the rest of a request's naming.
fn write_hex(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
}

fn usable(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    (1..=MAX_CHARS).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn of(value: &[u8]) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(&HEADER, HeaderValue::from_bytes(value).unwrap());
        RequestId::of(&headers)
    }

    #[test]
    fn a_callers_id_is_taken_if_it_can_be_shown() {
        assert_eq!(of(b"cart-7/retry:2").as_str(), "cart-7/retry:2");
        assert!(!of(&[b'x'; 100]).is_made());
        for refused in [&b""[..], b"two words", b"tab\t", "naïve".as_bytes(), &[b'x'; 101]] {
            assert!(of(refused).is_made(), "{refused:?}");
        }
    }

    #[test]
    fn made_ids_differ_and_would_be_taken_back() {
        let made: HashSet<String> = (0..1_000).map(|_| RequestId::make().to_string()).collect();
        assert_eq!(made.len(), 1_000);
        let one = RequestId::of(&HeaderMap::new());
        assert!(one.as_str().bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit()), "{one}");
        assert_eq!(of(one.as_str().as_bytes()).as_str(), one.as_str());
    }
}
