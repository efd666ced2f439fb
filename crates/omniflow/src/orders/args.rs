//! What people type after `omniflow orders`.

use super::exact::Decimal;
use super::item::{Adjustment, Entry, Item};
use crate::client::ServerArgs;
use clap::{Args, Subcommand, ValueEnum};
use omniflow_http::duration;
use std::time::Duration;

/// `omniflow orders`.
#[derive(Debug, Args)]
pub(crate) struct OrdersArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,
    #[command(subcommand)]
    pub(super) command: OrdersCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum OrdersCommand {
    /// Place an order: its stock is reserved as a whole or not at all.
    #[command(after_help = CREATE_EXAMPLES)]
    Create(CreateArgs),
    /// List orders, newest first, by any filter; a filter that is repeated means "or".
    #[command(after_help = LIST_EXAMPLES)]
    List(ListArgs),
    /// Show one order with its lines, payments, refunds and shipments.
    #[command(
        after_help = "Examples:\n  omniflow orders show ORD-01…\n  omniflow orders show ORD-01… --json | jq .state"
    )]
    Show(OrderArgs),
    /// Follow an order live until it has come to its end; without an id, all orders from now on.
    ///
    /// A server that restarts is waited for, and nothing is missed meanwhile.
    #[command(after_help = WATCH_EXAMPLES)]
    Watch(WatchArgs),
    /// Say in whole sentences where an order stands and why, what it waits for, what happens next and when,
    /// and who can do what.
    #[command(
        after_help = "Examples:\n  omniflow orders explain ORD-01…\n  omniflow orders explain ORD-01… --lang zh"
    )]
    Explain(OrderArgs),
    /// Report what the payment provider did: without more, that the whole amount was captured.
    #[command(after_help = PAY_EXAMPLES)]
    Pay(PayArgs),
    /// Approve an order that waits for its fraud review.
    #[command(after_help = "Example:\n  omniflow orders approve ORD-01… --reason \"known customer\"")]
    Approve(ReasonArgs),
    /// Reject an order that waits for its fraud review: it is closed, and its stock is free again.
    #[command(after_help = "Example:\n  omniflow orders reject ORD-01… --reason \"stolen card\"")]
    Reject(ReasonArgs),
    /// Cancel an order that is not being shipped yet.
    #[command(after_help = "Example:\n  omniflow orders cancel ORD-01… --reason \"changed my mind\"")]
    Cancel(ReasonArgs),
    /// Have the step that needs attention tried again.
    #[command(after_help = "Example:\n  omniflow orders retry ORD-01…")]
    Retry(ActArgs),
    /// Count the step that needs attention as done: somebody must say why.
    #[command(
        after_help = "Example:\n  omniflow orders skip ORD-01… --reason \"the carrier confirmed it by telephone\""
    )]
    Skip(SkipArgs),
    /// Undo an order whose shipment needs attention: the payment is given back, the stock freed.
    #[command(after_help = "Example:\n  omniflow orders compensate ORD-01… --reason \"warehouse closed\"")]
    Compensate(ReasonArgs),
}

const CREATE_EXAMPLES: &str = "Items:
  SKU, SKU=QUANTITY, SKU@PRICE or SKU=QUANTITY@PRICE. A SKU may hold spaces, = and @: only numbers at the
  end count as quantity and price. Where every item has a price, --amount may be left out.

Examples:
  omniflow orders create \"iPhone 15\" --amount 500
  omniflow orders create \"iPhone 15=2@250\" \"USB-C Cable@9.90\" --adjustment shipping=5
  omniflow orders create \"Mac Pro\" --amount 20000 --customer-id c-7 --external-id cart-9 --payment-window 72h

A connection that is lost is tried again by itself, and places one order all the same. For tries of your own,
choose the key: --idempotency-key cart-9";

const LIST_EXAMPLES: &str = "Examples:
  omniflow orders list --state in_review
  omniflow orders list --attention true --all
  omniflow orders list --customer-id c-7 --created-after 2026-01-06T10:00:00Z --json";

const WATCH_EXAMPLES: &str = "Examples:
  omniflow orders watch ORD-01…
  omniflow orders watch --json | jq -r .type";

const PAY_EXAMPLES: &str = "Examples:
  omniflow orders pay ORD-01…
  omniflow orders pay ORD-01… --outcome declined --payment-id pi_7 --reason \"too little money\"
  omniflow orders pay ORD-01… --payment-id pi_8 --amount 499.90 --currency USD";

/// One order, to read.
#[derive(Debug, Args)]
pub(super) struct OrderArgs {
    /// The order's id, as `create` and `list` show it.
    #[arg(value_name = "ORDER_ID")]
    pub(super) order_id: String,
}

