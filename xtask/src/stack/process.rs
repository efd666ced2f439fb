//! A process of the product that runs until it is told to stop, or killed.

use crate::command::{NO_FILE, TEMPORALS_FILE};
use crate::servers::pause;
use crate::signals::{self, AtStop};
use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// What a start never takes, on a machine that is busy too.
const PATIENCE: Duration = Duration::from_secs(60);
/// Within which it must end once it is told to, and a little more.
const GRACE: Duration = Duration::from_secs(12);
/// How long one health check may take: what Compose gives it.
const CHECK: Duration = Duration::from_secs(5);

/// A running process; killed where it is dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    log: PathBuf,
    _at_stop: AtStop,
}

impl Process {
    /// Starts `program` with these words and variables, and no others of this shell than `PATH`. What it says is
    /// appended to a file in `folder`.
    pub(crate) fn start(
        name: &str,
        program: &Path,
        words: &[String],
        variables: &BTreeMap<String, String>,
        folder: &Path,
    ) -> Result<Self> {
        let log = folder.join(format!("{name}.log"));
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = Command::new(program);
        command.args(words).current_dir(folder).env_clear();
        command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        // It would be looked for in the home of whoever runs this, also where nothing says where that is.
        command.env(TEMPORALS_FILE, NO_FILE).envs(variables);
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let (child, _at_stop) =
            signals::spawn(&mut command).with_context(|| format!("cannot start {}", program.display()))?;
        Ok(Self { name: name.to_owned(), child, log, _at_stop })
    }

    /// Waits until `health` ends well.
    pub(crate) fn healthy(&mut self, health: &[String]) -> Result<()> {
        let (program, words) = health.split_first().context("it has no health check")?;
        let begun = Instant::now();
        loop {
            let mut check = Command::new(program);
            check.args(words);
            if passes(check, CHECK).with_context(|| format!("cannot run {program}"))? {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{}", self.name, self.last_lines());
            }
            if begun.elapsed() > PATIENCE {
                bail!("{} is not well after {} s:\n{}", self.name, PATIENCE.as_secs(), self.last_lines());
            }
            pause();
        }
    }

    /// Its number.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL.
    pub(crate) fn kill(&mut self) -> Result<ExitStatus> {
        self.child.kill()?;
        Ok(self.child.wait()?)
    }

    /// SIGTERM; it must end well, within the time that it has for it.
    pub(crate) fn stop(mut self) -> Result<()> {
        let asked = Instant::now();
        kill_process(Pid::from_child(&self.child), Signal::TERM)?;
        loop {
            if let Some(status) = self.child.try_wait()? {
                ensure!(
                    status.success(),
                    "told to stop, {} ended with {status}:\n{}",
                    self.name,
                    self.last_lines()
                );
                return Ok(());
            }
            let time = GRACE.as_secs();
            ensure!(asked.elapsed() < GRACE, "{} runs {time} s after it was told to stop", self.name);
            pause();
        }
    }

    fn last_lines(&self) -> String {
        let said = fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = said.lines().collect();
        lines[lines.len().saturating_sub(12)..].join("\n")
    }
}

/// Whether a health check ends well, within so much time.
fn passes(mut check: Command, limit: Duration) -> Result<bool> {
    check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut check = check.spawn()?;
    let begun = Instant::now();
    loop {
        if let Some(status) = check.try_wait()? {
            return Ok(status.success());
        }
        if begun.elapsed() > limit {
            check.kill()?;
            check.wait()?;
            return Ok(false);
        }
        pause();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !matches!(self.child.try_wait(), Ok(Some(_))) && self.kill().is_err() {
            eprintln!("{} ({}) could not be ended", self.name, self.child.id());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sh(name: &str, script: &str) -> Process {
        let folder = std::env::temp_dir().join(format!("xtask-process-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let words = ["-c".to_owned(), script.to_owned()];
        Process::start(name, Path::new("sh"), &words, &BTreeMap::new(), &folder).unwrap()
    }

    fn words(check: &[&str]) -> Vec<String> {
        check.iter().map(|&word| word.to_owned()).collect()
    }

    #[test]
    fn one_that_dies_is_told_with_what_it_said() {
        let error = sh("dying", "echo why; exit 3").healthy(&words(&["false"])).unwrap_err().to_string();
        assert_eq!(error, "dying ended with exit status: 3:\nwhy");
    }

    #[test]
    fn a_health_check_that_does_not_end_is_one_that_does_not_pass() {
        let mut check = Command::new("sleep");
        check.arg("600");
        let begun = Instant::now();
        assert!(!passes(check, Duration::from_millis(100)).unwrap());
        assert!(begun.elapsed() < Duration::from_secs(60));
        assert!(passes(Command::new("true"), CHECK).unwrap());
    }

    #[test]
    fn one_knows_no_temporal_but_that_which_it_is_told() {
        let mut process = sh("asked", "env; echo all; while :; do sleep 0.01; done");
        let log = process.log.clone();
        process.healthy(&words(&["grep", "-qx", "all", &log.display().to_string()])).unwrap();
        let said = fs::read_to_string(log).unwrap();
        let told: Vec<_> = said.lines().filter(|line| line.starts_with("TEMPORAL_")).collect();
        assert_eq!(told, ["TEMPORAL_CONFIG_FILE=/dev/null"]);
    }

    #[test]
    fn one_that_is_well_stops_when_it_is_told() {
        let mut process = sh("well", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.01; done");
        let log = process.log.display().to_string();
        process.healthy(&words(&["grep", "-q", "ready", &log])).unwrap();
        process.stop().unwrap();
        let mut bad = sh("bad", "trap 'exit 5' TERM; echo bad-ready; while :; do sleep 0.01; done");
        let log = bad.log.display().to_string();
        bad.healthy(&words(&["grep", "-q", "bad-ready", &log])).unwrap();
        assert!(bad.stop().unwrap_err().to_string().contains("exit status: 5"));
    }
}
