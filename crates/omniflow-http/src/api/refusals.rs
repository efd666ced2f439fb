//! What the engine refuses, as problem documents.

use crate::{Code, Problem};
use omniflow_core::Rejection;
use omniflow_engine::Error;
use serde_json::json;

/// Of this request alone: an earlier one with its `Idempotency-Key` may have been done.
const NOT_TAKEN: &str = "This request did nothing. Send it again after Retry-After.";

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match error {
            Error::OrderNotFound => order_not_found(),
            Error::Rejected(rejection) => rejected(&rejection),
            Error::OutOfStock(short) => {
                let lines: Vec<_> = short
                    .iter()
                    .map(|line| json!({"sku": line.sku, "requested": line.requested, "available": line.available}))
                    .collect();
                let detail = "There is no order. Order what is available of each line, or wait for more.";
                Self::new(Code::OutOfStock, detail).with("lines", &lines)
            }
            Error::UnknownSku(skus) => {
                let names: Vec<&str> = skus.iter().map(|sku| sku.as_str()).collect();
                let detail = format!(
                    "Stock does not know {}. PUT /api/v1/inventory/{{sku}} creates a SKU.",
                    names.join(", ")
                );
                Self::new(Code::SkuNotFound, detail)
            }
            Error::ExternalIdTaken(holder) => {
                let detail = format!(
                    "There is no new order. Read the first one, {holder}, or send another external_id."
                );
                Self::new(Code::ExternalIdTaken, detail).with("order_id", &holder)
            }
            Error::VersionMismatch { current } => {
                let detail = format!("The order is at version {current}. Read it again, then decide.");
                Self::new(Code::VersionMismatch, detail)
            }
            Error::BelowReserved { reserved } => {
                let detail = format!(
                    "{reserved} are reserved for orders. Keep at least so many; or, if it is a count of what is \
                     really there, PUT it with \"recount\": true."
                );
                Self::new(Code::BelowReserved, detail)
            }
            Error::StockChanged { on_hand } => {
                let detail = format!(
                    "{on_hand} are on hand, not what you expected. Read the stock again, then decide."
                );
                Self::new(Code::VersionMismatch, detail)
            }
            Error::StockTooLarge => {
                Self::new(Code::InvalidField, "That is more than can be counted. Send less.")
            }
            Error::IdempotencyKeyReused => Self::new(
                Code::IdempotencyKeyReused,
                "Nothing was done. Send the same body as with this key before, or another key.",
            ),
            Error::IdempotencyInProgress => Self::new(
                Code::IdempotencyInProgress,
                "The first request with this key is still at work. Send it again after a while.",
            ),
            Error::ForeignCursor => {
                Self::new(Code::InvalidField, "Take the next_cursor of an earlier page of the same list.")
            }
            Error::Overloaded => Self::new(Code::Overloaded, NOT_TAKEN),
            Error::Unavailable(reason) => Self::new(Code::EngineUnavailable, NOT_TAKEN).caused_by(reason),
            Error::SetAside => {
                let detail = "Nothing was done, and sending it again will not help: what is stored of the order cannot \
                              be worked on. An operator must stop the server and run `omniflow verify`.";
                Self::new(Code::EngineUnavailable, detail).caused_by("the order is set aside".to_owned())
            }
            Error::OutcomeUnknown => {
                let detail = "It may have been done or not: the storage failed meanwhile. Read the order, or send \
                              the same request again where that changes nothing twice.";
                Self::new(Code::OutcomeUnknown, detail)
            }
        }
    }
}

pub(super) fn order_not_found() -> Problem {
    Problem::new(Code::OrderNotFound, "Check the order's id; the answer to placing an order has it.")
}

fn rejected(rejection: &Rejection) -> Problem {
    match rejection {
        Rejection::ActionNotAllowed { action, state, allowed } => {
            let words: Vec<&str> = allowed.iter().map(|action| action.as_str()).collect();
            let instead = match words.is_empty() {
                true => "Nothing can be asked of it now.".to_owned(),
                false => format!("It takes {}.", words.join(", ")),
            };
            let detail = format!("{action} is not possible while the order is {state}. {instead}");
            Problem::new(Code::ActionNotAllowed, detail).with("allowed_actions", &words)
        }
        Rejection::TooManyPayments(payments) => {
            let detail = format!(
                "The order has {payments} payments, as many as it takes, and this payment_id (\"default\" where \
                 left out) is none of them. Send the payment_id of one that GET /api/v1/orders/{{order_id}} lists \
                 in payments; to pay, of one that was not captured yet."
            );
            Problem::new(Code::TooManyPayments, detail)
        }
        Rejection::TooManyReports(reports) => {
            let detail = format!(
                "The order has {reports} payment reports and takes no more that change nothing, such as declined \
                 tries. The first report that a payment is captured, or has failed, is still taken."
            );
            Problem::new(Code::TooManyPayments, detail)
        }
        Rejection::ImpossibleOutcome { .. } => Problem::new(Code::InvalidField, format!("{rejection}.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RequestId;

    #[test]
    fn too_many_payments_and_too_many_reports_each_say_what_is_still_taken() {
        let said = |rejection: &Rejection| {
            let json = rejected(rejection).to_json(&RequestId::named("req-1"));
            let problem: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(problem["code"], "too_many_payments");
            problem["detail"].as_str().unwrap().to_owned()
        };
        insta::assert_snapshot!(
            said(&Rejection::TooManyPayments(100)),
            @r#"The order has 100 payments, as many as it takes, and this payment_id ("default" where left out) is none of them. Send the payment_id of one that GET /api/v1/orders/{order_id} lists in payments; to pay, of one that was not captured yet."#
        );
        insta::assert_snapshot!(
            said(&Rejection::TooManyReports(1_000)),
            @"The order has 1000 payment reports and takes no more that change nothing, such as declined tries. The first report that a payment is captured, or has failed, is still taken."
        );
    }
}
