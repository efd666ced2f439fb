//! Opening a writer: the first time, and again from disk after every fault.

use crate::checkpoint::{self, Checkpoints};
use crate::effects::EffectChange;
use crate::engine::Ended;
use crate::entropy::SharedEntropy;
use crate::error::{OpenError, StorageError, is_no_room};
use crate::feed;
use crate::key::{Mint, OrderKey};
use crate::listed::Reopening;
use crate::queue::{FULL, RECOVERING};
use crate::recovery::{self, Recovered};
use crate::schema;
use crate::stock::StockBook;
use crate::writer::{Answers, End, Shared, Writer};
use omniflow_engine::CursorSeal;
use rusqlite::Connection;
use std::collections::HashSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// What a writer is opened with, the first time and after every fault.
pub(crate) struct Opening {
    pub(crate) file: PathBuf,
    pub(crate) shared: Arc<Shared>,
    pub(crate) entropy: SharedEntropy,
    pub(crate) answers: mpsc::UnboundedSender<Answers>,
    pub(crate) effects: mpsc::UnboundedSender<Vec<EffectChange>>,
}

/// What came before an opening.
#[derive(Clone, Copy)]
pub(crate) enum After {
    /// Another process ended, perhaps between writing and syncing.
    End,
    /// A sync that failed may have left in the log what is not on disk and will not be by another sync.
    FailedSync,
    /// No commit gets as far as the log on a full disk.
    FullDisk,
}

/// The pause between attempts to recover, or to write on a disk that was full.
const RECOVERY_PAUSE: Duration = Duration::from_millis(500);

/// How much must fit before the writer goes on, in bytes.
const ROOM: usize = 4 * 1024 * 1024;

static PART: [u8; 65_536] = [0; 65_536];

impl Opening {
    /// Opens the database and makes memory from it.
    ///
    /// What was not synced, a power cut could still take back: nobody reads before it is.
    pub(crate) fn open(&self, after: After) -> Result<Writer, OpenError> {
        let shared = &self.shared;
        let mut connection = schema::open_writer(&self.file)?;
        let position = recovery::check(&mut connection)?;
        let secret = recovery::meta(&connection, "cursor_secret")?;
        match after {
            After::End => checkpoint::sync_log(&self.file)?,
            After::FailedSync => checkpoint::settle(&connection)?,
            After::FullDisk => {}
        }
        // A disk that filled while the engine ran leaves the lists as they are: they can take over nothing now.
        // A first start has none to go on with, and needs room.
        let lists = match after {
            After::FullDisk => None,
            After::End | After::FailedSync => {
                shared.listed.renew(Reopening::AsItIs)?;
                Some(shared.listed.file())
            }
        };
        shared.seal.get_or_init(|| CursorSeal::new(secret.to_be_bytes()));
        let set_aside = shared.set_aside().clone();
        let recovered = self.load(&connection, lists, &set_aside, position)?;
        shared.clock.catch_up(recovered.last_at);
        let stock = StockBook::load(&connection)?;
        let levels = stock.levels().map(|level| (level.sku.clone(), level)).collect();
        *shared.stock.write().unwrap_or_else(PoisonError::into_inner) = levels;
        shared.recent.begin(feed::last_place(&connection)?);
        shared.position.send_replace(recovered.position);
        let checkpoints = Checkpoints::start(self.file.clone(), &mut connection)?;
        tracing::info!(open_orders = recovered.open, position = recovered.position, "recovered");
        // What came due meanwhile is not waited for: the timers' task looks at what was loaded.
        shared.timers.change(&[], &shared.clock.busy());
        // The receiver ends only with the engine itself.
        drop(self.effects.send(recovered.effects));
        Ok(Writer {
            connection,
            shared: Arc::clone(shared),
            stock,
            mint: Mint::new(recovered.last_key, Arc::clone(&self.entropy)),
            position: recovered.position,
            set_aside,
            checkpoints,
            answers: self.answers.clone(),
            effects: self.effects.clone(),
        })
    }

    /// Loads memory. The lists know which orders are open, the database how many: where the two differ, the
    /// lists are made anew from every order.
    fn load(
        &self,
        connection: &Connection,
        lists: Option<&Path>,
        set_aside: &HashSet<OrderKey>,
        position: u64,
    ) -> Result<Recovered, OpenError> {
        let shared = &self.shared;
        let load = || recovery::load(connection, shared, lists, set_aside, position);
        let mut recovered = load()?;
        if lists.is_none() {
            return Ok(recovered);
        }
        let counted = recovery::meta(connection, "open_orders")?;
        if i64::try_from(recovered.open) != Ok(counted) {
            let found = recovered.open;
            tracing::error!(found, counted, "not all open orders were found: making the lists anew");
            shared.listed.renew(Reopening::Anew)?;
            recovered = load()?;
            recovery::set_open(connection, recovered.open)?;
        }
        if recovered.mended {
            shared.listed.reopen(Reopening::AsItIs);
        }
        Ok(recovered)
    }

