//! The demo catalogue: loaded once, into a new data directory or database.

use anyhow::Context;
use omniflow_core::{Actor, ReasonText, Sku};
use omniflow_engine::{Error, OrderEngine, SetStock};
use std::path::Path;

/// SKUs and how many of each there are.
const CATALOGUE: [(&str, u64); 10] = [
    ("iPhone 15", 1_000),
    ("Mac Pro", 50),
    ("MacBook Air", 300),
    ("iPad mini", 400),
    ("Apple Watch", 600),
    ("AirPods Pro", 2_000),
    ("HomePod", 120),
    ("Studio Display", 80),
    ("Magic Keyboard", 500),
    ("USB-C Cable", 5_000),
];

/// Says in a data directory that the catalogue was loaded whole.
const LOADED: &str = "catalogue.loaded";

/// Loads the catalogue into a new data directory; where a crash cut that off, what is missing of it.
pub(super) async fn load_once(engine: &dyn OrderEngine, data_dir: &Path) -> anyhow::Result<()> {
    let loaded = data_dir.join(LOADED);
    if loaded.exists() {
        return Ok(());
    }
    load(engine).await?;
    std::fs::write(&loaded, "").with_context(|| format!("cannot write {}", loaded.display()))
}

/// Loads what is missing of the catalogue.
pub(super) async fn load(engine: &dyn OrderEngine) -> anyhow::Result<()> {
    for (sku, on_hand) in CATALOGUE {
        let sku = Sku::new(sku)?;
        match engine.stock(&sku).await {
            Ok(_) => continue,
            Err(Error::UnknownSku(_)) => {}
            // Nobody knows what is there, so nothing is put in its place.
            Err(error) => return Err(error.into()),
        }
        let change = SetStock {
            sku,
            on_hand,
            expected_on_hand: None,
            recount: false,
            reason: Some(ReasonText::new("demo catalogue")?),
            actor: Actor::engine(),
        };
        engine.set_stock(change).await?;
    }
    Ok(())
}
