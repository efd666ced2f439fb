//! Time as a value. Nothing here can ask what time it is.

use serde::{Deserialize, Serialize};

/// A moment in milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment so many milliseconds after the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment `millis` later; at the end of time it stays there.
    #[must_use]
    pub const fn plus_millis(self, millis: u64) -> Self {
        Self(self.0.saturating_add_unsigned(millis))
    }

    /// Milliseconds from `earlier` to here, zero when it is not earlier.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        let millis = self.0.saturating_sub(earlier.0);
        if millis < 0 { 0 } else { millis.unsigned_abs() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_neither_overflows_nor_runs_backwards() {
        let at = Timestamp::from_millis;
        assert_eq!(at(5).plus_millis(7).as_millis(), 12);
        assert_eq!(at(-5).plus_millis(u64::MAX), at(i64::MAX));
        assert_eq!((at(12).millis_since(at(5)), at(5).millis_since(at(12))), (7, 0));
        assert_eq!(at(i64::MAX).millis_since(at(i64::MIN)), i64::MAX.unsigned_abs());
    }
}
