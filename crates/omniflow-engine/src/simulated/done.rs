//! Which effects are done: read from the ledger, and only when a script makes it matter.
//!
//! Without a script nobody needs to know, since what is done again is answered the same, from the effect id.
//! A script must not be obeyed for an effect that is done: it would take back an answer.

use super::Ledger;
use super::ledger::is_done;
use omniflow_core::EffectId;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::collections::HashSet;
use std::io;

/// The effects that were done when a script was last to be obeyed, 16 bytes each. What was done since then
/// takes no memory.
#[derive(Default)]
pub(super) struct DoneEffects {
    seen: HashSet<u128>,
    /// How much of the ledger was read, in bytes.
    read_to: u64,
}

/// What is read of a line.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    effect_id: Cow<'a, str>,
}

impl DoneEffects {
    /// Whether an effect is done, by the ledger as it is now.
    pub(super) fn contains(&mut self, ledger: &Ledger, effect_id: &EffectId) -> io::Result<bool> {
        let seen = &mut self.seen;
        let read = ledger.lines_from(self.read_to, |line| {
            if is_done(line) {
                let Line { effect_id } = serde_json::from_slice(line)?;
                seen.insert(fingerprint(&effect_id));
            }
            Ok(())
        })?;
        self.read_to += read;
        Ok(self.seen.contains(&fingerprint(&effect_id.to_string())))
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.seen.len()
    }
}

/// The first 128 bits of a text's SHA-256.
fn fingerprint(text: &str) -> u128 {
    let hash: [u8; 32] = Sha256::digest(text).into();
    hash[..16].iter().fold(0, |print, byte| print << 8 | u128::from(*byte))
}
