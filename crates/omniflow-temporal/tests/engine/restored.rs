//! Orders that PostgreSQL does not have, or no longer as their workflows know them: it was restored, or is
//! another one. What was reported is kept until they are there again.

use crate::client::Client;
use serde_json::json;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until the latest run has waited so often.
pub(crate) async fn waits(client: &Client, times: usize) {
    let waited = async {
        while client.latest_has("TimerStartedEventAttributes").await < times {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waited).await.expect("it waits for a timer of the server's");
}

async fn completes(client: &Client) {
    tokio::time::timeout(PATIENCE, client.ends("COMPLETED")).await.expect("it is completed");
    let timeline = client.timeline().await;
    assert_eq!(timeline.iter().filter(|event| **event == "payment_captured").count(), 1, "{timeline:?}");
}

#[tokio::test]
async fn a_payment_of_an_order_that_is_not_there_is_kept_until_it_is() {
    let client = Client::new().await;
    let stored = json!({"OrderID": client.order_id, "Stored": true});
    client.start_with(&stored).await;
    let unpaid = client.ends("FAILED").await;
    assert!(unpaid["Message"].as_str().unwrap().starts_with("unknown_order"), "{unpaid}");

    client.signal_with_start(&stored, "SIGNAL_PAYMENT_PAID", "\"PAID\"").await;
    waits(&client, 2).await;
    client.claim().await;
    completes(&client).await;
}

#[tokio::test]
async fn a_payment_of_an_order_that_has_gone_is_kept_until_it_is_back() {
    let client = Client::new().await;
    client.start_with(&client.order(500)).await;
    client.until("stock_reserved", 1).await;
    let postgres = client.temporal.postgres().await;
    let rename = async |from: &str, to: &str| {
        let renamed = postgres.execute("UPDATE orders SET id = $2 WHERE id = $1", &[&from, &to]).await;
        assert_eq!(renamed.unwrap(), 1, "{from} is {to} now");
    };
    rename(&client.order_id, "away").await;
    client.pay("\"PAID\"").await;
    // One is the payment window's.
    waits(&client, 4).await;
    rename("away", &client.order_id).await;
    completes(&client).await;
}
