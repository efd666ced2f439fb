//! A million orders in the states that orders are in, all placed at once, so that each list's lie among the others.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// The customer who has a tenth of the open orders.
pub(super) const BIG_CUSTOMER: &str = "big";

/// Of a hundred open orders, how many are of which kind; and how many more that end.
const KINDS: &[(u64, &[&str])] = &[
    (60, &["place", "--sku", "filler-1", "--payment-window", "720h"]),
    (10, &["place", "--sku", "filler-2", "--payment-window", "720h", "--customer", BIG_CUSTOMER]),
    (30, &["place", "--sku", "filler-3", "--amount", "20000"]),
    (2, &["place", "--sku", "filler-4", "--payment-window", "1s"]),
    (2, &["lifecycle", "--sku", "filler-5"]),
];
/// Those whose payment never comes, and those that are completed.
const ENDING: u64 = 2 + 2;

/// Places so many open orders, most of them waiting for their payment, a third for a review, and others that end.
/// Answers how many these are.
pub(super) fn fill(program: &Path, folder: &Path, address: SocketAddr, open: u64) -> Result<u64> {
    let of = |share: u64| share * (open / 100);
    let last = open - of(100);
    let mut loads = vec![];
    for (place, (share, flags)) in KINDS.iter().enumerate() {
        let orders = of(*share) + if place == 0 { last } else { 0 };
        let mut bench = Command::new(program);
        bench.arg("bench").args(*flags).args(["--url", &format!("http://{address}")]);
        bench.args(["--orders", &orders.to_string(), "--warmup", "0s", "--json", "--floor-dir"]).arg(folder);
        bench.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        loads.push(bench.spawn().context("cannot run bench")?);
    }
    loads.into_iter().try_for_each(end)?;
    Ok(of(ENDING))
}

/// Waits until all are placed.
fn end(load: Child) -> Result<()> {
    let answer = load.wait_with_output()?;
    let report: Value = serde_json::from_slice(&answer.stdout).unwrap_or_default();
    ensure!(
        answer.status.success() && report["failed"] == 0,
        "bench ended with {}: {}{}",
        answer.status,
        String::from_utf8_lossy(&answer.stdout),
        String::from_utf8_lossy(&answer.stderr)
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kinds_are_all_there_is() {
        let shares: Vec<u64> = KINDS.iter().map(|(share, _)| *share).collect();
        assert_eq!(shares.iter().sum::<u64>(), 100 + ENDING);
    }
}
