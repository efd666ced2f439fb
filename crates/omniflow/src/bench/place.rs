//! `bench place`: orders placed and left waiting for payment.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use super::client::Connection;
use super::drive::{self, Load, Stop};
use super::tally::{Step, Tally};
use super::target::Target;

/// The bytes that place an order, one request a SKU, taken in turn.
pub(super) struct PlaceRequests {
    requests: Vec<Vec<u8>>,
    turn: Cell<usize>,
}

/// What all orders of a run have in common.
#[derive(Debug)]
pub(super) struct Terms {
    /// A JSON number, in major units of USD.
    pub(super) amount: String,
    pub(super) payment_window: Option<Duration>,
    /// Whose they are.
    pub(super) customer: Option<String>,
}

impl PlaceRequests {
    /// Orders for one piece of each of `skus` in turn.
    pub(super) fn new(target: &Target, skus: &[String], terms: &Terms) -> Self {
        let Terms { amount, payment_window, customer } = terms;
        let window = payment_window
            .map_or(String::new(), |time| format!(r#","payment_window_seconds":{}"#, time.as_secs()));
        let customer = customer.as_deref().map_or(String::new(), |customer| {
            format!(r#","customer_id":{}"#, serde_json::Value::from(customer))
        });
        let request = |sku: &String| {
            let sku = serde_json::Value::from(sku.as_str());
            target.send(
                "POST",
                "/api/v1/orders",
                &format!(r#"{{"amount":{amount},"items":[{sku}]{window}{customer}}}"#),
            )
        };
        Self { requests: skus.iter().map(request).collect(), turn: Cell::new(0) }
    }

    /// The next request to send.
    pub(super) fn next(&self) -> &[u8] {
        let turn = self.turn.get();
        self.turn.set(turn.wrapping_add(1));
        &self.requests[turn % self.requests.len()]
    }
}

/// Places an order: 201, or 202 where the stock is decided later.
pub(super) struct Place {
    /// What is sent.
    pub(super) orders: PlaceRequests,
}

impl Load for Place {
    async fn once(
        &self,
        connection: &mut Connection,
        tally: &RefCell<Tally>,
        intended: Instant,
    ) -> Result<(), Stop> {
        let answer = drive::ask(connection, tally, Step::Place, self.orders.next()).await?;
        if !matches!(answer.status, 201 | 202) {
            return Err(Stop::unexpected(Step::Place, &answer));
        }
        tally.borrow_mut().record(Step::Place, intended.elapsed());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skus_take_turns_and_are_quoted() {
        let target: Target = "http://shop".parse().unwrap();
        let skus = ["a \"b\"".to_owned(), "c".to_owned()];
        let terms = Terms {
            amount: "10.50".to_owned(),
            payment_window: Some(Duration::from_secs(90)),
            customer: Some("c \"1\"".to_owned()),
        };
        let orders = PlaceRequests::new(&target, &skus, &terms);
        let bodies: Vec<String> = (0..3)
            .map(|_| String::from_utf8_lossy(orders.next()).split_once("\r\n\r\n").unwrap().1.to_owned())
            .collect();
        assert_eq!(
            bodies[0],
            r#"{"amount":10.50,"items":["a \"b\""],"payment_window_seconds":90,"customer_id":"c \"1\""}"#
        );
        assert_eq!(
            bodies[1],
            r#"{"amount":10.50,"items":["c"],"payment_window_seconds":90,"customer_id":"c \"1\""}"#
        );
        assert_eq!(bodies[2], bodies[0]);
    }
}
