//! Where `dev` keeps its data.

use crate::cli::DevArgs;
use anyhow::Context;
use std::path::{Path, PathBuf};

/// A data directory; a temporary one is removed when this is dropped.
pub(super) struct Directory {
    path: PathBuf,
    is_temporary: bool,
}

impl Directory {
    pub(super) fn of(args: &DevArgs) -> anyhow::Result<Self> {
        if !args.ephemeral {
            std::fs::create_dir_all(&args.data_dir)
                .with_context(|| format!("cannot make {}", args.data_dir.display()))?;
            return Ok(Self { path: args.data_dir.clone(), is_temporary: false });
        }
        let path = std::env::temp_dir().join(format!("omniflow-dev-{}", std::process::id()));
        // An older directory of the same name was left by a process that was killed.
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, is_temporary: true })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the temporary directory stays");
        }
    }
}
