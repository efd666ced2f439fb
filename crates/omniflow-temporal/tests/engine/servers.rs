//! Servers that one test has for itself, so that it may end them.

use crate::harness::{Servers, link, setting};
use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(60);

/// Temporal's development server with its store in a file.
pub(crate) struct TemporalServer {
    folder: tempfolder::Folder,
    port: u16,
    options: Vec<String>,
    process: Option<Child>,
}

/// PostgreSQL with a cluster of its own.
pub(crate) struct PostgresServer {
    folder: tempfolder::Folder,
    port: u16,
    process: Option<Child>,
}

/// A folder that goes with its owner.
mod tempfolder {
    use std::path::{Path, PathBuf};

    pub(crate) struct Folder(PathBuf);

    impl Folder {
        pub(crate) fn new(name: &str, port: u16) -> Self {
            let folder = std::env::temp_dir().join(format!("omniflow-{name}-{port}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder)
        }
    }

    impl AsRef<Path> for Folder {
        fn as_ref(&self) -> &Path {
            &self.0
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Asks until the answer is yes: servers do not say when they are ready.
async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !is_so().await {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come up");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

impl TemporalServer {
    /// Starts one, with further options of its command line.
    pub(crate) async fn start(options: &[&str]) -> Self {
        let port = free_port();
        let options = options.iter().map(|&option| option.to_owned()).collect();
        let mut server =
            Self { folder: tempfolder::Folder::new("temporal", port), port, options, process: None };
        server.start_again().await;
        server
    }

    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Starts it on what the one before left behind.
    pub(crate) async fn start_again(&mut self) {
        let log = File::options().create(true).append(true).open(self.folder.as_ref().join("log")).unwrap();
        let (http, metrics) = (free_port().to_string(), free_port().to_string());
        let process = Command::new(setting("OMNIFLOW_TEST_TEMPORAL_CLI"))
            .args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "warn"])
            .args(["--port", &self.port.to_string(), "--http-port", &http, "--metrics-port", &metrics])
            .arg("--db-filename")
            .arg(self.folder.as_ref().join("temporal.db"))
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.process = Some(process);
        let address = self.address();
        until("Temporal", async || link(&address).check().await.is_ok()).await;
    }

    /// Ends it as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }
}

impl Drop for TemporalServer {
    fn drop(&mut self) {
        self.kill();
    }
}

impl PostgresServer {
    /// Makes a cluster and starts it.
    pub(crate) async fn start() -> Self {
        let port = free_port();
        let folder = tempfolder::Folder::new("cluster", port);
        if let Some(user) = user() {
            succeeds(Command::new("chown").arg(&user).arg(folder.as_ref()));
        }
        let mut initdb = program("initdb", folder.as_ref());
        initdb.arg("--pgdata").arg(data(folder.as_ref()));
        succeeds(initdb.args([
            "--auth",
            "trust",
            "--username",
            "omniflow",
            "--encoding",
            "UTF8",
            "--no-locale",
        ]));
        let mut server = Self { folder, port, process: None };
        server.start_again().await;
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://omniflow@127.0.0.1:{}/postgres", self.port)
    }

    /// Starts it on what the one before left behind.
    pub(crate) async fn start_again(&mut self) {
        let folder = self.folder.as_ref();
        let mut postgres = program("postgres", folder);
        postgres.arg("-D").arg(data(folder)).args(["-p", &self.port.to_string(), "-h", "127.0.0.1", "-k"]);
        let process = postgres.arg(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(process.spawn().unwrap());
        let url = self.url();
        until("PostgreSQL", async || tokio_postgres::connect(&url, tokio_postgres::NoTls).await.is_ok())
            .await;
    }

    /// Ends all its processes at once, without a checkpoint: it recovers from its log when it starts again.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let mut stop = program("pg_ctl", self.folder.as_ref());
            stop.arg("-D").arg(data(self.folder.as_ref())).args(["-m", "immediate", "-w", "stop"]);
            succeeds(&mut stop);
            process.wait().unwrap();
        }
    }
}

impl Drop for PostgresServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Whom PostgreSQL runs as where not as whoever runs the tests.
fn user() -> Option<String> {
    std::env::var("OMNIFLOW_TEST_POSTGRES_USER").ok().filter(|user| !user.is_empty())
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// One of PostgreSQL's programs.
fn program(name: &str, folder: &Path) -> Command {
    let program = Path::new(&setting("OMNIFLOW_TEST_POSTGRES_BIN")).join(name);
    let mut command = match user() {
        Some(user) => {
            let mut command = Command::new("runuser");
            command.args(["-u", &user, "--"]).arg(program);
            command
        }
        None => Command::new(program),
    };
    command.current_dir(folder);
    command
}

fn succeeds(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Where servers of a test's own are.
pub(crate) fn named(temporal: Option<&TemporalServer>, postgres: Option<&PostgresServer>) -> Servers {
    let temporal = temporal.map_or_else(|| setting("OMNIFLOW_TEST_TEMPORAL"), TemporalServer::address);
    let postgres = postgres.map_or_else(|| setting("OMNIFLOW_TEST_POSTGRES"), PostgresServer::url);
    Servers { temporal, postgres }
}
