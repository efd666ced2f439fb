//! Given an order, when it is told something, then …: the words that the tests of every rule are written in.

use crate::{
    Actor, Command, Currency, Decision, DetailsHash, EffectKey, Entry, Event, Line, LineId, Money, Order,
    OrderId, Outcome, PaymentEventId, PaymentId, PaymentOutcome, PaymentReport, PolicyBook, ReasonText,
    Receipt, Reference, Rejection, Sku, StateKind, Step, StockRefusal, StockShort, Terms, TimerId, Timestamp,
    decide, evolve, fold, next, placed,
};

/// An order and how it came to be so. A second passes before whatever it is told.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) order: Order,
    pub(crate) entries: Vec<Entry>,
    pub(crate) now: Timestamp,
}

/// An order of $500, being reserved.
pub(crate) fn small() -> Life {
    Life::placed(50_000)
}

/// An order of $20,000, being reserved; a person will have to approve it.
pub(crate) fn large() -> Life {
    Life::placed(2_000_000)
}

pub(crate) fn in_review() -> Life {
    large().when(done("reserve_stock.1")).is(StateKind::InReview)
}

pub(crate) fn awaiting() -> Life {
    small().when(done("reserve_stock.1")).is(StateKind::AwaitingPayment)
}

pub(crate) fn shipping() -> Life {
    awaiting().when(captured()).is(StateKind::Shipping)
}

pub(crate) fn completed() -> Life {
    shipping().when(done("ship.1")).when(done("consume_stock.1")).is(StateKind::Completed)
}

pub(crate) fn expired() -> Life {
    awaiting().when(window_ends()).when(done("release_stock.1")).is(StateKind::Expired)
}

pub(crate) fn terms(minor: i64) -> Terms {
    let total = Money::new(minor, Currency::USD);
    let line = Line {
        line_id: LineId::of_place(1),
        sku: Sku::new("iPhone 15").unwrap(),
        quantity: 1,
        unit_price_minor: None,
    };
    let policies = PolicyBook::default().for_order(total, None).unwrap();
    Terms { total, lines: vec![line], adjustments: vec![], external_id: None, customer_id: None, policies }
}

impl Life {
    fn placed(minor: i64) -> Self {
        let order_id = OrderId::new("ORD-1").unwrap();
        let (terms, details) = (Box::new(terms(minor)), Some(DetailsHash([7; 32])));
        let now = Timestamp::from_millis(1_000_000);
        let event = Event::OrderPlaced { order_id, terms, details };
        let entry = Entry { seq: 1, at: now, actor: Actor::api(), event };
        Self { order: placed(&entry).unwrap(), entries: vec![entry], now }
    }

    /// Tells the order something and records what follows.
    pub(crate) fn tell(&mut self, command: &Command) -> Result<Vec<&'static str>, Rejection> {
        self.now = self.now.plus_millis(1_000);
        let events = decide(&self.order, command)?;
        let names = events.iter().map(Event::name).collect();
        for event in events {
            let entry = Entry { seq: self.order.version + 1, at: self.now, actor: Actor::engine(), event };
            self.order = evolve(self.order.clone(), &entry);
            self.entries.push(entry);
        }
        assert_eq!(fold(&self.entries).as_ref(), Ok(&self.order), "rebuilt state equals live state");
        Ok(names)
    }

    /// The order is told something that must not be refused.
    #[track_caller]
    pub(crate) fn when(mut self, command: Command) -> Self {
        if let Err(rejection) = self.tell(&command) {
            panic!("{command:?}: {rejection}");
        }
        self
    }

    /// It records exactly these.
    #[track_caller]
    pub(crate) fn records(mut self, command: Command, names: &[&str]) -> Self {
        assert_eq!(self.tell(&command).as_deref(), Ok(names), "{command:?}");
        self
    }

    /// It was applied before, or nobody waits for it any more: nothing is recorded.
    #[track_caller]
    pub(crate) fn ignores(self, command: Command) -> Self {
        self.records(command, &[])
    }

    /// It makes no sense: it is noted, and changes nothing else.
    #[track_caller]
    pub(crate) fn notes(self, command: Command) -> Self {
        let before = self.order.clone();
        let life = self.records(command, &["signal_ignored"]);
        let same = Order {
            version: before.version,
            updated_at: before.updated_at,
            ignored: before.ignored,
            ..life.order.clone()
        };
        assert_eq!(same, before);
        life
    }

    /// The state forbids it.
    #[track_caller]
    pub(crate) fn refuses(mut self, command: Command) -> Self {
        let before = self.order.clone();
        let rejection = self.tell(&command).expect_err("it was refused");
        assert_eq!(rejection.code(), "action_not_allowed", "{command:?}");
        assert_eq!(self.order, before);
        self
    }

    #[track_caller]
    pub(crate) fn is(self, kind: StateKind) -> Self {
        assert_eq!(self.order.kind(), kind);
        self
    }

    /// Its undoing was caused by this.
    #[track_caller]
    pub(crate) fn because_of(self, code: &str) -> Self {
        assert_eq!(self.order.state.reason().map(|reason| reason.code.as_str()), Some(code));
        self
    }

    /// It wants exactly these effects and timers.
    #[track_caller]
    pub(crate) fn wants(self, keys: &[&str]) -> Self {
        let next = next(&self.order);
        let timers = next.timers.iter().map(|timer| match timer.id {
            TimerId::PaymentWindow => "window".to_owned(),
            TimerId::ProviderDeadline(key) => format!("deadline of {key}"),
        });
        let wanted: Vec<String> =
            next.effects.iter().map(|wanted| wanted.key.to_string()).chain(timers).collect();
        assert_eq!(wanted, keys);
        self
    }

    /// People and shops may ask exactly this of it.
    #[track_caller]
    pub(crate) fn allows(self, actions: &[&str]) -> Self {
        let allowed: Vec<&str> =
            crate::allowed_actions(&self.order).iter().map(|action| action.as_str()).collect();
        assert_eq!(allowed, actions);
        self
    }

    /// The order's payment status, then each payment's.
    #[track_caller]
    pub(crate) fn pays(self, status: &str, each: &[&str]) -> Self {
        let payments = &self.order.payments;
        assert_eq!(payments.status().as_str(), status);
        assert_eq!(payments.iter().map(|payment| payment.status().as_str()).collect::<Vec<_>>(), each);
        self
    }
}

