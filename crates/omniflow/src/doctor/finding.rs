//! What was found, and what follows from it.

use crate::client::clean;
use serde::Serialize;
use std::fmt::Write as _;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Well,
    /// It works, and could be better or may soon not.
    Warning,
    /// Something does not work for lack of it.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    check: &'static str,
    verdict: Verdict,
    found: String,
    mend: Option<String>,
}

impl Finding {
    pub(super) fn well(check: &'static str, found: &str) -> Self {
        Self { check, verdict: Verdict::Well, found: found.to_owned(), mend: None }
    }

    pub(super) fn warning(check: &'static str, found: &str, mend: &str) -> Self {
        Self { verdict: Verdict::Warning, mend: Some(mend.to_owned()), ..Self::well(check, found) }
    }

    pub(super) fn missing(check: &'static str, found: &str, mend: &str) -> Self {
        Self { verdict: Verdict::Missing, mend: Some(mend.to_owned()), ..Self::well(check, found) }
    }

    /// Well where it is so, otherwise a warning that says how to mend it.
    pub(super) fn well_if(is_well: bool, check: &'static str, found: &str, mend: &str) -> Self {
        if is_well { Self::well(check, found) } else { Self::warning(check, found, mend) }
    }
}

/// All that was looked at.
#[derive(Debug, Default, Serialize)]
pub(super) struct Findings {
    findings: Vec<Finding>,
    #[serde(skip)]
    is_unreachable: bool,
}

impl Findings {
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Notes that the server could not be asked.
    pub(super) fn unreachable(&mut self, finding: Finding) {
        self.is_unreachable = true;
        self.add(finding);
    }

    pub(super) fn exit_code(&self) -> u8 {
        let is_missing = self.findings.iter().any(|finding| finding.verdict == Verdict::Missing);
        match (self.is_unreachable, is_missing) {
            (true, _) => 3,
            (false, true) => 1,
            (false, false) => 0,
        }
    }

    pub(super) fn json(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for Finding { check, verdict, found, mend } in &self.findings {
            let word = match verdict {
                Verdict::Well => "ok",
                Verdict::Warning => "warning",
                Verdict::Missing => "MISSING",
            };
            let mut lines = found.lines().map(clean);
            // Writing into a string cannot fail.
            let _ = writeln!(text, "{word:<8} {check:<15} {}", lines.next().unwrap_or_default());
            for line in lines.chain(mend.iter().map(|mend| format!("→ {}", clean(mend)))) {
                let _ = writeln!(text, "{:<24} {line}", "");
            }
        }
        text + self.conclusion() + "\n"
    }

    fn conclusion(&self) -> &'static str {
        let has_warnings = self.findings.iter().any(|finding| finding.verdict == Verdict::Warning);
        match (self.exit_code(), has_warnings) {
            (0, false) => "all is well",
            (0, true) => "it works; see the warnings",
            (3, _) => "the server cannot be reached",
            _ => "something is missing",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_decides_the_exit_code() {
        let mut findings = Findings::default();
        findings.add(Finding::well("a", "fine"));
        assert_eq!((findings.exit_code(), findings.conclusion()), (0, "all is well"));
        findings.add(Finding::well_if(false, "b", "slow", "buy a faster one"));
        assert_eq!((findings.exit_code(), findings.conclusion()), (0, "it works; see the warnings"));
        findings.add(Finding::missing("c", "gone", "bring it back"));
        assert_eq!(findings.exit_code(), 1);
        findings.unreachable(Finding::missing("server", "away", "start it"));
        assert_eq!(findings.exit_code(), 3);
        assert!(findings.text().contains("MISSING  c               gone\n"), "{}", findings.text());
        assert!(findings.text().contains("→ bring it back\n"), "{}", findings.text());
    }
}
