//! Opening a writer: the first time, and again from disk after every fault.

use crate::checkpoint::Checkpoints;
use crate::effects::EffectChange;
use crate::entropy::SharedEntropy;
use crate::error::OpenError;
use crate::key::Mint;
use crate::recovery;
use crate::schema;
use crate::stock::StockBook;
use crate::writer::{Answers, End, Shared, Writer};
use omniflow_core::Timestamp;
use std::path::PathBuf;
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

/// The pause between attempts to recover.
const RECOVERY_PAUSE: Duration = Duration::from_millis(500);

impl Opening {
    pub(crate) fn open(&self) -> Result<Writer, OpenError> {
        let shared = &self.shared;
        let mut connection = schema::open_writer(&self.file)?;
        let recovered = recovery::recover(&mut connection, &shared.table, &shared.timers, &*shared.clock)?;
        let stock = StockBook::load(&connection)?;
        let levels = stock.levels().map(|level| (level.sku.clone(), level)).collect();
        *shared.stock.write().unwrap_or_else(PoisonError::into_inner) = levels;
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
            last_at: Timestamp::from_millis(recovered.last_at),
            checkpoints,
            answers: self.answers.clone(),
            effects: self.effects.clone(),
        })
    }

    /// Runs the writer; after a fault, forgets memory and recovers from disk, until the engine stops.
    pub(crate) fn keep_running(&self, mut writer: Writer) {
        loop {
            match writer.run() {
                Ok(End::Stopped) => return writer.close(),
                Ok(End::Abandoned) => return,
                Err(fault) => tracing::error!(%fault, "the storage failed; recovering from disk"),
            }
            self.shared.queue.close("its storage failed; it is recovering");
            drop(writer);
            writer = loop {
                if self.shared.queue.stopping_within(RECOVERY_PAUSE) {
                    return;
                }
                match self.open() {
                    Ok(writer) => break writer,
                    Err(error) => tracing::error!(%error, "cannot recover yet; trying again"),
                }
            };
            self.shared.metrics.recoveries.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            self.shared.queue.open();
        }
    }
}
