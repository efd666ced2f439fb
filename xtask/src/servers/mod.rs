//! The servers that tests of the Temporal engine need, each started in a folder of its own on a free port and
//! ended with its owner. What is missing is installed first.

mod postgres;
mod temporal;
mod temporal_on_postgres;

pub(crate) use postgres::Postgres;
pub(crate) use temporal::Temporal;
#[cfg(test)]
pub(crate) use temporal_on_postgres::VERSION as TEMPORAL_VERSION;
pub(crate) use temporal_on_postgres::{COUNTED, TemporalOnPostgres};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::Child;
use std::thread;
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(50);

/// A port of this machine that nothing listens on.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("this machine has no free port")?;
    Ok(listener.local_addr()?.port())
}

/// Waits until something listens on a port, or the server has ended, or too much time has passed.
fn wait_for(name: &str, server: &mut Child, port: u16, patience: Duration) -> Result<()> {
    let begun = Instant::now();
    loop {
        if TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(());
        }
        if let Some(status) = server.try_wait()? {
            bail!("{name} ended with {status} before it listened");
        }
        if begun.elapsed() > patience {
            bail!("{name} does not listen on port {port} after {} s", patience.as_secs());
        }
        pause();
    }
}

/// A moment until a server is asked again.
#[expect(clippy::disallowed_methods, reason = "a server of somebody else's does not say when it listens")]
pub(crate) fn pause() {
    thread::sleep(PAUSE);
}

/// Ends a server at once, with all of its process group: nothing that tests leave in it is kept.
fn end(server: &mut Child) {
    // Where it has ended by itself there is no group.
    let _ = kill_process_group(Pid::from_child(server), Signal::KILL);
    if server.wait().is_err() {
        eprintln!("process {} could not be ended", server.id());
    }
}
