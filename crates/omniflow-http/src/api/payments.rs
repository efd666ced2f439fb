//! `POST /orders/{id}/pay`: what the payment provider did.

use super::actions::ask;
use super::orders::require;
use super::path::OrderPath;
use super::post::Post;
use super::{Api, conditional, placing};
use crate::openapi::{answers, bodies, parameters, refusals};
use crate::{Code, Problem, json};
use axum::extract::State;
use axum::response::Response;
use omniflow_core::{
    Command, Currency, DraftAmount, MAX_MINOR, Money, Order, OrderId, PaymentEventId, PaymentId,
    PaymentOutcome, PaymentReport, ReasonText,
};
use omniflow_engine::{Error, Request};
use std::sync::Arc;

/// A report as sent, types already right.
struct Sent {
    report: PaymentReport,
    amount: DraftAmount,
    currency: Option<Currency>,
}

/// Takes a report, in whatever state the order is.
#[utoipa::path(
    post, path = "/api/v1/orders/{id}/pay", tag = "orders", operation_id = "payOrder",
    summary = "Report a payment",
    description = "What the payment provider did; taken in every state. What must not be kept is refunded.",
    params(parameters::OrderId, parameters::Key, parameters::IfMatch, parameters::Language),
    request_body = Option<bodies::PaymentReport>, responses(answers::Paid, refusals::Paying)
)]
pub(super) async fn pay(
    State(api): State<Api>,
    OrderPath(order_id): OrderPath,
    post: Post,
) -> Result<Response, Problem> {
    let body = &post.body;
    if body.trim_ascii().is_empty() && !api.implicit_capture {
        return answer_again(&api, order_id, post).await;
    }
    let Sent { mut report, amount, currency } = read(body)?;
    if amount != DraftAmount::default() || currency.is_some() {
        report.amount = paid(&*require(&api, &order_id).await?, &amount, currency)?;
    }
    ask(&api, order_id, post, Command::ReportPayment(report)).await
}

/// A report without a body, which is not taken here; but one that was taken when it was is answered as then.
async fn answer_again(api: &Api, order_id: OrderId, post: Post) -> Result<Response, Problem> {
    let Post { headers, mark, .. } = post;
    let if_match = conditional::if_match(&headers)?;
    let engine = Arc::clone(&api.engine);
    let command = Command::ReportPayment(PaymentReport::new(None, None, PaymentOutcome::Captured));
    // No order has this version, so that only an earlier answer can come of it.
    let request = Request { order_id, command, actor: api.actor(), if_version: Some(0), idempotency: None };
    let again =
        mark.carry_out(|idempotency| async move { engine.command(Request { idempotency, ..request }).await });
    match again.await {
        Ok(answered) => Ok(api.show(&answered, &headers)),
        Err(Error::VersionMismatch { current })
            if if_match.is_none_or(|tags| tags.match_strongly(current)) =>
        {
            let detail = "is required here: say what happened, such as {\"outcome\": \"captured\"}";
            Err(Problem::field(Code::InvalidField, "", detail))
        }
        Err(error) => Err(error.into()),
    }
}

fn read(body: &[u8]) -> Result<Sent, Problem> {
    json::read_optional(body, |report| {
        let payment_id = report.get("payment_id").and_then(|id| id.text_as(|text| PaymentId::new(text)));
        let event_id = report.get("event_id").and_then(|id| id.text_as(|text| PaymentEventId::new(text)));
        let outcome = report.get("outcome").and_then(|outcome| outcome.word(PaymentOutcome::ALL));
        let currency = report.get("currency").and_then(|code| {
            code.text_as(|code| {
                Currency::from_code(code).ok_or("must be a currency code of ISO 4217, such as USD")
            })
        });
        let reason = report.get("reason").and_then(|reason| reason.text_as(|text| ReasonText::new(text)));
        let outcome = outcome.unwrap_or(PaymentOutcome::Captured);
        let report_of = PaymentReport { reason, ..PaymentReport::new(payment_id, event_id, outcome) };
        Some(Sent { report: report_of, amount: placing::amount(report, "amount", "amount_minor"), currency })
    })
}

/// How much was paid: what is left out is as the order has it.
fn paid(order: &Order, amount: &DraftAmount, currency: Option<Currency>) -> Result<Option<Money>, Problem> {
    let total = order.terms.total;
    let currency = currency.unwrap_or(total.currency);
    let refuse = |pointer: &'static str, detail: String| Problem::field(Code::InvalidField, pointer, detail);
    let major = match &amount.major {
        Some(text) => {
            let read = Money::from_major(text, currency);
            Some(read.map_err(|error| refuse("/amount", error.to_string()))?.minor)
        }
        None => None,
    };
    let minor = match (major, amount.minor) {
        (Some(major), Some(minor)) if major != minor => {
            return Err(refuse("/amount_minor", "must agree with amount".to_owned()));
        }
        (Some(minor), _) | (None, Some(minor)) => minor,
        (None, None) if currency == total.currency => return Ok(None),
        (None, None) => {
            let detail = format!("is required, since the order is in {}", total.currency);
            return Err(refuse("/amount", detail));
        }
    };
    if !(1..=MAX_MINOR).contains(&minor) {
        let pointer = if amount.major.is_some() { "/amount" } else { "/amount_minor" };
        let most = Money::new(MAX_MINOR, currency).to_major();
        return Err(refuse(pointer, format!("must be above zero and at most {most}")));
    }
    Ok(Some(Money::new(minor, currency)))
}
