//! Records the lives that `src/workflow/histories` replays, from a real server:
//! `cargo xtask temporal --record-histories`.

use crate::client::SHORT_HISTORIES;
use crate::harness::Temporal;
use crate::orders::{SHIP, Wanted, capture, must, place, report, set_stock, until};
use crate::recorder::{Recording, store_behind};
use crate::restored::waits;
use crate::servers::{TemporalServer, named};
use omniflow_core::{
    Actor, Command, Decision, Entry, Event, Fulfillment, OrderId, Outcome, PaymentOutcome, Receipt, Reference,
};
use omniflow_engine::conformance::Harness;
use omniflow_engine::simulated::{Act, ProviderName, Script};
use omniflow_engine::{Details, Idempotency, Placement, Request};
use omniflow_temporal::store::Claim;
use serde_json::json;
use std::collections::BTreeMap;

/// Records a life.
macro_rules! life {
    ($(#[doc = $about:literal])+ $name:ident, $live:expr) => {
        $(#[doc = $about])+
        #[tokio::test]
        #[ignore = "it writes the recorded histories anew"]
        async fn $name() {
            let mut life = Recording::new(stringify!($name)).await;
            let live = $live;
            let id: OrderId = live(&mut life).await;
            life.save(&id).await;
        }
    };
}

life! {
    /// A foreign client's order is paid and completed.
    paid, async |life: &mut Recording| {
        life.client.start_with(&life.client.order(500)).await;
        life.client.until("stock_reserved", 1).await;
        life.client.pay("\"PAID\"").await;
        let id = life.client.id();
        life.keep(&id).await;
        id
    }
}

life! {
    /// One of the API's is approved, its first payment declined, and its details erased by a run of their own.
    reviewed, async |life: &mut Recording| {
        let gift = BTreeMap::from([("gift".to_owned(), "yes".to_owned())]);
        let details = Some(Details { shipping_address: None, metadata: Some(gift) });
        let (terms, actor) = (Wanted::precious().terms(), Actor::api());
        let placement = Placement { terms, details, actor, idempotency: None };
        let id = life.engine().place(placement).await.unwrap().order.id.clone();
        must(life.engine(), &id, Command::Decide { decision: Decision::Approve, reason: None }).await;
        must(life.engine(), &id, report("P-1", PaymentOutcome::Declined)).await;
        must(life.engine(), &id, report("P-2", PaymentOutcome::Captured)).await;
        life.keep(&id).await;
        must(life.engine(), &id, Command::EraseDetails).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// What makes no sense is recorded, and it is rejected after it was paid.
    rejected, async |life: &mut Recording| {
        life.client.start_with(&life.client.order(20_000)).await;
        life.client.review("\"MAYBE\"").await;
        life.client.pay("42").await;
        life.client.pay("{\"payment_id\":\"P-1\"}").await;
        life.client.until("payment_captured", 1).await;
        life.client.review("\"REJECT\"").await;
        let id = life.client.id();
        life.keep(&id).await;
        id
    }
}

life! {
    /// Nobody pays in time.
    expired, async |life: &mut Recording| {
        let id = place(life.engine(), Wanted { window_ms: 500, ..Wanted::default() }).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// The payment has failed for good, which is reported under a key.
    failed, async |life: &mut Recording| {
        let id = place(life.engine(), Wanted::default()).await;
        let idempotency = Some(Idempotency::new("shop", "/pay", "k", b"{}", 60_000));
        let command = report("P-1", PaymentOutcome::Failed);
        let (order_id, actor) = (id.clone(), Actor::api());
        let report = Request { order_id, command, actor, if_version: None, idempotency };
        life.engine().command(report).await.unwrap();
        life.keep(&id).await;
        id
    }
}

life! {
    /// The carrier refuses, and giving the money back takes three attempts.
    compensated, async |life: &mut Recording| {
        life.script(ProviderName::Carrier, Act::Refuse, 1);
        life.script(ProviderName::Payments, Act::Fail, 2);
        let id = place(life.engine(), Wanted::default()).await;
        must(life.engine(), &id, capture()).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// The workflow is cancelled, and a payment comes with a start of another run.
    cancelled, async |life: &mut Recording| {
        life.client.start_with(&life.client.order(500)).await;
        life.client.until("stock_reserved", 1).await;
        life.client.must("cancel", &[]).await;
        let id = life.client.id();
        life.keep(&id).await;
        life.client.pay_with_start("\"PAID\"").await;
        life.client.until("payment_refunded", 1).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// There is none of it left: an order that a foreign client has started is kept.
    out_of_stock, async |life: &mut Recording| {
        set_stock(life.engine(), 0).await;
        life.client.start_with(&life.client.order(500)).await;
        let id = life.client.id();
        life.keep(&id).await;
        id
    }
}

life! {
    /// There is too little of it: an order that nobody was told of is hidden.
    withdrawn, async |life: &mut Recording| {
        let id = life.client.id();
        let terms = Box::new(Wanted { quantity: 11, ..Wanted::default() }.terms());
        let event = Event::OrderPlaced { order_id: id.clone(), terms, details: None };
        let entry = Entry { seq: 1, at: life.engine().now(), actor: Actor::api(), event };
        let order = omniflow_core::placed(&entry).unwrap();
        let claim = life.client.temporal.store().claim(&entry, &order, None, None).await.unwrap();
        assert_eq!(claim, Claim::Made);
        life.client.start_with(&json!({"OrderID": id, "Stored": true})).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// The carrier accepts and never reports; the order is stuck until an operator gives it up.
    stuck, async |life: &mut Recording| {
        life.script(ProviderName::Carrier, Act::Accept, 1);
        let id = place(life.engine(), Wanted { deadline_ms: 500, ..Wanted::default() }).await;
        must(life.engine(), &id, capture()).await;
        until(life.engine(), &id, |order| order.attention().is_some()).await;
        must(life.engine(), &id, Command::Compensate { reason: None }).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// The carrier fails as often as it is asked; an operator has it tried again, and skips it.
    retried, async |life: &mut Recording| {
        life.script(ProviderName::Carrier, Act::Fail, 8);
        let id = place(life.engine(), Wanted::default()).await;
        must(life.engine(), &id, capture()).await;
        until(life.engine(), &id, |order| order.attention().is_some()).await;
        must(life.engine(), &id, Command::Retry).await;
        until(life.engine(), &id, |order| order.attention().is_some()).await;
        must(life.engine(), &id, Command::Skip { reason: None }).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// The carrier reports in its own time what it has accepted.
    reported, async |life: &mut Recording| {
        life.script(ProviderName::Carrier, Act::Accept, 1);
        let id = place(life.engine(), Wanted::default()).await;
        must(life.engine(), &id, capture()).await;
        until(life.engine(), &id, |order| matches!(order.fulfillment, Fulfillment::Accepted { .. })).await;
        let tracking_number = Reference::new("TRK-1").unwrap();
        let outcome = Outcome::Done(Receipt::Shipment { tracking_number });
        must(life.engine(), &id, Command::Settle { effect: SHIP, outcome }).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// What a lost task had stored is found, and holds.
    behind, async |life: &mut Recording| {
        let id = place(life.engine(), Wanted::default()).await;
        store_behind(life, &id, &report("P-1", PaymentOutcome::Declined)).await;
        must(life.engine(), &id, report("P-2", PaymentOutcome::Captured)).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// The carrier takes longer than a workflow task waits for it.
    slow, async |life: &mut Recording| {
        let script = Script::new([Act::Delay.step(1, 300)]);
        life.client.temporal.simulated().script(ProviderName::Carrier, None, script);
        let id = place(life.engine(), Wanted::default()).await;
        must(life.engine(), &id, capture()).await;
        life.keep(&id).await;
        id
    }
}

life! {
    /// It is paid before PostgreSQL has it.
    absent, async |life: &mut Recording| {
        let stored = json!({"OrderID": life.client.order_id, "Stored": true});
        life.client.signal_with_start(&stored, "SIGNAL_PAYMENT_PAID", "\"PAID\"").await;
        waits(&life.client, 2).await;
        life.client.claim().await;
        let id = life.client.id();
        life.keep(&id).await;
        id
    }
}

life! {
    /// PostgreSQL cannot be used while a payment is stored, and while a shipment is tried.
    outage, async |life: &mut Recording| {
        life.script(ProviderName::Carrier, Act::Fail, 1);
        let id = place(life.engine(), Wanted { backoff_ms: 1_000, ..Wanted::default() }).await;
        life.client.order_id = id.to_string();
        let postgres = life.client.temporal.postgres().await;
        let rename = async |from, to| {
            postgres.batch_execute(&format!("ALTER TABLE {from} RENAME TO {to}")).await.unwrap();
        };
        rename("orders", "away").await;
        life.client.pay("\"PAID\"").await;
        // One is the payment window's.
        waits(&life.client, 3).await;
        rename("away", "orders").await;
        life.client.until("payment_captured", 1).await;
        rename("orders", "away").await;
        while life.client.latest_has("ActivityTaskCompletedEventAttributes").await < 2 {
            tokio::task::yield_now().await;
        }
        rename("away", "orders").await;
        life.keep(&id).await;
        id
    }
}

/// Its history grows so long that it goes on in a second run.
#[tokio::test]
#[ignore = "it writes the recorded histories anew"]
async fn continued() {
    let server = TemporalServer::start(&SHORT_HISTORIES).await;
    let mut life = Recording::on("continued", Temporal::on(named(Some(&server), None))).await;
    life.client.start_with(&life.client.order(20_000)).await;
    life.client.continues().await;
    life.client.review("\"APPROVE\"").await;
    life.client.pay("\"PAID\"").await;
    let id = life.client.id();
    life.keep(&id).await;
    assert_eq!(life.runs.len(), 2);
    life.save(&id).await;
}
