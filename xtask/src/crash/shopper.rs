//! What one client does: orders of every kind, one after another, until the server is gone.

use super::RARE;
use super::random::Random;
use super::shop::{Counter, Gone};
use super::wish::{Act, CARD, DECLINED, DECLINED_AGAIN, FAILED, Report, VOUCHER, Wish};
use serde_json::Value;

/// What the simulated providers can be told to do instead of their work.
const TROUBLES: &[&str] = &[
    r#"{"do":"fail","times":1}"#,
    r#"{"do":"fail","times":2}"#,
    r#"{"do":"refuse","reason":"no such street"}"#,
    r#"{"do":"hang","times":1}"#,
    r#"{"do":"hang","times":2}"#,
    r#"{"do":"delay","ms":60}"#,
    r#"{"do":"accept","ms":80}"#,
];

/// New orders of one client in one cycle; after them it goes on with what is open.
const MOST_ORDERS: u64 = 60;

/// A client.
pub(super) struct Shopper<'s> {
    counter: Counter<'s>,
    random: Random,
    /// What its own numbers begin with.
    name: String,
    placed: u64,
}

type Step = Result<(), Gone>;

/// Something that a client sets out to do.
type Errand<'s> = fn(&mut Shopper<'s>) -> Step;

impl<'s> Shopper<'s> {
    /// All errands, each as often as its number says.
    const ERRANDS: [(u64, Errand<'s>); 14] = [
        (14, Self::plain),
        (8, Self::paid_twice),
        (7, Self::declined_then_captured),
        (5, Self::failed),
        (10, Self::unpaid),
        (8, Self::approved),
        (6, Self::rejected),
        (6, Self::cancelled),
        (8, Self::paid_while_cancelled),
        (8, Self::carrier_in_trouble),
        (6, Self::refund_in_trouble),
        (3, Self::parked),
        (3, Self::restock),
        (8, Self::wander),
    ];

    /// A client with its name and its choices.
    pub(super) fn new(counter: Counter<'s>, random: Random, name: String) -> Self {
        Self { counter, random, name, placed: 0 }
    }

    /// Shops until the server is gone.
    pub(super) fn shop(mut self) {
        while self.errand().is_ok() {}
    }

    fn errand(&mut self) -> Step {
        if self.placed >= MOST_ORDERS {
            return self.wander();
        }
        let mut choice = self.random.below(Self::ERRANDS.iter().map(|(weight, _)| weight).sum());
        for (weight, errand) in Self::ERRANDS {
            if choice < weight {
                return errand(self);
            }
            choice -= weight;
        }
        Ok(())
    }

    fn place(&mut self, amount_minor: i64, window_s: Option<u32>) -> Result<Option<usize>, Gone> {
        self.placed += 1;
        let wish = Wish { amount_minor, lines: self.random.lines(), window_s };
        self.counter.place(format!("{}-{}", self.name, self.placed), wish)
    }

    /// Asks, sometimes twice, sometimes looking at what it has become.
    fn ask(&mut self, order: usize, act: Act) -> Result<Option<Value>, Gone> {
        let mut answer = self.counter.ask(order, act.clone())?;
        let repeatable = matches!(act, Act::Pay(_) | Act::Decide(_) | Act::Cancel);
        if repeatable && self.random.percent(20) {
            answer = self.counter.ask(order, act)?;
        }
        if self.random.percent(15) {
            self.counter.look(order, "")?;
        }
        Ok(answer)
    }

    fn plain(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        self.ask(order, Act::Pay(CARD)).map(drop)
    }

    fn paid_twice(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        if self.random.percent(40) {
            return self.counter.ask_both(order, Act::Pay(CARD), Act::Pay(VOUCHER));
        }
        self.ask(order, Act::Pay(CARD))?;
        self.ask(order, Act::Pay(VOUCHER)).map(drop)
    }

    fn declined_then_captured(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, Some(5))? else { return Ok(()) };
        self.ask(order, Act::Pay(DECLINED))?;
        if self.random.percent(50) {
            self.ask(order, Act::Pay(DECLINED_AGAIN))?;
        }
        let part = self.random.percent(25).then_some(amount - 1).filter(|part| *part > 0);
        self.ask(order, Act::Pay(Report { amount_minor: part, ..CARD })).map(drop)
    }

    fn failed(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        self.ask(order, Act::Pay(FAILED)).map(drop)
    }

    /// Nobody pays in time; now and then somebody pays too late.
    fn unpaid(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        if self.random.percent(30) {
            while self.counter.watch(order)?["state"] == "awaiting_payment" {}
            self.ask(order, Act::Pay(CARD))?;
        }
        Ok(())
    }

