//! The tools that read the API's document, in a Python environment of their own beside the build.

use crate::checkout::Checkout;
use crate::command::run;
use crate::python;
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// What is installed; what these need in turn, `pip` chooses.
const PACKAGES: &[&str] =
    &["openapi-python-client==0.29.1", "openapi-spec-validator==0.9.0", "schemathesis==4.32.5"];

/// Programs of Python's package index.
pub(super) struct Environment(PathBuf);

impl Environment {
    /// Installs the tools where these versions are not there yet, which alone needs the network. One that
    /// was cut short is made anew.
    pub(super) fn installed(checkout: &Checkout) -> Result<Self> {
        let versions: Vec<&str> = PACKAGES.iter().filter_map(|package| package.split("==").nth(1)).collect();
        let home = checkout.tools().join(format!("api-{}", versions.join("-")));
        let whole = home.join("installed");
        if !whole.exists() {
            fs::create_dir_all(checkout.tools())?;
            let mut pip = Command::new(python::environment(&home)?);
            pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
            pip.args(PACKAGES);
            run(pip)?.success().with_context(|| format!("cannot install {}", PACKAGES.join(", ")))?;
            fs::write(whole, "")?;
        }
        Ok(Self(home))
    }

    /// A folder beside it, for what other tools keep.
    pub(super) fn beside(&self, name: &str) -> PathBuf {
        self.0.with_file_name(name)
    }

    /// The path of one of its programs.
    pub(super) fn program(&self, name: &str) -> PathBuf {
        self.0.join("bin").join(name)
    }
}
