//! Runs programs: in the open, so that a person sees the output as it comes and the summary can quote it at
//! the end, or silently, for what they answer.

use crate::signals;
use anyhow::{Context, Result, ensure};
use std::ffi::OsString;
use std::io::{BufRead, BufReader, IsTerminal, PipeReader, Write, pipe, stdout};
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::Duration;

/// How long to go on reading after the program's end: a process that it left behind may hold its output open
/// for ever.
const STRAGGLERS: Duration = Duration::from_secs(2);

/// The variable that names Temporal's configuration file, and a file in which nothing is.
pub(crate) const TEMPORALS_FILE: &str = "TEMPORAL_CONFIG_FILE";
pub(crate) const NO_FILE: &str = "/dev/null";

/// A program that has ended.
pub(crate) struct Finished {
    shown: String,
    status: ExitStatus,
    lines: Vec<String>,
}

impl Finished {
    /// What it printed on both streams, in order, without colours; an error if it failed.
    pub(crate) fn success(self) -> Result<Vec<String>> {
        ensure!(self.status.success(), "`{}` ended with {}", self.shown, self.status);
        Ok(self.lines)
    }

    /// What it printed from the last line on that begins with `start`, white space aside.
    pub(crate) fn closing(&self, start: &str) -> &[String] {
        let last = self.lines.iter().rposition(|line| line.trim_start().starts_with(start));
        last.map_or(&[], |last| &self.lines[last..])
    }

    /// The first line that holds `text`, if the program failed.
    pub(crate) fn failed_with(&self, text: &str) -> Option<&str> {
        let failed = !self.status.success();
        self.lines.iter().filter(|_| failed).find(|line| line.contains(text)).map(String::as_str)
    }
}

/// Runs `command` to its end, showing it and its output.
pub(crate) fn run(mut command: Command) -> Result<Finished> {
    let shown = shown(&command);
    println!("$ {shown}");
    if stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let (reader, writer) = pipe()?;
    command.stdout(writer.try_clone()?).stderr(writer);
    let (mut child, _at_stop) =
        signals::spawn_beside(&mut command).with_context(|| format!("cannot run `{shown}`"))?;
    // The command holds the pipe's writing ends: while it lives, reading never ends.
    drop(command);
    let (sender, receiver) = channel();
    thread::spawn(move || echo(reader, &sender));
    let status = child.wait()?;
    let mut lines = Vec::new();
    while let Ok(line) = receiver.recv_timeout(STRAGGLERS) {
        lines.push(line);
    }
    Ok(Finished { shown, status, lines })
}

/// Runs `command` silently and answers what it printed; an error holds its complaint.
pub(crate) fn read(mut command: Command) -> Result<String> {
    let shown = shown(&command);
    let answer = command.output().with_context(|| format!("cannot run `{shown}`"))?;
    let complaint = String::from_utf8_lossy(&answer.stderr);
    ensure!(answer.status.success(), "`{shown}` ended with {}: {}", answer.status, complaint.trim());
    Ok(String::from_utf8(answer.stdout)?)
}

/// Keeps from a command which Temporal and which OmniFlow are meant by whoever runs this: variables, and Temporal's
/// configuration file, say that to every program of theirs, and these here are to know the servers of this run
/// alone. The tests' own `OMNIFLOW_SEED` and `OMNIFLOW_SEEDS` are left.
pub(crate) fn without_own_servers(command: &mut Command) -> &mut Command {
    without(command, std::env::vars_os().map(|(name, _)| name))
}

fn without(command: &mut Command, known: impl Iterator<Item = OsString>) -> &mut Command {
    let is_own = |name: &[u8]| {
        name.starts_with(b"TEMPORAL_")
            || (name.starts_with(b"OMNIFLOW_") && !name.starts_with(b"OMNIFLOW_SEED"))
    };
    for name in known.filter(|name| is_own(name.as_encoded_bytes())) {
        command.env_remove(name);
    }
    command.env(TEMPORALS_FILE, NO_FILE)
}

fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn echo(reader: PipeReader, lines: &Sender<String>) {
    let mut reader = BufReader::new(reader);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // Neither a closed terminal nor a summary that no longer listens is a reason to stop the program.
        let _ = stdout().write_all(&line);
        let _ = lines.send(plain(&String::from_utf8_lossy(&line)));
        line.clear();
    }
}

/// The text without terminal colours and the white space at its end.
fn plain(line: &str) -> String {
    let mut pieces = line.split("\x1b[");
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        text.push_str(piece.split_once(|c: char| c.is_ascii_alphabetic()).map_or("", |(_, rest)| rest));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn sh(script: &str) -> Finished {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        run(command).unwrap()
    }

    #[test]
    fn both_streams_are_kept_in_order() {
        let lines = sh("echo one; echo two >&2; printf three").success().unwrap();
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn a_failure_names_the_command_and_its_exit() {
        let error = sh("exit 3").success().unwrap_err().to_string();
        assert_eq!(error, "`sh -c exit 3` ended with exit status: 3");
    }

    #[test]
    fn the_closing_lines_begin_at_the_last_summary() {
        let finished = sh("echo Summary 1; echo more; echo '  Summary 2'; echo FAIL x");
        assert_eq!(finished.closing("Summary"), ["  Summary 2", "FAIL x"]);
        assert_eq!(finished.closing("Total"), [""; 0]);
    }

    #[test]
    fn a_text_is_found_only_in_a_failure() {
        assert_eq!(sh("echo cannot reach it; exit 1").failed_with("reach"), Some("cannot reach it"));
        assert_eq!(sh("echo cannot reach it").failed_with("reach"), None);
    }

    #[test]
    fn a_process_left_behind_does_not_hold_up_the_run() {
        let started = Instant::now();
        let lines = sh("sleep 60 & echo done; echo $!").success().unwrap();
        assert!(started.elapsed() < Duration::from_secs(30), "waited for the process left behind");
        assert_eq!(lines[0], "done");
        sh(&format!("kill {}", lines[1])).success().unwrap();
    }

    #[test]
    fn what_is_read_silently_is_the_answer_alone_or_the_complaint() {
        let read = |script: &str| {
            let mut command = Command::new("sh");
            command.args(["-c", script]);
            read(command)
        };
        assert_eq!(read("echo note >&2; echo answer").unwrap(), "answer\n");
        let error = read("echo why >&2; exit 1").unwrap_err().to_string();
        assert_eq!(error, "`sh -c echo why >&2; exit 1` ended with exit status: 1: why");
    }

    #[test]
    fn a_command_does_not_hear_of_servers_of_somebody_elses() {
        let known = [
            "OMNIFLOW_LISTEN",
            "OMNIFLOW_SEEDS",
            "TEMPORAL_ADDRESS",
            "TEMPORAL_API_KEY",
            "TEMPORAL_CONFIG_FILE",
            "PATH",
        ];
        let mut command = Command::new("env");
        without(command.env("TEMPORAL_API_KEY", "secret"), known.map(Into::into).into_iter());
        let told: Vec<_> = command.get_envs().map(|(name, value)| (name.to_str(), value)).collect();
        let expected = [
            (Some("OMNIFLOW_LISTEN"), None),
            (Some("TEMPORAL_ADDRESS"), None),
            (Some("TEMPORAL_API_KEY"), None),
            (Some(TEMPORALS_FILE), Some(NO_FILE.as_ref())),
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn colours_are_taken_out() {
        assert_eq!(plain("\x1b[32;1m    PASS\x1b[0m [ 0.1s]\x1b[m\n"), "    PASS [ 0.1s]");
    }
}
