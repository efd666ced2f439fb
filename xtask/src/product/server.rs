//! `omniflow dev` as a process that can die at any moment.

use super::http::Connection;
use crate::command::without_own_servers;
use crate::signals::{self, AtStop};
use anyhow::{Context, Result, bail, ensure};
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What a server that is not hanging stays far below.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is read from the process's standard output.
enum Said {
    ListensOn(u16),
    /// Its output is closed: it is dead.
    Ended,
}

/// A process, from its start to its end; killed where it is dropped.
pub(crate) struct Server {
    child: Child,
    said: Receiver<Said>,
    started: Instant,
    address: Option<SocketAddr>,
    has_ended: bool,
    _at_stop: AtStop,
}

impl Server {
    /// Starts `program dev` on a free port. What it logs is appended to `log`.
    pub(crate) fn start(program: &Path, data_dir: &Path, flags: &[&str], log: &Path) -> Result<Self> {
        Self::start_with(program, data_dir, flags, log, None)
    }

    /// As [`Self::start`], to kill itself at a named point, such as `before-commit:7`.
    pub(crate) fn start_with(
        program: &Path,
        data_dir: &Path,
        flags: &[&str],
        log: &Path,
        crash_at: Option<&str>,
    ) -> Result<Self> {
        let log = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = Command::new(program);
        command.args(["dev", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data_dir).args(flags);
        without_own_servers(&mut command).envs(crash_at.map(|point| ("OMNIFLOW_CRASH_AT", point)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let started = Instant::now();
        let (mut child, _at_stop) =
            signals::spawn(&mut command).with_context(|| format!("cannot start {}", program.display()))?;
        let output = child.stdout.take().context("the process has no output")?;
        let (sender, said) = channel();
        thread::spawn(move || listen(output, &sender));
        Ok(Self { child, said, started, address: None, has_ended: false, _at_stop })
    }

    /// Waits until it is ready and answers how long that took since its start; `None` if it died before.
    pub(crate) fn ready(&mut self) -> Result<Option<Duration>> {
        match self.said.recv_timeout(PATIENCE) {
            Ok(Said::ListensOn(port)) => self.address = Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            Ok(Said::Ended) | Err(RecvTimeoutError::Disconnected) => self.has_ended = true,
            Err(RecvTimeoutError::Timeout) => bail!("the server does not say where it listens"),
        }
        let Some(address) = self.address else { return Ok(None) };
        match Connection::new(address).get("/readyz") {
            Ok(answer) => ensure!(answer.status == 200, "it listens, and /readyz is {}", answer.status),
            Err(_) => return Ok(None),
        }
        Ok(Some(self.started.elapsed()))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Result<SocketAddr> {
        self.address.context("the server has not said where it listens")
    }

    /// The process's number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it dies by itself within `limit`; returns as soon as it has.
    pub(crate) fn dies_within(&mut self, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        while !self.has_ended {
            match self.said.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Said::ListensOn(_)) => {}
                Ok(Said::Ended) | Err(RecvTimeoutError::Disconnected) => self.has_ended = true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
        true
    }

    /// SIGKILL, unless it is dead already; returns when it is, with how it ended.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// SIGTERM; answers how it ended and how long that took.
    pub(crate) fn terminate(mut self) -> Result<(ExitStatus, Duration)> {
        let asked = Instant::now();
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &pid]).status()?;
        ensure!(sent.success(), "SIGTERM cannot be sent");
        ensure!(self.dies_within(PATIENCE), "it does not end after SIGTERM");
        Ok((self.child.wait()?, asked.elapsed()))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It is dead already where it was waited for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(output: impl Read, said: &Sender<Said>) {
    let mut lines = BufReader::new(output).lines();
    while let Some(Ok(line)) = lines.next() {
        if let Some(port) = port_of(&line) {
            // Who no longer listens has dropped the server.
            let _ = said.send(Said::ListensOn(port));
            break;
        }
    }
    for _ in lines.map_while(Result::ok) {}
    let _ = said.send(Said::Ended);
}

/// The port in a line such as `  API       http://localhost:8000/api/v1`.
fn port_of(line: &str) -> Option<u16> {
    line.trim().strip_prefix("API")?.split_once("http://localhost:")?.1.split('/').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_in_the_line_of_the_api() {
        assert_eq!(port_of("  API       http://localhost:8123/api/v1"), Some(8123));
        assert_eq!(port_of("  Health    http://localhost:8123/healthz"), None);
        assert_eq!(port_of("OmniFlow is ready."), None);
    }

    #[test]
    fn a_program_that_ends_at_once_is_seen_to_die() {
        let log = std::env::temp_dir().join(format!("xtask-server-{}.log", std::process::id()));
        let mut server = Server::start(Path::new("/bin/true"), Path::new("/"), &[], &log).unwrap();
        assert!(server.ready().unwrap().is_none());
        assert!(server.dies_within(Duration::ZERO));
        assert!(server.kill().unwrap().success());
        std::fs::remove_file(log).unwrap();
    }
}
