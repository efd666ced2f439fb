//! `omniflow.toml`: the file, then the environment, then flags. Every mistake is found before anything starts,
//! all of them at once, each with its line and what to write instead.
//!
//! A secret is read from the environment or from the file that its `…_file` key names, and is never printed.

mod environment;
mod file;
mod keys;
mod nearest;
mod print;
mod slot;
#[cfg(test)]
mod tests;
pub(crate) mod variables;

pub(crate) use print::print;
pub(crate) use slot::LogFormat;

use crate::failure::Failure;
use crate::server::{EngineName, Settings, temporal};
use slot::short;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What is configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) settings: Settings,
    pub(crate) allow_unauthenticated_remote: bool,
    /// Which logs are written.
    pub(crate) log: String,
    pub(crate) log_format: LogFormat,
    asked: Asked,
}

/// What somebody must have written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Asked {
    engine: Option<bool>,
    access: Option<bool>,
    carrier: Option<bool>,
    payments: Option<bool>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            allow_unauthenticated_remote: false,
            log: "info".to_owned(),
            log_format: LogFormat::Auto,
            asked: Asked::default(),
        }
    }
}

/// A mistake, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mistake {
    /// The file's line, or the variable or flag.
    at: Option<Source>,
    text: String,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Source {
    Line(usize),
    Variable(String),
    Flag(String),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.at {
            Some(Source::Line(line)) => write!(f, "line {line}: {}", self.text),
            Some(Source::Variable(name) | Source::Flag(name)) => write!(f, "{name}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("{path} cannot be read: {source}; `omniflow serve --print-config` prints a whole one")]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}", told(path, mistakes))]
    Wrong { path: PathBuf, mistakes: Vec<Mistake> },
}

fn told(path: &Path, mistakes: &[Mistake]) -> String {
    match mistakes {
        [only] => format!("{}: {only}", path.display()),
        _ => {
            let lines: String = mistakes.iter().map(|mistake| format!("\n  {mistake}")).collect();
            format!("{}: {} mistakes{lines}", path.display(), mistakes.len())
        }
    }
}

impl Config {
    /// Reads a file, then variables of the environment, then flags `KEY=VALUE`.
    ///
    /// # Errors
    /// Every mistake at once.
    pub(crate) fn load(
        path: &Path,
        environment: impl Iterator<Item = (OsString, OsString)>,
        flags: &[(String, String)],
    ) -> Result<Self, Error> {
        let unreadable = |source| Error::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::read(&text, environment, flags)
            .map_err(|mistakes| Error::Wrong { path: path.to_owned(), mistakes })
    }

    fn read(
        text: &str,
        environment: impl Iterator<Item = (OsString, OsString)>,
        flags: &[(String, String)],
    ) -> Result<Self, Vec<Mistake>> {
        let mut config = Self::default();
        let mut mistakes = vec![];
        let is_whole = file::read(text, &mut config, &mut mistakes);
        environment::read(environment, &mut config, &mut mistakes);
        environment::flags(flags, &mut config, &mut mistakes);
        if is_whole {
            file::name_missing(&mut config, &mut mistakes);
            config.check_together(&mut mistakes);
        }
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// Reads what a command that runs was told to: a file, then the environment, then flags.
    ///
    /// # Errors
    /// Exit code 2.
    pub(crate) fn of_command(
        command: &str,
        path: Option<&Path>,
        flags: &[(String, String)],
    ) -> Result<Self, Failure> {
        let Some(path) = path else {
            return Err(Failure::usage(format!(
                "{command} needs a configuration: --config omniflow.toml; `omniflow serve --print-config` \
                 prints one with every key and its default"
            )));
        };
        Self::load(path, std::env::vars_os(), flags).map_err(|error| Failure::with_code(2, error))
    }

    /// What one value alone does not show.
    fn check_together(&self, mistakes: &mut Vec<Mistake>) {
        let Settings { listen, policies, carrier_delay, .. } = &self.settings;
        let mut found = |text: String| mistakes.push(Mistake { at: None, text });
        if !listen.ip().is_loopback() && !self.allow_unauthenticated_remote {
            found(format!(
                "`listen` is {listen}, which others can reach, and access = \"none\" asks nobody who they are: \
                 write listen = \"127.0.0.1:{port}\", or allow_unauthenticated_remote = true where the network is closed",
                port = listen.port()
            ));
        }
        let attempt = Duration::from_millis(policies.forward.attempt_timeout_ms);
        if attempt <= *carrier_delay {
            let (attempt, delay) = (short(attempt), short(*carrier_delay));
            found(format!(
                "`policies.forward.attempt_timeout` ({attempt}) must be longer than `carrier.delay` ({delay}), \
                 or no shipment is ever answered in time"
            ));
        }
        for (name, retry) in [("forward", policies.forward), ("compensation", policies.compensation)] {
            if retry.backoff_max_ms < retry.backoff_ms {
                found(format!(
                    "`policies.{name}.backoff_max` must not be shorter than `policies.{name}.backoff`"
                ));
            }
        }
        if self.settings.engine == EngineName::Temporal
            && let Err(fault) = temporal::check(&self.settings.servers)
        {
            found(fault);
        }
    }
}
