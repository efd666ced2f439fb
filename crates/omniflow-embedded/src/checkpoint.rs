//! Checkpoints off the hot path: beside the writer, and one last short one by the writer itself, so that
//! the write-ahead log starts over and is overwritten in place instead of growing.

use crate::error::StorageError;
use crate::schema;
use rusqlite::Connection;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::sync::mpsc;

/// Pages in the log after which a checkpoint begins: about 16 MB.
const PAGES: u32 = 16_000;

const IDLE: u8 = 0;
const BESIDE: u8 = 1;
const LAST: u8 = 2;

/// The writer's side.
pub(crate) struct Checkpoints {
    pages: Arc<AtomicU32>,
    phase: Arc<AtomicU8>,
    wake: mpsc::Sender<()>,
    verified: bool,
}

impl Checkpoints {
    /// Starts the thread that works beside the writer; it ends when this is dropped.
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
        std::thread::Builder::new()
            .name("checkpoint".to_owned())
            .spawn(move || {
                while woken.recv().is_ok() {
                    if let Err(error) = beside(&file) {
                        tracing::warn!(%error, "a checkpoint failed; it is made again later");
                    }
                    shared.store(LAST, Ordering::Release);
                }
            })
            .map_err(StorageError::Io)?;
        Ok(Self { pages, phase, wake, verified: false })
    }

    /// Called between batches: begins a checkpoint when the log is long, and ends one that has come far.
    pub(crate) fn between_batches(&mut self, writer: &Connection) -> Result<(), StorageError> {
        match self.phase.load(Ordering::Acquire) {
            IDLE if self.pages.load(Ordering::Relaxed) >= PAGES => {
                self.phase.store(BESIDE, Ordering::Release);
                if self.wake.send(()).is_err() {
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

    /// Whether the log was checkpointed since this was last asked: what it holds by now was written by
    /// this process and is on disk, so the next start need not verify it again.
    pub(crate) fn take_verified(&mut self) -> bool {
        std::mem::take(&mut self.verified)
    }
}

fn beside(file: &std::path::Path) -> rusqlite::Result<()> {
    let connection = schema::open_checkpointer(file)?;
    passive(&connection)?;
    passive(&connection)
}

/// Copies what no reader still needs from the log, waiting for nobody.
fn passive(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))
}

/// Folds the whole log into the database and syncs both, waiting for readers.
///
/// A database that a full disk keeps from growing is left as it is: on a full disk no commit reaches the
/// log, so there is nothing in it that a failed sync left behind.
pub(crate) fn settle(connection: &Connection) -> Result<(), StorageError> {
    let busy = connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0));
    match busy.map_err(StorageError::from) {
        Ok(false) => Ok(()),
        Ok(true) => Err(StorageError::Diverged("another program is reading the database".to_owned())),
        Err(full) if full.is_disk_full() => Ok(()),
        Err(error) => Err(error),
    }
}
