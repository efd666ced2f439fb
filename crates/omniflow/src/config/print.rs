//! The whole file, with the defaults.

use super::Config;
use super::keys::{KEYS, THRESHOLDS};
use super::slot::Slot;

const HEAD: &str = "\
# OmniFlow's configuration: every key, with its default.
#
# What is left out has its default. The keys that begin with `# ` below have none: engine, access and the two
# of the name kind must be written, those of postgres where they are needed.
# An environment variable wins over this file: OMNIFLOW_ and the key in capitals, `_` for each dot, as in
# OMNIFLOW_LIMITS_BODY_BYTES=131072 for limits.body_bytes. A flag wins over both: --set limits.body_bytes=131072.
# Durations are texts such as \"200ms\", \"30s\", \"15m\", \"72h\" or \"P14D\" (a day is 24 hours).
";

/// What `omniflow serve --print-config` prints.
pub(crate) fn print() -> String {
    written(&mut Config::default())
}

/// A configuration as a file.
pub(super) fn written(config: &mut Config) -> String {
    let mut text = HEAD.to_owned();
    let mut table = "";
    for key in KEYS {
        let under = if key.path == THRESHOLDS { THRESHOLDS } else { key.table() };
        text.push('\n');
        if under != table {
            table = under;
            text.push_str(&format!("[{table}]\n"));
        }
        let slot = (key.slot)(config);
        for line in key.about {
            text.push_str(&format!("# {line}\n"));
        }
        if let Some(allowed) = slot.allowed() {
            text.push_str(&format!("# {allowed}\n"));
        }
        for line in slot.written(key.name()) {
            text.push_str(&format!("{line}\n"));
        }
        // What a table of currencies may have more of.
        if matches!(slot, Slot::Amounts(_)) {
            text.push_str("# EUR = 9000\n");
        }
    }
    text
}
