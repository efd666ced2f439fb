//! A folder of one run alone, beside the build: on a real disk, and out of the way.

use crate::signals::{self, AtStop};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process;

/// A folder that stays until [`Workplace::remove`], so that what went wrong in it can be looked at; where a run is
/// told to stop, nothing has gone wrong.
pub(crate) struct Workplace {
    path: PathBuf,
    _at_stop: AtStop,
}

impl Workplace {
    /// A new folder for what `name` does, near the program that was built.
    pub(crate) fn new(program: &Path, name: &str) -> Result<Self> {
        let target = program.ancestors().nth(2).context("the program is not in a build's folder")?;
        let folder = target.join(name).join(process::id().to_string());
        Ok(Self { _at_stop: signals::folder(&folder)?, path: folder })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it and all that is in it.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_dir_all(&self.path).with_context(|| format!("cannot remove {}", self.path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_beside_the_build_and_goes_away() {
        let target = std::env::temp_dir().join(format!("xtask-target-{}", process::id()));
        let place = Workplace::new(&target.join("release/omniflow"), "crash").unwrap();
        assert!(place.path().starts_with(target.join("crash")) && place.path().is_dir());
        place.remove().unwrap();
        fs::remove_dir_all(target).unwrap();
    }
}
