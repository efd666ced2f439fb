//! Random lives: what orders are told, and everything that came of it.

use omniflow_core::{
    Actor, ChainHash, Command, Currency, CustomerId, Decision, DetailsHash, EffectKey, Entry, Event, Line,
    LineId, Link, Money, Next, Order, OrderId, Outcome, PaymentEventId, PaymentId, PaymentOutcome,
    PaymentReport, PolicyBook, ReasonText, Receipt, Reference, Rejection, Sku, Step, StockRefusal, Terms,
    TimerId, Timestamp,
};
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

/// The three functions of the core, or wrong ones in their place.
#[derive(Clone, Copy)]
pub(crate) struct Machine {
    pub(crate) decide: fn(&Order, &Command) -> Result<Vec<Event>, Rejection>,
    pub(crate) evolve: fn(Order, &Entry) -> Order,
    pub(crate) next: fn(&Order) -> Next,
}

impl Machine {
    pub(crate) const REAL: Self =
        Self { decide: omniflow_core::decide, evolve: omniflow_core::evolve, next: omniflow_core::next };
}

/// What is told next. Picks are taken modulo what there is to pick from, so that any sequence makes sense.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    Report {
        payment: u8,
        event: Option<u8>,
        outcome: PaymentOutcome,
        amount: Amount,
    },
    Decide(Decision),
    Cancel,
    Retry,
    Skip,
    Compensate,
    Erase,
    /// An effect that is wanted now was decided.
    Answer {
        pick: u8,
        ending: Ending,
    },
    /// An effect that was wanted at any time is decided, perhaps again.
    Late {
        pick: u8,
        ending: Ending,
    },
    /// Any effect in any round, wanted or not.
    Stray {
        step: u8,
        round: u8,
        ending: Ending,
    },
    /// A timer that is wanted now.
    Elapse {
        pick: u8,
    },
    /// A timer that was wanted at any time.
    Stale {
        pick: u8,
    },
    /// Time passes.
    Wait(u32),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Amount {
    Whole,
    Spelled,
    Less,
    Foreign,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Ending {
    Done,
    Accepted,
    OutOfStock,
    UnknownSku,
    Refused,
    Exhausted,
    Unknown,
}

pub(crate) fn config(cases: u32) -> ProptestConfig {
    let asked = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    let kept = concat!(env!("CARGO_MANIFEST_DIR"), "/proptest-regressions/proof.txt");
    ProptestConfig {
        cases: asked.unwrap_or(cases),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(kept))),
        ..ProptestConfig::default()
    }
}

/// Totals below, at and above the review threshold.
pub(crate) fn totals() -> impl Strategy<Value = i64> {
    prop::sample::select(vec![50_000, 1_000_000, 1_000_001, 2_000_000])
}

pub(crate) fn ops(most: usize) -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(op(), 1..most)
}

fn op() -> impl Strategy<Value = Op> {
    let outcome = prop_oneof![
        6 => Just(PaymentOutcome::Captured),
        2 => Just(PaymentOutcome::Declined),
        1 => Just(PaymentOutcome::Failed),
    ];
    let amount = prop_oneof![
        5 => Just(Amount::Whole),
        1 => Just(Amount::Spelled),
        1 => Just(Amount::Less),
        1 => Just(Amount::Foreign),
    ];
    let event = prop_oneof![3 => Just(None), 1 => (0..2_u8).prop_map(Some)];
    let report = (0..3_u8, event, outcome, amount).prop_map(|(payment, event, outcome, amount)| Op::Report {
        payment,
        event,
        outcome,
        amount,
    });
    prop_oneof![
        4 => report,
        2 => prop_oneof![2 => Just(Decision::Approve), 1 => Just(Decision::Reject)].prop_map(Op::Decide),
        1 => Just(Op::Cancel),
        2 => Just(Op::Retry),
        1 => Just(Op::Skip),
        1 => Just(Op::Compensate),
        1 => Just(Op::Erase),
        12 => (any::<u8>(), ending()).prop_map(|(pick, ending)| Op::Answer { pick, ending }),
        3 => (any::<u8>(), ending()).prop_map(|(pick, ending)| Op::Late { pick, ending }),
        2 => (0..9_u8, 0..4_u8, ending()).prop_map(|(step, round, ending)| Op::Stray { step, round, ending }),
        2 => any::<u8>().prop_map(|pick| Op::Elapse { pick }),
        1 => any::<u8>().prop_map(|pick| Op::Stale { pick }),
        1 => (0..100_000_u32).prop_map(Op::Wait),
    ]
}

