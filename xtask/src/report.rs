//! What a run of the steps came to, as a person reads it at the end.

use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// How one step ended.
pub(crate) enum Ending {
    /// With the lines that its runner closed with.
    Passed(Vec<String>),
    /// Not to be had on this machine, and why.
    NotReachable(String),
    /// What failed.
    Failed(String),
}

/// The steps of one run, in order.
#[derive(Default)]
pub(crate) struct Report {
    ended: Vec<(&'static str, Duration, Ending)>,
    not_run: Vec<&'static str>,
}

impl Report {
    /// Notes a step that ran.
    pub(crate) fn ended(&mut self, step: &'static str, took: Duration, ending: Ending) {
        self.ended.push((step, took, ending));
    }

    /// Notes a step that was left out because one before it failed.
    pub(crate) fn not_run(&mut self, step: &'static str) {
        self.not_run.push(step);
    }

    /// Whether any step failed.
    pub(crate) fn has_failed(&self) -> bool {
        self.count(|ending| matches!(ending, Ending::Failed(_))) > 0
    }

    fn count(&self, of: impl Fn(&Ending) -> bool) -> usize {
        self.ended.iter().filter(|(_, _, ending)| of(ending)).count()
    }

    fn failures(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.ended.iter().filter_map(|(step, _, ending)| match ending {
            Ending::Failed(why) => Some((*step, why.as_str())),
            Ending::Passed(_) | Ending::NotReachable(_) => None,
        })
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "=== summary")?;
        for (step, took, ending) in &self.ended {
            line(f, step, *took, ending)?;
        }
        self.not_run.iter().try_for_each(|step| writeln!(f, "{step:<12}not run"))?;
        for (step, why) in self.failures() {
            writeln!(f, "\n{step} failed: {why}\nrun it again alone: cargo xtask test --only {step}")?;
        }
        let passed = self.count(|ending| matches!(ending, Ending::Passed(_)));
        let unreachable = self.count(|ending| matches!(ending, Ending::NotReachable(_)));
        let total = self.ended.iter().map(|(_, took, _)| *took).sum();
        writeln!(f, "\nin {}", Took(total))?;
        let (failed, skipped) = (self.failures().count(), unreachable + self.not_run.len());
        writeln!(f, "steps: {passed} passed, {failed} failed, {skipped} skipped")
    }
}

fn line(f: &mut Formatter<'_>, step: &str, took: Duration, ending: &Ending) -> fmt::Result {
    let took = Took(took).to_string();
    match ending {
        Ending::Passed(closing) => {
            writeln!(f, "{step:<12}passed  {took:>12}")?;
            closing.iter().try_for_each(|line| writeln!(f, "            {line}"))
        }
        Ending::NotReachable(why) => writeln!(f, "{step}: not reachable here ({why})"),
        Ending::Failed(_) => writeln!(f, "{step:<12}FAILED  {took:>12}"),
    }
}

struct Took(Duration);

impl Display for Took {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        if seconds < 60.0 {
            write!(f, "{seconds:.1} s")
        } else {
            write!(f, "{} min {:02} s", self.0.as_secs() / 60, self.0.as_secs() % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_passed_run_quotes_its_runners_and_shows_what_was_not_to_be_had() {
        let mut report = Report::default();
        report.ended("fmt", seconds(1), Ending::Passed(Vec::new()));
        report.ended("advisories", seconds(0), Ending::NotReachable("no network".to_owned()));
        report.ended("test", seconds(125), Ending::Passed(vec!["Summary [ 9s] 3 tests run".to_owned()]));
        let expected = "\
=== summary
fmt         passed         1.0 s
advisories: not reachable here (no network)
test        passed    2 min 05 s
            Summary [ 9s] 3 tests run

in 2 min 06 s
steps: 2 passed, 0 failed, 1 skipped
";
        assert_eq!(report.to_string(), expected);
        assert!(!report.has_failed());
    }

    #[test]
    fn a_failed_run_says_what_failed_how_to_run_it_again_and_what_did_not_run() {
        let mut report = Report::default();
        report.ended("fmt", seconds(1), Ending::Failed("`cargo fmt` ended with 1".to_owned()));
        report.not_run("test");
        let expected = "\
=== summary
fmt         FAILED         1.0 s
test        not run

fmt failed: `cargo fmt` ended with 1
run it again alone: cargo xtask test --only fmt

in 1.0 s
steps: 0 passed, 1 failed, 1 skipped
";
        assert_eq!(report.to_string(), expected);
        assert!(report.has_failed());
    }
}
