//! `bench lifecycle`: orders placed, paid, and watched until the client sees `completed`.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use super::answer::{Answer, is_null};
use super::client::Connection;
use super::drive::{self, Load, Stop};
use super::place::PlaceRequests;
use super::tally::{Step, Tally};
use super::target::Target;

/// Carries each order from its placing to `completed`; anything else it sees is a failure.
pub(super) struct Lifecycle {
    /// What places an order.
    pub(super) orders: PlaceRequests,
    /// What is asked about it.
    pub(super) requests: OrderRequests,
    /// How long an order may take from its payment to `completed`.
    pub(super) give_up: Duration,
}

/// Says that the whole amount was captured. `serve` takes no report without a body.
const CAPTURED: &str = r#"{"outcome":"captured"}"#;

/// What the client knows of an order: its id, and its version as the `ETag` had it.
struct Known {
    order_id: String,
    etag: Option<String>,
}

impl Load for Lifecycle {
    async fn once(
        &self,
        connection: &mut Connection,
        tally: &RefCell<Tally>,
        intended: Instant,
    ) -> Result<(), Stop> {
        let mut order = self.place(connection, tally).await?;
        let placed = Instant::now();
        let request = self.requests.pay(&order.order_id);
        let answer = drive::ask(connection, tally, Step::Pay, &request).await?;
        if !matches!(answer.status, 200 | 202) {
            return Err(Stop::unexpected(Step::Pay, &answer));
        }
        order.etag = answer.etag.map(str::to_owned);
        let mut completed = is_completed(Step::Pay, &answer)?;
        let paid = Instant::now();
        while !completed {
            completed = self.wait_for_change(connection, tally, &mut order).await?;
            if !completed && paid.elapsed() > self.give_up {
                return Err(Stop::failed(Step::Completed, None, "not_completed_in_time"));
            }
        }
        let mut tally = tally.borrow_mut();
        tally.record(Step::Place, placed - intended);
        tally.record(Step::Pay, paid - placed);
        tally.record(Step::Completed, paid.elapsed());
        Ok(())
    }
}

impl Lifecycle {
    async fn place(&self, connection: &mut Connection, tally: &RefCell<Tally>) -> Result<Known, Stop> {
        let answer = drive::ask(connection, tally, Step::Place, self.orders.next()).await?;
        if !matches!(answer.status, 201 | 202) {
            return Err(Stop::unexpected(Step::Place, &answer));
        }
        if answer.field("state") == Some("in_review") {
            return Err(Stop::failed(Step::Place, Some(answer.status), "in_review"));
        }
        let Some(order_id) = answer.field("order_id") else {
            return Err(Stop::failed(Step::Place, Some(answer.status), "no_order_id"));
        };
        Ok(Known { order_id: order_id.to_owned(), etag: answer.etag.map(str::to_owned) })
    }

    /// Waits for the order's next change; true once it shows `completed`.
    async fn wait_for_change(
        &self,
        connection: &mut Connection,
        tally: &RefCell<Tally>,
        order: &mut Known,
    ) -> Result<bool, Stop> {
        let request = self.requests.wait(order);
        let answer = drive::ask(connection, tally, Step::Completed, &request).await?;
        match answer.status {
            304 => Ok(false),
            200 => {
                order.etag = answer.etag.map(str::to_owned);
                is_completed(Step::Completed, &answer)
            }
            _ => Err(Stop::unexpected(Step::Completed, &answer)),
        }
    }
}

/// Whether the order is completed, or an error where it never will be by itself.
fn is_completed(step: Step, answer: &Answer<'_>) -> Result<bool, Stop> {
    let fail = |code: String| Err(Stop::failed(step, Some(answer.status), code));
    match answer.field("state") {
        None => fail("no_state".to_owned()),
        Some("completed") => Ok(true),
        Some(state @ ("compensating" | "expired" | "rejected" | "cancelled" | "failed")) => {
            fail(format!("order_{state}"))
        }
        Some(_) if !is_null(answer.body, "attention") => fail("attention".to_owned()),
        Some(_) => Ok(false),
    }
}

/// The bytes of the requests about one order, but for what changes from order to order.
pub(super) struct OrderRequests {
    pay: (Vec<u8>, Vec<u8>),
    wait: (Vec<u8>, Vec<u8>),
}

impl OrderRequests {
    /// Requests to `target`.
    pub(super) fn new(target: &Target) -> Self {
        let pay = target.send("POST", "/api/v1/orders/\0/pay", CAPTURED);
        let wait = target.get("/api/v1/orders/\0", "Prefer: wait=30\r\n");
        Self { pay: around_id(&pay), wait: around_id(&wait) }
    }

    fn pay(&self, order_id: &str) -> Vec<u8> {
        [&self.pay.0, order_id.as_bytes(), &self.pay.1].concat()
    }

    /// Without a known version the answer comes at once, and brings one.
    fn wait(&self, order: &Known) -> Vec<u8> {
        let (before, after) = (&self.wait.0, &self.wait.1);
        let Some(etag) = &order.etag else {
            return [before, order.order_id.as_bytes(), after].concat();
        };
        let head = after.strip_suffix(b"\r\n").unwrap_or(after);
        [before, order.order_id.as_bytes(), head, b"If-None-Match: ", etag.as_bytes(), b"\r\n\r\n"].concat()
    }
}

/// What stands before and after the id, whose place a NUL holds.
fn around_id(request: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut parts = request.splitn(2, |byte| *byte == 0).map(<[u8]>::to_vec);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_name_the_order_and_the_version() {
        let requests = OrderRequests::new(&"http://shop".parse().unwrap());
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let order = |etag: Option<&str>| Known { order_id: "ORD-1".into(), etag: etag.map(str::to_owned) };
        assert_eq!(
            text(requests.pay("ORD-1")),
            format!(
                "POST /api/v1/orders/ORD-1/pay HTTP/1.1\r\nHost: shop\r\nContent-Length: 22\r\n\r\n{CAPTURED}"
            )
        );
        assert_eq!(
            text(requests.wait(&order(Some("\"7\"")))),
            "GET /api/v1/orders/ORD-1 HTTP/1.1\r\nHost: shop\r\nPrefer: wait=30\r\nIf-None-Match: \"7\"\r\n\r\n"
        );
        assert_eq!(
            text(requests.wait(&order(None))),
            "GET /api/v1/orders/ORD-1 HTTP/1.1\r\nHost: shop\r\nPrefer: wait=30\r\n\r\n"
        );
    }
}
