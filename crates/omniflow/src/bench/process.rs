//! What a process has used so far, from `/proc`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The kernel reports CPU time to programs in hundredths of a second on every architecture Linux runs on.
const TICK: Duration = Duration::from_millis(10);

/// What a process has used since it started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    /// User and system time of all its threads.
    pub(super) cpu: Duration,
    /// Bytes it caused to be written to storage.
    pub(super) written_bytes: u64,
    /// Memory resident now.
    pub(super) resident_bytes: u64,
}

impl Usage {
    /// Of the process `pid`.
    ///
    /// # Errors
    /// Where there is no such process, or it belongs to another user.
    pub(super) fn of(pid: u32) -> io::Result<Self> {
        let read = |name: &str| fs::read_to_string(format!("/proc/{pid}/{name}"));
        let cpu = cpu_at(Path::new(&format!("/proc/{pid}")))?;
        let written_bytes = number_after(&read("io")?, "\nwrite_bytes:").ok_or_else(|| unreadable("io"))?;
        let resident_kib = number_after(&read("status")?, "\nVmRSS:").ok_or_else(|| unreadable("status"))?;
        Ok(Self { cpu, written_bytes, resident_bytes: resident_kib * 1024 })
    }
}

/// User and system time of the process or thread that the system shows there.
///
/// # Errors
/// Where it has ended.
pub(super) fn cpu_at(shown: &Path) -> io::Result<Duration> {
    cpu_of(&fs::read_to_string(shown.join("stat"))?).ok_or_else(|| unreadable("stat"))
}

/// Where the system shows this thread, to other threads too.
pub(super) fn this_thread() -> io::Result<PathBuf> {
    Ok(Path::new("/proc").join(fs::read_link("/proc/thread-self")?))
}

fn unreadable(file: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("its {file} does not have the expected fields"))
}

/// `utime` and `stime`: the 12th and 13th fields after the name, which may itself hold blanks and brackets.
fn cpu_of(stat: &str) -> Option<Duration> {
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_ascii_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok();
    let (user, system) = (ticks()?, ticks()?);
    Some(TICK * user + TICK * system)
}

fn number_after(text: &str, label: &str) -> Option<u64> {
    text.split_once(label)?.1.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_past_any_name() {
        let stat = "42 (a) b (c)) S 1 42 42 0 -1 4194560 1 0 0 0 150 25 0 0 20 0 4 0 9 1 2";
        assert_eq!(cpu_of(stat), Some(Duration::from_millis(1750)));
        assert_eq!(cpu_of("42 (x) S 1"), None);
    }

    #[test]
    fn written_bytes_are_not_the_cancelled_ones() {
        let io = "rchar: 1\nwchar: 2\nwrite_bytes: 4096\ncancelled_write_bytes: 7\n";
        assert_eq!(number_after(io, "\nwrite_bytes:"), Some(4096));
    }

    #[test]
    fn a_thread_is_shown_apart_from_its_process() {
        let here = this_thread().unwrap();
        let other = std::thread::spawn(|| this_thread().unwrap()).join().unwrap();
        assert_ne!(here, other);
        assert!(cpu_at(&here).unwrap() <= Usage::of(std::process::id()).unwrap().cpu);
        assert!(cpu_at(&other).is_err(), "it has ended");
    }

    #[test]
    fn this_process_can_be_read_and_one_that_is_not_cannot() {
        let usage = Usage::of(std::process::id()).unwrap();
        assert!(usage.resident_bytes > 100_000);
        assert!(Usage::of(u32::MAX).is_err());
    }
}
