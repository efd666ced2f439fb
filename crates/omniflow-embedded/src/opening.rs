//! Opening a writer: the first time, and again from disk after every fault.

use crate::checkpoint::{self, Checkpoints};
use crate::effects::EffectChange;
use crate::entropy::SharedEntropy;
use crate::error::OpenError;
use crate::feed;
use crate::key::Mint;
use crate::queue::RECOVERING;
use crate::recovery;
use crate::schema;
use crate::stock::StockBook;
use crate::writer::{Answers, End, Shared, Writer};
use omniflow_engine::CursorSeal;
use std::collections::HashSet;
use std::path::PathBuf;
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

/// The pause between attempts to recover.
const RECOVERY_PAUSE: Duration = Duration::from_millis(500);

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
        shared.listed.renew()?;
        shared.seal.get_or_init(|| CursorSeal::new(secret.to_be_bytes()));
        let set_aside = shared.set_aside().clone();
        let recovered = recovery::load(&connection, shared, &set_aside, position)?;
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

    /// Runs the writer; after a fault, forgets memory and recovers from disk, until the engine stops.
    pub(crate) fn keep_running(&self, mut writer: Writer) {
        let mut failed_before = HashSet::new();
        loop {
            let fault = match writer.run() {
                Ok(End::Stopped) => {
                    self.shared.listed.stop();
                    return writer.close();
                }
                Ok(End::Abandoned) => return,
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
            writer = loop {
                if self.shared.queue.stopping_within(RECOVERY_PAUSE) {
                    return;
                }
                match self.open(after) {
                    Ok(writer) => break writer,
                    Err(error) => tracing::error!(%error, "cannot recover yet; trying again"),
                }
            };
            self.shared.metrics.recoveries.fetch_add(1, Ordering::Relaxed);
            self.shared.queue.open();
        }
    }
}
