//! Order ids and the integers under which their rows are kept.
//!
//! An id is `ORD-` and a ULID. Its first 68 bits are the key: milliseconds, then a counter that never
//! repeats, so that rows are appended in time order and an id leads to its row without an index. The
//! last 60 bits are random, so that nobody can guess the id of somebody else's order.

use crate::entropy::SharedEntropy;
use omniflow_core::{OrderId, Timestamp};
use std::io;
use std::sync::PoisonError;
use ulid::Ulid;

const PREFIX: &str = "ORD-";
const COUNTER_BITS: u32 = 20;
const RANDOM_BITS: u32 = 60;

/// The integer key of an order's row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct OrderKey(pub(crate) i64);

impl OrderKey {
    /// The least key that an order placed at this moment can have.
    pub(crate) fn first_at(at: Timestamp) -> Self {
        Self(at.as_millis().clamp(0, i64::MAX >> COUNTER_BITS) << COUNTER_BITS)
    }

    /// The key that an id would have, `None` where this engine cannot have made it.
    pub(crate) fn of(id: &OrderId) -> Option<Self> {
        let text = id.as_str().strip_prefix(PREFIX)?;
        let ulid = Ulid::from_string(text).ok()?;
        if ulid.to_string() != text {
            return None; // Lower case and look-alike letters read the same, but name no order.
        }
        let key = u128::from(ulid) >> RANDOM_BITS;
        i64::try_from(key).ok().map(Self)
    }
}

/// Makes ids.
pub(crate) struct Mint {
    last: i64,
    entropy: SharedEntropy,
}

impl Mint {
    /// A mint whose first key is above `last`.
    pub(crate) fn new(last: i64, entropy: SharedEntropy) -> Self {
        Self { last, entropy }
    }

    /// An id that was never given before, for an order placed `at`.
    pub(crate) fn mint(&mut self, at: Timestamp) -> io::Result<(OrderKey, OrderId)> {
        let key = OrderKey::first_at(at).0.max(self.last + 1);
        let random = u64::from_le_bytes(self.random()?) >> (u64::BITS - RANDOM_BITS);
        let ulid = Ulid::from((u128::from(key.unsigned_abs()) << RANDOM_BITS) | u128::from(random));
        let id = OrderId::new(format!("{PREFIX}{ulid}")).map_err(io::Error::other)?;
        self.last = key;
        Ok((OrderKey(key), id))
    }

    /// Salt for a hash that must not be guessed.
    pub(crate) fn salt(&self) -> io::Result<[u8; 16]> {
        self.random()
    }

    fn random<const N: usize>(&self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.entropy.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes)?;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;
    use std::sync::{Arc, Mutex};

    fn seeded() -> Mint {
        Mint::new(0, Arc::new(Mutex::new(Box::new(SeededEntropy::new(7)))))
    }

    #[test]
    fn ids_lead_to_their_keys_and_rise() {
        let mut mint = seeded();
        let at = Timestamp::from_millis(1_790_000_000_000);
        let made: Vec<_> = (0..1_000).map(|_| mint.mint(at).unwrap()).collect();
        for pair in made.windows(2) {
            assert!(pair[0].0 < pair[1].0 && pair[0].1 < pair[1].1);
        }
        for (key, id) in &made {
            assert_eq!(OrderKey::of(id), Some(*key), "{id}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_repeats_no_key() {
        let mut mint = seeded();
        let (first, _) = mint.mint(Timestamp::from_millis(2_000)).unwrap();
        let (second, _) = mint.mint(Timestamp::from_millis(1_000)).unwrap();
        assert!(second > first);
    }

    #[test]
    fn what_no_mint_makes_has_no_key() {
        for text in ["ORD-", "ORD-1", "01ARZ3NDEKTSV4RRFFQ69G5FAV", "ORD-01arz3ndektsv4rrffq69g5fav"] {
            assert_eq!(OrderKey::of(&OrderId::new(text).unwrap()), None, "{text}");
        }
    }
}
