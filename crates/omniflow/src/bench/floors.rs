//! The floors under every figure: what the disk and the server's empty route do on this machine, now.
//!
//! A rate means little alone: other work on the machine costs a factor of 2 to 5. Both floors are taken
//! just before and just after the measured phase, so that a figure can be read against them.

use std::cell::RefCell;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::client::Connection;
use super::drive::{self, Ended, Limit, Load, Pool, Stop};
use super::error::Error;
use super::progress::Progress;
use super::report::rounded;
use super::tally::{Step, Tally};
use super::target::Target;

/// Syncs that are timed, unless the time is up before.
const SYNC_ROUNDS: usize = 200;
/// What is written before each sync.
const BLOCK: [u8; 4096] = [0xA5; 4096];
/// Blocks of the file that the rounds write over, so that no round makes it grow.
const BLOCKS: u64 = 64;

/// Both floors at one moment.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Floors {
    /// Half of the syncs took at most this.
    pub(super) fdatasync_p50_ms: f64,
    /// 99 of 100 syncs took at most this.
    pub(super) fdatasync_p99_ms: f64,
    /// `GET /healthz` over the run's connections; none where the server does not answer it with 200.
    pub(super) noop_requests_per_s: Option<f64>,
}

/// Takes both floors, each for `time` at most.
///
/// # Errors
/// [`Error::FloorDir`] where `dir` cannot be written to, [`Error::Interrupted`] by Ctrl-C.
pub(super) async fn measure(
    dir: &Path,
    target: &Target,
    pool: &mut Pool,
    time: Duration,
    patience: Duration,
) -> Result<Floors, Error> {
    let unwritable = |source| Error::FloorDir { dir: dir.to_owned(), source };
    let (p50, p99) = fdatasync(dir, time).map_err(unwritable)?;
    let load = Rc::new(Noop { request: target.get("/healthz", "") });
    let phase = drive::drive(load, pool, Limit::For(time), patience, &Progress::hidden()).await?;
    if let Ended::Interrupted = phase.ended {
        return Err(Error::Interrupted);
    }
    let rate = (phase.tally.done > 0 && phase.tally.failures.is_empty()).then(|| rounded(phase.rate()));
    Ok(Floors { fdatasync_p50_ms: p50, fdatasync_p99_ms: p99, noop_requests_per_s: rate })
}

/// The empty route.
struct Noop {
    request: Vec<u8>,
}

impl Load for Noop {
    async fn once(
        &self,
        connection: &mut Connection,
        tally: &RefCell<Tally>,
        _intended: Instant,
    ) -> Result<(), Stop> {
        let answer = drive::ask(connection, tally, Step::Noop, &self.request).await?;
        if answer.status == 200 { Ok(()) } else { Err(Stop::unexpected(Step::Noop, &answer)) }
    }
}

/// p50 and p99, in milliseconds, of writing 4 KiB over an existing file and syncing its data.
pub(crate) fn fdatasync(dir: &Path, time: Duration) -> io::Result<(f64, f64)> {
    let scratch = Scratch::new(dir)?;
    let mut times = Vec::with_capacity(SYNC_ROUNDS);
    let begun = Instant::now();
    for block in (0..BLOCKS).cycle().take(SYNC_ROUNDS) {
        let before = Instant::now();
        scratch.file.write_all_at(&BLOCK, block * BLOCK.len() as u64)?;
        scratch.file.sync_data()?;
        times.push(before.elapsed());
        if begun.elapsed() >= time {
            break;
        }
    }
    times.sort_unstable();
    Ok((quantile_ms(&times, 0.5), quantile_ms(&times, 0.99)))
}

/// The smallest of `sorted` that at least `share` of them do not exceed; 0 of none.
fn quantile_ms(sorted: &[Duration], share: f64) -> f64 {
    let rank = (sorted.len() as f64 * share).ceil() as usize;
    sorted.get(rank.saturating_sub(1)).map_or(0.0, |time| rounded(time.as_secs_f64() * 1e3))
}

/// A file of zeros that is gone when dropped.
struct Scratch {
    file: File,
    path: PathBuf,
}

impl Scratch {
    fn new(dir: &Path) -> io::Result<Self> {
        let path = dir.join(format!(".omniflow-bench-{}.tmp", std::process::id()));
        let file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
        let scratch = Self { file, path };
        for block in 0..BLOCKS {
            scratch.file.write_all_at(&[0; BLOCK.len()], block * BLOCK.len() as u64)?;
        }
        scratch.file.sync_all()?;
        Ok(scratch)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file that cannot be removed costs 256 KiB of disk and no figure.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_of_the_nearest_rank() {
        let times: Vec<Duration> = (1..=200).map(Duration::from_millis).collect();
        assert_eq!((quantile_ms(&times, 0.5), quantile_ms(&times, 0.99)), (100.0, 198.0));
        assert_eq!((quantile_ms(&times[..1], 0.5), quantile_ms(&[], 0.5)), (1.0, 0.0));
    }

    #[test]
    fn the_sync_floor_leaves_no_file_behind() {
        let dir = tempfile::tempdir().unwrap();
        let (p50, p99) = fdatasync(dir.path(), Duration::from_millis(50)).unwrap();
        assert!(p50 > 0.0 && p99 >= p50, "{p50} {p99}");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_error() {
        assert!(fdatasync(Path::new("/nowhere/at/all"), Duration::ZERO).is_err());
    }
}
