//! PostgreSQL from Debian's package, with a cluster of its own. It refuses to run as root, so there it runs as
//! the user whom the package makes.

mod cluster;

use self::cluster::Cluster;
use super::{free_port, pause, wait_for};
use crate::command::read;
use crate::signals::{self, AtStop};
use anyhow::{Context, Result};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(30);
/// The tests of one run together.
const CONNECTIONS: &str = "600";

/// A running server.
pub(crate) struct Postgres {
    server: Child,
    port: u16,
    _killed: AtStop,
    /// First it is asked to end with all of its processes.
    _stopped: AtStop,
    /// Removed after the server has ended.
    cluster: Cluster,
}

impl Postgres {
    /// Makes a cluster in `folder` and starts it.
    pub(crate) fn start(folder: &Path) -> Result<Self> {
        Self::start_with(folder, &[])
    }

    /// As [`Self::start`], with further settings, such as `fsync=on`.
    pub(crate) fn start_with(folder: &Path, settings: &[&str]) -> Result<Self> {
        Self::start_of(cluster::programs()?, folder, settings)
    }

    fn start_of(programs: PathBuf, folder: &Path, settings: &[&str]) -> Result<Self> {
        let cluster = Cluster::make(programs, folder)?;
        let port = free_port()?;
        let log = File::create(folder.join("postgres.log"))?;
        let mut postgres = cluster.program("postgres");
        postgres.arg("-D").arg(cluster.data()).args(["-p", &port.to_string(), "-h", "127.0.0.1"]);
        postgres.arg("-k").arg(cluster.home()).args(["-c", &format!("max_connections={CONNECTIONS}")]);
        settings.iter().for_each(|setting| {
            postgres.args(["-c", setting]);
        });
        postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let (server, _killed) = signals::spawn(&mut postgres).context("cannot start PostgreSQL")?;
        let _stopped = cluster.stopped_with_us();
        let mut started = Self { server, port, _killed, _stopped, cluster };
        wait_for("PostgreSQL", &mut started.server, port, PATIENCE)?;
        started.create_database()?;
        Ok(started)
    }

    fn create_database(&self) -> Result<()> {
        // It listens a moment before it takes anybody.
        let begun = Instant::now();
        loop {
            let mut createdb = Command::new(self.programs().join("createdb"));
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
        let mut psql = Command::new(self.programs().join("psql"));
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
        self.cluster.programs()
    }

    /// Whom it runs as, where not as whoever runs this.
    pub(crate) fn user(&self) -> Option<&'static str> {
        self.cluster.user()
    }

    /// The address of its database.
    pub(crate) fn url(&self) -> String {
        format!("postgres://omniflow@127.0.0.1:{}/omniflow", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.cluster.stop().is_err() {
            super::end(&mut self.server);
        }
        if let Err(error) = self.server.wait() {
            eprintln!("PostgreSQL could not be waited for: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::process::id;

    #[test]
    fn a_cluster_that_cannot_be_made_leaves_nothing_behind() {
        let folder = std::env::temp_dir().join(format!("xtask-postgres-{}", id()));
        fs::create_dir_all(&folder).unwrap();
        // There are no programs.
        assert!(Postgres::start_of(folder.join("programs"), &folder, &[]).is_err());
        let left =
            [folder.clone(), std::env::temp_dir()].into_iter().flat_map(|place| fs::read_dir(place).unwrap());
        let names = left.map(|entry| entry.unwrap().file_name().into_string().unwrap_or_default());
        let own = format!("omniflow-postgres-{}-", id());
        let left: Vec<_> = names.filter(|name| name == "postgres" || name.starts_with(&own)).collect();
        fs::remove_dir_all(folder).unwrap();
        assert_eq!(left, [""; 0]);
    }
}
