//! `omniflow doctor`: what is missing or unreachable, and how to mend it.
//!
//! It changes nothing, takes no lock that a server could miss, and shows no secret. A file that it writes, to
//! time the disk, is gone when it ends. What it cannot look at, it says so.

mod directory;
mod finding;
mod lock;
mod machine;
mod server;
#[cfg(feature = "temporal")]
mod servers;

use crate::client::{self, Error, ServerArgs};
use crate::config::{Config, variables};
use crate::failure::Failure;
#[cfg(feature = "temporal")]
use crate::server::EngineName;
use crate::server::Settings;
use clap::Args;
use finding::{Finding, Findings};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// `omniflow doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    server: ServerArgs,
    /// The data directory of a server on this machine; without it, the configuration's, or ./omniflow-data if
    /// that is there.
    #[arg(long, value_name = "DIR", env = "OMNIFLOW_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The configuration of `omniflow serve`, to be checked too.
    #[arg(long, value_name = "FILE", env = "OMNIFLOW_CONFIG")]
    config: Option<PathBuf>,
}

/// Where `dev` keeps its data unless told otherwise.
pub(crate) const USUAL_DIRECTORY: &str = "./omniflow-data";

/// Looks at everything and tells it: exit code 3 where the server cannot be reached, 1 where something else is
/// missing.
///
/// # Errors
/// Where nothing could be looked at or told.
pub(crate) fn run(args: DoctorArgs) -> Result<ExitCode, Failure> {
    let findings = examine(&args).map_err(Error::into_failure)?;
    let text = match args.server.json {
        true => findings.json().map_err(Failure::from)?,
        false => findings.text(),
    };
    client::print(&text).map_err(Error::into_failure)?;
    Ok(ExitCode::from(findings.exit_code()))
}

fn examine(args: &DoctorArgs) -> Result<Findings, Error> {
    let mut findings = Findings::default();
    let client = client::Client::new(&args.server)?;
    client::block_on(server::examine(&client, &mut findings)).map_err(Error::Runtime)?;
    let configured = args.config.as_deref().and_then(|path| configuration(path, &mut findings));
    #[cfg(feature = "temporal")]
    if let Some(settings) = configured.as_ref().filter(|settings| settings.engine == EngineName::Temporal) {
        client::block_on(servers::examine(&settings.servers, &mut findings)).map_err(Error::Runtime)?;
        machine::examine(&mut findings);
        return Ok(findings);
    }
    match args.data_dir.clone().or(configured.map(|settings| settings.data_dir)) {
        Some(directory) => directory::examine(&directory, &mut findings),
        None if Path::new(USUAL_DIRECTORY).exists() => {
            directory::examine(Path::new(USUAL_DIRECTORY), &mut findings);
        }
        None => findings.add(Finding::well("data directory", "none is here; --data-dir names another one")),
    }
    if args.config.is_none() {
        environment(&mut findings);
    }
    machine::examine(&mut findings);
    Ok(findings)
}

/// Tells variables that are none; those of a configuration are told with it.
fn environment(findings: &mut Findings) {
    for fault in variables::faults(std::env::vars_os()) {
        findings.add(Finding::missing("environment", &fault, "every other command refuses to run with it"));
    }
}

/// Checks a configuration; answers its settings.
fn configuration(path: &Path, findings: &mut Findings) -> Option<Settings> {
    match Config::load(path, std::env::vars_os(), &[]) {
        Ok(config) => {
            findings.add(Finding::well("configuration", &format!("{} is sound", path.display())));
            Some(config.settings)
        }
        Err(error) => {
            let mend = "correct it; `omniflow serve --print-config` prints every key with its default";
            findings.add(Finding::missing("configuration", &error.to_string(), mend));
            None
        }
    }
}
