//! What a signature is made with.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use std::fmt;

/// Names the form in which Standard Webhooks writes a secret.
const PREFIX: &str = "whsec_";
/// Lengths that Standard Webhooks allows, in bytes.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=64;

/// A secret that two parties share. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Vec<u8>);

/// Why a text is no secret. It does not show the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// It is not in the form.
    #[error("a secret is {PREFIX} and the base64 of its bytes")]
    Form,
    /// It has too few or too many bytes.
    #[error("a secret has {least} to {most} bytes, and this one {0}", least = LENGTHS.start(), most = LENGTHS.end())]
    Length(usize),
}

impl Secret {
    /// Reads a secret as Standard Webhooks writes it: `whsec_` and the base64 of 24 to 64 bytes.
    ///
    /// # Errors
    /// [`SecretError`].
    pub fn standard(text: &str) -> Result<Self, SecretError> {
        let encoded = text.strip_prefix(PREFIX).ok_or(SecretError::Form)?;
        let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| SecretError::Form)?;
        if LENGTHS.contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SecretError::Length(bytes.len())) }
    }

    /// A secret whose text is itself the key, as Stripe's are.
    ///
    /// # Errors
    /// [`SecretError::Length`] where it is empty.
    pub fn plain(text: &str) -> Result<Self, SecretError> {
        if text.is_empty() { Err(SecretError::Length(0)) } else { Ok(Self(text.as_bytes().to_vec())) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_in_its_form_and_never_shown() {
        let text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let secret = Secret::standard(text).unwrap();
        assert_eq!(secret.bytes().len(), 24);
        assert_eq!(format!("{secret:?}"), "Secret");
        assert_eq!(Secret::standard("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Err(SecretError::Form));
        assert_eq!(Secret::standard("whsec_not base64"), Err(SecretError::Form));
        assert_eq!(Secret::standard("whsec_c2hvcnQ="), Err(SecretError::Length(5)));
        assert_eq!(Secret::plain(""), Err(SecretError::Length(0)));
    }
}
