//! This machine's limits.

use super::finding::{Finding, Findings};
use rustix::process::{Resource, getrlimit};

/// A connection takes one file.
const FEW_FILES: u64 = 4_096;

pub(super) fn examine(findings: &mut Findings) {
    // A server raises its own limit to this one.
    let limit = getrlimit(Resource::Nofile).maximum;
    let found =
        limit.map_or("unlimited".to_owned(), |limit| format!("{limit} for processes started from here"));
    findings.add(Finding::well_if(
        limit.is_none_or(|limit| limit >= FEW_FILES),
        "open files",
        &found,
        "raise the hard limit where the server starts: `ulimit -n 65536`, or LimitNOFILE=65536 in its unit",
    ));
}
