//! A strict reader of JSON requests.
//!
//! It promises what derived deserializers do not: all faults are named in one pass, each with its JSON
//! pointer; unknown keys are refused at every level; a repeated key is, too, however it is escaped; numbers
//! keep every digit; nothing nests deeply enough to overflow the stack.
//!
//! ```
//! use omniflow_http::json;
//!
//! let body = br#"{"amount": 500, "items": ["iPhone 15"]}"#;
//! let (amount, items) = json::read(body, |order| {
//!     let amount = order.need("amount").and_then(|amount| amount.number());
//!     let items = order.need("items").and_then(|items| items.array(1..=200, |item| item.text(1..=100)));
//!     Some((amount?, items?))
//! })?;
//! assert_eq!((amount, &*items[0]), ("500", "iPhone 15"));
//! # Ok::<(), omniflow_http::Problem>(())
//! ```

mod faults;
mod integer;
mod object;
mod path;
mod raw;
#[cfg(test)]
mod tests;
mod value;

pub use object::Object;
pub use value::{Kind, Value};

use crate::{Code, FieldError, Problem};
pub(crate) use faults::problem;

use faults::Faults;
use path::Path;

/// Reads a body that must be a JSON object. `shape` takes the object apart; it gives `None` only after a
/// fault was noted, which the getters do, so it asks for every field before it gives up on one.
///
/// # Errors
/// 400 `invalid_json` where it is not JSON or repeats a key, 422 with every fault otherwise. A body that is
/// absent is 422 `invalid_field`.
pub fn read<'j, T>(
    body: &'j [u8],
    shape: impl for<'v> FnOnce(&Object<'v, 'j>) -> Option<T>,
) -> Result<T, Problem> {
    match read_beside_faults(body, shape)? {
        (read, faults) if faults.is_empty() => Ok(read),
        (_, faults) => Err(problem(faults)),
    }
}

/// Reads a body as [`read`] does, but gives what `shape` made of it beside the faults, for a caller who looks
/// for more of them. `shape` puts something in the place of what it could not read.
///
/// # Errors
/// As [`read`], but for faults beside which `shape` gave a value.
pub(crate) fn read_beside_faults<'j, T>(
    body: &'j [u8],
    shape: impl for<'v> FnOnce(&Object<'v, 'j>) -> Option<T>,
) -> Result<(T, Vec<FieldError>), Problem> {
    if is_absent(body) {
        return Err(Problem::field(Code::InvalidField, "", "is required: send a JSON object"));
    }
    let text = str::from_utf8(body).map_err(|error| not_json(&error.to_string()))?;
    read_text(text, shape)
}

/// Reads a body that may be absent, which is the same as an empty object.
///
/// # Errors
/// As [`read`], but for the absent body.
pub fn read_optional<'j, T>(
    body: &'j [u8],
    shape: impl for<'v> FnOnce(&Object<'v, 'j>) -> Option<T>,
) -> Result<T, Problem> {
    read(if is_absent(body) { b"{}" } else { body }, shape)
}

fn read_text<'j, T>(
    text: &'j str,
    shape: impl for<'v> FnOnce(&Object<'v, 'j>) -> Option<T>,
) -> Result<(T, Vec<FieldError>), Problem> {
    if !text.trim_ascii_start().starts_with('{') {
        raw::check(text).map_err(|error| not_json(&error.to_string()))?;
        return Err(Problem::field(Code::InvalidField, "", "must be a JSON object"));
    }
    let fields = raw::fields(text).map_err(|error| not_json(&error.to_string()))?;
    let faults = Faults::default();
    let read = Object::visit(fields, Path::Root, &faults, shape);
    faults.settle(read)
}

fn is_absent(body: &[u8]) -> bool {
    body.trim_ascii().is_empty()
}

fn not_json(error: &str) -> Problem {
    Problem::new(Code::InvalidJson, format!("Send a body that is valid JSON: {error}."))
}