/// `create`.
#[derive(Debug, Args)]
pub(super) struct CreateArgs {
    /// What is ordered: `SKU[=QUANTITY][@PRICE]`.
    #[arg(value_name = "ITEM", required = true)]
    pub(super) items: Vec<Item>,
    /// The whole amount, in major units of the currency, such as 499.90.
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub(super) amount: Option<Decimal>,
    /// The currency, by ISO 4217; without it, USD.
    #[arg(long, value_name = "CODE")]
    pub(super) currency: Option<String>,
    /// Whose order it is.
    #[arg(long, value_name = "ID")]
    pub(super) customer_id: Option<String>,
    /// Your own number for the order; no two orders can have the same.
    #[arg(long, value_name = "ID")]
    pub(super) external_id: Option<String>,
    /// How long the order waits for payment, in whole seconds up to 30 days, such as 30s or 72h.
    #[arg(long, value_name = "DURATION", value_parser = whole_seconds)]
    pub(super) payment_window: Option<u64>,
    /// An amount beside the items: shipping, tax, discount (negative) or fee. May be repeated.
    #[arg(long = "adjustment", value_name = "KIND=AMOUNT[:LABEL]")]
    pub(super) adjustments: Vec<Adjustment>,
    /// A part of the shipping address, such as city=Berlin. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) address: Vec<Entry>,
    /// Anything else to keep with the order. May be repeated.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(super) metadata: Vec<Entry>,
    #[command(flatten)]
    pub(super) once: OnceArgs,
}

/// What makes a request the same one when it is sent again.
#[derive(Debug, Args)]
pub(super) struct OnceArgs {
    /// Do it once and no more, however often this command runs with this key; without it, a new key.
    #[arg(long, value_name = "KEY")]
    pub(super) idempotency_key: Option<String>,
}

/// `list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only orders in this state, such as awaiting_payment. May be repeated.
    #[arg(long, value_name = "STATE")]
    pub(super) state: Vec<String>,
    /// Only orders whose payment is so, such as refund_pending. May be repeated.
    #[arg(long, value_name = "STATUS")]
    pub(super) payment_status: Vec<String>,
    /// Only this customer's orders. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) customer_id: Vec<String>,
    /// Only the order with this number of yours. May be repeated.
    #[arg(long, value_name = "ID")]
    pub(super) external_id: Vec<String>,
    /// Only orders that need a person (true), or that need none (false).
    #[arg(long, value_name = "BOOL", num_args = 0..=1, default_missing_value = "true")]
    pub(super) attention: Option<bool>,
    /// Only orders placed after this time, such as 2026-01-06T10:00:00Z.
    #[arg(long, value_name = "TIME")]
    pub(super) created_after: Option<String>,
    /// Only orders placed before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) created_before: Option<String>,
    /// Orders a page: 1 to 200.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
    /// Go on where an earlier page ended: its `next_cursor`.
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
    /// All pages, one after another.
    #[arg(long)]
    pub(super) all: bool,
}

/// `watch`.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// The order to follow; without it, all of them.
    #[arg(value_name = "ORDER_ID")]
    pub(super) order_id: Option<String>,
    /// How long to wait for a server that has gone away.
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::parse)]
    pub(super) patience: Duration,
}

/// `pay`.
#[derive(Debug, Args)]
pub(super) struct PayArgs {
    #[command(flatten)]
    pub(super) act: ActArgs,
    /// The provider's name for the payment; without it, the order's one default payment.
    #[arg(long, value_name = "ID")]
    pub(super) payment_id: Option<String>,
    /// The provider's name for this report; without it, the outcome.
    #[arg(long, value_name = "ID")]
    pub(super) event_id: Option<String>,
    /// What the provider did.
    #[arg(long, value_name = "OUTCOME", default_value = "captured")]
    pub(super) outcome: Outcome,
    /// How much, in major units; without it, the order's whole amount.
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub(super) amount: Option<Decimal>,
    /// In which currency; without it, the order's.
    #[arg(long, value_name = "CODE")]
    pub(super) currency: Option<String>,
    /// In the provider's words, why.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

/// What a payment provider reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Outcome {
    /// The money is taken.
    Captured,
    /// One try failed; the customer may try again until the window ends.
    Declined,
    /// It is the end of it: an order that awaits payment ends as failed.
    Failed,
}

/// Something to do to one order.
#[derive(Debug, Args)]
pub(super) struct ActArgs {
    /// The order's id.
    #[arg(value_name = "ORDER_ID")]
    pub(super) order_id: String,
    /// Only if the order is still at this version.
    #[arg(long, value_name = "N")]
    pub(super) if_version: Option<u64>,
    #[command(flatten)]
    pub(super) once: OnceArgs,
}

/// Something to do for which a reason may be given.
#[derive(Debug, Args)]
pub(super) struct ReasonArgs {
    #[command(flatten)]
    pub(super) act: ActArgs,
    /// Why, for the timeline.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

/// `skip`.
#[derive(Debug, Args)]
pub(super) struct SkipArgs {
    #[command(flatten)]
    pub(super) act: ActArgs,
    /// Why it counts as done, for the timeline.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
}

fn whole_seconds(text: &str) -> Result<u64, String> {
    let window = crate::cli::payment_window(text)?;
    match window.subsec_nanos() {
        0 => Ok(window.as_secs()),
        _ => Err("must be whole seconds".to_owned()),
    }
}
