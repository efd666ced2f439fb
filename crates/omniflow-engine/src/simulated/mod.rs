//! A carrier and a payment provider that exist only in this process, for `dev` and for tests.
//!
//! They behave as good providers do: an effect id that is asked for twice has one effect and one answer,
//! which follows from the id; what was refused or accepted is remembered, also across restarts; what was
//! begun goes on when the caller has given up; and each effect taken is in the [`Ledger`] before it is
//! answered, so that "nothing happened twice" can be checked after a SIGKILL. [`Script`]s make them fail,
//! but never take back what is done, refused or accepted: a script's step waits for an effect that is not.

mod answer;
mod done;
mod ledger;
mod provider;
mod reports;
mod script;
#[cfg(test)]
mod tests;

pub use ledger::{Ledger, Record, What, read_records, taken};
pub use script::{Act, ProviderName, Script, ScriptError, ScriptStep};

use crate::{Clock, Providers};
use done::DoneEffects;
use omniflow_core::{EffectId, OrderId, Timestamp};
use provider::Memory;
use reports::Desk;
use script::Scripts;
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;

/// How the simulated providers are to be.
#[derive(Clone)]
pub struct Options {
    /// The engine's clock.
    pub clock: Arc<dyn Clock>,
    /// How long the carrier takes unless a script says otherwise, in milliseconds. Refunds take no time.
    pub carrier_delay_ms: u64,
    /// The ledger's file, `providers.log` in `dev`; in memory where left out.
    pub log: Option<PathBuf>,
}

/// The simulated carrier and payment provider. Cheap to clone; clones are the same providers.
#[derive(Clone)]
pub struct Simulated(Arc<Shared>);

struct Shared {
    clock: Arc<dyn Clock>,
    carrier_delay_ms: u64,
    ledger: Ledger,
    state: Mutex<State>,
    /// Something was accepted.
    accepted: Notify,
}

#[derive(Default)]
struct State {
    scripts: Scripts,
    /// Effects that were refused or accepted.
    memory: HashMap<EffectId, Memory>,
    /// Effects that were done, as far as a script asked.
    done: DoneEffects,
    /// Effects that are being worked on, and when they will be done.
    in_progress: HashMap<EffectId, Timestamp>,
    desk: Desk,
}

impl Simulated {
    /// Opens the providers on their ledger, and remembers from it what was refused and accepted.
    ///
    /// # Errors
    /// When the ledger cannot be opened or read.
    pub fn open(options: Options) -> io::Result<Self> {
        let ledger = match &options.log {
            Some(path) => Ledger::open(path)?,
            None => Ledger::in_memory(),
        };
        let mut state = State::default();
        for record in ledger.unfinished()? {
            state.remember(record);
        }
        let Options { clock, carrier_delay_ms, .. } = options;
        let (state, accepted) = (Mutex::new(state), Notify::new());
        Ok(Self(Arc::new(Shared { clock, carrier_delay_ms, ledger, state, accepted })))
    }

    /// The providers as an engine takes them.
    pub fn providers(&self) -> Providers {
        Providers { carrier: Arc::new(self.clone()), payments: Arc::new(self.clone()) }
    }

    /// Gives a provider a script, in place of the one that it had, for one order or for all that have none
    /// of their own.
    pub fn script(&self, provider: ProviderName, order_id: Option<OrderId>, script: Script) {
        self.0.lock().scripts.set(provider, order_id, script);
    }

    /// Takes an order's script away; without an order, all of the provider's.
    pub fn clear(&self, provider: ProviderName, order_id: Option<&OrderId>) {
        self.0.lock().scripts.clear(provider, order_id);
    }

    /// What the providers have taken.
    pub fn ledger(&self) -> Ledger {
        self.0.ledger.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
