//! `omniflow completions`: what a shell needs to complete this program's commands.

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;
use anyhow::Context as _;
use clap::{Args, CommandFactory as _};
use clap_complete::Shell;

/// `omniflow completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Prints them.
///
/// # Errors
/// Where standard output cannot be written.
pub(crate) fn run(args: &CompletionsArgs) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "omniflow", &mut script);
    Ok(output::print(|out| out.write_all(&script)).context("standard output cannot be written")?)
}
