//! Checkpoints off the hot path: beside the writer, and one last short one by the writer itself, so that
//! the write-ahead log starts over and is overwritten in place instead of growing.

use crate::error::StorageError;
use crate::schema;
use rusqlite::Connection;
use std::fs::File;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Pages in the log after which a checkpoint begins: about 16 MB.
const PAGES: u32 = 16_000;

/// The pause before the log is emptied again: for another erasure, or where somebody was reading or writing.
const AGAIN: Duration = Duration::from_millis(250);

/// The same after a fault, such as a full disk, which lasts.
const AFTER_FAULT: Duration = Duration::from_secs(10);

const IDLE: u8 = 0;
const BESIDE: u8 = 1;
const LAST: u8 = 2;

/// What the thread beside the writer is asked for.
enum Wanted {
    /// The log is long.
    Shorter,
    /// The log holds what was erased.
    Emptied,
}

/// The writer's side.
pub(crate) struct Checkpoints {
    pages: Arc<AtomicU32>,
    phase: Arc<AtomicU8>,
    wake: mpsc::Sender<Wanted>,
    thread: JoinHandle<()>,
    verified: bool,
}

impl Checkpoints {
    /// Starts the thread that works beside the writer; it ends when this is dropped. It begins with emptying
    /// the log: the process before may have ended between an erasure and that.
    pub(crate) fn start(file: PathBuf, writer: &mut Connection) -> Result<Self, StorageError> {
        let pages = Arc::new(AtomicU32::new(0));
        let seen = Arc::clone(&pages);
        writer.wal_hook(Some(move |_: &mut _, in_log: std::ffi::c_int| {
            seen.store(in_log.unsigned_abs(), Ordering::Relaxed);
            Ok(())
        }))?;
        let phase = Arc::new(AtomicU8::new(IDLE));
        let (wake, woken) = mpsc::channel();
        let shared = Arc::clone(&phase);
        let thread = std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || work_beside(&file, &woken, &shared))
            .map_err(StorageError::Io)?;
        // Whoever opens the writer has just checked the log.
        let this = Self { pages, phase, wake, thread, verified: true };
        this.erase();
        Ok(this)
    }

    /// Called after a commit that erased something: the log still holds what was there before, and is emptied
    /// as soon as nobody reads or writes, within moments.
    pub(crate) fn erase(&self) {
        // The thread ends only with this; without it, the next start empties the log.
        drop(self.wake.send(Wanted::Emptied));
    }

    /// Ends the thread, so that the writer's last checkpoint is kept from nothing by it.
    pub(crate) fn end(self) {
        drop(self.wake);
        if self.thread.join().is_err() {
            tracing::error!("the checkpoints' thread panicked");
        }
    }

    /// Called between batches: begins a checkpoint when the log is long, and ends one that has come far.
    pub(crate) fn between_batches(&mut self, writer: &Connection) -> Result<(), StorageError> {
        match self.phase.load(Ordering::Acquire) {
            IDLE if self.pages.load(Ordering::Relaxed) >= PAGES => {
                self.phase.store(BESIDE, Ordering::Release);
                if self.wake.send(Wanted::Shorter).is_err() {
                    self.phase.store(LAST, Ordering::Release);
                }
            }
            LAST => {
                passive(writer)?;
                self.pages.store(0, Ordering::Relaxed);
                self.verified = true;
                self.phase.store(IDLE, Ordering::Release);
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether the log was checked or checkpointed since this was last asked: what it holds by now is good, or
    /// was written by this process and is on disk, so the next start need not verify it again.
    pub(crate) fn take_verified(&mut self) -> bool {
        std::mem::take(&mut self.verified)
    }
}

fn work_beside(file: &Path, woken: &mpsc::Receiver<Wanted>, phase: &AtomicU8) {
    let mut earliest = Instant::now();
    let mut to_be_emptied: Option<Instant> = None;
    let mut is_failing = false;
    loop {
        let pause = to_be_emptied.map_or(Duration::MAX, |at| at.saturating_duration_since(Instant::now()));
        match woken.recv_timeout(pause) {
            Ok(Wanted::Shorter) => {
                if let Err(error) = beside(file) {
                    tracing::warn!(%error, "a checkpoint failed; it is made again later");
                }
                phase.store(LAST, Ordering::Release);
            }
            Ok(Wanted::Emptied) => to_be_emptied = to_be_emptied.or(Some(earliest)),
            Err(RecvTimeoutError::Timeout) => {
                let emptied = empty(file);
                if let Err(error) = &emptied
                    && !is_failing
                {
                    tracing::warn!(%error, "the log still holds what was erased; it is emptied later");
                }
                is_failing = emptied.is_err();
                earliest = Instant::now() + pause_after(&emptied);
                to_be_emptied = (!emptied.unwrap_or(false)).then_some(earliest);
            }
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

/// How long the log is left alone after an attempt to empty it.
fn pause_after(emptied: &rusqlite::Result<bool>) -> Duration {
    if emptied.is_err() { AFTER_FAULT } else { AGAIN }
}

/// Folds the log into the database and cuts it to nothing, if nobody is reading or writing just now; says
/// whether it did.
fn empty(file: &Path) -> rusqlite::Result<bool> {
    let connection = schema::open_checkpointer(file)?;
    // The most of it while the writer goes on, so that the rest keeps it for moments only.
    passive(&connection)?;
    connection.busy_timeout(Duration::ZERO)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| Ok(row.get::<_, i64>(0)? == 0))
}

fn beside(file: &Path) -> rusqlite::Result<()> {
    let connection = schema::open_checkpointer(file)?;
    passive(&connection)?;
    passive(&connection)
}

/// Copies what no reader still needs from the log, waiting for nobody.
fn passive(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Syncs the log as it is.
pub(crate) fn sync_log(database: &Path) -> Result<(), StorageError> {
    match File::open(database.with_extension("db-wal")) {
        Ok(log) => Ok(log.sync_data()?),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Folds the whole log into the database, and syncs that.
pub(crate) fn settle(connection: &Connection) -> Result<(), StorageError> {
    let frames = |row: &rusqlite::Row<'_>| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
    let (logged, folded) = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], frames)?;
    if folded < logged {
        let detail = "another program, such as `omniflow verify`, is reading the database; waiting for it";
        return Err(StorageError::Diverged(detail.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_not_tried_again_as_often_as_a_reader_is() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(pause_after(&empty(directory.path())), AFTER_FAULT, "a directory is no database");
        let file = directory.path().join("omniflow.db");
        drop(schema::open_writer(&file).unwrap());
        let reader = schema::open_reader(&file).unwrap();
        reader.execute_batch("BEGIN; SELECT * FROM meta").unwrap();
        schema::open_writer(&file).unwrap().execute_batch("UPDATE meta SET value = value").unwrap();
        let emptied = empty(&file);
        assert_eq!((emptied.as_ref(), pause_after(&emptied)), (Ok(&false), AGAIN));
    }
}
