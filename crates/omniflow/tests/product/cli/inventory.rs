//! The commands about stock.

use super::{ask, create, done, fails, json};
use crate::server::still;
use serde_json::{Value, json};

const HEADING: &str = "SKU\tON HAND\tRESERVED\tAVAILABLE\tSHORT\n";

#[test]
fn stock_is_listed_page_by_page() {
    let (_place, server) = still();
    let all = server.client.get("/api/v1/inventory").ok();
    let skus: Vec<&str> =
        all["data"].as_array().unwrap().iter().map(|level| level["sku"].as_str().unwrap()).collect();
    assert_eq!(json(&server, &["inventory", "list"]), all);
    let listed = done(&server, &["inventory", "list", "--limit", "2", "--all"]);
    assert_eq!(listed.lines().skip(1).map(|line| line.split('\t').next().unwrap()).collect::<Vec<_>>(), skus);
    let part = ask(&server, &["inventory", "list", "--limit", "2"]);
    let cursor = part.err.split("--cursor ").nth(1).unwrap().split(' ').next().unwrap();
    let next = json(&server, &["inventory", "list", "--cursor", cursor]);
    assert_eq!(next["data"][0]["sku"], skus[2]);
}

#[test]
fn stock_of_one_sku_is_shown_in_both_languages() {
    let (_place, server) = still();
    create(&server, &["iPhone 15=3", "--amount", "5"]);
    assert_eq!(
        done(&server, &["inventory", "show", "iPhone 15"]),
        format!("{HEADING}iPhone 15\t1000\t3\t997\t0\n")
    );
    let chinese = done(&server, &["inventory", "show", "iPhone 15", "--lang", "zh"]);
    assert!(chinese.starts_with("商品\t在库\t已预占\t可用\t短缺\n"), "{chinese}");
    assert!(fails(&server, &["inventory", "show", "Nothing/1"], 4).contains("(unknown_sku)"));
}

#[test]
fn stock_is_set_with_all_its_conditions() {
    let (_place, server) = still();
    let new = ask(&server, &["inventory", "set", "苹果/1", "7", "--reason", "new"]);
    assert_eq!((new.code, new.out), (Some(0), format!("{HEADING}苹果/1\t7\t0\t7\t0\n")));
    assert!(new.err.contains("is new in the catalogue"));
    assert_eq!(json(&server, &["inventory", "set", "苹果/1", "8", "--expected", "7"])["on_hand"], 8);
    assert!(
        fails(&server, &["inventory", "set", "苹果/1", "9", "--expected", "7"], 4)
            .contains("(version_mismatch)")
    );
    create(&server, &["苹果/1=5", "--amount", "5"]);
    assert!(fails(&server, &["inventory", "set", "苹果/1", "2"], 4).contains("(below_reserved)"));
    let counted: Value = json(&server, &["inventory", "set", "苹果/1", "2", "--recount"]);
    assert_eq!((&counted["on_hand"], &counted["short"]), (&json!(2), &json!(3)));
}

#[test]
fn stock_is_adjusted_up_and_down_once() {
    let (_place, server) = still();
    let adjust = |delta: &str| {
        json(&server, &["inventory", "adjust", "HomePod", delta, "--reason", "count"])["on_hand"].clone()
    };
    let before = server.client.stock("HomePod").0;
    assert_eq!((adjust("5"), adjust("-2")), (json!(before + 5), json!(before + 3)));
    let once = ["inventory", "adjust", "HomePod", "1", "--reason", "count", "--idempotency-key", "d-1"];
    assert_eq!(done(&server, &once), done(&server, &once));
    assert_eq!(server.client.stock("HomePod").0, before + 4);
    let unknown = fails(&server, &["inventory", "adjust", "Nothing", "1", "--reason", "x"], 4);
    assert!(unknown.contains("\n  SKU: is not in the catalogue"), "{unknown}");
}
