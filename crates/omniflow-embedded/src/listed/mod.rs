//! What lists ask for, and which orders are open: a projection of the log, in a file of its own.
//!
//! It is kept off the writer: its thread follows in large steps, so that an order that came and ended
//! meanwhile is written once. It is told what each commit changed, and reads the log where it was not.
//! Whoever lists waits until it holds what was committed by then.

mod bucket;
mod file;
mod query;

pub(crate) use file::{Change, lists_file};
pub(crate) use query::{keys, open_orders};

use crate::error::StorageError;
use file::ListsFile;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::watch;

/// Changes after which it follows without being asked.
const BEHIND: usize = 8_192;

/// Changes that are kept for it; beyond them it reads the log.
const MOST_KEPT: usize = 64 * BEHIND;

#[derive(Default)]
struct Asked {
    position: u64,
    stopping: bool,
    /// What commits changed, in the order of the log.
    changes: Vec<Change>,
}

#[derive(Clone, Copy, Default)]
struct Progress {
    position: u64,
    failures: u64,
}

struct Shared {
    asked: Mutex<Asked>,
    wake: Condvar,
    progress: watch::Sender<Progress>,
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
        let shared = Arc::new(Shared { asked: Mutex::default(), wake: Condvar::new(), progress });
        Self { file: lists_file(&database), database, shared, thread: Mutex::default() }
    }

    /// Its file.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Opens it again, takes over what it lacks of the log, and goes on doing so.
    pub(crate) fn renew(&self) -> Result<(), StorageError> {
        self.stop();
        let mut file = ListsFile::open(&self.database)?;
        while file.step()? {}
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

    /// Waits until it holds the log up to here.
    pub(crate) async fn up_to(&self, position: u64) -> Result<(), StorageError> {
        let mut progress = self.shared.progress.subscribe();
        let failures = progress.borrow().failures;
        if progress.borrow().position < position {
            self.shared.ask(position);
        }
        let reached = progress.wait_for(|now| now.position >= position || now.failures != failures).await;
        match reached {
            Ok(now) if now.position >= position => Ok(()),
            _ => Err(StorageError::Diverged("the lists cannot follow the log now".to_owned())),
        }
    }

    /// Takes over what is left, and closes the file.
    pub(crate) fn stop(&self) {
        self.shared.asked().stopping = true;
        self.shared.wake.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the lists' thread panicked");
        }
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

    fn ask(&self, position: u64) {
        let mut asked = self.asked();
        asked.position = asked.position.max(position);
        drop(asked);
        self.wake.notify_one();
    }

    /// Waits until more is asked for than it holds, and takes what changed; `None` when it is to end.
    fn wait(&self, position: u64) -> Option<Vec<Change>> {
        let idle = |asked: &mut Asked| asked.position <= position && !asked.stopping;
        let mut asked = self.wake.wait_while(self.asked(), idle).unwrap_or_else(PoisonError::into_inner);
        if asked.stopping { None } else { Some(std::mem::take(&mut asked.changes)) }
    }

    fn follow(&self, database: &Path, mut file: ListsFile) {
        while let Some(changes) = self.wait(file.position.cast_unsigned()) {
            let stepped = if file.is_followed_by(&changes) { file.take(changes) } else { file.step() };
            match stepped {
                Ok(true) => {}
                // Asked for more than there is: what was recovered has fewer rows.
                Ok(false) => self.asked().position = file.position.cast_unsigned(),
                Err(error) => {
                    tracing::error!(%error, "the lists cannot follow the log");
                    self.asked().position = 0; // The next who asks has it tried again.
                    if let Ok(again) = ListsFile::open(database) {
                        file = again;
                    }
                    self.progress.send_modify(|now| now.failures += 1);
                    continue;
                }
            }
            self.progress.send_modify(|now| now.position = file.position.cast_unsigned());
        }
        // At the end the next start is spared the rest.
        while matches!(file.step(), Ok(true)) {}
    }
}
