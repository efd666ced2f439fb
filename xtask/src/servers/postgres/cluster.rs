//! A cluster of PostgreSQL: its programs, its folder, and whom it runs as.

use crate::apt;
use crate::command::read;
use crate::signals::{self, AtStop};
use anyhow::{Context, Result, ensure};
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where Debian puts the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Whom Debian's package makes.
const USER: &str = "postgres";

/// A cluster that goes away with its owner.
pub(super) struct Cluster {
    place: Place,
    _removed: AtStop,
}

#[derive(Clone)]
struct Place {
    programs: PathBuf,
    home: PathBuf,
    as_user: bool,
}

impl Cluster {
    /// Makes one for what is done in `folder`.
    pub(super) fn make(programs: PathBuf, folder: &Path) -> Result<Self> {
        let as_user = fs::metadata(folder)?.uid() == 0;
        // Debian's user cannot go into root's own folders: its cluster is where all can go.
        let home = if as_user { fresh_home()? } else { folder.join("postgres") };
        let _removed = signals::folder(&home)?;
        let cluster = Self { place: Place { programs, home, as_user }, _removed };
        cluster.initialize()?;
        Ok(cluster)
    }

    fn initialize(&self) -> Result<()> {
        if self.place.as_user {
            let (uid, gid) = user_numbers()?;
            chown(self.home(), Some(uid), Some(gid))?;
        }
        let mut initdb = self.program("initdb");
        initdb.arg("--pgdata").arg(self.data()).args(["--auth", "trust", "--username", "omniflow"]);
        initdb.args(["--encoding", "UTF8", "--no-locale"]);
        read(initdb).context("a cluster of PostgreSQL cannot be made")?;
        Ok(())
    }

    /// One of PostgreSQL's programs, run as whom the cluster belongs to.
    pub(super) fn program(&self, name: &str) -> Command {
        self.place.program(name)
    }

    /// Has a server end that runs on it, without a word to its clients.
    pub(super) fn stop(&self) -> Result<()> {
        self.place.stop()
    }

    /// The same, where this process is told to stop.
    pub(super) fn stopped_with_us(&self) -> AtStop {
        let place = self.place.clone();
        signals::at_stop(move || {
            // It may not run, or no longer.
            let _ = place.stop();
        })
    }

    /// The folder of all programs.
    pub(super) fn programs(&self) -> &Path {
        &self.place.programs
    }

    /// Its own folder.
    pub(super) fn home(&self) -> &Path {
        &self.place.home
    }

    /// Where its data is.
    pub(super) fn data(&self) -> PathBuf {
        self.place.data()
    }

    /// Whom it runs as, where not as whoever runs this.
    pub(super) fn user(&self) -> Option<&'static str> {
        self.place.as_user.then_some(USER)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(self.home()) {
            eprintln!("{} is left behind: {error}", self.home().display());
        }
    }
}

impl Place {
    fn program(&self, name: &str) -> Command {
        let program = self.programs.join(name);
        let mut command = if self.as_user {
            let mut runuser = Command::new("runuser");
            runuser.args(["-u", USER, "--"]).arg(program);
            runuser
        } else {
            Command::new(program)
        };
        command.current_dir(&self.home);
        command
    }

    fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn stop(&self) -> Result<()> {
        let mut stop = self.program("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]);
        read(stop).map(drop)
    }
}

/// The newest version's programs; installed where there are none.
pub(super) fn programs() -> Result<PathBuf> {
    if newest().is_none() {
        println!("there is no PostgreSQL: installing Debian's");
        apt::install_postgresql().context("install Debian's package postgresql, then try again")?;
    }
    newest().context("Debian's package postgresql has no server")
}

fn newest() -> Option<PathBuf> {
    let versions =
        fs::read_dir(DEBIAN).ok()?.filter_map(Result::ok).map(|version| version.path().join("bin"));
    let mut versions: Vec<_> = versions.filter(|programs| programs.join("initdb").exists()).collect();
    versions.sort();
    versions.pop()
}

fn fresh_home() -> Result<PathBuf> {
    /// One process may have several clusters.
    static MADE: AtomicU32 = AtomicU32::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    let home = std::env::temp_dir().join(format!("omniflow-postgres-{}-{number}", std::process::id()));
    ensure!(!home.exists(), "{} is in the way", home.display());
    Ok(home)
}

/// The numbers of Debian's user.
fn user_numbers() -> Result<(u32, u32)> {
    let id = |flag: &str| -> Result<u32> {
        let mut command = Command::new("id");
        command.args([flag, USER]);
        Ok(read(command)?.trim().parse()?)
    };
    Ok((id("-u")?, id("-g")?))
}
