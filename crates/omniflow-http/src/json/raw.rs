//! The first pass over JSON text: cuts it at its commas, one level deep, checking all of it. `serde_json`
//! skips values without recursion, so depth costs no stack.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

/// One key of an object with its value's text.
#[derive(Debug)]
pub(super) struct Field<'j> {
    pub(super) key: Cow<'j, str>,
    pub(super) text: &'j str,
    /// Whether anybody asked for it.
    pub(super) is_known: Cell<bool>,
}

/// Whether the whole text is one JSON value.
pub(super) fn check(text: &str) -> serde_json::Result<()> {
    serde_json::from_str::<&RawValue>(text).map(drop)
}

/// The fields of an object, repeated ones too.
pub(super) fn fields(text: &str) -> serde_json::Result<Vec<Field<'_>>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let fields = reader.deserialize_map(Fields)?;
    reader.end()?;
    Ok(fields)
}

/// The values of an array.
pub(super) fn items(text: &str) -> serde_json::Result<Vec<&RawValue>> {
    serde_json::from_str(text)
}

/// A string without its quotes and escapes; `None` where it names half of a surrogate pair.
pub(super) fn string(text: &str) -> Option<Cow<'_, str>> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    if inside.contains('\\') { serde_json::from_str(text).ok().map(Cow::Owned) } else { Some(inside.into()) }
}

/// The place of the first field whose key was there before, however it was escaped.
pub(super) fn first_repeated(fields: &[Field<'_>]) -> Option<usize> {
    const FEW: usize = 16;
    if fields.len() <= FEW {
        return (1..fields.len()).find(|&at| fields[..at].iter().any(|field| field.key == fields[at].key));
    }
    let mut places: Vec<usize> = (0..fields.len()).collect();
    places.sort_by_key(|&at| (&fields[at].key, at));
    places.windows(2).filter(|pair| fields[pair[0]].key == fields[pair[1]].key).map(|pair| pair[1]).min()
}

struct Fields;

impl<'j> Visitor<'j> for Fields {
    type Value = Vec<Field<'j>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'j>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut fields = Vec::with_capacity(8);
        while let Some(key) = map.next_key_seed(Key)? {
            let text = map.next_value::<&RawValue>()?.get();
            fields.push(Field { key, text, is_known: Cell::new(false) });
        }
        Ok(fields)
    }
}

/// A key, borrowed where it has no escapes.
struct Key;

impl<'j> DeserializeSeed<'j> for Key {
    type Value = Cow<'j, str>;

    fn deserialize<D: Deserializer<'j>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'j> Visitor<'j> for Key {
    type Value = Cow<'j, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E: Error>(self, key: &'j str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
