//! Stripe's scheme: the header `Stripe-Signature`, `t=…,v1=…,v1=…`, in hexadecimal.

use super::{Secret, SignatureError, check_time, is_by_any};
use omniflow_core::Timestamp;

/// The header, as clients and servers write it in lower case.
pub const SIGNATURE: &str = "stripe-signature";

/// Checks that a message is by one of the secrets' owners, and was sent about now.
///
/// # Errors
/// [`SignatureError`].
///
/// # Source
/// Stripe's documentation, "Verify webhook signatures manually".
pub fn verify(secrets: &[Secret], header: &str, body: &[u8], now: Timestamp) -> Result<(), SignatureError> {
    let parts = || header.split(',').filter_map(|part| part.trim().split_once('='));
    let malformed = SignatureError::Header("Stripe-Signature");
    let timestamp = parts().find(|(name, _)| *name == "t").ok_or(malformed)?.1;
    let seconds: i64 = timestamp.parse().map_err(|_| malformed)?;
    let signatures: Vec<_> =
        parts().filter(|(name, _)| *name == "v1").filter_map(|(_, hex)| decoded(hex)).collect();
    if signatures.is_empty() {
        return Err(malformed);
    }
    if !is_by_any(secrets, &[timestamp.as_bytes(), b".", body], &signatures) {
        return Err(SignatureError::Mismatch);
    }
    check_time(seconds, now)
}

fn decoded(hex: &str) -> Option<Vec<u8>> {
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let pair = |pair: &[u8]| Some(digit(*pair.first()?)? << 4 | digit(*pair.get(1)?)?);
    hex.as_bytes().chunks(2).map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: i64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"id":"evt_1"}"#;
    const SIGNED: &str = "e135cdbed3dda004bf8a2fb350f2541d299393c770e0b9e6e319dc595e9072aa";
    const OTHER: &str = "0000000000000000000000000000000000000000000000000000000000000000";

    fn check(header: &str, body: &[u8], seconds: i64) -> Result<(), SignatureError> {
        let secrets = [Secret::plain("another").unwrap(), Secret::plain("whsec_test_secret").unwrap()];
        verify(&secrets, header, body, Timestamp::from_millis(seconds * 1_000))
    }

    #[test]
    fn any_signature_by_a_known_secret_will_do() {
        assert_eq!(check(&format!("t={SENT},v1={SIGNED}"), BODY, SENT), Ok(()));
        assert_eq!(check(&format!("t={SENT}, v1={OTHER}, v1={SIGNED}, v0=ff"), BODY, SENT), Ok(()));
    }

    #[test]
    fn what_was_changed_is_late_or_malformed_is_refused() {
        let header = format!("t={SENT},v1={SIGNED}");
        assert_eq!(check(&header, br#"{"id":"evt_2"}"#, SENT), Err(SignatureError::Mismatch));
        assert_eq!(check(&format!("t={SENT},v1={OTHER}"), BODY, SENT), Err(SignatureError::Mismatch));
        assert_eq!(check(&header, BODY, SENT + 301), Err(SignatureError::Time));
        let malformed = Err(SignatureError::Header("Stripe-Signature"));
        for header in ["", "t=soon,v1=00", &format!("v1={SIGNED}"), &format!("t={SENT},v1=0g"), "t,v1"] {
            assert_eq!(check(header, BODY, SENT), malformed, "{header}");
        }
    }
}