fn ending() -> impl Strategy<Value = Ending> {
    prop_oneof![
        8 => Just(Ending::Done),
        2 => Just(Ending::Accepted),
        1 => Just(Ending::OutOfStock),
        1 => Just(Ending::UnknownSku),
        2 => Just(Ending::Refused),
        2 => Just(Ending::Exhausted),
        1 => Just(Ending::Unknown),
    ]
}

/// One thing told, what was answered, and the order before and after.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) command: Command,
    pub(crate) answer: Result<Vec<Event>, Rejection>,
    pub(crate) before: Order,
    pub(crate) after: Order,
}

/// An order's life.
pub(crate) struct History {
    machine: Machine,
    pub(crate) order: Order,
    pub(crate) entries: Vec<Entry>,
    pub(crate) links: Vec<Link>,
    pub(crate) told: Vec<Told>,
    wanted: Vec<EffectKey>,
    timers: Vec<TimerId>,
    now: Timestamp,
}

impl History {
    pub(crate) fn placed(machine: Machine, minor: i64) -> Self {
        let order_id = OrderId::new("ORD-1").unwrap();
        let event = Event::OrderPlaced {
            order_id,
            terms: Box::new(terms(minor)),
            details: Some(DetailsHash([7; 32])),
        };
        let now = Timestamp::from_millis(1_700_000_000_000);
        let entry = Entry { seq: 1, at: now, actor: Actor::api(), event };
        let order = omniflow_core::placed(&entry).unwrap();
        let links = vec![entry.link(&ChainHash::default())];
        let (wanted, timers) = (vec![], vec![]);
        let mut history =
            Self { machine, order, entries: vec![entry], links, told: vec![], wanted, timers, now };
        history.look();
        history
    }

    pub(crate) fn lived(machine: Machine, minor: i64, ops: &[Op]) -> Self {
        let mut history = Self::placed(machine, minor);
        for op in ops {
            history.now = history.now.plus_millis(1);
            if let Some(command) = history.command(op) {
                history.tell(command);
            }
        }
        history
    }

    pub(crate) fn tell(&mut self, command: Command) -> &Told {
        self.now = self.now.plus_millis(1);
        let before = self.order.clone();
        let answer = (self.machine.decide)(&before, &command);
        for event in answer.iter().flatten() {
            let (seq, event) = (self.entries.len() as u32 + 1, event.clone());
            let entry = Entry { seq, at: self.now, actor: Actor::engine(), event };
            let previous = self.links.last().map(|link| link.hash).unwrap_or_default();
            self.links.push(entry.link(&previous));
            self.order = (self.machine.evolve)(self.order.clone(), &entry);
            self.entries.push(entry);
            self.look();
        }
        self.told.push(Told { command, answer, before, after: self.order.clone() });
        self.told.last().unwrap()
    }

    /// Remembers what is wanted, so that it can be answered late.
    fn look(&mut self) {
        let next = (self.machine.next)(&self.order);
        let effects = next.effects.iter().map(|wanted| wanted.key);
        self.wanted.extend(effects.filter(|key| !self.wanted.contains(key)).collect::<Vec<_>>());
        let timers = next.timers.iter().map(|timer| timer.id);
        self.timers.extend(timers.filter(|id| !self.timers.contains(id)).collect::<Vec<_>>());
    }

