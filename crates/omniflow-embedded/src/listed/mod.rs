//! What lists ask for, and which orders are open: a projection of the log, in a file of its own.
//!
//! It is kept off the writer: its thread follows in large steps, so that an order that came and ended
//! meanwhile is written once. It is told what each commit changed, and reads the log where it was not.
//! Whoever lists waits until it holds what was committed by then.

mod bucket;
mod check;
mod file;
mod query;

pub(crate) use check::check;
pub(crate) use file::{Change, lists_file};
pub(crate) use query::{Found, Wanted, keys, open_orders};

use crate::error::StorageError;
use file::ListsFile;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;

/// Changes after which it follows without being asked.
const BEHIND: usize = 8_192;

/// Changes that are kept for it; beyond them it reads the log.
const MOST_KEPT: usize = 64 * BEHIND;

/// How long a list waits for it before it is refused.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

#[derive(Default)]
struct Asked {
    position: u64,
    stopping: Option<Stopping>,
    reopening: Option<Reopening>,
    /// What commits changed, in the order of the log.
    changes: Vec<Change>,
}

/// How its thread is to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stopping {
    /// With the rest of the log taken over, so that the next start is spared it.
    CaughtUp,
    AtOnce,
}

/// How its file is to be opened again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reopening {
    /// If it belongs to the database; orders that could not be read are looked at again.
    AsItIs,
    /// Made anew from every order.
    Anew,
}

impl Reopening {
    fn open(self, database: &Path, put_aside: &AtomicU64) -> Result<ListsFile, StorageError> {
        match self {
            Self::AsItIs => ListsFile::open(database, put_aside),
            Self::Anew => ListsFile::anew(database, put_aside),
        }
    }

    /// What a file needs that gave this error.
    pub(crate) fn after(error: &StorageError) -> Self {
        if error.is_damage() { Self::Anew } else { Self::AsItIs }
    }
}

/// What its thread does next.
struct Work {
    position: u64,
    reopening: Option<Reopening>,
    changes: Vec<Change>,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    position: u64,
    failures: u64,
    /// Whether the last failure was for want of room.
    lacks_room: bool,
}

struct Shared {
    asked: Mutex<Asked>,
    wake: Condvar,
    progress: watch::Sender<Progress>,
    /// How often its file was put aside for a new one.
    put_aside: AtomicU64,
}

