//! Temporal as production has it: the server with its store in PostgreSQL, without containers. It is built from
//! its Go modules, with the `sql` tool that makes its tables; its configuration is `deploy/temporal/`.

use super::{Postgres, end, free_port, pause, wait_for};
use crate::checkout::Checkout;
use crate::command::{read, without_own_servers};
use crate::go::{Go, Module};
use crate::signals::{self, AtStop};
use crate::tools::TEMPORAL;
use anyhow::{Context, Result};
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

const SERVER: Module =
    Module { package: "go.temporal.io/server/cmd/server", version: VERSION, name: "temporal-server" };
const SQL: Module =
    Module { package: "go.temporal.io/server/cmd/tools/sql", version: VERSION, name: "temporal-sql" };
/// The version that the Compose file runs too; a test holds them together.
pub(crate) const VERSION: &str = "v1.29.1";

/// Where its configuration is in a checkout.
const CONFIGURATION: &str = "deploy/temporal";
/// Its two databases, and where the tool has their tables.
const DATABASES: &[(&str, &str)] =
    &[("temporal", "postgresql/v12/temporal"), ("temporal_visibility", "postgresql/v12/visibility")];
const NAMESPACE: &str = "default";
const RETENTION: &str = "72h";

const PATIENCE: Duration = Duration::from_secs(60);

/// PostgreSQL counts its statements, for those who want to know.
pub(crate) const COUNTED: &str = "shared_preload_libraries=pg_stat_statements";

/// Its services in the configuration. Each speaks gRPC on one port and finds the others by another.
const SERVICES: &[&str] = &["FRONTEND", "MATCHING", "HISTORY", "WORKER"];

/// A running server with its own PostgreSQL.
pub(crate) struct TemporalOnPostgres {
    server: Child,
    port: u16,
    _at_stop: AtStop,
    /// Ended after the server.
    postgres: Postgres,
}

impl TemporalOnPostgres {
    /// Makes a cluster, its tables and the namespace `default`, and starts the server with further variables of
    /// its configuration. Its log goes into `folder`.
    pub(crate) fn start(checkout: &Checkout, folder: &Path, variables: &[(&str, &str)]) -> Result<Self> {
        let go = Go::find(checkout)?;
        let (program, sql) = (go.install(&SERVER)?, go.install(&SQL)?);
        let home = folder.join("temporal-on-postgres");
        fs::create_dir_all(&home).with_context(|| format!("cannot make {}", home.display()))?;
        let postgres = Postgres::start_with(&home, &[COUNTED])?;
        make_tables(&sql, &postgres).context("Temporal's tables cannot be made")?;
        let port = free_port()?;
        let log = File::create(home.join("temporal.log")).context("cannot write Temporal's log")?;
        let mut server = Command::new(program);
        server.arg("--root").arg(checkout.root()).args(["--config", CONFIGURATION, "--env", "server"]);
        server.args(["--allow-no-auth", "start"]);
        // Its configuration takes variables such as `POSTGRES_PWD`: only those that are told here.
        server.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        server.env("DYNAMIC_CONFIG_FILE_PATH", checkout.root().join(CONFIGURATION).join("dynamic.yaml"));
        server.env("DB_PORT", postgres.port().to_string()).env("POSTGRES_USER", "omniflow");
        server.envs(variables.iter().copied());
        for service in SERVICES {
            let grpc = if *service == "FRONTEND" { port } else { free_port()? };
            server.env(format!("{service}_GRPC_PORT"), grpc.to_string());
            server.env(format!("{service}_MEMBERSHIP_PORT"), membership_port()?.to_string());
        }
        server.env("FRONTEND_HTTP_PORT", free_port()?.to_string()).current_dir(&home);
        server.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let (server, _at_stop) = signals::spawn(&mut server).context("cannot start Temporal")?;
        let mut started = Self { server, port, _at_stop, postgres };
        wait_for("Temporal", &mut started.server, port, PATIENCE)?;
        started.make_namespace(checkout)?;
        Ok(started)
    }

    /// It listens a moment before it takes anybody, and a namespace may be used some seconds after it was made.
    fn make_namespace(&self, checkout: &Checkout) -> Result<()> {
        let temporal = TEMPORAL.program(checkout)?;
        let ask = |words: &[&str]| {
            let mut command = Command::new(&temporal);
            without_own_servers(&mut command);
            command.args(words).args(["--address", &self.address(), "--command-timeout", "10s"]);
            read(command)
        };
        let begun = Instant::now();
        until(begun, || ask(&["operator", "namespace", "create", "-n", NAMESPACE, "--retention", RETENTION]))
            .context("Temporal makes no namespace")?;
        until(begun, || ask(&["workflow", "list", "-n", NAMESPACE, "--limit", "1"]))
            .context("Temporal's namespace cannot be used")
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Where it keeps everything.
    pub(crate) fn postgres(&self) -> &Postgres {
        &self.postgres
    }
}

impl Drop for TemporalOnPostgres {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

fn until(begun: Instant, ask: impl Fn() -> Result<String>) -> Result<()> {
    loop {
        match ask() {
            Ok(_) => return Ok(()),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => pause(),
        }
    }
}

fn make_tables(sql: &Path, postgres: &Postgres) -> Result<()> {
    for (database, tables) in DATABASES {
        let port = postgres.port().to_string();
        let ask = |words: &[&str]| {
            let mut command = Command::new(sql);
            command.args(["--plugin", "postgres12_pgx", "--endpoint", "127.0.0.1", "--port", &port]);
            command.args(["--user", "omniflow", "--database", database]).args(words);
            read(command)
        };
        ask(&["create-database"])?;
        ask(&["setup-schema", "--version", "0.0"])?;
        ask(&["update-schema", "--schema-name", tables])?;
    }
    Ok(())
}

/// A free port that Temporal can write down: it keeps these in 16 bits with a sign, so those that the system
/// hands out by itself are too high.
fn membership_port() -> Result<u16> {
    const LOWEST: u16 = 20_000;
    const COUNT: u16 = 12_000;
    static ASKED: AtomicU16 = AtomicU16::new(0);
    // Runs beside each other begin at different ones.
    let own = std::process::id() * 16 % u32::from(COUNT);
    let candidates = (0..COUNT).filter_map(|_| {
        let asked = u32::from(ASKED.fetch_add(1, Ordering::Relaxed));
        u16::try_from((own + asked) % u32::from(COUNT)).ok().map(|place| LOWEST + place)
    });
    let mut free = candidates.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    free.next().context("this machine has no free port below 32,000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn membership_ports_differ_and_fit_where_temporal_keeps_them() {
        let ports: Vec<u16> = (0..8).map(|_| membership_port().unwrap()).collect();
        assert!(ports.iter().all(|port| i16::try_from(*port).is_ok()), "{ports:?}");
        let distinct: std::collections::HashSet<_> = ports.iter().collect();
        assert_eq!(distinct.len(), ports.len());
    }
}
