//! What a process uses, as the system shows it.

use anyhow::{Context, Result};
use std::fs;
use std::time::Duration;

/// The kernel reports CPU time to programs in hundredths of a second on every architecture Linux runs on.
const TICK: Duration = Duration::from_millis(10);

/// Memory that a process has resident, in kB.
pub(crate) fn resident_kb(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).context("its memory cannot be read")?;
    resident_in(&status).context("its memory is not told")
}

/// User and system time of all its threads so far.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("its CPU time cannot be read")?;
    cpu_in(&stat).context("its CPU time is not told")
}

fn resident_in(status: &str) -> Option<u64> {
    status.split_once("\nVmRSS:")?.1.split_ascii_whitespace().next()?.parse().ok()
}

/// `utime` and `stime`: the 12th and 13th fields after the name, which may itself hold blanks and brackets.
fn cpu_in(stat: &str) -> Option<Duration> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    Some(TICK * ticks()? + TICK * ticks()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_resident_memory_is_read_from_its_line() {
        assert_eq!(resident_in("Name:\tx\nVmHWM:\t  9 kB\nVmRSS:\t  262076 kB\nRss"), Some(262_076));
        assert_eq!(resident_in("Name:\tx\n"), None);
    }

    #[test]
    fn cpu_time_is_read_past_any_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 4 0 9 1 2";
        assert_eq!(cpu_in(stat), Some(Duration::from_millis(1_750)));
        assert_eq!(cpu_in("42 (x) S 1"), None);
    }
}
