//! The command line on the Temporal engine, as people work with it.

use super::Shop;
use crate::cli::watch::{Watch, types};
use crate::cli::{ask, create, done, fails, json, url};
use crate::server::Server;
use serde_json::json;

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn an_order_is_watched_across_a_restart_while_people_decide() {
    let shop = Shop::open();
    let (api, _worker) = (shop.api(), shop.worker());
    let id = create(&api, &["Mac Pro", "--amount", "20000"]);
    let mut watch = Watch::start(&url(&api), &[&id, "--json"]);
    let mut seen = vec![watch.line(), watch.line()];
    let address = format!("listen={}", api.client.address());
    api.kill();
    let api = shop.api_with(&[&address]);
    let approve = ["orders", "approve", &id, "--reason", "known customer", "--if-version"];
    assert!(fails(&api, &[&approve[..], &["1"]].concat(), 4).contains("(version_mismatch)"));
    assert_eq!(json(&api, &[&approve[..], &["2"]].concat())["state"], "awaiting_payment");
    let pay = ["orders", "pay", &id, "--payment-id", "p", "--reason", "by card"];
    let declined = json(&api, &[&pay[..], &["--outcome", "declined"]].concat());
    assert_eq!(
        (&declined["state"], &declined["payment_status"]),
        (&json!("awaiting_payment"), &json!("declined"))
    );
    assert_eq!(json(&api, &pay)["payment_status"], "paid");
    let (rest, code) = watch.end();
    seen.extend(rest);
    assert_eq!((code, types(&seen)), (Some(0), api.client.events(&id)), "nothing is lost or told twice");
    assert!(done(&api, &["orders", "show", &id]).contains("\np\tcaptured\t20000 USD\tby card\t"));
    assert!(fails(&api, &["orders", "cancel", &id], 4).contains("(action_not_allowed)"));
    let unwanted = create(&api, &["iPhone 15", "--amount", "5"]);
    assert_eq!(
        json(&api, &["orders", "cancel", &unwanted, "--reason", "changed my mind"])["state"],
        "cancelled"
    );
    let told = done(&api, &["orders", "watch", &unwanted]);
    assert!(told.contains("changed my mind") && told.ends_with("\t→\tCancelled\n"), "{told}");
}

fn paid(api: &Server) -> String {
    let id = create(api, &["iPhone 15", "--amount", "500"]);
    done(api, &["orders", "pay", &id]);
    id
}

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn people_help_where_a_carrier_does_not_answer() {
    let shop = Shop::open();
    // An order has the policies of who placed it; the carrier is its worker's.
    let api = shop.api_with(&["policies.forward.attempts=1", "policies.forward.attempt_timeout=2s"]);
    let slow = shop.start("worker", &["policies.forward.attempt_timeout=1h", "carrier.delay=59m"]);
    let orders = [(); 3].map(|()| paid(&api));
    for id in &orders {
        let stuck = api.client.await_order(id, |order| order["attention"]["step"] == "ship");
        assert_eq!(stuck["attention"]["reason"]["code"], "outcome_unknown", "{stuck}");
    }
    let [retried, skipped, undone] = &orders;
    let listed = done(&api, &["orders", "list", "--attention"]);
    assert!(orders.iter().all(|id| listed.contains(id)), "{listed}");
    let done_so = json(&api, &["orders", "skip", skipped, "--reason", "the carrier has it"]);
    assert_eq!(
        (&done_so["state"], &done_so["shipments"][0]["status"]),
        (&json!("completed"), &json!("skipped"))
    );
    done(&api, &["orders", "compensate", undone, "--reason", "burnt down"]);
    let failed = api.client.await_state(undone, "failed");
    assert_eq!(failed["reason"], json!({"code": "compensated_on_request", "detail": "burnt down"}));
    assert_eq!(failed["payment_status"], "refunded");
    slow.kill();
    let _worker = shop.worker();
    assert_eq!(json(&api, &["orders", "retry", retried])["attention"], json!(null));
    api.client.await_state(retried, "completed");
    assert_eq!(api.client.stock("iPhone 15"), (98, 0));
    shop.assert_clean(3);
}

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn stock_is_set_and_adjusted() {
    let shop = Shop::open();
    let (api, _worker) = (shop.api(), shop.worker());
    assert_eq!(json(&api, &["inventory", "set", "苹果/1", "7", "--reason", "new"])["on_hand"], 7);
    assert_eq!(json(&api, &["inventory", "set", "苹果/1", "8", "--expected", "7"])["on_hand"], 8);
    let stale = fails(&api, &["inventory", "set", "苹果/1", "9", "--expected", "7"], 4);
    assert!(stale.contains("(version_mismatch)"), "{stale}");
    create(&api, &["苹果/1=5", "--amount", "5"]);
    assert!(fails(&api, &["inventory", "set", "苹果/1", "2"], 4).contains("(below_reserved)"));
    let counted = json(&api, &["inventory", "set", "苹果/1", "2", "--recount"]);
    assert_eq!((&counted["on_hand"], &counted["short"]), (&json!(2), &json!(3)));
    let found = ["inventory", "adjust", "苹果/1", "6", "--reason", "found", "--idempotency-key", "count-1"];
    assert_eq!(done(&api, &found), done(&api, &found), "the second time it is only told");
    assert!(fails(&api, &["inventory", "adjust", "none", "1", "--reason", "x"], 4).contains("(unknown_sku)"));
    assert!(done(&api, &["inventory", "show", "苹果/1"]).ends_with("苹果/1\t8\t5\t3\t0\n"));
    shop.assert_clean(1);
}

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn what_is_typed_while_nobody_works_is_taken_and_said_to_be() {
    let shop = Shop::open();
    let api = shop.api();
    let id = create(&api, &["iPhone 15", "--amount", "500"]);
    let paid = ask(&api, &["orders", "pay", &id, "--payment-id", "p", "--json"]);
    assert!(paid.code == Some(0) && paid.err.contains("taken, and not applied yet"), "{paid:?}");
    let answered: serde_json::Value = serde_json::from_str(&paid.out).unwrap();
    assert_eq!((&answered["order_id"], &answered["state"]), (&json!(id), &json!("reserving")));
    let _worker = shop.worker();
    let completed = api.client.await_state(&id, "completed");
    assert_eq!(completed["payments"].as_array().unwrap().len(), 1, "{completed}");
    assert_eq!(completed["payments"][0]["payment_id"], "p");
}
