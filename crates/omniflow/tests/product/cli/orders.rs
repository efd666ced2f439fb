//! Every command about orders, table and JSON.

use super::{ask, create, done, fails, json, url};
use crate::scenarios::LARGE;
use crate::server::{Server, still};
use serde_json::{Value, json};

/// What a GET answers in English, to the byte.
fn as_answered(server: &Server, path: &str) -> String {
    server.client.ask("GET", path, &[("accept-language", "en")], b"").body
}

#[test]
fn an_order_is_placed_with_everything_that_can_be_given() {
    let (_place, server) = still();
    let id = create(
        &server,
        &[
            "iPhone 15=2@250",
            "USB-C Cable@9.90",
            "--amount",
            "512.40",
            "--currency",
            "USD",
            "--customer-id",
            "c-7",
            "--external-id",
            "cart-9",
            "--payment-window",
            "72h",
            "--adjustment",
            "shipping=5:post",
            "--adjustment",
            "discount=-2.50",
            "--address",
            "city=Köln",
            "--metadata",
            "note=a=b",
        ],
    );
    let order = server.client.order(&id);
    assert_eq!((&order["amount"], &order["customer_id"]), (&json!(512.4), &json!("c-7")));
    assert_eq!(
        (&order["external_id"], &order["shipping_address"]),
        (&json!("cart-9"), &json!({"city": "Köln"}))
    );
    assert_eq!(order["metadata"], json!({"note": "a=b"}));
    let lines: Vec<_> =
        order["items"].as_array().unwrap().iter().map(|line| (&line["sku"], &line["quantity"])).collect();
    assert_eq!(lines, [(&json!("iPhone 15"), &json!(2)), (&json!("USB-C Cable"), &json!(1))]);
    assert_eq!(order["items"][1]["unit_price_minor"], json!(990));
    assert_eq!(
        (&order["adjustments"][0]["label"], &order["adjustments"][1]["amount"]),
        (&json!("post"), &json!(-2.5))
    );
    let window: Value = server.client.get(&format!("/api/v1/orders/{id}/timeline")).ok();
    assert_eq!(window["data"][0]["data"]["payment_window_seconds"], json!(259_200));
}

