//! What every command that asks a server takes.

use super::{Address, Language, Shown};
use clap::Args;
use omniflow_http::duration;
use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Which server to ask, and how to show what it says.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ServerArgs {
    /// The server to ask.
    #[arg(long, global = true, value_name = "URL", env = "OMNIFLOW_SERVER")]
    #[arg(default_value = "http://127.0.0.1:8000")]
    pub(crate) server: Address,
    /// The access key, where the server wants one; better set in the environment than typed.
    #[arg(long, global = true, value_name = "KEY", env = "OMNIFLOW_KEY", hide_env_values = true)]
    pub(crate) key: Option<AccessKey>,
    /// How long to wait for an answer, new tries included.
    #[arg(long, global = true, value_name = "DURATION", default_value = "30s", value_parser = time_out)]
    pub(crate) timeout: Duration,
    /// The language of texts for people; without it, the environment's.
    #[arg(long, global = true, value_name = "LANGUAGE")]
    pub(crate) lang: Option<Language>,
    /// Print what the server answered, for scripts.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

impl ServerArgs {
    /// How to show what the server says.
    pub(crate) fn shown(&self) -> Shown {
        let of_environment = || Language::of_environment(|name| std::env::var(name).ok());
        Shown { json: self.json, language: self.lang.unwrap_or_else(of_environment) }
    }
}

fn time_out(text: &str) -> Result<Duration, &'static str> {
    let duration = duration::parse(text)?;
    let range = Duration::from_millis(100)..=Duration::from_secs(600);
    if range.contains(&duration) { Ok(duration) } else { Err("must be from 100ms to 10m") }
}

/// An access key. Whatever shows it shows that there is one, not which.
///
/// Reading it never fails, because a failure of the command line is told with the value; what a header
/// cannot carry is refused later, without it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct AccessKey(String);

impl AccessKey {
    /// The key, unless it is empty, which is none.
    pub(super) fn reveal(&self) -> Option<&str> {
        Some(self.0.trim()).filter(|key| !key.is_empty())
    }
}

impl FromStr for AccessKey {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for AccessKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("AccessKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_not_shown() {
        let key: AccessKey = "secret-1".parse().unwrap();
        assert_eq!((format!("{key:?}"), key.reveal()), ("AccessKey(…)".to_owned(), Some("secret-1")));
        assert_eq!("  ".parse::<AccessKey>().unwrap().reveal(), None);
    }
}
