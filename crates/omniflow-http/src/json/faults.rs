//! All that is wrong with one body.

use super::path::Path;
use crate::{Code, FieldError, Problem};
use std::borrow::Cow;
use std::cell::{Cell, RefCell};

/// Faults, as they are found: every one, since who looks for more of them must know what was not read. A
/// body's size bounds them.
#[derive(Debug, Default)]
pub(super) struct Faults {
    found: RefCell<Vec<FieldError>>,
    repeats_a_key: Cell<bool>,
}

/// The most faults that are listed: a body of nothing but unknown keys is not sent back whole.
const MAX_LISTED: usize = 100;

/// The problem of faults, the first of which it lists. An unknown field, which gives a problem its code, is
/// listed wherever it stands.
pub(crate) fn problem(mut found: Vec<FieldError>) -> Problem {
    let unknown = found.iter().position(|fault| fault.code == Code::UnknownField);
    if let Some(unknown) = unknown.filter(|&place| place >= MAX_LISTED) {
        found.swap(MAX_LISTED - 1, unknown);
    }
    found.truncate(MAX_LISTED);
    Problem::of_fields(found)
}

impl Faults {
    pub(super) fn note(&self, code: Code, path: Path<'_>, detail: impl Into<Cow<'static, str>>) {
        self.add(FieldError::at(code, path.pointer(), detail));
    }

    pub(super) fn add(&self, fault: FieldError) {
        self.found.borrow_mut().push(fault);
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
            return Err(problem(found));
        }
        match read {
            Some(read) => Ok((read, found)),
            None if found.is_empty() => Err(Problem::internal("a body was refused and no fault was noted")),
            None => Err(problem(found)),
        }
    }
}
