//! Amounts and moments, as they are everywhere in the API.

use jiff::Timestamp as Instant;
use omniflow_core::{Money, Timestamp};
use serde::{Serialize, Serializer, ser};
use serde_json::value::RawValue;

/// Major units as an exact JSON number.
pub(in crate::api) struct Major(pub(in crate::api) Money);

impl Serialize for Major {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_major()).map_err(ser::Error::custom)?.serialize(serializer)
    }
}

/// A moment in RFC 3339, UTC.
pub(in crate::api) struct At(pub(in crate::api) Timestamp);

impl Serialize for At {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let instant = Instant::from_millisecond(self.0.as_millis()).map_err(ser::Error::custom)?;
        serializer.collect_str(&instant)
    }
}
