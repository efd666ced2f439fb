//! The enumerations of the API. Values may be added to each, so what is answered is typed as text with the
//! known values beside it: a client made from the document reads one that it does not know. What is sent is
//! closed, since an unknown value is refused.

use crate::Code;
use omniflow_core::{
    Action, AdjustmentKind, AttentionCode, Decision, EffectKind, Event, FulfillmentStatus, PaymentOutcome,
    PaymentStatus, ReasonCode, RefundStatus, ShipmentStatus, StateKind,
};
use serde_json::json;
use std::borrow::Cow;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{Object, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A text with known values.
fn open(description: &str, known: &[&str]) -> RefOr<Schema> {
    let listed = known.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    let mut object = Object::with_type(utoipa::openapi::Type::String);
    object.description = Some(format!("{description} Known values, to which others may be added: {listed}."));
    object.examples = known.iter().map(|word| json!(word)).collect();
    object.extensions = Some([("x-known-values", json!(known))].into_iter().collect());
    object.into()
}

/// A text that must be one of these.
fn closed(description: &str, words: &[&str]) -> RefOr<Schema> {
    let mut object = Object::with_type(utoipa::openapi::Type::String);
    object.description = Some(description.to_owned());
    object.enum_values = Some(words.iter().map(|word| json!(word)).collect());
    object.into()
}

macro_rules! vocabulary {
    ($($kind:ident $name:ident = $words:expr, $description:literal;)+) => {$(
        #[doc = $description]
        pub(crate) struct $name;

        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $kind($description, $words.as_ref())
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                Cow::Borrowed(stringify!($name))
            }
        }
    )+};
}

fn words<T: Copy>(all: &[T], word: impl Fn(T) -> &'static str) -> Vec<&'static str> {
    all.iter().map(|value| word(*value)).collect()
}

vocabulary! {
    open OrderState = words(StateKind::ALL, StateKind::as_str), "Where the order stands.";
    open OrderPaymentStatus = words(PaymentStatus::ALL, PaymentStatus::as_str),
        "How a payment stands; on the order, of the capture that is kept, else of the latest payment.";
    open FulfillmentState = words(FulfillmentStatus::ALL, FulfillmentStatus::as_str),
        "How far the goods are. A refund never moves it back.";
    open RefundState = words(RefundStatus::ALL, RefundStatus::as_str), "How a refund stands.";
    open ShipmentState = words(ShipmentStatus::ALL, ShipmentStatus::as_str), "How a shipment stands.";
    open OrderAction = words(Action::ALL, Action::as_str), "Something that can be asked of an order.";
    open Why = [words(ReasonCode::ALL, ReasonCode::as_str), words(AttentionCode::ALL, AttentionCode::as_str)].concat(),
        "Why an order is undone, or why a person must act.";
    open AttentionStep = words(&[EffectKind::Ship, EffectKind::RefundPayment], EffectKind::as_str),
        "What the engine has given up on.";
    open EventType = Event::TYPES, "What happened.";
    open ProblemCode = codes(), "What went wrong, for programs.";
    open AdjustmentWord = words(AdjustmentKind::ALL, AdjustmentKind::as_str), "What an amount beside the lines is for.";
    closed AdjustmentSent = words(AdjustmentKind::ALL, AdjustmentKind::as_str), "What an amount beside the lines is for.";
    closed ReviewAction = words(Decision::ALL, Decision::as_str), "The decision, in any case of letters.";
    closed ReportedOutcome = words(PaymentOutcome::ALL, PaymentOutcome::as_str),
        "What the payment provider did; `captured` where left out.";
    closed ScriptedAct = ["fail", "refuse", "hang", "delay", "accept"],
        "`fail`: not taken, ask again; `refuse`: for good; `hang`: never answered; `delay`: done after `ms`; `accept`: accepted, done `ms` later.";
}

/// Two codes share one word: a SKU that is unknown in a path and in a body.
fn codes() -> Vec<&'static str> {
    let mut codes = words(Code::ALL, Code::as_str);
    codes.sort_unstable();
    codes.dedup();
    codes
}
