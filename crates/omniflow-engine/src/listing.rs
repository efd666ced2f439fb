//! Which orders a list shows, and how one is continued.

use crate::Error;
use omniflow_core::{CustomerId, ExternalId, Order, PaymentStatus, Sku, StateKind, Timestamp};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Which orders are wanted: those that every part admits. An empty set admits all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// In one of these states.
    pub states: BTreeSet<StateKind>,
    /// With one of these payment statuses.
    pub payment_statuses: BTreeSet<PaymentStatus>,
    /// Of one of these customers.
    pub customer_ids: BTreeSet<CustomerId>,
    /// With one of these external ids.
    pub external_ids: BTreeSet<ExternalId>,
    /// Whether a person must act on it.
    pub attention: Option<bool>,
    /// Placed after this moment, not at it.
    pub created_after: Option<Timestamp>,
    /// Placed before this moment, not at it.
    pub created_before: Option<Timestamp>,
}

impl Filter {
    /// Whether an order is wanted.
    pub fn admits(&self, order: &Order) -> bool {
        fn one_of<T: Ord>(wanted: &BTreeSet<T>, value: Option<&T>) -> bool {
            wanted.is_empty() || value.is_some_and(|value| wanted.contains(value))
        }
        one_of(&self.states, Some(&order.kind()))
            && one_of(&self.payment_statuses, Some(&order.payments.status()))
            && one_of(&self.customer_ids, order.terms.customer_id.as_ref())
            && one_of(&self.external_ids, order.terms.external_id.as_ref())
            && self.attention.is_none_or(|wanted| wanted == order.attention().is_some())
            && self.created_after.is_none_or(|after| order.created_at > after)
            && self.created_before.is_none_or(|before| order.created_at < before)
    }

    /// The filter as bytes: equal filters have equal ones.
    fn digest(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |name: &str, values: &mut dyn Iterator<Item = &str>| {
            hash.update([0, 0]);
            hash.update(name);
            for value in values {
                hash.update([0]);
                hash.update(value); // Ids have no control characters.
            }
        };
        part("state", &mut self.states.iter().map(|state| state.as_str()));
        part("payment_status", &mut self.payment_statuses.iter().map(|status| status.as_str()));
        part("customer_id", &mut self.customer_ids.iter().map(|id| id.as_str()));
        part("external_id", &mut self.external_ids.iter().map(|id| id.as_str()));
        part("attention", &mut self.attention.iter().map(|wanted| if *wanted { "true" } else { "false" }));
        for (name, at) in [("after", self.created_after), ("before", self.created_before)] {
            let at = at.map(|at| at.as_millis().to_string());
            part(name, &mut at.iter().map(String::as_str));
        }
        hash.finalize().into()
    }
}

/// A part of a list: orders that a filter admits, newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Which orders.
    pub filter: Filter,
    /// Continue after this place; from the newest where left out.
    pub after: Option<Cursor>,
    /// At most so many.
    pub limit: usize,
}

/// The orders of a part of a list.
#[derive(Clone, Debug)]
pub struct Listing {
    /// The orders, newest first.
    pub orders: Vec<Arc<Order>>,
    /// Where the next part begins, `None` at the end.
    pub next: Option<Cursor>,
}

/// A place in a list, sealed: a text that means nothing to whoever holds it, and nothing to a list with
/// another filter or to another engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(String);

impl Cursor {
    /// What a caller sent back; whether it is one of ours is known when it is opened.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a seal adds to a place.
const MARK_BYTES: usize = 8;

/// Stands for the list of all SKUs where others have the digest of their filter.
const SKUS: &[u8] = b"skus";

/// Seals and opens cursors. Its secret is made once for all of an engine's data.
#[derive(Clone)]
pub struct CursorSeal {
    secret: [u8; 8],
}

impl CursorSeal {
    /// A seal with this secret.
    pub const fn new(secret: [u8; 8]) -> Self {
        Self { secret }
    }

    /// The cursor of a place in the list of a filter.
    pub fn seal(&self, place: i64, filter: &Filter) -> Cursor {
        let place = place.to_be_bytes();
        self.sealed(&filter.digest(), &place)
    }

    fn sealed(&self, list: &[u8], place: &[u8]) -> Cursor {
        let mark = Sha256::new().chain_update(self.secret).chain_update(list).chain_update(place).finalize();
        let bytes = place.iter().chain(mark.iter().take(MARK_BYTES));
        Cursor(bytes.map(|byte| format!("{byte:02x}")).collect())
    }

    /// The place of a cursor that was sealed here for this filter.
    ///
    /// # Errors
    /// [`Error::ForeignCursor`].
    pub fn open(&self, cursor: &Cursor, filter: &Filter) -> Result<i64, Error> {
        let place = cursor.0.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let place = place.ok_or(Error::ForeignCursor)?.cast_signed();
        if self.seal(place, filter) == *cursor { Ok(place) } else { Err(Error::ForeignCursor) }
    }

