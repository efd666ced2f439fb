//! One value of a body.

use super::faults::Faults;
use super::integer::{self, Integer};
use super::object::Object;
use super::path::Path;
use super::raw;
use crate::Code;
use std::borrow::Cow;
use std::fmt::Display;
use std::ops::RangeInclusive;

/// A JSON value that has been found and not read yet. Each reading gives `None` after noting a fault, so that
/// the others go on.
#[derive(Clone, Copy, Debug)]
pub struct Value<'v, 'j> {
    text: &'j str,
    path: Path<'v>,
    faults: &'v Faults,
}

/// What a JSON value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean,
    /// A number.
    Number,
    /// Text in double quotes.
    Text,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

impl<'v, 'j> Value<'v, 'j> {
    pub(super) fn new(text: &'j str, path: Path<'v>, faults: &'v Faults) -> Self {
        Self { text, path, faults }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        match self.text.as_bytes().first() {
            Some(b'"') => Kind::Text,
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b't' | b'f') => Kind::Boolean,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Its JSON text, as sent.
    pub fn json(&self) -> &'j str {
        self.text
    }

    /// Its JSON pointer, for what is found to be wrong later.
    pub fn pointer(&self) -> String {
        self.path.pointer()
    }

    /// Notes a fault of it.
    pub fn refuse(&self, code: Code, detail: impl Into<Cow<'static, str>>) {
        self.faults.note(code, self.path, detail);
    }

    /// Text of so many characters. Control characters are refused, but for line breaks and tabs;
    /// right-to-left text is ordinary text.
    pub fn text(&self, characters: RangeInclusive<usize>) -> Option<Cow<'j, str>> {
        let text = self.any_text()?;
        if !has_length(&text, &characters) {
            let (least, most) = characters.into_inner();
            return self.invalid(format!("must have {least} to {most} characters"));
        }
        if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return self.invalid("must not contain control characters");
        }
        Some(text)
    }

    /// Text that a type of its own checks; its error completes a sentence that begins with the field's name.
    pub fn text_as<T, E: Display>(&self, check: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        let text = self.any_text()?;
        self.checked(check(&text))
    }

    /// Text, unchecked but for being text.
    pub fn any_text(&self) -> Option<Cow<'j, str>> {
        if self.kind() != Kind::Text {
            return self.invalid("must be text in double quotes");
        }
        let text = raw::string(self.text);
        if text.is_none() {
            return self.invalid("must not contain half of a surrogate pair");
        }
        text
    }

    /// One of a few words, in any case.
    pub fn word<T: Copy + Display>(&self, known: &[T]) -> Option<T> {
        let text = self.any_text()?;
        let found = known.iter().find(|word| word.to_string().eq_ignore_ascii_case(&text));
        if found.is_none() {
            let words: Vec<String> = known.iter().map(T::to_string).collect();
            return self.invalid(format!("must be one of {}", words.join(", ")));
        }
        found.copied()
    }

    /// A whole number in a range; `1.0` and `1e2` are whole numbers.
    pub fn integer(&self, range: RangeInclusive<i64>) -> Option<i64> {
        let must = || format!("must be a whole number from {} to {}", range.start(), range.end());
        if self.kind() != Kind::Number {
            return self.invalid(must());
        }
        match integer::read(self.text) {
            Integer::Whole(whole) if range.contains(&whole) => Some(whole),
            Integer::Whole(_) | Integer::Fraction | Integer::Huge => self.invalid(must()),
        }
    }

    /// A number's text, every digit as sent.
    pub fn number(&self) -> Option<&'j str> {
        if self.kind() == Kind::Number { Some(self.text) } else { self.invalid("must be a number") }
    }

    /// A number that a type of its own reads from the text; its error completes a sentence that begins with
    /// the field's name.
    pub fn number_as<T, E: Display>(&self, read: impl FnOnce(&str) -> Result<T, E>) -> Option<T> {
        self.checked(read(self.number()?))
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.text {
            "true" => Some(true),
            "false" => Some(false),
            _ => self.invalid("must be true or false"),
        }
    }

    /// An array of so many items, each read by `read`; all of them are, even after one has a fault.
    pub fn array<T>(
        &self,
        count: RangeInclusive<usize>,
        mut read: impl FnMut(Value<'_, 'j>) -> Option<T>,
    ) -> Option<Vec<T>> {
        if self.kind() != Kind::Array {
            return self.invalid("must be an array");
        }
        let items = match raw::items(self.text) {
            Ok(items) => items,
            Err(error) => return self.invalid(format!("cannot be read: {error}")),
        };
        if !count.contains(&items.len()) {
            return self.invalid(format!("must have {} to {} items", count.start(), count.end()));
        }
        let item = |(index, item): (usize, &&'j serde_json::value::RawValue)| {
            read(Value::new(item.get(), Path::Index(&self.path, index), self.faults))
        };
        let read: Vec<Option<T>> = items.iter().enumerate().map(item).collect();
        read.into_iter().collect()
    }

    /// An object, taken apart by `shape` as by [`super::read`].
    pub fn object<T>(&self, shape: impl FnOnce(&Object<'_, 'j>) -> Option<T>) -> Option<T> {
        if self.kind() != Kind::Object {
            return self.invalid("must be an object");
        }
        match raw::fields(self.text) {
            Ok(fields) => Object::visit(fields, self.path, self.faults, shape),
            Err(error) => self.invalid(format!("cannot be read: {error}")),
        }
    }

    fn checked<T, E: Display>(&self, checked: Result<T, E>) -> Option<T> {
        match checked {
            Ok(value) => Some(value),
            Err(error) => self.invalid(error.to_string()),
        }
    }

    fn invalid<T>(&self, detail: impl Into<Cow<'static, str>>) -> Option<T> {
        self.refuse(Code::InvalidField, detail);
        None
    }
}

fn has_length(text: &str, characters: &RangeInclusive<usize>) -> bool {
    // No text has more characters than bytes, or fewer than a quarter of them.
    let longest = text.len();
    if longest <= *characters.end() && longest.div_ceil(4) >= *characters.start() {
        return true;
    }
    characters.contains(&text.chars().count())
}
