//! Temporal's development server: the real server with its store in memory or in a file, from Temporal's own
//! command-line program.

use super::{end, free_port, wait_for};
use crate::checkout::Checkout;
use crate::command::without_own_servers;
use crate::signals::{self, AtStop};
use crate::tools::TEMPORAL;
use anyhow::{Context, Result};
use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// A running server.
pub(crate) struct Temporal {
    server: Child,
    port: u16,
    _at_stop: AtStop,
}

impl Temporal {
    /// Starts one with its store in memory; its log goes into `folder`.
    pub(crate) fn start(checkout: &Checkout, folder: &Path) -> Result<Self> {
        Self::start_with(checkout, folder, &[])
    }

    /// As [`Self::start`], with further flags, such as a file for its store.
    pub(crate) fn start_with(checkout: &Checkout, folder: &Path, flags: &[&str]) -> Result<Self> {
        let program = TEMPORAL.program(checkout)?;
        let port = free_port()?;
        let log = File::create(folder.join("temporal.log")).context("cannot write Temporal's log")?;
        let mut server = Command::new(program);
        server
            .args(["server", "start-dev", "--headless", "--ip", "127.0.0.1", "--log-level", "warn"])
            .args(["--port", &port.to_string(), "--http-port", &free_port()?.to_string()])
            .args(["--metrics-port", &free_port()?.to_string()])
            .args(flags)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        without_own_servers(&mut server);
        let (server, _at_stop) = signals::spawn(&mut server).context("cannot start Temporal")?;
        let mut started = Self { server, port, _at_stop };
        wait_for("Temporal", &mut started.server, port, PATIENCE)?;
        Ok(started)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }
}

impl Drop for Temporal {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}
