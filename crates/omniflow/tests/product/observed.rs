//! What operators see: the metrics, and the alerts and the board that are made of them.

use crate::server::still;
use std::collections::BTreeSet;

/// The names of metrics in a text; what they all begin with is none, where it stands alone in a pattern.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
    let words = text.split(|letter: char| !is_part(letter));
    words.filter(|word| word.strip_prefix("omniflow_").is_some_and(|name| !name.is_empty())).collect()
}

#[test]
fn alerts_and_board_are_made_of_metrics_that_there_are() {
    let (_place, server) = still();
    let client = &server.client;
    client.put("/api/v1/dev/providers/carrier", r#"{"script":[{"do":"fail","times":4}]}"#);
    let stuck = client.place(r#"{"amount":5,"items":["iPhone 15"]}"#);
    client.act(&stuck, "pay", "");
    client.advance("PT20S");
    client.place(r#"{"amount":5,"items":["iPhone 15"]}"#);
    client.advance("PT31S");
    let metrics = client.get("/metrics").body;
    for line in [
        "omniflow_orders_placed_total 2",
        "omniflow_orders_ended_total{state=\"expired\"} 1",
        "omniflow_orders{state=\"shipping\"} 1",
        "omniflow_orders_attention 1",
        "omniflow_effect_attempts_total{kind=\"ship\",result=\"not_taken\"} 4",
        "omniflow_timers_fired_total 1",
    ] {
        assert!(metrics.lines().any(|said| said == line), "{line}: {metrics}");
    }
    let there = names(&metrics);
    let deploy = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy");
    for file in ["prometheus/omniflow.rules.yml", "grafana/omniflow.json"] {
        let text = std::fs::read_to_string(format!("{deploy}/{file}")).unwrap();
        let used = names(&text);
        assert!(used.len() > 5, "{file}");
        assert_eq!(used.difference(&there).collect::<Vec<_>>(), Vec::<&&str>::new(), "{file}");
    }
}
