//! An order as the server shows it, as far as it is shown here. Words of later servers are kept as they are.

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
pub(super) struct Order {
    pub(super) order_id: String,
    pub(super) external_id: Option<String>,
    pub(super) customer_id: Option<String>,
    pub(super) state: String,
    pub(super) status: String,
    pub(super) reason: Option<Reason>,
    pub(super) attention: Option<Attention>,
    pub(super) payment_status: String,
    pub(super) fulfillment_status: String,
    amount: Box<RawValue>,
    pub(super) currency: String,
    pub(super) items: Vec<Line>,
    #[serde(default)]
    pub(super) adjustments: Vec<Adjusted>,
    #[serde(default)]
    pub(super) payments: Vec<Payment>,
    #[serde(default)]
    pub(super) refunds: Vec<Refund>,
    #[serde(default)]
    pub(super) shipments: Vec<Shipment>,
    pub(super) deadlines: Deadlines,
    pub(super) allowed_actions: Vec<String>,
    pub(super) version: u64,
    pub(super) created_at: String,
    pub(super) updated_at: String,
    pub(super) ended_at: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Reason {
    pub(super) code: String,
    pub(super) detail: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Attention {
    pub(super) effect_id: String,
    pub(super) step: String,
    pub(super) reason: Reason,
    pub(super) attempts: u64,
    pub(super) since: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Line {
    pub(super) line_id: String,
    pub(super) sku: String,
    pub(super) quantity: u64,
    unit_price: Option<Box<RawValue>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Adjusted {
    pub(super) kind: String,
    pub(super) label: Option<String>,
    amount: Box<RawValue>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Payment {
    pub(super) payment_id: String,
    pub(super) status: String,
    amount: Box<RawValue>,
    currency: String,
    pub(super) reason: Option<String>,
    pub(super) updated_at: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Refund {
    pub(super) refund_id: String,
    pub(super) payment_id: String,
    pub(super) status: String,
    amount: Box<RawValue>,
    currency: String,
    pub(super) reason: Option<String>,
    pub(super) updated_at: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shipment {
    pub(super) shipment_id: String,
    pub(super) status: String,
    pub(super) tracking_number: Option<String>,
    pub(super) updated_at: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Deadlines {
    pub(super) payment_due_at: Option<String>,
    pub(super) review_due_at: Option<String>,
}

impl Order {
    /// The amount as people write it, with every digit that the server sent.
    pub(super) fn price(&self) -> String {
        format!("{} {}", self.amount, self.currency)
    }

    /// The lines in a few words.
    pub(super) fn contents(&self) -> String {
        let lines: Vec<String> =
            self.items.iter().take(3).map(|line| format!("{} × {}", line.quantity, line.sku)).collect();
        let more = self.items.len().saturating_sub(3);
        if more == 0 { lines.join(", ") } else { format!("{}, +{more}", lines.join(", ")) }
    }
}

impl Line {
    pub(super) fn price(&self) -> String {
        self.unit_price.as_ref().map(|price| price.to_string()).unwrap_or_default()
    }
}

impl Adjusted {
    pub(super) fn price(&self) -> String {
        self.amount.to_string()
    }
}

impl Payment {
    pub(super) fn price(&self) -> String {
        format!("{} {}", self.amount, self.currency)
    }
}

impl Refund {
    pub(super) fn price(&self) -> String {
        format!("{} {}", self.amount, self.currency)
    }
}

impl Attention {
    /// Whether the shipment needs help, and not a refund.
    pub(super) fn is_shipment(&self) -> bool {
        self.step == "ship"
    }
}
