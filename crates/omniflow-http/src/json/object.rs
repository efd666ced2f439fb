//! One object of a body.

use super::faults::Faults;
use super::path::Path;
use super::raw::{self, Field};
use super::value::Value;
use crate::{Code, FieldError};
use std::borrow::Cow;

/// A JSON object being taken apart. A key that nobody asked for by the end is a fault.
#[derive(Debug)]
pub struct Object<'v, 'j> {
    fields: Vec<Field<'j>>,
    path: Path<'v>,
    faults: &'v Faults,
}

impl<'v, 'j> Object<'v, 'j> {
    /// Lets `shape` take an object apart, then notes what it did not ask for.
    pub(super) fn visit<T>(
        fields: Vec<Field<'j>>,
        path: Path<'v>,
        faults: &'v Faults,
        shape: impl FnOnce(&Object<'v, 'j>) -> Option<T>,
    ) -> Option<T> {
        let object = Object { fields, path, faults };
        if let Some(repeated) = raw::first_repeated(&object.fields) {
            faults.note_repeated(Path::Key(&object.path, &object.fields[repeated].key));
            return None;
        }
        let read = shape(&object);
        object.note_unknown();
        read
    }

    /// The value of a key, if it is there and not `null`.
    pub fn get(&self, key: &str) -> Option<Value<'_, 'j>> {
        let field = self.fields.iter().find(|field| field.key == key)?;
        field.is_known.set(true);
        (field.text != "null").then(|| self.value(field))
    }

    /// The value of a key that must be there and not be `null`; a fault otherwise.
    pub fn need(&self, key: &str) -> Option<Value<'_, 'j>> {
        let value = self.get(key);
        if value.is_none() {
            self.faults.note(Code::InvalidField, Path::Key(&self.path, key), "is required");
        }
        value
    }

    /// Every key with its value, `null` too, for objects whose keys the caller chooses.
    pub fn entries(&self) -> impl Iterator<Item = (&str, Value<'_, 'j>)> {
        self.fields.iter().map(|field| {
            field.is_known.set(true);
            (&*field.key, self.value(field))
        })
    }

    /// Notes a fault of the object or, by the pointer's rest from here (`""` or `/key/0`), of a part of it.
    pub fn refuse(&self, code: Code, rest: &str, detail: impl Into<Cow<'static, str>>) {
        self.faults.add(FieldError::at(code, self.path.pointer() + rest, detail));
    }

    fn value<'o>(&'o self, field: &'o Field<'j>) -> Value<'o, 'j> {
        Value::new(field.text, Path::Key(&self.path, &field.key), self.faults)
    }

    fn note_unknown(&self) {
        for field in self.fields.iter().filter(|field| !field.is_known.get()) {
            let path = Path::Key(&self.path, &field.key);
            self.faults.note(Code::UnknownField, path, "is not known here: leave it out or correct its name");
        }
    }
}
