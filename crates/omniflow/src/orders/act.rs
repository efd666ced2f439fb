//! What is asked of one order: payment reports, decisions, help.

use super::args::{ActArgs, Outcome, PayArgs, ReasonArgs, SkipArgs};
use super::exact::Decimal;
use super::{ask_and_show, path_of};
use crate::client::{self, Call, Client, Error, Shown};
use serde::Serialize;

/// A payment report; what was not typed is not sent, but the outcome always is.
#[derive(Serialize)]
struct Report<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_id: Option<&'a str>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<&'a Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// A decision, or a reason alone.
#[derive(Serialize)]
struct Said<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

pub(super) async fn pay(client: &Client, args: PayArgs, shown: Shown) -> Result<(), Error> {
    let report = Report {
        payment_id: args.payment_id.as_deref(),
        event_id: args.event_id.as_deref(),
        outcome: match args.outcome {
            Outcome::Captured => "captured",
            Outcome::Declined => "declined",
            Outcome::Failed => "failed",
        },
        amount: args.amount.as_ref(),
        currency: args.currency.as_deref(),
        reason: args.reason.as_deref(),
    };
    act(client, "pay", args.act, &report, shown).await
}

/// A reviewer's decision.
pub(super) async fn audit(
    client: &Client,
    action: &'static str,
    args: ReasonArgs,
    shown: Shown,
) -> Result<(), Error> {
    let said = Said { action: Some(action), reason: args.reason.as_deref() };
    act(client, "audit", args.act, &said, shown).await
}

/// Cancelling and compensating.
pub(super) async fn with_reason(
    client: &Client,
    action: &str,
    args: ReasonArgs,
    shown: Shown,
) -> Result<(), Error> {
    let said = Said { action: None, reason: args.reason.as_deref() };
    act(client, action, args.act, &said, shown).await
}

pub(super) async fn retry(client: &Client, args: ActArgs, shown: Shown) -> Result<(), Error> {
    act(client, "retry", args, &Said { action: None, reason: None }, shown).await
}

pub(super) async fn skip(client: &Client, args: SkipArgs, shown: Shown) -> Result<(), Error> {
    act(client, "skip", args.act, &Said { action: None, reason: Some(&args.reason) }, shown).await
}

async fn act(
    client: &Client,
    action: &str,
    args: ActArgs,
    body: &impl Serialize,
    shown: Shown,
) -> Result<(), Error> {
    let path = format!("{}/{action}", path_of(&args.order_id));
    let mut call = Call::post(path, client::written(body)?, args.once.idempotency_key)?;
    if let Some(version) = args.if_version {
        call = call.with("if-match", format!("\"{version}\""));
    }
    ask_and_show(client, &call, shown).await
}
