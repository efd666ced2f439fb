//! Answers that follow from the effect id, so that the same effect asked for twice has the same answer.

use super::ProviderName;
use omniflow_core::{EffectId, Receipt, Reference};
use sha2::{Digest, Sha256};
use std::fmt::Write;

/// What the provider hands out for an effect that is done.
pub(super) fn receipt(provider: ProviderName, effect_id: &EffectId) -> Receipt {
    match provider {
        ProviderName::Carrier => Receipt::Shipment { tracking_number: name("TRK-", effect_id) },
        ProviderName::Payments => Receipt::Refund { reference: Some(name("RFD-", effect_id)) },
    }
}

/// The provider's name for an effect that it has accepted.
pub(super) fn acceptance(effect_id: &EffectId) -> Reference {
    name("ACC-", effect_id)
}

/// A prefix and the first 12 hexadecimal digits of the effect id's SHA-256.
fn name(prefix: &str, effect_id: &EffectId) -> Reference {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut id = IntoHash(Sha256::new());
    if write!(id, "{effect_id}").is_err() {
        unreachable!("writing into a hash cannot fail");
    }
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble)]);
    let hash = id.0.finalize();
    let mut text = String::with_capacity(prefix.len() + 12);
    text.push_str(prefix);
    text.extend(hash[..6].iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
    match Reference::new(text) {
        Ok(name) => name,
        Err(error) => unreachable!("a prefix and 12 digits are a name: {error}"),
    }
}

struct IntoHash(Sha256);

impl Write for IntoHash {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        self.0.update(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_sha256sum_says() {
        // printf ORD-1.ship.1 | sha256sum | cut -c -12
        let effect_id = EffectId::parse("ORD-1.ship.1").unwrap();
        let tracking_number = Reference::new("TRK-ce733de4d578").unwrap();
        assert_eq!(receipt(ProviderName::Carrier, &effect_id), Receipt::Shipment { tracking_number });
        assert_eq!(acceptance(&effect_id).as_str(), "ACC-ce733de4d578");
    }
}
