//! An order's life told again from its timeline, by the contract's rules in the plainest words: what the
//! document says must be what these events lead to.

use super::super::wish::Wish;
use crate::product::moment;
use serde_json::Value;

/// Where the order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Reserving,
    InReview,
    AwaitingPayment,
    Shipping,
    Completed,
    /// Being undone, to end as this.
    Undoing(&'static str),
    Undone(&'static str),
}

/// A payment, as its events leave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Payment {
    pub(super) id: String,
    pub(super) status: &'static str,
}

/// A life, up to some event.
#[derive(Debug)]
pub(in crate::crash) struct Life {
    stage: Stage,
    needs_review: bool,
    amount_minor: i64,
    /// Stock is held for it.
    pub(in crate::crash) holds_stock: bool,
    /// Its stock has left.
    pub(in crate::crash) consumed: bool,
    /// A person said that the goods have left, whatever the carrier says.
    pub(super) shipment_skipped: bool,
    pub(super) payments: Vec<Payment>,
    /// When its last payment window began.
    window_opened: Option<i64>,
    /// How long the window was open when it was said to be over, and when that was.
    pub(in crate::crash) window_elapsed: Option<(i64, i64)>,
    pub(super) faults: Vec<String>,
}

impl Life {
    /// Follows a timeline.
    pub(super) fn of(timeline: &[Value], wish: &Wish) -> Self {
        let mut life = Self {
            stage: Stage::Reserving,
            needs_review: wish.is_reviewed(),
            amount_minor: wish.amount_minor,
            holds_stock: false,
            consumed: false,
            shipment_skipped: false,
            payments: vec![],
            window_opened: None,
            window_elapsed: None,
            faults: vec![],
        };
        for entry in timeline {
            life.happen(entry);
            life.finish();
        }
        life
    }

