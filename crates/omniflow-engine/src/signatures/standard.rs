//! Standard Webhooks: the headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.

use super::{Secret, SignatureError, check_time, is_by_any, mac};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use hmac::Mac;
use omniflow_core::Timestamp;

/// Names a message, the same on each attempt to deliver it.
pub const ID: &str = "webhook-id";
/// When this attempt was made, in seconds since 1970.
pub const TIMESTAMP: &str = "webhook-timestamp";
/// Signatures, with a space between them.
pub const SIGNATURE: &str = "webhook-signature";

/// The scheme of signatures by a shared secret.
const VERSION: &str = "v1";

/// A message's headers.
#[derive(Clone, Copy, Debug)]
pub struct Headers<'a> {
    /// [`ID`].
    pub id: &'a str,
    /// [`TIMESTAMP`].
    pub timestamp: &'a str,
    /// [`SIGNATURE`].
    pub signature: &'a str,
}

/// The value of [`SIGNATURE`]: one signature by each secret, so that a receiver can change over from one to the
/// other.
pub fn sign(secrets: &[Secret], id: &str, seconds: i64, body: &[u8]) -> String {
    let seconds = seconds.to_string();
    let parts = content(id, &seconds, body);
    let one = |secret| {
        let signature = mac(secret, &parts).finalize().into_bytes();
        format!("{VERSION},{}", BASE64_STANDARD.encode(signature))
    };
    secrets.iter().map(one).collect::<Vec<_>>().join(" ")
}

/// Checks that a message is by one of the secrets' owners, and was sent about now.
///
/// # Errors
/// [`SignatureError`].
pub fn verify(
    secrets: &[Secret],
    headers: Headers<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), SignatureError> {
    let Headers { id, timestamp, signature } = headers;
    if id.is_empty() {
        return Err(SignatureError::Header(ID));
    }
    let seconds: i64 = timestamp.parse().map_err(|_| SignatureError::Header(TIMESTAMP))?;
    let signatures: Vec<_> = signature.split(' ').filter_map(decoded).collect();
    if signatures.is_empty() {
        return Err(SignatureError::Header(SIGNATURE));
    }
    if !is_by_any(secrets, &content(id, timestamp, body), &signatures) {
        return Err(SignatureError::Mismatch);
    }
    check_time(seconds, now)
}

fn content<'a>(id: &'a str, timestamp: &'a str, body: &'a [u8]) -> [&'a [u8]; 5] {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body]
}

/// A signature of the scheme that is known here; a message may have others beside it.
fn decoded(signature: &str) -> Option<Vec<u8>> {
    let (version, encoded) = signature.split_once(',')?;
    (version == VERSION).then(|| BASE64_STANDARD.decode(encoded).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification's own libraries.
    const TEXT: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const MESSAGE: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const SENT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNED: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn secret() -> Secret {
        Secret::standard(TEXT).unwrap()
    }

    fn other() -> Secret {
        Secret::standard("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap()
    }

    fn check(headers: Headers<'_>, body: &[u8], seconds: i64) -> Result<(), SignatureError> {
        verify(&[other(), secret()], headers, body, Timestamp::from_millis(seconds * 1_000))
    }

    const HEADERS: Headers<'_> = Headers { id: MESSAGE, timestamp: "1614265330", signature: SIGNED };

    #[test]
    fn it_signs_as_the_specification_does() {
        assert_eq!(sign(&[secret()], MESSAGE, SENT, BODY), SIGNED);
        assert_eq!(check(HEADERS, BODY, SENT), Ok(()));
    }

    #[test]
    fn while_a_secret_changes_both_are_known() {
        let both = sign(&[other(), secret()], MESSAGE, SENT, BODY);
        assert_eq!(both.split(' ').nth(1), Some(SIGNED));
        let now = Timestamp::from_millis(SENT * 1_000);
        for secret in [other(), secret()] {
            assert_eq!(verify(&[secret], Headers { signature: &both, ..HEADERS }, BODY, now), Ok(()));
        }
    }

    #[test]
    fn what_was_changed_or_is_by_nobody_known_is_refused() {
        let mismatch = Err(SignatureError::Mismatch);
        assert_eq!(check(HEADERS, br#"{"test": 2432232315}"#, SENT), mismatch);
        assert_eq!(check(Headers { id: "msg_2", ..HEADERS }, BODY, SENT), mismatch);
        assert_eq!(check(Headers { timestamp: "1614265331", ..HEADERS }, BODY, SENT), mismatch);
        let now = Timestamp::from_millis(SENT * 1_000);
        assert_eq!(verify(&[other()], HEADERS, BODY, now), mismatch);
        assert_eq!(verify(&[], HEADERS, BODY, now), mismatch);
    }

    #[test]
    fn what_was_sent_long_ago_or_is_to_come_is_refused() {
        for (seconds, is_taken) in [(-301, false), (-300, true), (300, true), (301, false)] {
            let expected = if is_taken { Ok(()) } else { Err(SignatureError::Time) };
            assert_eq!(check(HEADERS, BODY, SENT + seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn headers_that_are_none_are_named() {
        let refused = |headers| check(headers, BODY, SENT).unwrap_err();
        assert_eq!(refused(Headers { id: "", ..HEADERS }), SignatureError::Header(ID));
        assert_eq!(refused(Headers { timestamp: "soon", ..HEADERS }), SignatureError::Header(TIMESTAMP));
        for signature in ["", "v1", "v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", "v1,?"] {
            assert_eq!(refused(Headers { signature, ..HEADERS }), SignatureError::Header(SIGNATURE));
        }
    }
}
