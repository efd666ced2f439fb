//! What a provider is sent for one effect: a JSON document, the same bytes on every attempt.

use super::answer::Asked;
use crate::{EffectRequest, RefundRequest, ShipmentRequest};
use serde::Serialize;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

#[derive(Serialize)]
struct Shipment<'a> {
    effect_id: String,
    kind: &'static str,
    order_id: &'a str,
    external_id: Option<&'a str>,
    lines: Vec<Line<'a>>,
    shipping_address: Option<&'a BTreeMap<String, String>>,
}

#[derive(Serialize)]
struct Line<'a> {
    line_id: &'a str,
    sku: &'a str,
    quantity: u32,
}

impl<'a> Line<'a> {
    fn of(line: &'a omniflow_core::Line) -> Self {
        Self { line_id: line.line_id.as_str(), sku: line.sku.as_str(), quantity: line.quantity }
    }
}

#[derive(Serialize)]
struct Refund<'a> {
    effect_id: String,
    kind: &'static str,
    order_id: &'a str,
    external_id: Option<&'a str>,
    payment_id: &'a str,
    /// In major units, every digit as it is.
    amount: Box<RawValue>,
    amount_minor: i64,
    currency: &'a str,
}

/// What is asked for, and the document that asks.
///
/// # Errors
/// Never in practice: texts and numbers always encode.
pub fn of(request: &EffectRequest) -> Result<(Asked, Vec<u8>), serde_json::Error> {
    match request {
        EffectRequest::Shipment(request) => Ok((Asked::Shipment, serde_json::to_vec(&shipment(request))?)),
        EffectRequest::Refund(request) => Ok((Asked::Refund, serde_json::to_vec(&refund(request)?)?)),
    }
}

fn shipment(request: &ShipmentRequest) -> Shipment<'_> {
    let details = request.details.as_ref();
    Shipment {
        effect_id: request.effect_id.to_string(),
        kind: "shipment.create",
        order_id: request.effect_id.order_id.as_str(),
        external_id: request.external_id.as_ref().map(|id| id.as_str()),
        lines: request.lines.iter().map(Line::of).collect(),
        shipping_address: details.and_then(|details| details.shipping_address.as_ref()),
    }
}

fn refund(request: &RefundRequest) -> Result<Refund<'_>, serde_json::Error> {
    Ok(Refund {
        effect_id: request.effect_id.to_string(),
        kind: "payment.refund",
        order_id: request.effect_id.order_id.as_str(),
        external_id: request.external_id.as_ref().map(|id| id.as_str()),
        payment_id: request.payment_id.as_str(),
        amount: RawValue::from_string(request.amount.to_major())?,
        amount_minor: request.amount.minor,
        currency: request.amount.currency.code(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Details;
    use omniflow_core::{
        Currency, EffectId, EffectKey, ExternalId, LineId, Money, OrderId, PaymentId, Sku, Step,
    };

    fn effect(step: Step) -> EffectId {
        EffectId { order_id: OrderId::new("ORD-1").unwrap(), key: EffectKey::first(step) }
    }

    #[test]
    fn a_shipment_names_what_goes_where() {
        let line = omniflow_core::Line {
            line_id: LineId::of_place(1),
            sku: Sku::new("iPhone 15").unwrap(),
            quantity: 2,
            unit_price_minor: Some(99_900),
        };
        let address = BTreeMap::from([("city".to_owned(), "Oslo".to_owned())]);
        let request = EffectRequest::Shipment(ShipmentRequest {
            effect_id: effect(Step::Ship),
            external_id: Some(ExternalId::new("cart-1").unwrap()),
            lines: vec![line],
            details: Some(Details { shipping_address: Some(address), metadata: None }),
        });
        let (asked, body) = of(&request).unwrap();
        assert_eq!(asked, Asked::Shipment);
        let expected = format!(
            r#"{{"effect_id":"{}","kind":"shipment.create","order_id":"ORD-1","external_id":"cart-1","lines":[{{"line_id":"1","sku":"iPhone 15","quantity":2}}],"shipping_address":{{"city":"Oslo"}}}}"#,
            request.effect_id()
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }

    #[test]
    fn a_refund_names_every_digit() {
        let request = EffectRequest::Refund(RefundRequest {
            effect_id: effect(Step::RefundPayment(1)),
            external_id: None,
            payment_id: PaymentId::new("P-1").unwrap(),
            amount: Money::new(1_000_010, Currency::USD),
        });
        let (asked, body) = of(&request).unwrap();
        assert_eq!(asked, Asked::Refund);
        let expected = format!(
            r#"{{"effect_id":"{}","kind":"payment.refund","order_id":"ORD-1","external_id":null,"payment_id":"P-1","amount":10000.1,"amount_minor":1000010,"currency":"USD"}}"#,
            request.effect_id()
        );
        assert_eq!(String::from_utf8(body).unwrap(), expected);
    }
}