    /// The state's word.
    pub(super) const fn state(&self) -> &'static str {
        match self.stage {
            Stage::Reserving => "reserving",
            Stage::InReview => "in_review",
            Stage::AwaitingPayment => "awaiting_payment",
            Stage::Shipping => "shipping",
            Stage::Completed => "completed",
            Stage::Undoing(_) => "compensating",
            Stage::Undone(ending) => ending,
        }
    }

    /// Whether money was ever captured for it and kept.
    pub(super) fn was_paid(&self) -> bool {
        self.payments.iter().any(|payment| !matches!(payment.status, "declined" | "failed"))
    }

    fn happen(&mut self, entry: &Value) {
        let (data, at) = (&entry["data"], entry["at"].as_str().and_then(moment::read).unwrap_or_default());
        match entry["type"].as_str().unwrap_or_default() {
            "order_placed" | "shipment_accepted" | "shipped" | "refund_accepted" | "retried" => {}
            "attention_raised" | "signal_ignored" => {}
            "stock_reserved" => self.reserved(at),
            "stock_released" => self.holds_stock = false,
            "stock_consumed" => self.consume(),
            "decision_recorded" => self.decided(data, at),
            "cancel_requested" => self.undo("cancelled", &[Stage::InReview, Stage::AwaitingPayment]),
            "payment_window_elapsed" => {
                self.window_elapsed = self.window_opened.map(|opened| (at - opened, at));
                self.undo("expired", &[Stage::AwaitingPayment]);
            }
            "payment_captured" => self.captured(data, at),
            "payment_declined" => self.not_captured(data, "declined"),
            "payment_failed" => {
                self.not_captured(data, "failed");
                if self.stage == Stage::AwaitingPayment {
                    self.undo("failed", &[Stage::AwaitingPayment]);
                }
            }
            "shipment_refused" | "compensation_requested" => self.undo("failed", &[Stage::Shipping]),
            "payment_refunded" => self.refunded(data, "refunded"),
            "skipped" if data["effect"].as_str().is_some_and(|effect| effect.starts_with("ship.")) => {
                self.shipment_skipped = true;
            }
            "skipped" => self.refunded(data, "refund_skipped"),
            other => self.faults.push(format!("a {other} in its timeline")),
        }
    }

    fn reserved(&mut self, at: i64) {
        self.holds_stock = true;
        if self.needs_review { self.stage = Stage::InReview } else { self.after_review(at) }
    }

    fn decided(&mut self, data: &Value, at: i64) {
        match data["decision"].as_str() {
            Some("APPROVE") if self.stage == Stage::InReview => self.after_review(at),
            Some("REJECT") => self.undo("rejected", &[Stage::InReview]),
            _ => self.faults.push(format!("{data} decided while {}", self.state())),
        }
    }

    fn after_review(&mut self, at: i64) {
        let paid = self.payments.iter().any(|payment| payment.status == "captured");
        self.stage = if paid { Stage::Shipping } else { Stage::AwaitingPayment };
        self.window_opened = Some(at);
    }

    fn consume(&mut self) {
        if self.stage != Stage::Shipping || !self.holds_stock {
            self.faults.push(format!("stock consumed while {}", self.state()));
        }
        (self.holds_stock, self.consumed, self.stage) = (false, true, Stage::Completed);
    }

    /// A capture is kept where it pays for the order, and given back otherwise.
    fn captured(&mut self, data: &Value, at: i64) {
        let id = data["payment_id"].as_str().unwrap_or_default();
        let again = self.payments.iter().any(|p| p.id == id && !matches!(p.status, "declined" | "failed"));
        let payable = matches!(self.stage, Stage::InReview | Stage::AwaitingPayment);
        let keeps = payable
            && data["amount_minor"] == self.amount_minor
            && self.payments.iter().all(|payment| payment.status != "captured");
        let (expected, status) = match (again, keeps) {
            (true, _) => ("note", None),
            (false, true) => ("keep", Some("captured")),
            (false, false) => ("refund", Some("refund_pending")),
        };
        if data["use"] != expected {
            self.faults.push(format!("a capture of {id} while {} is to {expected}: {data}", self.state()));
        }
        if let Some(status) = status {
            self.set(id, status);
        }
        if expected == "keep" && self.stage == Stage::AwaitingPayment {
            (self.stage, self.window_opened) = (Stage::Shipping, Some(at));
        }
    }

    fn not_captured(&mut self, data: &Value, status: &'static str) {
        let id = data["payment_id"].as_str().unwrap_or_default();
        let known = self.payments.iter().find(|payment| payment.id == id);
        if known.is_none_or(|payment| matches!(payment.status, "declined" | "failed")) {
            self.set(id, status);
        }
    }

    fn set(&mut self, id: &str, status: &'static str) {
        match self.payments.iter_mut().find(|payment| payment.id == id) {
            Some(payment) => payment.status = status,
            None => self.payments.push(Payment { id: id.to_owned(), status }),
        }
    }

    fn refunded(&mut self, data: &Value, status: &'static str) {
        let effect = data["effect"].as_str().unwrap_or_default();
        let payment = payment_of(effect).and_then(|number| self.payments.get_mut(number - 1));
        match payment {
            Some(payment) if payment.status == "refund_pending" => payment.status = status,
            _ => self.faults.push(format!("{effect} is {status}, and nothing was to be refunded")),
        }
    }

    fn undo(&mut self, ending: &'static str, from: &[Stage]) {
        if !from.contains(&self.stage) {
            self.faults.push(format!("made {ending} while {}", self.state()));
        }
        self.stage = Stage::Undoing(ending);
        for payment in self.payments.iter_mut().filter(|payment| payment.status == "captured") {
            payment.status = "refund_pending";
        }
    }

    /// An ending is shown only when everything was undone.
    fn finish(&mut self) {
        if let Stage::Undoing(ending) = self.stage
            && !self.holds_stock
            && self.payments.iter().all(|payment| payment.status != "refund_pending")
        {
            self.stage = Stage::Undone(ending);
        }
    }
}

/// The number, from 1, of the payment that an effect such as `refund_payment-2.1` gives back.
pub(super) fn payment_of(effect: &str) -> Option<usize> {
    let (number, _) = effect.strip_prefix("refund_payment-")?.split_once('.')?;
    number.parse().ok().filter(|number| *number > 0)
}
