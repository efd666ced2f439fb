//! The demo catalogue: loaded once, into a new data directory.

use omniflow_core::{Actor, ReasonText, Sku};
use omniflow_engine::{OrderEngine, SetStock};

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

/// Loads the catalogue where there is no stock at all.
pub(super) async fn load_once(engine: &dyn OrderEngine) -> anyhow::Result<()> {
    if !engine.stocks(None, 1).await?.is_empty() {
        return Ok(());
    }
    for (sku, on_hand) in CATALOGUE {
        let change = SetStock {
            sku: Sku::new(sku)?,
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