    fn approved(&mut self) -> Step {
        let amount = self.random.large();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        let early = self.random.percent(50);
        if early {
            self.ask(order, Act::Pay(CARD))?;
        }
        self.ask(order, Act::Decide("APPROVE"))?;
        if self.random.percent(30) {
            self.ask(order, Act::Decide("REJECT"))?;
        }
        if early { Ok(()) } else { self.ask(order, Act::Pay(CARD)).map(drop) }
    }

    fn rejected(&mut self) -> Step {
        let amount = self.random.large();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        if self.random.percent(50) {
            self.ask(order, Act::Pay(CARD))?;
        }
        if self.random.percent(30) {
            return self.counter.ask_both(order, Act::Decide("REJECT"), Act::Decide("APPROVE"));
        }
        self.ask(order, Act::Decide("REJECT"))?;
        self.ask(order, Act::Pay(VOUCHER)).map(drop)
    }

    fn cancelled(&mut self) -> Step {
        let amount = if self.random.percent(50) { self.random.small() } else { self.random.large() };
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        self.ask(order, Act::Cancel).map(drop)
    }

    fn paid_while_cancelled(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        let other = if self.random.percent(70) { Act::Cancel } else { Act::Pay(FAILED) };
        self.counter.ask_both(order, Act::Pay(CARD), other)
    }

    fn carrier_in_trouble(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        self.script("carrier", order)?;
        self.ask(order, Act::Pay(CARD))?;
        self.see_it_through(order)
    }

    fn refund_in_trouble(&mut self) -> Step {
        let amount = self.random.small();
        let Some(order) = self.place(amount, None)? else { return Ok(()) };
        self.script("payments", order)?;
        self.ask(order, Act::Pay(CARD))?;
        self.ask(order, Act::Pay(VOUCHER))?;
        self.see_it_through(order)
    }

    fn script(&mut self, provider: &str, order: usize) -> Step {
        let step = *self.random.pick(TROUBLES);
        let id = self.counter.shop.journal().orders[order].id().unwrap_or_default().to_owned();
        let body = format!(r#"{{"script":[{step}],"order_id":"{id}"}}"#);
        let answer = self.counter.send("PUT", &format!("/api/v1/dev/providers/{provider}"), Some(&body))?;
        if answer.status != 204 {
            self.counter.shop.journal().complain(format!("the script {body} was answered {answer:?}"));
        }
        Ok(())
    }

    /// Watches an order until it has ended and owes nothing, and acts where a person must. A client loses
    /// interest after a while.
    fn see_it_through(&mut self, order: usize) -> Step {
        for _ in 0..8 {
            let document = self.counter.watch(order)?;
            if !document["attention"].is_null() {
                let ship = document["attention"]["step"] == "ship";
                let acts: &[Act] =
                    if ship { &[Act::Retry, Act::Skip, Act::Compensate] } else { &[Act::Retry, Act::Skip] };
                let act = self.random.pick(acts).clone();
                self.ask(order, act)?;
            } else if !document["ended_at"].is_null() && document["payment_status"] != "refund_pending" {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Leaves an order for a person, or for a payment that may come within days.
    fn parked(&mut self) -> Step {
        let reviewed = self.random.percent(50);
        let (amount, window) =
            if reviewed { (self.random.large(), None) } else { (self.random.small(), Some(2_000_000)) };
        if let Some(order) = self.place(amount, window)? {
            self.counter.shop.journal().orders[order].parked = true;
        }
        Ok(())
    }

    /// Adds to the rare stock.
    fn restock(&mut self) -> Step {
        let delta = 1 + i64::try_from(self.random.below(40)).unwrap_or_default();
        self.counter.adjust(RARE, delta)
    }

    /// Asks anything of any of the latest orders, also of one whose end was seen.
    fn wander(&mut self) -> Step {
        let Some(order) = self.some_order() else { return self.plain() };
        let acts = [
            Act::Pay(CARD),
            Act::Pay(VOUCHER),
            Act::Pay(DECLINED),
            Act::Cancel,
            Act::Decide("APPROVE"),
            Act::Decide("REJECT"),
            Act::Retry,
            Act::Skip,
            Act::Compensate,
        ];
        let document = self.counter.look(order, "")?;
        if document["attention"].is_null() && self.random.percent(60) {
            return self.counter.watch(order).map(drop);
        }
        let act = self.random.pick(&acts).clone();
        self.ask(order, act).map(drop)
    }

    /// One of the latest orders that are there and not parked.
    fn some_order(&mut self) -> Option<usize> {
        let journal = self.counter.shop.journal();
        let count = journal.orders.len() as u64;
        let mut among = || {
            let back = 1 + self.random.below(count.clamp(1, 600));
            usize::try_from(count.checked_sub(back)?).ok()
        };
        (0..8).filter_map(|_| among()).find(|place| {
            journal.orders.get(*place).is_some_and(|order| order.id().is_some() && !order.parked)
        })
    }
}
