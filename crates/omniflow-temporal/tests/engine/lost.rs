//! Orders that no workflow drives any more are found, and come to their end.

use crate::client::Client;
use crate::harness::link;
use crate::orders::{Wanted, capture, must, place, sku, stock, until};
use omniflow_core::{Actor, StateKind};
use omniflow_engine::conformance::Harness;
use omniflow_engine::simulated::{Act, ProviderName, Script};
use omniflow_engine::{Error, OrderEngine};
use omniflow_temporal::{EngineSettings, TemporalEngine};
use std::sync::Arc;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// An engine that looks often.
fn watchful(client: &Client) -> Arc<TemporalEngine> {
    let temporal = &client.temporal;
    let mut settings = EngineSettings::new(temporal.queue());
    settings.sweep_after = Duration::from_millis(300);
    let link = link(&temporal.servers().temporal);
    Arc::new(TemporalEngine::new(link, settings, temporal.store(), temporal.clock()))
}

async fn comes_to(client: &Client, state: StateKind) {
    let id = client.id();
    let coming = until(client.engine.as_ref(), &id, |order| order.kind() == state);
    let came = tokio::time::timeout(PATIENCE, coming).await;
    assert!(came.is_ok(), "it never came: {:#?}", client.engine.read(&id).await);
}

/// As by hand, by a limit of the server's, or since it was restored from before they were started.
#[tokio::test]
async fn an_order_whose_workflow_was_terminated_comes_to_its_end() {
    let mut client = Client::new().await;
    let engine = Arc::clone(&client.engine);
    let expiring = place(engine.as_ref(), Wanted { window_ms: 15_000, ..Wanted::default() }).await;
    let paid = place(engine.as_ref(), Wanted { attempts: 10_000, ..Wanted::default() }).await;
    let simulated = client.temporal.simulated();
    simulated.script(ProviderName::Carrier, None, Script::new([Act::Fail.step(10_000, 0)]));
    must(engine.as_ref(), &paid, capture()).await;
    for id in [&expiring, &paid] {
        client.order_id = id.to_string();
        client.must("terminate", &[]).await;
    }
    simulated.clear(ProviderName::Carrier, None);
    // As if the time had passed after which they are late.
    let postgres = client.temporal.postgres().await;
    assert_eq!(
        postgres.execute("UPDATE orders SET look_at = 0 WHERE look_at IS NOT NULL", &[]).await.unwrap(),
        2
    );
    let _watchful = watchful(&client);
    comes_to(&client, StateKind::Completed).await;
    client.order_id = expiring.to_string();
    comes_to(&client, StateKind::Expired).await;
    let level = stock(engine.as_ref()).await;
    assert_eq!((level.on_hand, level.reserved), (9, 0));
}

#[tokio::test]
async fn what_cannot_be_removed_keeps_no_order_from_being_started() {
    let client = Client::new().await;
    let refused = client.engine.place(omniflow_engine::Placement {
        terms: Wanted { quantity: 99, ..Wanted::default() }.terms(),
        details: None,
        actor: Actor::api(),
        idempotency: None,
    });
    assert!(matches!(refused.await, Err(Error::OutOfStock(_))));
    let postgres = client.temporal.postgres().await;
    let damage = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
                      $$ BEGIN RAISE EXCEPTION 'the disk is full'; END $$;
                  CREATE TRIGGER refuse BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION refuse();
                  UPDATE orders SET withdrawn_at = 0 WHERE withdrawn_at IS NOT NULL";
    postgres.batch_execute(damage).await.unwrap();
    client.claim().await;

    let watchful = watchful(&client);
    let started = async {
        while watchful.stock(&sku()).await.unwrap().reserved == 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, started).await.expect("it is started");
    let left = "SELECT count(*) FROM orders WHERE withdrawn_at = 0";
    assert_eq!(postgres.query_one(left, &[]).await.unwrap().get::<_, i64>(0), 1, "it could not be removed");
}
