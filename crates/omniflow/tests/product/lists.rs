//! `GET /orders`: every filter, part by part.

use crate::client::Client;
use crate::server::{Place, Server, still};
use serde_json::Value as Json;

/// The ids of a list with this query, read in parts of `limit`.
fn ids_by(client: &Client, query: &str, limit: usize) -> Vec<String> {
    let (mut ids, mut cursor) = (vec![], String::new());
    loop {
        let part = client.get(&format!("/api/v1/orders?limit={limit}&{query}{cursor}")).ok();
        let data = part["data"].as_array().unwrap();
        assert!(data.len() <= limit, "{part}");
        ids.extend(data.iter().map(|order| order["order_id"].as_str().unwrap().to_owned()));
        match part["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return ids,
        }
    }
}

fn ids(client: &Client, query: &str) -> Vec<String> {
    let whole = ids_by(client, query, 200);
    assert_eq!(ids_by(client, query, 1), whole, "{query}: read one by one it is the same");
    whole
}

/// Orders in several states, oldest first: completed, expired, in review, awaiting payment with a declined
/// try, one that needs a person.
fn orders() -> (Place, Server, [String; 5]) {
    let (place, server) = still();
    let client = &server.client;
    let order = |extra: &str| format!(r#"{{"amount":500,"items":["iPhone 15"]{extra}}}"#);
    let completed = client.place(&order(r#","customer_id":"ann","external_id":"shop-1""#));
    client.act(&completed, "pay", "");
    client.advance("PT10S");
    let expired = client.place(&order(r#","customer_id":"bob","external_id":"shop-2""#));
    client.advance("PT31S");
    let review = client.place(r#"{"amount":20000,"items":["iPhone 15"],"customer_id":"ann"}"#);
    client.advance("PT1S");
    let stuck = client.place(&order(""));
    client.put("/api/v1/dev/providers/carrier", r#"{"script":[{"do":"fail","times":4}]}"#);
    client.act(&stuck, "pay", "");
    client.advance("PT20S");
    let declined = client.place(&order(r#","customer_id":"ann""#));
    client.act(&declined, "pay", r#"{"outcome":"declined"}"#);
    (place, server, [completed, expired, review, stuck, declined])
}

#[test]
fn each_filter_finds_its_orders_newest_first() {
    let (place, server, [completed, expired, review, stuck, declined]) = orders();
    let at = server.client.order(&review)["created_at"].as_str().unwrap().to_owned();
    let check = |client: &Client| {
        let newest = [&declined, &stuck, &review, &expired, &completed];
        let found = |query: &str, wanted: &[&String]| {
            assert_eq!(ids(client, query).iter().collect::<Vec<_>>(), wanted, "{query}");
        };
        found("", &newest);
        found("state=completed", &[&completed]);
        found("state=completed&state=expired", &[&expired, &completed]);
        found("payment_status=declined", &[&declined]);
        found("payment_status=paid", &[&stuck, &completed]);
        found("payment_status=paid&state=completed&attention=false", &[&completed]);
        found("attention=true", &[&stuck]);
        found("attention=false", &[&declined, &review, &expired, &completed]);
        found("attention=false&attention=true", &newest);
        found("customer_id=ann", &[&declined, &review, &completed]);
        found("customer_id=ann&customer_id=bob&state=expired", &[&expired]);
        found("external_id=shop-2&external_id=shop-1", &[&expired, &completed]);
        found("external_id=shop-2&state=completed", &[]);
        found("customer_id=nobody", &[]);
        found(&format!("created_after={at}"), &[&declined, &stuck]);
        found(&format!("created_before={at}"), &[&expired, &completed]);
        let just_after = at.replace('Z', if at.contains('.') { "4Z" } else { ".0004Z" });
        found(&format!("created_before={just_after}"), &[&review, &expired, &completed]);
    };
    check(&server.client);
    server.kill();
    // What lists are read from can be lost: it is made anew.
    for suffix in ["", "-wal", "-shm"] {
        let _ = std::fs::remove_file(place.data().join(format!("lists.db{suffix}")));
    }
    check(&place.start(&["--test-clock"]).client);
}

#[test]
fn the_last_moment_that_can_be_written_is_one() {
    let (_place, server, _) = orders();
    let client = &server.client;
    for last in ["9999-12-31T23:59:59Z", "9999-12-30T22:00:01Z", "9999-12-31T23:59:59.999999999-23:59"] {
        assert_eq!(ids(client, &format!("created_after={last}")), [""; 0], "{last}");
        assert_eq!(ids(client, &format!("created_before={last}")).len(), 5, "{last}");
    }
    assert_eq!(ids(client, "created_after=0000-01-01T00:00:00Z").len(), 5);
}

#[test]
fn the_cursors_of_stock_lead_through_all_of_it_and_no_other_text_is_one() {
    let (place, server) = still();
    let list = |client: &Client, query: &str| client.get(&format!("/api/v1/inventory?{query}"));
    let all = list(&server.client, "").ok()["data"].clone();
    let (mut found, mut cursors) = (vec![], vec![String::new()]);
    while let Some(cursor) = cursors.last().filter(|_| found.len() < 100) {
        let part = list(&server.client, &format!("limit=1{cursor}")).ok();
        found.extend(part["data"].as_array().unwrap().clone());
        match part["next_cursor"].as_str() {
            Some(next) => cursors.push(format!("&cursor={next}")),
            None => break,
        }
    }
    assert_eq!(Json::from(found), all);
    server.kill();
    let server = place.start(&["--test-clock"]);
    for cursor in &cursors[1..] {
        list(&server.client, &cursor[1..]).ok();
        for at in "&cursor=".len()..cursor.len() {
            let mut changed = cursor.clone().into_bytes();
            changed[at] = if changed[at] == b'7' { b'8' } else { b'7' };
            let changed = String::from_utf8(changed).unwrap();
            let problem = list(&server.client, &changed[1..]).problem(422, "invalid_field");
            assert_eq!(problem["errors"][0]["parameter"], "cursor", "{changed}");
        }
    }
}

#[test]
fn an_order_in_a_list_is_as_it_is_read() {
    let (_place, server, _) = orders();
    let listed = server.client.get("/api/v1/orders").ok();
    for order in listed["data"].as_array().unwrap() {
        let mut read = server.client.order(order["order_id"].as_str().unwrap());
        for beside in ["shipping_address", "metadata"] {
            read.as_object_mut().unwrap().remove(beside);
        }
        assert_eq!(order, &read);
    }
    let english = server.client.ask("GET", "/api/v1/orders?state=expired", &[("accept-language", "en")], b"");
    assert_eq!(english.ok()["data"][0]["status"], "Cancelled (payment timed out)");
}

#[test]
fn what_was_acknowledged_is_in_the_next_list() {
    let place = Place::new();
    let server = place.start(&[]);
    for number in 1..=50 {
        let id = server.client.place(r#"{"amount":5,"items":["iPhone 15"]}"#);
        assert_eq!(ids_by(&server.client, "state=awaiting_payment", 200).len(), number);
        assert_eq!(ids_by(&server.client, "", 200)[0], id);
    }
}

#[test]
fn a_parameter_that_is_not_known_or_a_value_that_cannot_be_is_named() {
    let (_place, server, _) = orders();
    let client = &server.client;
    let cursor = client.get("/api/v1/orders?limit=1&state=completed&state=expired").ok();
    let cursor = cursor["next_cursor"].as_str().unwrap();
    let changed = format!("{}{}", &cursor[..31], if cursor.ends_with('0') { "1" } else { "0" });
    let many: String = (0..51).map(|n| format!("&customer_id=c{n}")).collect();
    for (query, parameter) in [
        ("colour=red".to_owned(), "colour"),
        ("state=done".to_owned(), "state"),
        ("state=".to_owned(), "state"),
        ("state=COMPLETED".to_owned(), "state"),
        ("payment_status=money".to_owned(), "payment_status"),
        ("attention=yes".to_owned(), "attention"),
        ("customer_id=".to_owned(), "customer_id"),
        ("external_id=%00".to_owned(), "external_id"),
        ("created_after=yesterday".to_owned(), "created_after"),
        ("created_before=2026-01-06".to_owned(), "created_before"),
        (
            "created_before=2026-01-06T10:00:00Z&created_before=2026-01-06T10:00:00Z".to_owned(),
            "created_before",
        ),
        ("limit=0".to_owned(), "limit"),
        ("limit=201".to_owned(), "limit"),
        ("limit=%2B5".to_owned(), "limit"),
        ("cursor=".to_owned(), "cursor"),
        ("cursor=%E5%8D%81".to_owned(), "cursor"),
        (format!("state=completed&state=expired&cursor={changed}"), "cursor"),
        (format!("state=completed&cursor={cursor}"), "cursor"),
        (many, "customer_id"),
    ] {
        let problem: Json = client.get(&format!("/api/v1/orders?{query}")).problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["parameter"], parameter, "{query}");
    }
    client.get(&format!("/api/v1/orders?limit=7&state=expired&state=completed&cursor={cursor}")).ok();
}
