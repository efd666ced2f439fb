//! Choices that follow from a seed: SplitMix64.

/// A stream of choices.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A stream of its own, that of `number`, whatever this one has given so far.
    pub(super) fn fork(seed: u64, number: u64) -> Self {
        Self(Self(seed ^ number.wrapping_mul(0xa076_1d64_78bd_642f)).next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is above zero.
    pub(super) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// True in so many of a hundred cases.
    pub(super) fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One of several.
    pub(super) fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[usize::try_from(self.below(of.len() as u64)).unwrap_or_default()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_a_stream_and_another_seed_another() {
        let stream = |mut random: Random| [random.next(), random.next(), random.next()];
        assert_eq!(stream(Random::new(7)), stream(Random::new(7)));
        assert_ne!(stream(Random::new(7)), stream(Random::new(8)));
        assert_ne!(stream(Random::fork(7, 1)), stream(Random::fork(7, 2)));
    }

    #[test]
    fn choices_reach_everything() {
        let mut random = Random::new(1);
        let picked: std::collections::BTreeSet<_> = (0..100).map(|_| *random.pick(&[1, 2, 3])).collect();
        assert_eq!(picked.len(), 3);
        let heads = (0..1_000).filter(|_| random.percent(30)).count();
        assert!((200..400).contains(&heads), "{heads}");
    }
}
