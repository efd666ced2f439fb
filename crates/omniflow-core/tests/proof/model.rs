//! A naive order, written from the contract's rules alone: flags and words, nothing of the core's.

/// What a model is told. Effects go by name (`ship`, `refund_payment-2`) and round.
#[derive(Clone, Debug)]
pub(crate) enum Say {
    Payment {
        payment: String,
        report: String,
        outcome: &'static str,
        whole: bool,
    },
    Approve,
    Reject,
    Cancel,
    Retry,
    Skip,
    Compensate,
    Erase,
    Effect {
        name: String,
        round: u32,
        outcome: &'static str,
    },
    WindowEnds,
    Overdue {
        name: String,
        round: u32,
    },
    /// It means nothing, so it changes nothing.
    Nonsense,
}

/// Whether the API answers 200 or refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Taken,
    Refused,
}

/// An effect at a provider: a shipment or a refund.
#[derive(Clone, Debug)]
struct Work {
    name: String,
    round: u32,
    /// asked, accepted, given_up, refused (which for a refund needs a person), done, skipped, dropped
    word: &'static str,
}

#[derive(Clone, Debug)]
struct Payment {
    id: String,
    captured: bool,
    last_word: &'static str,
    refund: Option<Work>,
}

pub(crate) struct Model {
    high_value: bool,
    state: &'static str,
    /// The ended state to show once everything is undone.
    end: &'static str,
    holds_stock: bool,
    decision: Option<&'static str>,
    cancel: bool,
    erased: bool,
    payments: Vec<Payment>,
    kept: Option<usize>,
    reports: Vec<(String, String)>,
    shipment: Option<Work>,
    /// Names of effects that need a person, oldest first.
    attention: Vec<String>,
}

impl Model {
    pub(crate) fn placed(high_value: bool) -> Self {
        Self {
            high_value,
            state: "reserving",
            end: "",
            holds_stock: false,
            decision: None,
            cancel: false,
            erased: false,
            payments: vec![],
            kept: None,
            reports: vec![],
            shipment: None,
            attention: vec![],
        }
    }

    pub(crate) fn hear(&mut self, say: &Say) -> Answer {
        let answer = match say {
            Say::Payment { payment, report, outcome, whole } => {
                self.payment(payment, report, outcome, *whole)
            }
            Say::Approve => self.decide("approve"),
            Say::Reject => self.decide("reject"),
            Say::Cancel => self.cancel(),
            Say::Retry => self.retry(),
            Say::Skip => self.skip(),
            Say::Compensate => self.compensate(),
            Say::Erase => self.erase(),
            Say::Effect { name, round, outcome } => self.effect(name, *round, outcome),
            Say::WindowEnds => {
                if self.state == "awaiting_payment" {
                    self.undo("expired");
                }
                Answer::Taken
            }
            Say::Overdue { name, round } => self.overdue(name, *round),
            Say::Nonsense => Answer::Taken,
        };
        self.end_when_undone();
        answer
    }

    // What is compared with the core.

