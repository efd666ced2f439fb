//! All that is wrong with one body.

use super::path::Path;
use crate::{Code, FieldError, Problem};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};

/// Faults, as they are found.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: RefCell<Vec<FieldError>>,
    repeats_a_key: Cell<bool>,
}

/// The most faults that are listed: a body of nothing but unknown keys is not sent back whole.
pub(crate) const MAX_LISTED: usize = 100;

impl Faults {
    pub(super) fn note(&self, code: Code, path: Path<'_>, detail: impl Into<Cow<'static, str>>) {
        if self.found.borrow().len() < MAX_LISTED {
            self.add(FieldError::at(code, path.pointer(), detail));
        }
    }

    pub(super) fn add(&self, fault: FieldError) {
        let mut found = self.found.borrow_mut();
        if found.len() < MAX_LISTED {
            found.push(fault);
        }
    }

    /// A key that is there twice makes the whole body ambiguous: nothing else counts.
    pub(super) fn note_repeated(&self, path: Path<'_>) {
        if !self.repeats_a_key.replace(true) {
            self.found.borrow_mut().clear();
            self.note(Code::InvalidJson, path, "is there more than once: send each key once");
        }
    }

    /// What was read, beside the faults; but a body that repeats a key is refused for that alone.
    pub(super) fn settle<T>(self, read: Option<T>) -> Result<(T, Vec<FieldError>), Problem> {
        let mut found = self.found.into_inner();
        if self.repeats_a_key.get() {
            found.retain(|fault| fault.code == Code::InvalidJson);
            return Err(Problem::of_fields(found));
        }
        match read {
            Some(read) => Ok((read, found)),
            None if found.is_empty() => Err(Problem::internal("a body was refused and no fault was noted")),
            None => Err(Problem::of_fields(found)),
        }
    }
}