    /// The cursor of the place behind a SKU in the list of all of them.
    pub fn seal_sku(&self, sku: &Sku) -> Cursor {
        self.sealed(SKUS, sku.as_str().as_bytes())
    }

    /// The SKU of a cursor that was sealed here for the list of SKUs.
    ///
    /// # Errors
    /// [`Error::ForeignCursor`].
    pub fn open_sku(&self, cursor: &Cursor) -> Result<Sku, Error> {
        let digits = cursor.0.len().checked_sub(2 * MARK_BYTES).and_then(|digits| cursor.0.get(..digits));
        let pairs = digits.unwrap_or_default().as_bytes().chunks(2);
        let byte = |pair| str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
        let name = pairs.map(byte).collect::<Option<Vec<u8>>>().and_then(|name| String::from_utf8(name).ok());
        let sku = name.and_then(|name| Sku::new(name).ok()).ok_or(Error::ForeignCursor)?;
        if self.seal_sku(&sku) == *cursor { Ok(sku) } else { Err(Error::ForeignCursor) }
    }
}

impl fmt::Debug for CursorSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CursorSeal(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_opens_only_where_it_was_sealed() {
        let seal = CursorSeal::new(*b"secret 1");
        let paid = Filter { payment_statuses: [PaymentStatus::Paid].into(), ..Filter::default() };
        for place in [0, 1, i64::MAX, i64::MIN] {
            let cursor = seal.seal(place, &paid);
            assert_eq!(seal.open(&cursor, &paid), Ok(place));
            assert_eq!(seal.open(&cursor, &Filter::default()), Err(Error::ForeignCursor));
            assert_eq!(CursorSeal::new(*b"secret 2").open(&cursor, &paid), Err(Error::ForeignCursor));
        }
    }

    #[test]
    fn no_changed_cursor_opens() {
        let seal = CursorSeal::new(*b"secret 1");
        let text = seal.seal(1 << 40, &Filter::default()).to_string();
        assert_eq!(text.len(), 32);
        for at in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
            let changed = Cursor::new(String::from_utf8(changed).unwrap());
            assert_eq!(seal.open(&changed, &Filter::default()), Err(Error::ForeignCursor), "{changed}");
        }
        for text in ["", "0", "十六", &text[..31], &format!("{text}0"), &text.to_uppercase()] {
            let opened = seal.open(&Cursor::new(text), &Filter::default());
            assert_eq!(opened, Err(Error::ForeignCursor), "{text}");
        }
    }

    #[test]
    fn a_cursor_of_skus_opens_as_it_was_sealed() {
        let seal = CursorSeal::new(*b"secret 1");
        for name in ["a", "iPhone 15", "苹果", &"x".repeat(100)] {
            let sku = Sku::new(name).unwrap();
            let text = seal.seal_sku(&sku).to_string();
            assert_eq!(seal.open_sku(&Cursor::new(&*text)), Ok(sku.clone()));
            assert_eq!(
                CursorSeal::new(*b"secret 2").open_sku(&Cursor::new(&*text)),
                Err(Error::ForeignCursor)
            );
            for at in 0..text.len() {
                let mut changed = text.clone().into_bytes();
                changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
                let changed = Cursor::new(String::from_utf8(changed).unwrap());
                assert_eq!(seal.open_sku(&changed), Err(Error::ForeignCursor), "{changed}");
            }
        }
        let order = seal.seal(0, &Filter::default()).to_string();
        for text in ["", "6", "61", "苹果苹果苹果", "0123456789abcdef", "6123456789abcdef01", &order] {
            assert_eq!(seal.open_sku(&Cursor::new(text)), Err(Error::ForeignCursor), "{text}");
        }
    }

    #[test]
    fn filters_that_differ_have_cursors_that_differ() {
        let seal = CursorSeal::new([0; 8]);
        let ids = |ids: &[&str]| ids.iter().map(|id| CustomerId::new(*id).unwrap()).collect();
        let at = Timestamp::from_millis(5);
        let filters = [
            Filter::default(),
            Filter { customer_ids: ids(&["a", "b"]), ..Filter::default() },
            Filter { customer_ids: ids(&["ab"]), ..Filter::default() },
            Filter { external_ids: [ExternalId::new("ab").unwrap()].into(), ..Filter::default() },
            Filter { attention: Some(false), ..Filter::default() },
            Filter { created_after: Some(at), ..Filter::default() },
            Filter { created_before: Some(at), ..Filter::default() },
        ];
        let cursors: BTreeSet<String> = filters.iter().map(|f| seal.seal(1, f).to_string()).collect();
        assert_eq!(cursors.len(), filters.len());
    }
}
