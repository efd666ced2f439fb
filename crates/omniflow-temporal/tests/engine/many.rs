//! Many orders at once, of one SKU, through few connections: nobody is told that it is unknown what came of it.

use crate::harness::{Temporal, link};
use crate::orders::{Wanted, capture, must, place, set_stock, stock, until};
use omniflow_core::StateKind;
use omniflow_engine::conformance::Harness;
use omniflow_temporal::store::{Store, StoreSettings};
use omniflow_temporal::{EngineSettings, TemporalEngine};
use std::sync::Arc;

const ORDERS: u64 = 200;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_orders_through_few_connections_are_all_placed_and_paid() {
    let mut temporal = Temporal::new();
    temporal.start().await;
    let mut settings = StoreSettings::new(temporal.servers().postgres.as_str());
    settings.schema = temporal.queue().to_owned();
    settings.connections = 2;
    let store = Store::connect(&settings).unwrap();
    let (link, settings) = (link(&temporal.servers().temporal), EngineSettings::new(temporal.queue()));
    let engine = Arc::new(TemporalEngine::new(link, settings, store, temporal.clock()));
    set_stock(&*engine, ORDERS).await;
    let live = |engine: Arc<TemporalEngine>| async move {
        let id = place(&*engine, Wanted::default()).await;
        must(&*engine, &id, capture()).await;
        until(&*engine, &id, |order| order.kind() == StateKind::Completed).await;
    };
    let orders: Vec<_> = (0..ORDERS).map(|_| tokio::spawn(live(Arc::clone(&engine)))).collect();
    for order in orders {
        order.await.unwrap();
    }
    let level = stock(&*engine).await;
    assert_eq!((level.on_hand, level.reserved), (0, 0));
}
