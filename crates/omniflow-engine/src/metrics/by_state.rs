//! A family by an order's state, of which each member is found without looking it up.

use super::Word;
use omniflow_core::StateKind;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct StateLabel {
    state: Word,
}

/// One metric a state, for some of them; all of these are there from the start, as zeros.
#[derive(Debug)]
pub(super) struct ByState<M> {
    pub(super) family: Family<StateLabel, M>,
    members: [Option<M>; StateKind::ALL.len()],
}

impl<M: Clone + Default> ByState<M> {
    /// For the states that `has` admits.
    pub(super) fn new(has: impl Fn(StateKind) -> bool) -> Self {
        let family = Family::<StateLabel, M>::default();
        let mut members = [const { None }; StateKind::ALL.len()];
        for &state in StateKind::ALL.iter().filter(|state| has(**state)) {
            let label = StateLabel { state: Word(state.as_str()) };
            members[state as usize] = Some(family.get_or_create_owned(&label));
        }
        Self { family, members }
    }

    /// That of a state, `None` where it has none.
    pub(super) const fn of(&self, state: StateKind) -> Option<&M> {
        self.members[state as usize].as_ref()
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &M> {
        self.members.iter().flatten()
    }
}
