//! The layers of `ARCHITECTURE.md` as a check: which crates a crate must not reach, at any depth.
//!
//! Dependencies for tests alone are free: they are not in what users run.

use crate::checkout::Checkout;
use crate::command::read;
use crate::steps::Verdict;
use anyhow::{Context, Result, ensure};
use std::collections::BTreeSet;
use std::fs;

struct Layer {
    package: &'static str,
    never: &'static [&'static str],
    because: &'static str,
}

const LAYERS: &[Layer] = &[
    Layer {
        package: "omniflow-core",
        never: &[
            "omniflow-engine",
            "tokio",
            "rusqlite",
            "rand",
            "getrandom",
            "jiff",
            "hyper",
            "axum",
            "anyhow",
        ],
        because: "the order is pure: time and randomness are passed in, and nothing is read or written",
    },
    Layer {
        package: "omniflow-engine",
        never: &["omniflow-embedded", "omniflow-http", "rusqlite", "axum", "anyhow"],
        because: "what every engine must offer cannot lean on one of them, or on who calls it",
    },
    Layer {
        package: "omniflow-embedded",
        never: &["omniflow-http", "hyper", "axum", "anyhow"],
        because: "an engine does not know that there is HTTP",
    },
    Layer {
        package: "omniflow-temporal",
        never: &["omniflow-embedded", "omniflow-http", "rusqlite"],
        because: "an engine does not know that there is HTTP, or that there is another engine",
    },
    Layer {
        package: "omniflow-http",
        never: &["omniflow-embedded", "rusqlite", "anyhow"],
        because: "the API does not know which engine runs",
    },
];

/// Their C code takes longer to build than all of the product, and needs tools that users may not have.
const NEVER_LOCKED: &[&str] = &["aws-lc-sys", "openssl-sys"];

/// Checks every layer against the resolved dependencies, whatever the platform and features.
pub(crate) fn check(checkout: &Checkout) -> Result<Verdict> {
    let mut broken = Vec::new();
    for layer in LAYERS {
        let reached = reached_by(layer.package, checkout)?;
        println!("{} reaches {} crates; never {}", layer.package, reached.len(), layer.never.join(", "));
        broken.extend(layer.broken(&reached));
    }
    let lock = fs::read_to_string(checkout.root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    broken.extend(locked(&lock));
    ensure!(broken.is_empty(), "{}", broken.join("\n"));
    Ok(Verdict::Passed(Vec::new()))
}

fn reached_by(package: &str, checkout: &Checkout) -> Result<BTreeSet<String>> {
    let mut tree = checkout.cargo(["tree", "--locked", "--all-features", "--target", "all"]);
    tree.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}", "--package", package]);
    let lines = read(tree)?;
    Ok(lines.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect())
}

impl Layer {
    /// One complaint for each crate in `reached` that must not be there.
    fn broken(&self, reached: &BTreeSet<String>) -> Vec<String> {
        let found = |name: &&&str| reached.contains(**name);
        let complaint = |name: &&str| {
            format!(
                "{} reaches {name}; {}. See how: cargo tree -p {} --edges normal,build --target all --invert {name}",
                self.package, self.because, self.package
            )
        };
        self.never.iter().filter(found).map(complaint).collect()
    }
}

fn locked(lock: &str) -> Vec<String> {
    let found = |name: &&&str| lock.lines().any(|line| line == format!("name = \"{name}\""));
    NEVER_LOCKED
        .iter()
        .filter(found)
        .map(|name| format!("Cargo.lock holds {name}, which is banned"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CORE: &Layer = &LAYERS[0];

    fn crates(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn a_crate_that_must_not_be_reached_is_named_with_the_reason() {
        let broken = CORE.broken(&crates(&["omniflow-core", "serde", "tokio"]));
        assert_eq!(broken.len(), 1);
        assert!(broken[0].starts_with("omniflow-core reaches tokio; the order is pure"), "{broken:?}");
    }

    #[test]
    fn only_whole_names_count() {
        assert!(CORE.broken(&crates(&["omniflow-core", "tokio-util", "randomize"])).is_empty());
    }

    #[test]
    fn a_banned_crate_in_the_lock_file_is_named() {
        assert_eq!(
            locked("[[package]]\nname = \"aws-lc-sys\"\n"),
            ["Cargo.lock holds aws-lc-sys, which is banned"]
        );
        assert!(locked("[[package]]\nname = \"ring\"\n").is_empty());
    }
}
