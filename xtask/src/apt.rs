//! Debian's packages: installed, for which one must be root, or only taken apart.

use crate::command::run;
use anyhow::{Context, Result};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// What the installation of a PostgreSQL is told.
const CLUSTERS: &str = "/etc/postgresql-common/createcluster.conf";
const NO_CLUSTER: &str =
    "\n# Written by `cargo xtask`: its tests make clusters of their own.\ncreate_main_cluster = false\n";

/// Installs packages.
pub(crate) fn install<const N: usize>(packages: [&str; N]) -> Result<()> {
    run(apt_get(["update"]))?.success()?;
    let mut install = apt_get(["install", "--yes", "--no-install-recommends"]);
    install.args(packages);
    run(install)?.success()?;
    Ok(())
}

/// Installs PostgreSQL's programs, and has none of its servers started: that package otherwise makes a cluster for
/// the whole machine, which runs from then on.
pub(crate) fn install_postgresql() -> Result<()> {
    install(["postgresql-common"])?;
    forbid_a_cluster(Path::new(CLUSTERS))?;
    install(["postgresql"])
}

fn forbid_a_cluster(settings: &Path) -> Result<()> {
    let file = OpenOptions::new().append(true).create(true).open(settings);
    let written = file.and_then(|mut file| file.write_all(NO_CLUSTER.as_bytes()));
    written.with_context(|| format!("cannot write {}", settings.display()))
}

/// Whether this machine has packages of Debian at all.
pub(crate) fn is_here() -> bool {
    let mut version = Command::new("apt-get");
    version.arg("--version").stdout(Stdio::null()).stderr(Stdio::null());
    version.status().is_ok_and(|status| status.success())
}

/// Puts the files of a package into `folder`, and installs nothing.
pub(crate) fn unpack(package: &str, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let download = || {
        let mut download = apt_get(["download", package]);
        download.current_dir(folder);
        run(download)?.success()
    };
    if download().is_err() {
        // What is to be had may not be known yet, or no longer be there in that version.
        run(apt_get(["update"]))?.success()?;
        download()?;
    }
    let mut files = fs::read_dir(folder)?.filter_map(Result::ok).map(|entry| entry.path());
    let archive = files.find(|path| path.extension().is_some_and(|end| end == "deb"));
    let archive = archive.context("nothing was downloaded")?;
    let mut dpkg = Command::new("dpkg");
    dpkg.arg("-x").arg(&archive).arg(folder);
    run(dpkg)?.success()?;
    fs::remove_file(archive)?;
    Ok(())
}

fn apt_get<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--quiet", "--option", "DPkg::Lock::Timeout=120"]).args(args);
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_postgresql_was_told_before_stays_and_no_cluster_is_made() {
        let file = std::env::temp_dir().join(format!("xtask-clusters-{}", std::process::id()));
        fs::write(&file, "#create_main_cluster = true\nssl = on").unwrap();
        forbid_a_cluster(&file).unwrap();
        let told = fs::read_to_string(&file).unwrap();
        fs::remove_file(&file).unwrap();
        let settings: Vec<&str> = told.lines().filter(|l| !l.starts_with('#') && !l.is_empty()).collect();
        assert_eq!(settings, ["ssl = on", "create_main_cluster = false"]);
    }
}