    /// What an operation tells this order; `None` where there is nothing to pick from.
    pub(crate) fn command(&mut self, op: &Op) -> Option<Command> {
        let next = (self.machine.next)(&self.order);
        Some(match *op {
            Op::Report { payment, event, outcome, amount } => {
                Command::ReportPayment(report(&self.order, payment, event, outcome, amount))
            }
            Op::Decide(decision) => Command::Decide { decision, reason: reason() },
            Op::Cancel => Command::Cancel { reason: reason() },
            Op::Retry => Command::Retry,
            Op::Skip => Command::Skip { reason: reason() },
            Op::Compensate => Command::Compensate { reason: None },
            Op::Erase => Command::EraseDetails,
            Op::Answer { pick, ending } => settle(pick_of(&next.effects, pick)?.key, ending),
            Op::Late { pick, ending } => settle(*pick_of(&self.wanted, pick)?, ending),
            Op::Stray { step, round, ending } => {
                settle(EffectKey { step: stray(step), round: u32::from(round) }, ending)
            }
            Op::Elapse { pick } => Command::Elapse(pick_of(&next.timers, pick)?.id),
            Op::Stale { pick } => Command::Elapse(*pick_of(&self.timers, pick)?),
            Op::Wait(millis) => {
                self.now = self.now.plus_millis(u64::from(millis));
                return None;
            }
        })
    }
}

fn pick_of<T>(from: &[T], pick: u8) -> Option<&T> {
    from.get(usize::from(pick) % from.len().max(1))
}

fn stray(step: u8) -> Step {
    match step {
        0 => Step::ReserveStock,
        1 => Step::ReleaseStock,
        2 => Step::ConsumeStock,
        3 => Step::Ship,
        number => Step::RefundPayment(u32::from(number) - 4),
    }
}

pub(crate) fn settle(effect: EffectKey, ending: Ending) -> Command {
    let outcome = match ending {
        Ending::Done => Outcome::Done(match effect.step {
            Step::Ship => Receipt::Shipment { tracking_number: Reference::new("TRACK-1").unwrap() },
            Step::RefundPayment(_) => Receipt::Refund { reference: None },
            _ => Receipt::Stock,
        }),
        Ending::Accepted => Outcome::Accepted { reference: None },
        Ending::OutOfStock => Outcome::NoStock(StockRefusal::OutOfStock(vec![])),
        Ending::UnknownSku => Outcome::NoStock(StockRefusal::UnknownSku(vec![Sku::new("x").unwrap()])),
        Ending::Refused => Outcome::Refused { reason: reason() },
        Ending::Exhausted => Outcome::Exhausted { attempts: 10, last_error: None },
        Ending::Unknown => Outcome::Unknown { attempts: 10, last_error: reason() },
    };
    Command::Settle { effect, outcome }
}

fn report(
    order: &Order,
    payment: u8,
    event: Option<u8>,
    outcome: PaymentOutcome,
    amount: Amount,
) -> PaymentReport {
    let total = order.terms.total;
    let payment_id = (payment > 0).then(|| PaymentId::new(format!("pay-{payment}")).unwrap());
    let event_id = event.map(|event| PaymentEventId::new(format!("evt-{event}")).unwrap());
    let amount = match amount {
        Amount::Whole => None,
        Amount::Spelled => Some(total),
        Amount::Less => Some(Money::new(total.minor - 1, total.currency)),
        Amount::Foreign => Some(Money::new(total.minor, Currency::from_code("EUR").unwrap())),
    };
    PaymentReport { amount, reason: reason(), ..PaymentReport::new(payment_id, event_id, outcome) }
}

fn reason() -> Option<ReasonText> {
    Some(ReasonText::new("因为 \"so\"\nمرحبا").unwrap())
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
    let customer_id = Some(CustomerId::new("C-1").unwrap());
    Terms { total, lines: vec![line], adjustments: vec![], external_id: None, customer_id, policies }
}