/// The projection, kept up by its own thread.
pub(crate) struct Listed {
    database: PathBuf,
    file: PathBuf,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Listed {
    /// The projection of a database, which nobody keeps up yet.
    pub(crate) fn new(database: PathBuf) -> Self {
        let progress = watch::Sender::new(Progress::default());
        let shared = Arc::new(Shared {
            asked: Mutex::default(),
            wake: Condvar::new(),
            progress,
            put_aside: AtomicU64::default(),
        });
        Self { file: lists_file(&database), database, shared, thread: Mutex::default() }
    }

    /// Its file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// How often its file was put aside for a new one: what has the old one open reads what nobody keeps up.
    pub(crate) fn put_aside(&self) -> u64 {
        self.shared.put_aside.load(Ordering::Acquire)
    }

    /// Opens it again, takes over what it lacks of the log, and goes on doing so.
    pub(crate) fn renew(&self, how: Reopening) -> Result<(), StorageError> {
        self.stop();
        let file = how.open(&self.database, &self.shared.put_aside)?;
        *self.shared.asked() = Asked::default();
        let position = file.position.cast_unsigned();
        self.shared.progress.send_modify(|now| now.position = position);
        let (followed, database) = (Arc::clone(&self.shared), self.database.clone());
        let follow = move || followed.follow(&database, file);
        let thread = std::thread::Builder::new().name("lists".to_owned()).spawn(follow)?;
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Tells what a commit has changed.
    pub(crate) fn changed(&self, changes: Vec<Change>) {
        let mut asked = self.shared.asked();
        if asked.changes.len() > MOST_KEPT {
            asked.changes.clear();
        }
        asked.changes.extend(changes);
        if asked.changes.len() >= BEHIND
            && let Some(last) = asked.changes.last()
        {
            asked.position = last.position();
            drop(asked);
            self.shared.wake.notify_one();
        }
    }

    /// Waits until it holds the log up to here, for as long as is usual: making it anew can take longer. The error
    /// lacks room where only that keeps it from following.
    pub(crate) async fn up_to(&self, position: u64) -> Result<(), StorageError> {
        let mut progress = self.shared.progress.subscribe();
        let failures = progress.borrow().failures;
        let held = progress.borrow().position;
        if held < position && !self.shared.ask(position) {
            return Err(StorageError::Diverged("the lists are closed".to_owned()));
        }
        let reached = progress.wait_for(|now| now.position >= position || now.failures != failures);
        match tokio::time::timeout(LONGEST_WAIT, reached).await {
            Ok(Ok(now)) if now.position >= position => Ok(()),
            Ok(Ok(now)) if now.lacks_room => Err(io::Error::from(io::ErrorKind::StorageFull).into()),
            Ok(_) => Err(StorageError::Diverged("the lists cannot follow the log now".to_owned())),
            Err(_) => Err(StorageError::Diverged("the lists are being made anew, or are slow".to_owned())),
        }
    }

    /// Has its file opened again.
    pub(crate) fn reopen(&self, how: Reopening) {
        let mut asked = self.shared.asked();
        asked.reopening = asked.reopening.max(Some(how));
        self.shared.progress.send_modify(|now| now.position = 0);
        drop(asked);
        self.shared.wake.notify_one();
    }

    /// Takes over what is left, and closes the file.
    pub(crate) fn stop(&self) {
        self.end(Stopping::CaughtUp);
    }

    /// Closes the file as it is.
    pub(crate) fn abandon(&self) {
        self.end(Stopping::AtOnce);
    }

    fn end(&self, how: Stopping) {
        self.shared.asked().stopping.get_or_insert(how);
        self.shared.wake.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the lists' thread panicked");
        }
        // Whoever still waits is told.
        self.shared.progress.send_modify(|now| (now.failures, now.lacks_room) = (now.failures + 1, false));
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks for the log up to here; `false` when nobody follows it any more.
    fn ask(&self, position: u64) -> bool {
        let mut asked = self.asked();
        asked.position = asked.position.max(position);
        let is_followed = asked.stopping.is_none();
        drop(asked);
        self.wake.notify_one();
        is_followed
    }

    /// Waits until more is asked for than is known to be held; the error says how to end.
    fn wait(&self) -> Result<Work, Stopping> {
        let idle = |asked: &mut Asked| {
            let held = self.progress.borrow().position;
            asked.position <= held && asked.stopping.is_none() && asked.reopening.is_none()
        };
        let mut asked = self.wake.wait_while(self.asked(), idle).unwrap_or_else(PoisonError::into_inner);
        if let Some(how) = asked.stopping {
            return Err(how);
        }
        let (reopening, changes) = (asked.reopening.take(), std::mem::take(&mut asked.changes));
        Ok(Work { position: asked.position, reopening, changes })
    }

    fn follow(&self, database: &Path, mut file: ListsFile) {
        let how = loop {
            let work = match self.wait() {
                Ok(work) => work,
                Err(how) => break how,
            };
            match work.take(database, &mut file, &self.put_aside) {
                Ok(()) => self.progress.send_modify(|now| now.position = file.position.cast_unsigned()),
                Err(error) => self.failed(&error),
            }
        };
        if how == Stopping::CaughtUp {
            while matches!(file.step(), Ok(true)) {}
        }
    }

    /// Tells whoever waits. It is tried again when the next asks.
    fn failed(&self, error: &StorageError) {
        tracing::error!(%error, "the lists cannot follow the log");
        let mut asked = self.asked();
        asked.position = 0;
        let lacks_room = error.lacks_room();
        self.progress
            .send_modify(|now| *now = Progress { position: 0, failures: now.failures + 1, lacks_room });
    }
}

impl Work {
    /// Does it: opens the file again where that is asked for, and takes over a part of the log.
    fn take(self, database: &Path, file: &mut ListsFile, put_aside: &AtomicU64) -> Result<(), StorageError> {
        if let Some(how) = self.reopening {
            *file = how.open(database, put_aside)?;
        }
        let held = file.position.cast_unsigned();
        if held >= self.position {
            return Ok(());
        }
        let taken = if file.is_followed_by(&self.changes) { file.take(self.changes) } else { file.step() };
        match taken {
            Ok(true) => Ok(()),
            Ok(false) => Err(StorageError::Diverged(format!("the log ends at {held}"))),
            // It is as it was.
            Err(error) if error.lacks_room() => Err(error),
            Err(error) => {
                if let Ok(reopened) = Reopening::after(&error).open(database, put_aside) {
                    *file = reopened;
                }
                Err(error)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_ever_for_lists_that_take_long() {
        let directory = tempfile::tempdir().unwrap();
        let listed = Listed::new(directory.path().join("omniflow.db")); // Nobody works on it.
        let waited = tokio::time::timeout(2 * LONGEST_WAIT, listed.up_to(1)).await;
        assert!(waited.expect("it is told").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn whether_only_room_is_lacking_is_told() {
        let directory = tempfile::tempdir().unwrap();
        let listed = Listed::new(directory.path().join("omniflow.db"));
        for (error, lacks_room) in [
            (StorageError::Io(io::ErrorKind::StorageFull.into()), true),
            (StorageError::Diverged("the log ends at 1".to_owned()), false),
        ] {
            let (told, ()) = tokio::join!(listed.up_to(1), async { listed.shared.failed(&error) });
            assert_eq!(told.unwrap_err().lacks_room(), lacks_room, "{error}");
        }
        assert!(!listed.up_to(1).await.unwrap_err().lacks_room(), "it only takes long");
    }
}
