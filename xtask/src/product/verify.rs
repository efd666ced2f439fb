//! `omniflow verify`, which reads only, also beside a running server.

use anyhow::{Context, Result};
use std::path::Path;
use std::process::Command;

/// What it says of a data directory: how many orders it found, or what it printed where it is not content.
pub(crate) fn verify(program: &Path, data_dir: &Path) -> Result<Result<u64, String>> {
    let mut command = Command::new(program);
    let answer =
        command.args(["verify", "--data-dir"]).arg(data_dir).output().context("cannot run verify")?;
    let printed = String::from_utf8_lossy(&answer.stdout);
    if !answer.status.success() {
        let complaint = String::from_utf8_lossy(&answer.stderr);
        return Ok(Err(format!("verify ended with {}: {printed}{complaint}", answer.status)));
    }
    let orders =
        orders_in(&printed).with_context(|| format!("verify does not say what it checked: {printed}"));
    orders.map(Ok)
}

/// The count in a line such as `checked 12 orders, 40 events, …`.
fn orders_in(printed: &str) -> Option<u64> {
    let mut lines = printed.lines();
    lines.find_map(|line| line.strip_prefix("checked ")?.split_once(" orders")?.0.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_in_its_first_line() {
        assert_eq!(orders_in("checked 12 orders, 40 events, 10 SKUs\neverything holds\n"), Some(12));
        assert_eq!(orders_in("everything holds\n"), None);
    }
}
