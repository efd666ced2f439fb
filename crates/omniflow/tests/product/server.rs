//! `omniflow dev` on a data directory of the test's own, killed when the test ends.

use crate::client::Client;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Longer than anything takes that is not hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A port of this machine on which nothing listens: the system gives out none below 1024.
pub(crate) const NOBODY: &str = "127.0.0.1:1";

/// Where one server after another keeps its data.
pub(crate) struct Place {
    dir: TempDir,
}

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) client: Client,
    log: Receiver<String>,
}

/// A command of the program, which is told nothing by the variables that tests are driven by, nor by those and
/// the file with which whoever runs them reaches a Temporal of their own: it knows of none.
pub(crate) fn omniflow<const N: usize>(args: [&str; N]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_omniflow"));
    command.args(args);
    for (name, _) in std::env::vars_os() {
        if ["OMNIFLOW_", "TEMPORAL_"].iter().any(|of| name.to_string_lossy().starts_with(of)) {
            command.env_remove(name);
        }
    }
    command.env("TEMPORAL_CONFIG_FILE", "/dev/null").env("TEMPORAL_ADDRESS", NOBODY);
    command
}

/// The same command in the hands of a line of shell, which ends in `exec "$0" "$@"`.
pub(crate) fn by_shell(line: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).arg(command.get_program()).args(command.get_args());
    with_environment_of(command, &mut shell);
    shell
}

/// Gives a command what another one is told by its environment.
pub(crate) fn with_environment_of(told: &Command, command: &mut Command) {
    for (name, value) in told.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
}

/// Runs a command that must end by itself.
pub(crate) fn run(mut command: Command) -> Output {
    let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    Ending(child.expect("starts")).output()
}

/// A server with its test clock, which stands still.
pub(crate) fn still() -> (Place, Server) {
    let place = Place::new();
    let server = place.start(&["--test-clock"]);
    (place, server)
}

impl Place {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().expect("a temporary directory") }
    }

    /// The data directory.
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The lines of `providers.log`.
    pub(crate) fn effects(&self) -> Vec<serde_json::Value> {
        let log = std::fs::read_to_string(self.data().join("providers.log")).expect("a log");
        log.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }

    /// The command that starts a server here.
    pub(crate) fn command(&self, flags: &[&str]) -> Command {
        let mut command = omniflow(["dev", "--listen", "127.0.0.1:0", "--data-dir"]);
        command.arg(self.data()).args(flags);
        command
    }

    pub(crate) fn start(&self, flags: &[&str]) -> Server {
        Server::start(self.command(flags))
    }

    /// Runs `omniflow verify` here.
    pub(crate) fn verify(&self) -> Output {
        verify(&self.data())
    }

    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let output = self.verify();
        assert!(output.status.success(), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).ends_with("everything holds\n"), "{output:?}");
    }
}

/// Runs `omniflow verify`.
pub(crate) fn verify(data_dir: &Path) -> Output {
    let mut command = omniflow(["verify", "--data-dir"]);
    command.arg(data_dir);
    run(command)
}

impl Server {
    /// Starts a server and waits until it says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.expect("starts");
        let (output, errors) = (child.stdout.take().expect("piped"), child.stderr.take().expect("piped"));
        let (said, log) = (lines(output), lines(errors));
        let until = Instant::now() + PATIENCE;
        let address = loop {
            match said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => match address_in(&line) {
                    Some(address) => break address,
                    None => continue,
                },
                Err(error) => {
                    let _ = child.kill();
                    panic!("it does not start ({error}): {:?}", log.iter().collect::<Vec<_>>());
                }
            }
        };
        Self { child, client: Client::new(address), log }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL; returns when it is dead.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("was alive");
        self.child.wait().expect("is a child");
    }

    /// Sends a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("sh").args(["-c", r#"kill -"$0" "$1""#, name, &pid]).status();
        assert!(sent.expect("sh starts").success(), "SIG{name} is sent");
    }

    /// Waits for a line of its log that holds a text, and answers it.
    pub(crate) fn await_log(&self, text: &str) -> String {
        let until = Instant::now() + PATIENCE;
        loop {
            let line = self.log.recv_timeout(until.saturating_duration_since(Instant::now()));
            let line = line.unwrap_or_else(|error| panic!("{text:?} is not logged: {error}"));
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        // Its log ends when it does.
        let until = Instant::now() + PATIENCE;
        loop {
            match self.log.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("it does not end"),
            }
        }
        self.child.wait().expect("is a child")
    }

    /// SIGTERM; answers how it ended.
    pub(crate) fn terminate(mut self) -> ExitStatus {
        self.signal("TERM");
        self.ended()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A child that is killed where the test gives up on it.
struct Ending(Child);

impl Ending {
    fn output(mut self) -> Output {
        let stdout = lines_of(self.0.stdout.take());
        let stderr = lines_of(self.0.stderr.take());
        let until = Instant::now() + PATIENCE;
        let collect = |lines: Receiver<String>| {
            let mut text = String::new();
            loop {
                match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                    Ok(line) => text = text + &line + "\n",
                    Err(RecvTimeoutError::Disconnected) => return text,
                    Err(error) => panic!("it does not end ({error}): {text}"),
                }
            }
        };
        let (stdout, stderr) = (collect(stdout), collect(stderr));
        let status = self.0.wait().expect("is a child");
        Output { status, stdout: stdout.into(), stderr: stderr.into() }
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn lines_of(stream: Option<impl Read + Send + 'static>) -> Receiver<String> {
    lines(stream.expect("piped"))
}

/// The lines of a stream as they come; it is read to its end, whoever listens.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The address in the line `  API       http://localhost:8000/api/v1`, or in a worker's, which has only
/// `  Health    http://127.0.0.1:8001/healthz`.
fn address_in(line: &str) -> Option<SocketAddr> {
    let address = line.trim();
    let address = address.strip_prefix("API").or_else(|| address.strip_prefix("Health"))?.trim();
    let (_, port) = address.strip_prefix("http://")?.split('/').next()?.rsplit_once(':')?;
    Some(SocketAddr::from(([127, 0, 0, 1], port.parse().ok()?)))
}
