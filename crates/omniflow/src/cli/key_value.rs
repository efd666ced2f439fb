//! `--set KEY=VALUE`.

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;
use clap::{Arg, Command, Error};
use std::ffi::OsStr;

/// Reads it. A refusal does not show what was written, which may have a password in it.
#[derive(Clone, Copy)]
pub(super) struct KeyValue;

impl TypedValueParser for KeyValue {
    type Value = (String, String);

    fn parse_ref(&self, command: &Command, _: Option<&Arg>, text: &OsStr) -> Result<Self::Value, Error> {
        let split = text.to_str().and_then(|text| text.split_once('=')).filter(|(key, _)| is_like_a_key(key));
        split.map(|(key, value)| (key.to_owned(), value.to_owned())).ok_or_else(|| {
            let message = "--set takes KEY=VALUE, such as policies.payment_window=15m\n";
            Error::raw(ErrorKind::ValueValidation, message).with_cmd(command)
        })
    }
}

/// Whether it can be told: an address without its key has a `=` too, in `?sslmode=disable`.
fn is_like_a_key(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "._-".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<(String, String), String> {
        let read = KeyValue.parse_ref(&Command::new("omniflow"), None, OsStr::new(text));
        read.map_err(|error| error.to_string())
    }

    #[test]
    fn a_key_and_a_value_are_told_apart_at_the_first_sign() {
        let url = "postgres://u:pa55word@db/orders?sslmode=disable";
        let read_as = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(read(&format!("postgres.url={url}")), read_as("postgres.url", url));
        assert_eq!(read("data-dir="), read_as("data-dir", ""));
    }

    #[test]
    fn what_is_none_is_refused_and_not_shown() {
        for text in
            ["postgres.url", "postgres://u:pa55word@db/orders?sslmode=disable", "url:pa55word", "=x", ""]
        {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains("KEY=VALUE") && !refusal.contains("pa55word"), "{refusal}");
        }
    }
}