#[test]
fn json_is_what_the_server_answered_to_the_byte() {
    let (_place, server) = still();
    let id = server.client.place(r#"{"amount": 10000.10, "items": ["Mac Pro"], "external_id": "big"}"#);
    let shown = done(&server, &["orders", "show", &id, "--json"]);
    assert_eq!(shown.trim_end_matches('\n'), as_answered(&server, &format!("/api/v1/orders/{id}")));
    assert!(shown.contains("10000.1"), "{shown}");
    let listed = done(&server, &["orders", "list", "--json"]);
    assert_eq!(listed.trim_end_matches('\n'), as_answered(&server, "/api/v1/orders"));
    let chinese = json(&server, &["orders", "show", &id, "--lang", "zh"]);
    assert_eq!(chinese["status"], "⚠️ 待风控审核 (大额订单)");
}

#[test]
fn an_order_is_shown_with_what_it_has_and_what_can_be_done() {
    let (_place, server) = still();
    let id = create(&server, &["iPhone 15=2", "--amount", "500", "--customer-id", "c-7"]);
    let shown = done(&server, &["orders", "show", &id]);
    for line in [
        &*format!("Order\t{id}\n"),
        "Status\tAwaiting payment (times out in 30s)\n",
        "Amount\t500 USD\n",
        "Customer\tc-7\n",
        "1\tiPhone 15\t2\t\n",
        &format!("  omniflow orders pay {id}\n"),
        &format!("  omniflow orders cancel {id}\n"),
    ] {
        assert!(shown.contains(line), "{line:?} in {shown}");
    }
    let chinese = done(&server, &["orders", "show", &id, "--lang", "zh"]);
    assert!(chinese.contains("说明\t待支付 (超时倒计时: 30s)\n"), "{chinese}");
    done(&server, &["orders", "pay", &id, "--payment-id", "pi_1", "--reason", "by card"]);
    server.client.advance("PT2S");
    let shown = done(&server, &["orders", "show", &id]);
    assert!(shown.contains("\npi_1\tcaptured\t500 USD\tby card\t"), "{shown}");
    assert!(shown.contains(".shipment-1\tshipped\tTRK-") && !shown.contains("can be done"), "{shown}");
}

#[test]
fn payments_are_reported_as_the_provider_has_them() {
    let (_place, server) = still();
    let id = create(&server, &["iPhone 15", "--amount", "500"]);
    let declined =
        ["orders", "pay", &id, "--outcome", "declined", "--payment-id", "p", "--reason", "too little"];
    assert_eq!(json(&server, &declined)["payments"][0]["status"], "declined");
    let less =
        json(&server, &["orders", "pay", &id, "--payment-id", "q", "--amount", "1.50", "--currency", "USD"]);
    assert_eq!(
        (&less["state"], &less["payments"][1]["amount_minor"]),
        (&json!("awaiting_payment"), &json!(150))
    );
    let paid = json(&server, &["orders", "pay", &id, "--event-id", "e"]);
    assert_eq!((&paid["state"], &paid["payment_status"]), (&json!("shipping"), &json!("paid")));
    let other = create(&server, &["iPhone 15", "--amount", "500"]);
    assert_eq!(json(&server, &["orders", "pay", &other, "--outcome", "failed"])["state"], "failed");
}

#[test]
fn people_decide_with_reasons() {
    let (_place, server) = still();
    for (action, state) in [("approve", "awaiting_payment"), ("reject", "rejected"), ("cancel", "cancelled")]
    {
        let id = server.client.place(LARGE);
        let decided = json(&server, &["orders", action, &id, "--reason", "so be it"]);
        assert_eq!(decided["state"], state);
        let timeline = server.client.get(&format!("/api/v1/orders/{id}/timeline")).body;
        assert!(timeline.contains("so be it"), "{timeline}");
    }
}

/// An order whose shipment needs a person.
fn stuck(server: &Server) -> String {
    let script = r#"{"script":[{"do":"fail","times":4}]}"#;
    assert_eq!(server.client.put("/api/v1/dev/providers/carrier", script).status, 204);
    let id = create(server, &["iPhone 15", "--amount", "500"]);
    done(server, &["orders", "pay", &id]);
    server.client.advance("PT60S");
    assert_eq!(server.client.order(&id)["attention"]["step"], "ship");
    id
}

#[test]
fn people_help_where_a_provider_did_not() {
    let (_place, server) = still();
    let retried = stuck(&server);
    assert_eq!(json(&server, &["orders", "retry", &retried])["attention"], json!(null));
    server.client.advance("PT2S");
    assert_eq!(server.client.order(&retried)["state"], "completed");
    let skipped = stuck(&server);
    assert!(fails(&server, &["orders", "skip", &skipped], 2).contains("--reason"));
    assert_eq!(json(&server, &["orders", "skip", &skipped, "--reason", "seen"])["state"], "completed");
    let undone = stuck(&server);
    done(&server, &["orders", "compensate", &undone, "--reason", "burnt down"]);
    server.client.advance("PT1S");
    assert_eq!(server.client.order(&undone)["reason"]["detail"], "burnt down");
}

#[test]
fn lists_take_every_filter_and_follow_cursors() {
    let (_place, server) = still();
    let large =
        create(&server, &["Mac Pro", "--amount", "20000", "--customer-id", "a", "--external-id", "x 1"]);
    let small = create(&server, &["HomePod", "--amount", "5", "--customer-id", "b&c"]);
    server.client.advance("PT1H");
    let late = create(&server, &["HomePod", "--amount", "6"]);
    done(&server, &["orders", "cancel", &late]);
    let middle = server.client.order(&late)["created_at"].as_str().unwrap().to_owned();
    let listed = |args: &[&str]| -> Vec<String> {
        let page = json(&server, &[&["orders", "list"], args].concat());
        page["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|order| order["order_id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(listed(&[]), [&*late, &*small, &*large]);
    assert_eq!(listed(&["--state", "in_review"]), [&*large]);
    assert_eq!(listed(&["--state", "in_review", "--state", "cancelled"]), [&*late, &*large]);
    assert_eq!(listed(&["--payment-status", "paid"]), [""; 0]);
    assert_eq!(listed(&["--customer-id", "b&c"]), [&*small]);
    assert_eq!(listed(&["--external-id", "x 1"]), [&*large]);
    assert_eq!(listed(&["--attention"]), [""; 0]);
    assert_eq!(listed(&["--attention", "false"]).len(), 3);
    assert_eq!(listed(&["--created-before", &middle]), [&*small, &*large]);
    assert_eq!(listed(&["--created-after", "2999-01-01T00:00:00Z"]), [""; 0]);
    assert_eq!(listed(&["--limit", "1"]), [&*late]);

    let told = ask(&server, &["orders", "list", "--limit", "2"]);
    assert_eq!(told.out.lines().count(), 3, "{told:?}");
    let cursor = told.err.split("--cursor ").nth(1).unwrap().split(' ').next().unwrap();
    assert_eq!(listed(&["--limit", "2", "--cursor", cursor]), [&*large]);
    let all = done(&server, &["orders", "list", "--limit", "1", "--all"]);
    let ids: Vec<&str> = all.lines().map(|line| line.split('\t').next().unwrap()).collect();
    assert_eq!(ids, ["ORDER", &late, &small, &large]);
    let pages = done(&server, &["orders", "list", "--limit", "1", "--all", "--json"]);
    assert_eq!(pages.lines().filter(|page| serde_json::from_str::<Value>(page).is_ok()).count(), 3);
}

#[test]
fn a_key_of_ones_own_does_it_once() {
    let (_place, server) = still();
    let args = ["orders", "create", "HomePod", "--amount", "5", "--json"];
    let first = ask(&server, &[&args[..], &["--idempotency-key", "cart 9"]].concat());
    let again = ask(&server, &[&args[..], &["--idempotency-key", "cart 9"]].concat());
    assert_eq!((first.code, &first.out), (Some(0), &again.out));
    assert!(first.err.is_empty() && again.err.contains("under the same key"), "{again:?}");
    assert_ne!(done(&server, &args), first.out, "each has a key of its own");
    assert_eq!(server.client.stock("HomePod").1, 2);
}

#[test]
fn an_action_can_be_bound_to_a_version() {
    let (_place, server) = still();
    let id = create(&server, &["HomePod", "--amount", "5"]);
    let refused = fails(&server, &["orders", "cancel", &id, "--if-version", "1"], 4);
    assert!(refused.contains("(version_mismatch)"), "{refused}");
    done(&server, &["orders", "cancel", &id, "--if-version", "2"]);
}

#[test]
fn the_server_can_be_named_before_and_after_the_command() {
    let (_place, server) = still();
    let url = url(&server);
    for args in [["orders", "--server", &url, "list"], ["orders", "list", "--server", &url]] {
        assert_eq!(super::told(super::command(&args)).code, Some(0), "{args:?}");
    }
}
