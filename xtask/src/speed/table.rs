//! What was found, as tables in Markdown: the middle of all turns, and where a goal is missed.

use super::Store;
use super::contest::{Contest, Turn};
use super::counted::{Cost, Counts, Statements};
use super::own_api::OwnApi;
use std::fmt::{self, Display, Formatter};

/// Everything of one run.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) contests: Vec<Contest>,
    pub(super) counts: Vec<Counts>,
    pub(super) own_api: Vec<OwnApi>,
}

impl Display for Findings {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "| server | in flight | Go orders/s | p50 ms | p99 ms | OmniFlow orders/s | p50 ms | p99 ms | ratio | goals |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |")?;
        self.contests.iter().try_for_each(|contest| writeln!(f, "{contest}"))?;
        writeln!(
            f,
            "\n| an order costs | events | workflow tasks | activity tasks | SQL of ours | SQL of Temporal's |"
        )?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
        for counts in &self.counts {
            for (who, cost) in [("Go", &counts.go), ("OmniFlow", &counts.ours)] {
                writeln!(f, "| {who}, {} {cost}", counts.store.name())?;
            }
        }
        if self.own_api.is_empty() {
            return Ok(());
        }
        writeln!(f, "\n| our own API, on | in flight | orders/s | p50 ms | p99 ms | failed |")?;
        writeln!(f, "| --- | ---: | ---: | ---: | ---: | --- |")?;
        self.own_api.iter().try_for_each(|found| writeln!(f, "{found}"))
    }
}

impl Display for Contest {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let ratios: Vec<f64> = self.ratios().collect();
        let (low, high) = ratios.iter().fold((f64::MAX, 0_f64), |(low, high), r| (low.min(*r), high.max(*r)));
        write!(
            f,
            "| {} | {} {}{}",
            self.store.name(),
            self.in_flight,
            Figures(&self.go),
            Figures(&self.ours)
        )?;
        write!(f, "| {:.2} ({low:.2} to {high:.2}) | {} |", middle(ratios.iter().copied()), self.missed())
    }
}

impl Contest {
    /// In words, which of the goals the middle figures miss.
    fn missed(&self) -> String {
        let goal = match self.store {
            Store::Memory | Store::File => 1.4,
            Store::Postgres => 2.0,
        };
        let p99 = |turns: &[Turn]| middle(turns.iter().map(|turn| turn.drive.p99_ms));
        let slow = (middle(self.ratios()) < goal).then(|| format!("less than {goal}"));
        let late = (p99(&self.ours) >= p99(&self.go)).then(|| "p99 not below Go's".to_owned());
        let missed: Vec<_> = slow.into_iter().chain(late).collect();
        if missed.is_empty() { "met".to_owned() } else { missed.join(", ") }
    }
}

struct Figures<'t>(&'t [Turn]);

impl Display for Figures<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let of = |figure: fn(&Turn) -> f64| middle(self.0.iter().map(figure));
        let (rate, p50) = (of(|turn| turn.drive.orders_per_s), of(|turn| turn.drive.p50_ms));
        write!(f, "| {rate:.1} | {p50:.0} | {:.0} ", of(|turn| turn.drive.p99_ms))
    }
}

impl Display for Cost {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let histories = &self.histories;
        write!(f, "| {} ", short(histories.events))?;
        write!(f, "| {} | {} ", short(histories.workflow_tasks), short(histories.activity_tasks))?;
        let temporals = self.temporals.map_or("–".to_owned(), |statements| statements.to_string());
        write!(f, "| {} | {temporals} |", self.own)
    }
}

impl Display for Statements {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {} of transactions", short(self.all - self.bounds), short(self.bounds))
    }
}

impl Display for OwnApi {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "| {} | {} ", self.store.name(), self.in_flight)?;
        let latency = |ms: f64| if ms.is_nan() { "–".to_owned() } else { format!("{ms:.0}") };
        write!(f, "| {:.1} | {} | {} ", self.orders_per_s, latency(self.p50_ms), latency(self.p99_ms))?;
        let failures: Vec<_> = self.failures.iter().map(|(count, code)| format!("{count} {code}")).collect();
        write!(f, "| {} |", if failures.is_empty() { "none".to_owned() } else { failures.join(", ") })
    }
}

/// A number with one decimal, or none where that is 0.
fn short(number: f64) -> String {
    let text = format!("{number:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// The middle one; of an even number, the lower of the two.
fn middle(figures: impl Iterator<Item = f64>) -> f64 {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len().saturating_sub(1) / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::super::driver::Drive;
    use super::*;

    fn turns(figures: &[(f64, f64)]) -> Vec<Turn> {
        let drive = |&(orders_per_s, p99_ms)| Drive { orders_per_s, p50_ms: 10.0, p99_ms };
        figures.iter().map(|figure| Turn { drive: drive(figure), cpu_ms: 1.0 }).collect()
    }

    fn contest(ours: &[(f64, f64)]) -> Contest {
        let go = turns(&[(50.0, 400.0), (60.0, 300.0), (40.0, 500.0)]);
        Contest { store: Store::Postgres, in_flight: 20, go, ours: turns(ours) }
    }

    #[test]
    fn a_line_has_the_middle_of_all_turns_and_the_ratio_of_each_round() {
        let met = contest(&[(110.0, 200.0), (120.0, 250.0), (100.0, 100.0)]);
        let line = "| PostgreSQL | 20 | 50.0 | 10 | 400 | 110.0 | 10 | 200 | 2.20 (2.00 to 2.50) | met |";
        assert_eq!(met.to_string(), line);
    }

    #[test]
    fn what_misses_a_goal_says_which() {
        let slow = contest(&[(90.0, 450.0), (90.0, 450.0), (90.0, 450.0)]);
        assert_eq!(slow.missed(), "less than 2, p99 not below Go's");
    }

    #[test]
    fn whole_numbers_have_no_decimals() {
        assert_eq!((short(9.0), short(3.25)), ("9".to_owned(), "3.2".to_owned()));
    }
}
