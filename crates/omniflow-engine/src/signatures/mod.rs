//! Signatures over messages, by the two schemes that payment providers use: [Standard Webhooks] and Stripe's.
//!
//! Both are HMAC-SHA256 over the bytes as they were sent, with the time of sending signed too, so that what was
//! recorded on its way cannot be sent again much later. A signature is checked before anything is parsed, and
//! compared in constant time.
//!
//! [Standard Webhooks]: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

mod secret;
pub mod standard;
pub mod stripe;

pub use secret::{Secret, SecretError};

use hmac::{Hmac, KeyInit, Mac};
use omniflow_core::Timestamp;
use sha2::Sha256;

/// How old or how far ahead a message may be, in seconds, as both schemes have it.
pub const TOLERANCE_SECONDS: i64 = 5 * 60;

/// Why a message is not taken. None of these shows what the right signature would be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing or no such header.
    #[error("the header {0} is missing or malformed")]
    Header(&'static str),
    /// It was sent too long ago, or the clocks differ.
    #[error("it was signed more than {TOLERANCE_SECONDS} seconds from now: check both clocks")]
    Time,
    /// No signature is of one of the secrets.
    #[error("no signature of it is by a known secret")]
    Mismatch,
}

fn mac(secret: &Secret, parts: &[&[u8]]) -> Hmac<Sha256> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.bytes()) else {
        unreachable!("HMAC takes keys of every length")
    };
    parts.iter().for_each(|part| mac.update(part));
    mac
}

/// Whether any of the signatures is one of the secrets'.
fn is_by_any(secrets: &[Secret], parts: &[&[u8]], signatures: &[Vec<u8>]) -> bool {
    let mut pairs = secrets.iter().flat_map(|secret| signatures.iter().map(move |one| (secret, one)));
    pairs.any(|(secret, signature)| mac(secret, parts).verify_slice(signature).is_ok())
}

fn check_time(seconds: i64, now: Timestamp) -> Result<(), SignatureError> {
    let now = now.as_millis().div_euclid(1_000);
    if now.abs_diff(seconds) <= TOLERANCE_SECONDS.unsigned_abs() { Ok(()) } else { Err(SignatureError::Time) }
}
