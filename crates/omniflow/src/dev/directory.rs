//! Where `dev` keeps its data.

use crate::cli::DevArgs;
use anyhow::Context;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A data directory; a temporary one is removed when this is dropped.
pub(super) enum Directory {
    Kept(PathBuf),
    /// Of a name that nobody can foresee, and for its owner alone: the system's temporary directory is
    /// everybody's.
    Temporary(TempDir),
}

impl Directory {
    pub(super) fn of(args: &DevArgs) -> anyhow::Result<Self> {
        if args.ephemeral {
            let mut builder = tempfile::Builder::new();
            builder.prefix("omniflow-dev-").permissions(Permissions::from_mode(0o700));
            return builder.tempdir().map(Self::Temporary).context("cannot make a temporary directory");
        }
        std::fs::create_dir_all(&args.data_dir)
            .with_context(|| format!("cannot make {}", args.data_dir.display()))?;
        Ok(Self::Kept(args.data_dir.clone()))
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        if let Self::Temporary(directory) = self
            && let Err(error) = std::fs::remove_dir_all(directory.path())
        {
            tracing::warn!(%error, path = %directory.path().display(), "the temporary directory stays");
        }
    }
}
