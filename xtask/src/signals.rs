//! What a run has started and has to end, should it be told to stop: by Ctrl-C, SIGTERM, or a terminal that is
//! closed.
//!
//! Servers are in process groups of their own, so that a terminal's Ctrl-C reaches only whoever runs this, and
//! not at once the servers beside those who still use them.

use crate::servers::pause;
use anyhow::{Context, Result};
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, kill_process, kill_process_group, test_kill_process, waitid,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use std::fs;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, exit};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Within which a program that is told to stop has ended what it started itself.
const GRACE: Duration = Duration::from_secs(12);

/// What is done at the end, by the number of who asked for it.
type End = (u64, Box<dyn Fn() + Send>);

struct Told {
    asked: u64,
    ends: Vec<End>,
    /// Who ends everything by itself once it is told to.
    waiting: Option<Sender<()>>,
}

static TOLD: Mutex<Told> = Mutex::new(Told { asked: 0, ends: vec![], waiting: None });

/// Holds as long as something would have to be ended; dropped once it is.
#[must_use = "dropped at once, nothing is ended"]
pub(crate) struct AtStop(u64);

impl Drop for AtStop {
    /// Once this process ends everything, nobody comes past this line.
    fn drop(&mut self) {
        told().ends.retain(|(number, _)| *number != self.0);
    }
}

/// Has something done where this process is told to stop. What was asked for last is done first.
pub(crate) fn at_stop(end: impl Fn() + Send + 'static) -> AtStop {
    listen();
    told().add(end)
}

/// Starts a server, in a process group of its own, of which nothing is left where this process is told to stop.
pub(crate) fn spawn(command: &mut Command) -> io::Result<(Child, AtStop)> {
    listen();
    // Locked over both, so that no signal finds it started and not yet known.
    let mut told = told();
    let child = command.process_group(0).spawn()?;
    let group = Pid::from_child(&child);
    let at_stop = told.add(move || {
        // It may have ended by itself, and whoever started it may have seen that already.
        let _ = kill_process_group(group, Signal::KILL);
        let _ = waitid(WaitId::Pid(group), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    });
    Ok((child, at_stop))
}

/// Starts a program that this process waits for. Where this process is told to stop, so is the program, and may
/// end what it started itself.
pub(crate) fn spawn_beside(command: &mut Command) -> io::Result<(Child, AtStop)> {
    listen();
    let mut told = told();
    let child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let at_stop = told.add(move || {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::TERM);
        let begun = Instant::now();
        while test_kill_process(pid).is_ok() && begun.elapsed() < GRACE {
            pause();
        }
    });
    Ok((child, at_stop))
}

/// Makes a folder of this run alone, which is removed where this process is told to stop.
pub(crate) fn folder(path: &Path) -> Result<AtStop> {
    fs::create_dir_all(path).with_context(|| format!("cannot make {}", path.display()))?;
    let path = path.to_owned();
    Ok(at_stop(move || {
        // It may be gone already.
        let _ = fs::remove_dir_all(&path);
    }))
}

/// Waits until this process is told to stop, and leaves it to the caller to end everything; told again, it is
/// ended as anywhere else.
pub(crate) fn until_told() {
    let (sender, heard) = channel();
    listen();
    told().waiting = Some(sender);
    // The sender is never dropped before it has sent.
    let _ = heard.recv();
}

impl Told {
    fn add(&mut self, end: impl Fn() + Send + 'static) -> AtStop {
        self.asked += 1;
        self.ends.push((self.asked, Box::new(end)));
        AtStop(self.asked)
    }
}

fn told() -> MutexGuard<'static, Told> {
    TOLD.lock().unwrap_or_else(PoisonError::into_inner)
}

fn listen() {
    static LISTENS: Once = Once::new();
    LISTENS.call_once(|| {
        // `nohup` means it: it goes on without a terminal.
        let heard =
            [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| *signal != SIGHUP || !ignored(SIGHUP));
        match Signals::new(heard) {
            Ok(mut signals) => {
                thread::spawn(move || signals.forever().for_each(stop));
            }
            Err(error) => eprintln!("Ctrl-C would leave servers behind: {error}"),
        }
    });
}

/// Whether whoever started this process has it ignore a signal.
fn ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}

/// Ends everything and this process, unless somebody waits for the signal.
fn stop(signal: i32) {
    let mut told = told();
    if told.waiting.take().is_some_and(|waiting| waiting.send(()).is_ok()) {
        return;
    }
    eprintln!("told to stop: ending what was started");
    told.ends.iter().rev().for_each(|(_, end)| end());
    // Still locked: nothing is started, and nobody takes the end of a server for a failure, before it is over.
    exit(128 + signal);
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::env;
    use std::io::{BufRead, BufReader};
    use std::path::PathBuf;
    use std::process::{Stdio, id};

    /// Names the folder to the process that is told to stop: this very test, run again.
    const FOLDER: &str = "XTASK_TEST_STOPPED_IN";

    /// Says that it runs, and when it is told to stop writes that into a file.
    const BESIDE: &str =
        "trap 'echo told > \"$0\"; exit' TERM; echo; echo beside; while :; do sleep 0.01; done";

    /// Starts a program and a server and waits for their ends, which come with that of this process.
    fn run_until_stopped(path: &Path) -> ! {
        let folder = folder(path).unwrap();
        let (mut beside, beside_at_stop) =
            spawn_beside(Command::new("sh").args(["-c", BESIDE]).arg(note(path))).unwrap();
        let (mut server, at_stop) = spawn(Command::new("sleep").arg("600")).unwrap();
        println!("\nserver: {}", server.id());
        beside.wait().unwrap();
        server.wait().unwrap();
        drop((beside_at_stop, at_stop, folder));
        panic!("it went on after its server was ended");
    }

    fn note(path: &Path) -> PathBuf {
        path.with_extension("told")
    }

    fn runs(pid: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // One that has ended may still wait for its parent to look.
        stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
    }

    #[test]
    fn who_is_told_to_stop_leaves_neither_servers_nor_folders() {
        if let Some(path) = env::var_os(FOLDER) {
            run_until_stopped(Path::new(&path));
        }
        let this = "signals::tests::who_is_told_to_stop_leaves_neither_servers_nor_folders";
        for signal in [Signal::TERM, Signal::INT] {
            let number = signal.as_raw();
            let path = env::temp_dir().join(format!("xtask-signals-{}-{number}", id()));
            let mut again = Command::new(env::current_exe().unwrap());
            again.args(["--exact", "--nocapture", this]).env(FOLDER, &path).stdout(Stdio::piped());
            let mut child = again.spawn().unwrap();
            let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
            let said: Vec<_> =
                lines.filter(|line| line == "beside" || line.starts_with("server: ")).take(2).collect();
            let server = said.iter().find_map(|line| line.strip_prefix("server: ")).unwrap();
            assert!(runs(server) && path.is_dir());
            kill_process(Pid::from_child(&child), signal).unwrap();
            assert_eq!(child.wait().unwrap().code(), Some(128 + number));
            assert!(!runs(server), "its server runs");
            assert!(!path.exists(), "its folder is there");
            let told = fs::read_to_string(note(&path)).unwrap();
            fs::remove_file(note(&path)).unwrap();
            assert_eq!(told, "told\n", "the program beside it ended as it was told to");
        }
    }

    #[test]
    fn what_was_ended_before_is_not_ended_again() {
        let at_stop = at_stop(|| {});
        let number = at_stop.0;
        let is_known = || told().ends.iter().any(|(known, _)| *known == number);
        assert!(is_known());
        drop(at_stop);
        assert!(!is_known());
    }
}
