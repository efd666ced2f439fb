//! PostgreSQL from Debian's package, with a cluster of its own. It refuses to run as root, so there it runs as
//! the user whom the package makes.

use super::{free_port, pause, wait_for};
use crate::command::read;
use crate::python::apt_install;
use anyhow::{Context, Result, ensure};
use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// Where Debian puts the programs of each version.
const DEBIAN: &str = "/usr/lib/postgresql";
/// Whom Debian's package makes.
const USER: &str = "postgres";
/// The tests of one run together.
const CONNECTIONS: &str = "600";

/// A running server.
pub(crate) struct Postgres {
    server: Child,
    port: u16,
    programs: PathBuf,
    data: PathBuf,
    as_user: bool,
}

impl Postgres {
    /// Makes a cluster in `folder` and starts it.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, &[])
    }

    /// As [`Self::start`], with further settings, such as `fsync=on`.
    pub(crate) fn start_with(folder: &Path, settings: &[&str]) -> Result<Self> {
        let programs = programs()?;
        let as_user = fs::metadata(folder)?.uid() == 0;
        // Debian's user cannot go into root's own folders: its cluster is where all can go.
        let home = if as_user { fresh_home()? } else { folder.join("postgres") };
        fs::create_dir_all(&home)?;
        if as_user {
            let (uid, gid) = user()?;
            chown(&home, Some(uid), Some(gid))?;
        }
        let data = home.join("data");
        let mut initdb = program(&programs, "initdb", as_user, &home);
        initdb.arg("--pgdata").arg(&data).args([
            "--auth",
            "trust",
            "--username",
            "omniflow",
            "--encoding",
            "UTF8",
        ]);
        initdb.arg("--no-locale");
        read(initdb).context("a cluster of PostgreSQL cannot be made")?;
        let port = free_port()?;
        let log = File::create(folder.join("postgres.log"))?;
        let mut postgres = program(&programs, "postgres", as_user, &home);
        postgres.arg("-D").arg(&data).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        postgres.arg("-k").arg(&home).args(["-c", &format!("max_connections={CONNECTIONS}")]);
        settings.iter().for_each(|setting| {
            postgres.args(["-c", setting]);
        });
        postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let server = postgres.spawn().context("cannot start PostgreSQL")?;
        let mut started = Self { server, port, programs, data, as_user };
        wait_for("PostgreSQL", &mut started.server, port, PATIENCE)?;
        started.create_database()?;
        Ok(started)
    }

    fn create_database(&self) -> Result<()> {
        // It listens a moment before it takes anybody.
        let begun = Instant::now();
        loop {
            let mut createdb = Command::new(self.programs.join("createdb"));
            createdb.args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-U", "omniflow", "omniflow"]);
            match read(createdb) {
                Ok(_) => return Ok(()),
                Err(error) if begun.elapsed() > PATIENCE => {
                    return Err(error.context("a database cannot be made"));
                }
                Err(_) => pause(),
            }
        }
    }

    /// What it answers to a statement: a line a row, as `psql` prints it without heads.
    pub(crate) fn ask(&self, statement: &str) -> Result<String> {
        let mut psql = Command::new(self.programs.join("psql"));
        psql.args(["--no-psqlrc", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
        psql.args(["--command", statement]).arg(self.url());
        read(psql)
    }

    /// Where it listens, on this machine.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its programs.
    pub(crate) fn programs(&self) -> &Path {
        &self.programs
    }

    /// Whom it runs as, where not as whoever runs this.
    pub(crate) fn user(&self) -> Option<&'static str> {
        self.as_user.then_some(USER)
    }

    /// The address of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://omniflow@127.0.0.1:{}/omniflow", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let mut stop = program(&self.programs, "pg_ctl", self.as_user, &self.data);
        stop.arg("-D").arg(&self.data).args(["-m", "immediate", "-w", "stop"]);
        if read(stop).is_err() {
            super::end(&mut self.server);
        }
        if let Err(error) = self.server.wait() {
            eprintln!("PostgreSQL could not be waited for: {error}");
        }
        let home = self.data.parent().unwrap_or(&self.data);
        if let Err(error) = fs::remove_dir_all(home) {
            eprintln!("{} is left behind: {error}", home.display());
        }
    }
}

/// The newest version's programs; installed where there are none.
fn programs() -> Result<PathBuf> {
    if newest().is_none() {
        println!("there is no PostgreSQL: installing Debian's");
        apt_install(["postgresql"]).context("install Debian's package postgresql, then try again")?;
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

fn program(programs: &Path, name: &str, as_user: bool, folder: &Path) -> Command {
    let mut command = if as_user {
        let mut runuser = Command::new("runuser");
        runuser.args(["-u", USER, "--"]).arg(programs.join(name));
        runuser
    } else {
        Command::new(programs.join(name))
    };
    command.current_dir(folder);
    command
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
fn user() -> Result<(u32, u32)> {
    let id = |flag: &str| -> Result<u32> {
        let mut command = Command::new("id");
        command.args([flag, USER]);
        Ok(read(command)?.trim().parse()?)
    };
    Ok((id("-u")?, id("-g")?))
}