    pub(crate) fn state(&self) -> &'static str {
        self.state
    }

    pub(crate) fn payment_status(&self) -> &'static str {
        let kept = self.kept.map(|index| &self.payments[index]);
        match kept.or(self.payments.last()) {
            None => "pending",
            Some(payment) => match &payment.refund {
                Some(refund) if refund.word == "done" => "refunded",
                Some(refund) if refund.word == "skipped" => "refund_skipped",
                Some(_) => "refund_pending",
                None if payment.captured => "paid",
                None => payment.last_word,
            },
        }
    }

    pub(crate) fn fulfillment_status(&self) -> &'static str {
        match self.shipment.as_ref().map_or("none", |shipment| shipment.word) {
            "asked" | "accepted" | "given_up" => "in_progress",
            "done" | "skipped" => "fulfilled",
            _ => "unfulfilled",
        }
    }

    pub(crate) fn allowed_actions(&self) -> Vec<&'static str> {
        let mut actions = vec![];
        let open = ["reserving", "in_review", "awaiting_payment"].contains(&self.state);
        let doomed = self.cancel || (self.high_value && self.decision == Some("reject"));
        if open && !self.paid() && !doomed {
            actions.push("pay");
        }
        if (self.state == "reserving" || self.state == "in_review") && self.decision.is_none() {
            actions.extend(["approve", "reject"]);
        }
        if open && !self.cancel {
            actions.push("cancel");
        }
        if let Some(oldest) = self.attention.first() {
            actions.extend(["retry", "skip"]);
            if oldest == "ship" {
                actions.push("compensate");
            }
        }
        actions
    }

    // The rules.

    fn paid(&self) -> bool {
        self.kept.is_some_and(|index| self.payments[index].refund.is_none())
    }

    fn ended(&self) -> bool {
        ["completed", "expired", "rejected", "cancelled", "failed"].contains(&self.state)
    }

    /// Rule 4.
    fn payment(&mut self, id: &str, report: &str, outcome: &'static str, whole: bool) -> Answer {
        let key = (id.to_owned(), report.to_owned());
        if self.reports.contains(&key) {
            return Answer::Taken;
        }
        self.reports.push(key);
        let index = self.payments.iter().position(|payment| payment.id == id).unwrap_or_else(|| {
            self.payments.push(Payment {
                id: id.to_owned(),
                captured: false,
                last_word: outcome,
                refund: None,
            });
            self.payments.len() - 1
        });
        let seen_before = self.payments[index].captured;
        if outcome == "captured" {
            if !seen_before {
                self.payments[index].captured = true;
                self.captured(index, whole);
            }
            return Answer::Taken;
        }
        if !seen_before {
            self.payments[index].last_word = outcome;
        }
        if outcome == "failed" && self.state == "awaiting_payment" {
            self.undo("failed");
        }
        Answer::Taken
    }

    fn captured(&mut self, index: usize, whole: bool) {
        let open = ["reserving", "in_review", "awaiting_payment"].contains(&self.state);
        if open && whole && !self.paid() {
            self.kept = Some(index);
            if self.state == "awaiting_payment" {
                self.ship();
            }
        } else {
            self.refund(index);
        }
    }

    fn refund(&mut self, index: usize) {
        let name = format!("refund_payment-{}", index + 1);
        self.payments[index].refund = Some(Work { name, round: 1, word: "asked" });
    }

    fn ship(&mut self) {
        self.state = "shipping";
        self.shipment = Some(Work { name: "ship".to_owned(), round: 1, word: "asked" });
    }

    /// Rule 2.
    fn decide(&mut self, decision: &'static str) -> Answer {
        if self.decision == Some(decision) {
            return Answer::Taken;
        }
        if self.decision.is_some() || !["reserving", "in_review"].contains(&self.state) {
            return Answer::Refused;
        }
        self.decision = Some(decision);
        if self.state == "in_review" {
            self.after_review();
        }
        Answer::Taken
    }

    fn after_review(&mut self) {
        if self.decision == Some("reject") {
            self.undo("rejected");
        } else {
            self.wait_or_ship();
        }
    }

    /// Rule 3, and kept payments of rule 4.
    fn wait_or_ship(&mut self) {
        if self.paid() {
            self.ship();
        } else {
            self.state = "awaiting_payment";
        }
    }

    /// Rule 6.
    fn cancel(&mut self) -> Answer {
        if self.cancel {
            return Answer::Taken;
        }
        match self.state {
            "reserving" => self.cancel = true,
            "in_review" | "awaiting_payment" => {
                self.cancel = true;
                self.undo("cancelled");
            }
            _ => return Answer::Refused,
        }
        Answer::Taken
    }

    fn undo(&mut self, end: &'static str) {
        self.state = "compensating";
        self.end = end;
        if self.paid()
            && let Some(kept) = self.kept
        {
            self.refund(kept);
        }
    }

    /// Rule 7.
    fn end_when_undone(&mut self) {
        let refunds_open = self
            .payments
            .iter()
            .filter_map(|payment| payment.refund.as_ref())
            .any(|refund| refund.word != "done" && refund.word != "skipped");
        if self.state == "compensating" && !self.holds_stock && !refunds_open {
            self.state = self.end;
        }
    }

    fn erase(&mut self) -> Answer {
        if !self.ended() {
            return Answer::Refused;
        }
        self.erased = true;
        Answer::Taken
    }

    /// Rule 8: the oldest effect that needs a person.
    fn retry(&mut self) -> Answer {
        let Some(work) = self.oldest() else { return Answer::Refused };
        if work.word == "refused" {
            work.round += 1;
        }
        work.word = "asked";
        self.attention.remove(0);
        Answer::Taken
    }

    fn skip(&mut self) -> Answer {
        let Some(work) = self.oldest() else { return Answer::Refused };
        work.word = "skipped";
        self.attention.remove(0);
        Answer::Taken
    }

    fn compensate(&mut self) -> Answer {
        if self.attention.first().is_none_or(|name| name != "ship") {
            return Answer::Refused;
        }
        self.attention.remove(0);
        self.work("ship").into_iter().for_each(|work| work.word = "dropped");
        self.undo("failed");
        Answer::Taken
    }

    fn oldest(&mut self) -> Option<&mut Work> {
        let name = self.attention.first()?.clone();
        self.work(&name)
    }

    fn work(&mut self, name: &str) -> Option<&mut Work> {
        let refunds = self.payments.iter_mut().filter_map(|payment| payment.refund.as_mut());
        self.shipment.iter_mut().chain(refunds).find(|work| work.name == name)
    }

    fn needs_person(&mut self, name: &str) {
        if !self.attention.iter().any(|known| known == name) {
            self.attention.push(name.to_owned());
        }
    }

    fn effect(&mut self, name: &str, round: u32, outcome: &'static str) -> Answer {
        let possible: &[&str] = match name {
            "reserve_stock" => &["done", "no_stock"],
            "release_stock" | "consume_stock" => &["done"],
            _ => &["done", "accepted", "refused", "exhausted", "unknown"],
        };
        if !possible.contains(&outcome) || !self.exists(name) {
            return Answer::Refused;
        }
        match name {
            "reserve_stock" | "release_stock" | "consume_stock" if round != 1 => {}
            "reserve_stock" => self.stock_decided(outcome),
            "release_stock" => self.holds_stock &= self.state != "compensating",
            "consume_stock" => {
                let left =
                    self.shipment.as_ref().is_some_and(|work| ["done", "skipped"].contains(&work.word));
                if self.state == "shipping" && left {
                    self.holds_stock = false;
                    self.state = "completed";
                }
            }
            _ => self.provider_answered(name, round, outcome),
        }
        Answer::Taken
    }

    fn exists(&self, name: &str) -> bool {
        name.strip_prefix("refund_payment-").is_none_or(|number| {
            number.parse().is_ok_and(|number: usize| (1..=self.payments.len()).contains(&number))
        })
    }

    /// Rules 1, 2 and 6.
    fn stock_decided(&mut self, outcome: &str) {
        if self.state != "reserving" {
            return;
        }
        if outcome == "no_stock" {
            return self.undo("failed");
        }
        self.holds_stock = true;
        if self.cancel {
            self.undo("cancelled");
        } else if !self.high_value {
            self.wait_or_ship();
        } else if self.decision.is_some() {
            self.after_review();
        } else {
            self.state = "in_review";
        }
    }

    /// Rules 5 and 8.
    fn provider_answered(&mut self, name: &str, round: u32, outcome: &'static str) {
        let is_refund = name != "ship";
        let Some(work) = self.work(name).filter(|work| work.round == round) else { return };
        let decides = outcome == "done" || outcome == "refused";
        let listening = match work.word {
            "asked" => true,
            "accepted" | "given_up" | "refused" => decides,
            _ => false,
        };
        if !listening || (work.word == "refused" && !is_refund) {
            return;
        }
        work.word = match outcome {
            "exhausted" | "unknown" => "given_up",
            other => other,
        };
        match work.word {
            "given_up" => self.needs_person(name),
            "refused" if is_refund => self.needs_person(name),
            "done" | "refused" => self.attention.retain(|known| known != name),
            _ => {}
        }
        if outcome == "refused" && !is_refund {
            self.undo("failed");
        }
    }

    fn overdue(&mut self, name: &str, round: u32) -> Answer {
        if let Some(work) = self.work(name)
            && work.round == round
            && work.word == "accepted"
        {
            work.word = "given_up";
            self.needs_person(name);
        }
        Answer::Taken
    }
}