pub(crate) fn key(text: &str) -> EffectKey {
    EffectKey::parse(text).unwrap()
}

pub(crate) fn reason(text: &str) -> Option<ReasonText> {
    Some(ReasonText::new(text).unwrap())
}

pub(crate) fn usd(minor: i64) -> Money {
    Money::new(minor, Currency::USD)
}

/// A report of the payment `id`, of the whole amount.
pub(crate) fn report(id: &str, outcome: PaymentOutcome) -> PaymentReport {
    PaymentReport::new(Some(PaymentId::new(id).unwrap()), None, outcome)
}

/// The same report under an event id of its own.
pub(crate) fn again(report: PaymentReport, event_id: &str) -> Command {
    let event_id = PaymentEventId::new(event_id).unwrap();
    Command::ReportPayment(PaymentReport { event_id, ..report })
}

pub(crate) fn captured() -> Command {
    Command::ReportPayment(PaymentReport::captured())
}

pub(crate) fn captured_as(id: &str) -> Command {
    Command::ReportPayment(report(id, PaymentOutcome::Captured))
}

pub(crate) fn captured_amount(id: &str, amount: Money) -> Command {
    let report = report(id, PaymentOutcome::Captured);
    Command::ReportPayment(PaymentReport { amount: Some(amount), ..report })
}

pub(crate) fn declined() -> Command {
    Command::ReportPayment(PaymentReport::new(None, None, PaymentOutcome::Declined))
}

pub(crate) fn failed() -> Command {
    Command::ReportPayment(PaymentReport::new(None, None, PaymentOutcome::Failed))
}

pub(crate) fn approve() -> Command {
    Command::Decide { decision: Decision::Approve, reason: None }
}

pub(crate) fn reject() -> Command {
    Command::Decide { decision: Decision::Reject, reason: reason("stolen card") }
}

pub(crate) fn cancel() -> Command {
    Command::Cancel { reason: reason("changed my mind") }
}

pub(crate) fn skip() -> Command {
    Command::Skip { reason: reason("done by hand") }
}

pub(crate) fn compensate() -> Command {
    Command::Compensate { reason: reason("lost in the warehouse") }
}

pub(crate) fn window_ends() -> Command {
    Command::Elapse(TimerId::PaymentWindow)
}

pub(crate) fn overdue(effect: &str) -> Command {
    Command::Elapse(TimerId::ProviderDeadline(key(effect)))
}

pub(crate) fn settle(effect: &str, outcome: Outcome) -> Command {
    Command::Settle { effect: key(effect), outcome }
}

/// The effect is done, with the receipt that its step has.
pub(crate) fn done(effect: &str) -> Command {
    let receipt = match key(effect).step {
        Step::Ship => Receipt::Shipment { tracking_number: Reference::new("TRACK-1").unwrap() },
        Step::RefundPayment(_) => Receipt::Refund { reference: Some(Reference::new("RE-1").unwrap()) },
        _ => Receipt::Stock,
    };
    settle(effect, Outcome::Done(receipt))
}

pub(crate) fn accepted(effect: &str) -> Command {
    settle(effect, Outcome::Accepted { reference: Some(Reference::new("REQ-1").unwrap()) })
}

pub(crate) fn refused(effect: &str) -> Command {
    settle(effect, Outcome::Refused { reason: reason("no such street") })
}

pub(crate) fn exhausted(effect: &str) -> Command {
    settle(effect, Outcome::Exhausted { attempts: 10, last_error: reason("503") })
}

pub(crate) fn unknown(effect: &str) -> Command {
    settle(effect, Outcome::Unknown { attempts: 10, last_error: reason("no answer within 10000 ms") })
}

pub(crate) fn out_of_stock() -> Command {
    let short = StockShort { sku: Sku::new("iPhone 15").unwrap(), requested: 1, available: 0 };
    settle("reserve_stock.1", Outcome::NoStock(StockRefusal::OutOfStock(vec![short])))
}

pub(crate) fn unknown_sku() -> Command {
    let sku = Sku::new("iPhone 15").unwrap();
    settle("reserve_stock.1", Outcome::NoStock(StockRefusal::UnknownSku(vec![sku])))
}
