//! `cargo xtask test`: the checks and tests of the workspace, one after another, with a summary at the end.

use crate::checkout::Checkout;
use crate::report::{Ending, Report};
use crate::steps::{LONG, STEPS, Step, Verdict};
use anyhow::Result;
use clap::Args;
use clap::builder::PossibleValuesParser;
use std::process::ExitCode;
use std::time::Instant;

/// Which steps to run, and how far.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Run these steps only; repeat it or separate with commas
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = step_names())]
    only: Vec<String>,

    /// Leave these steps out
    #[arg(long, value_name = "STEP", value_delimiter = ',', value_parser = step_names())]
    skip: Vec<String>,

    /// Run the long steps too: `crashing`, every case of the Temporal engine with a worker killed after each step,
    /// and `stack`, Temporal on PostgreSQL, two workers and an API, as the Compose file has them
    #[arg(long)]
    stack: bool,

    /// Run the steps after a failed one too
    #[arg(long)]
    keep_going: bool,

    /// List the steps and run none
    #[arg(long)]
    list: bool,
}

impl Options {
    fn choose(&self, step: &Step) -> bool {
        let named = |names: &[String]| names.iter().any(|name| name == step.name);
        let usual = self.only.is_empty() && (!LONG.contains(&step.name) || self.stack);
        (usual || named(&self.only)) && !named(&self.skip)
    }
}

fn step_names() -> PossibleValuesParser {
    PossibleValuesParser::new(STEPS.iter().map(|step| step.name))
}

/// Runs the chosen steps; the exit code says whether all of them passed.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    if options.list {
        STEPS.iter().for_each(|step| println!("{:<12}{}", step.name, step.promise));
        return Ok(ExitCode::SUCCESS);
    }
    let checkout = Checkout::find()?;
    let mut report = Report::default();
    for step in STEPS.iter().filter(|step| options.choose(step)) {
        if report.has_failed() && !options.keep_going {
            report.not_run(step.name);
        } else {
            println!("\n=== {}: {}", step.name, step.promise);
            take(step, &checkout, &mut report);
        }
    }
    print!("\n{report}");
    Ok(if report.has_failed() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn take(step: &Step, checkout: &Checkout, report: &mut Report) {
    let started = Instant::now();
    let ending = match (step.run)(checkout) {
        Ok(Verdict::Passed(closing)) => Ending::Passed(closing),
        Ok(Verdict::NotReachable(why)) => Ending::NotReachable(why),
        Err(error) => Ending::Failed(format!("{error:#}")),
    };
    report.ended(step.name, started.elapsed(), ending);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(only: &[&str], skip: &[&str]) -> Vec<&'static str> {
        let owned = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let options = Options { only: owned(only), skip: owned(skip), ..Options::default() };
        STEPS.iter().filter(|step| options.choose(step)).map(|step| step.name).collect()
    }

    #[test]
    fn without_options_every_step_but_the_long_ones_is_chosen() {
        assert_eq!(chosen(&[], &[]).len(), STEPS.len() - LONG.len());
        assert!(chosen(&[], &[]).iter().all(|step| !LONG.contains(step)));
        assert_eq!(chosen(LONG, &[]), LONG);
        let asked = Options { stack: true, ..Options::default() };
        assert!(STEPS.iter().all(|step| asked.choose(step)));
    }

    #[test]
    fn only_and_skip_choose_in_the_steps_own_order() {
        assert_eq!(chosen(&["clippy", "fmt"], &[]), ["fmt", "clippy"]);
        assert_eq!(chosen(&["clippy", "fmt"], &["fmt"]), ["clippy"]);
        assert!(!chosen(&[], &["test"]).contains(&"test"));
    }

    #[test]
    fn every_step_has_its_own_name() {
        let mut names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }
}
