//! Requests that may be sent twice and are done once.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Marks a request: whoever sends the same again gets the same answer. What was refused is not kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Idempotency {
    /// A hash of who sent it, whereto, and the key that the caller chose.
    pub key: [u8; 32],
    /// A hash of what was sent.
    pub body: [u8; 32],
    /// For how long the answer is kept, in milliseconds.
    pub keep_ms: u64,
}

impl Idempotency {
    /// How long a request waits for another with its mark that is still at work; then it is
    /// [`Error::IdempotencyInProgress`](crate::Error::IdempotencyInProgress).
    pub const PATIENCE: Duration = Duration::from_secs(10);

    /// The mark of a request by its caller, path, key and body.
    pub fn new(caller: &str, path: &str, key: &str, body: &[u8], keep_ms: u64) -> Self {
        let mut hash = Sha256::new();
        for part in [caller, path, key] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self { key: hash.finalize().into(), body: Sha256::digest(body).into(), keep_ms }
    }

    /// The hash of a body's hash with salt. Without the salt nobody can test a guess at the body.
    pub fn salted(body: &[u8; 32], salt: &[u8; 16]) -> [u8; 32] {
        Sha256::new().chain_update(salt).chain_update(body).finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_differ_where_any_part_does() {
        let mark = |caller, path, key, body: &str| Idempotency::new(caller, path, key, body.as_bytes(), 1);
        let one = mark("shop", "/orders", "k", "{}");
        assert_eq!(mark("shop", "/orders", "k", "{}"), one);
        for other in [mark("shop2", "/orders", "k", "{}"), mark("shop", "/ordersk", "", "{}")] {
            assert_ne!(other.key, one.key);
        }
        let other_body = mark("shop", "/orders", "k", "{ }");
        assert!(other_body.key == one.key && other_body.body != one.body);
    }
}