    /// Runs the writer; after a fault, forgets memory and recovers from disk, until the engine stops. Says how
    /// that ended.
    pub(crate) fn keep_running(&self, mut writer: Writer) -> Ended {
        let mut failed_before = HashSet::new();
        loop {
            let fault = match writer.run() {
                Ok(End::Stopped) => {
                    self.shared.listed.stop();
                    writer.close();
                    return Ended::Finished;
                }
                Ok(End::Abandoned) => return Ended::Unfinished,
                Err(fault) => fault,
            };
            tracing::error!(error = %fault.error, "the storage failed; recovering from disk");
            self.shared.queue.close(RECOVERING);
            drop(writer);
            if let Some(order) = fault.order.filter(|order| !failed_before.insert(*order)) {
                tracing::error!(
                    key = order.0,
                    "an order failed again and is set aside; run `omniflow verify`"
                );
                self.shared.set_aside().insert(order);
            }
            let after = if fault.error.is_disk_full() { After::FullDisk } else { After::FailedSync };
            let Some(recovered) = self.recover(after) else { return Ended::Unfinished };
            writer = recovered;
        }
    }

    /// Recovers until the writer can go on; `None` where the engine stops before that.
    fn recover(&self, mut after: After) -> Option<Writer> {
        // On a full disk there is nothing to wait for: reading needs no room.
        let mut at_once = matches!(after, After::FullDisk);
        loop {
            if !std::mem::take(&mut at_once) && self.shared.queue.stopping_within(RECOVERY_PAUSE) {
                return None;
            }
            let writer = match self.open(after) {
                Ok(writer) => writer,
                Err(error) => {
                    tracing::error!(%error, "cannot recover yet; trying again");
                    continue;
                }
            };
            if !matches!(after, After::FullDisk) {
                self.shared.queue.open();
                self.count_recovery();
                return Some(writer);
            }
            match self.wait_for_room(&writer) {
                Ok(HasRoom(true)) => return Some(writer),
                Ok(HasRoom(false)) => return None,
                Err(error) => {
                    tracing::error!(%error, "the storage failed again; recovering from disk");
                    self.shared.queue.close(RECOVERING);
                    after = After::FailedSync;
                }
            }
        }
    }

    /// Lets clients read, and waits until something can be written again or the engine stops. Timers that come
    /// due and what became of effects wait in the queue.
    fn wait_for_room(&self, writer: &Writer) -> Result<HasRoom, StorageError> {
        tracing::error!("the disk is full: nothing is written until there is room, reading goes on");
        self.shared.queue.open_for_reading(FULL);
        self.count_recovery();
        let mut is_told = false;
        loop {
            if self.shared.queue.stopping_within(RECOVERY_PAUSE) {
                return Ok(HasRoom(false));
            }
            match self.try_room() {
                Err(error) if is_no_room(&error) => {
                    tracing::debug!(%error, "there is no room yet");
                    continue;
                }
                // Then a commit tells.
                Err(error) if !std::mem::replace(&mut is_told, true) => {
                    tracing::error!(%error, "nobody can say how much room there is");
                }
                _ => {}
            }
            match writer.remember_verified() {
                Ok(()) => break,
                Err(error) if error.is_disk_full() => tracing::debug!(%error, "there is no room yet"),
                Err(error) => return Err(error),
            }
        }
        tracing::info!("there is room again");
        self.shared.queue.open();
        Ok(HasRoom(true))
    }

    /// Counts one, after which those who wait for it are served.
    fn count_recovery(&self) {
        self.shared.metrics.recoveries.fetch_add(1, Ordering::Relaxed);
    }

    /// Writes a file without a name beside the database, as long as a large batch, so that the writer does not
    /// begin again only to fail at its next commit.
    fn try_room(&self) -> io::Result<()> {
        let directory = self.file.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::tempfile_in(directory)?;
        (0..ROOM / PART.len()).try_for_each(|_| file.write_all(&PART))
    }
}

/// Whether there is room again; if not, the engine stops.
struct HasRoom(bool);
