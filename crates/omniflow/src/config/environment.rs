//! What overrides the file: variables, then flags.
//!
//! A key's variable is `OMNIFLOW_` and the key in capitals, with `_` for each dot: `limits.body_bytes` is
//! `OMNIFLOW_LIMITS_BODY_BYTES`. One that begins so and is none is a mistake, like a key that is none; see
//! [`super::variables`] for those that are of other commands, or made by an orchestrator.

use super::keys::{KEYS, Key, PREFIX, THRESHOLDS};
use super::nearest;
use super::slot::Given;
use super::{Config, Mistake, Source, variables};
use std::ffi::OsString;

/// Takes over the variables of keys, by name.
pub(crate) fn read(
    environment: impl Iterator<Item = (OsString, OsString)>,
    config: &mut Config,
    mistakes: &mut Vec<Mistake>,
) {
    let mut ours: Vec<(String, OsString)> = environment
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with(PREFIX))
        .collect();
    ours.sort();
    for (name, value) in ours {
        let taken = match (key_of_variable(&name), value.to_str()) {
            (Some((key, part)), Some(value)) => take(key, &part, value, config),
            (Some(_), None) => Err("must be text in UTF-8".to_owned()),
            (None, _) => variables::unknown(&name, &value).map_or(Ok(()), Err),
        };
        mistakes.extend(taken.err().map(|text| Mistake { at: Some(Source::Variable(name)), text }));
    }
}

/// Takes over flags, in their order.
pub(crate) fn flags(flags: &[(String, String)], config: &mut Config, mistakes: &mut Vec<Mistake>) {
    for (path, value) in flags {
        let taken = match key_of_path(path) {
            Some((key, part)) => take(key, part, value, config).map_err(|fault| format!("`{path}` {fault}")),
            None => Err(nearest::unknown(path)),
        };
        // Without the value: one that is meant for another key may be a secret.
        let at = || Some(Source::Flag(format!("--set {path}")));
        mistakes.extend(taken.err().map(|text| Mistake { at: at(), text }));
    }
}

fn take(key: &Key, part: &str, value: &str, config: &mut Config) -> Result<(), String> {
    if key.is_of_the_file() {
        return Err("is taken only from the configuration file, so that it is written down".to_owned());
    }
    (key.slot)(config).take(Given::Bare(value), part)
}

/// The key that a variable sets, and the currency where it sets that of several.
pub(super) fn key_of_variable(name: &str) -> Option<(&'static Key, String)> {
    if let Some(key) = KEYS.iter().find(|key| key.path != THRESHOLDS && key.variable() == name) {
        return Some((key, String::new()));
    }
    let thresholds = KEYS.iter().find(|key| key.path == THRESHOLDS)?;
    let code = name.strip_prefix(&thresholds.variable())?.strip_prefix('_')?;
    Some((thresholds, code.to_owned()))
}

fn key_of_path(path: &str) -> Option<(&'static Key, &str)> {
    if let Some(key) = KEYS.iter().find(|key| key.path != THRESHOLDS && key.path == path) {
        return Some((key, ""));
    }
    let code = path.strip_prefix(THRESHOLDS)?.strip_prefix('.')?;
    Some((KEYS.iter().find(|key| key.path == THRESHOLDS)?, code))
}
