//! When a server is killed.

use super::random::Random;
use std::time::Duration;

/// Where the binary can kill itself, built with its crash points.
const POINTS: &[&str] =
    &["before-commit", "after-commit", "before-answer", "effect-taken", "effect-answered"];

/// About as long as the binary needs to be ready.
const LONGEST_START_MS: u64 = 40;

/// The load of a cycle whose server is to die at a point, which it may never pass often enough.
const LONGEST_LOAD: Duration = Duration::from_millis(1_200);

/// How a cycle ends.
#[derive(Debug)]
pub(super) enum Kill {
    /// By the clients' clock: so long after the start of the process.
    InItsStart(Duration),
    /// So long after the load began.
    UnderLoad(Duration),
    /// At a named point, the so-manieth time it is passed.
    AtPoint(String),
}

impl Kill {
    /// Chooses a moment. A server in which everything is to be reckoned up has to live until then; in the very
    /// first start of a data directory there is little to cut off, and only once.
    pub(super) fn choose(random: &mut Random, is_first: bool, is_reckoning: bool) -> Self {
        let points = if is_reckoning { 0 } else { 45 };
        match random.below(100) {
            choice if choice < points => {
                // Early passes are as likely as late ones.
                let scale = 1 << random.below(if is_first { 5 } else { 9 });
                Self::AtPoint(format!("{}:{}", random.pick(POINTS), 1 + random.below(scale)))
            }
            choice if choice < points + points / 5 => {
                Self::InItsStart(Duration::from_millis(random.below(LONGEST_START_MS)))
            }
            _ => Self::UnderLoad(Duration::from_millis(50 + random.below(900))),
        }
    }

    /// The point at which the server is to kill itself.
    pub(super) fn point(&self) -> Option<&str> {
        if let Self::AtPoint(point) = self { Some(point) } else { None }
    }

    /// How long to load it at most.
    pub(super) const fn load(&self) -> Duration {
        if let Self::UnderLoad(load) = self { *load } else { LONGEST_LOAD }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(is_first: bool, is_reckoning: bool) -> Vec<Kill> {
        let mut random = Random::new(1);
        (0..300).map(|_| Kill::choose(&mut random, is_first, is_reckoning)).collect()
    }

    #[test]
    fn every_kind_of_moment_is_chosen() {
        let kills = chosen(false, false);
        let at = |name: &str| kills.iter().filter_map(Kill::point).any(|point| point.starts_with(name));
        assert!(POINTS.iter().all(|point| at(point)));
        assert!(kills.iter().any(|kill| matches!(kill, Kill::InItsStart(_))));
        assert!(kills.iter().any(|kill| matches!(kill, Kill::UnderLoad(_))));
    }

    #[test]
    fn a_reckoning_comes_before_the_kill_and_a_first_start_is_cut_off_early() {
        assert!(chosen(false, true).iter().all(|kill| matches!(kill, Kill::UnderLoad(_))));
        let first = chosen(true, false);
        let mut passes = first.iter().filter_map(Kill::point).filter_map(|point| point.split_once(':'));
        assert!(passes.all(|(_, pass)| pass.parse::<u64>().is_ok_and(|pass| pass <= 16)));
    }
}
