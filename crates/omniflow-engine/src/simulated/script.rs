//! Scripts: what a simulated provider does with its next attempts instead of what it would do by itself.

use omniflow_core::{OrderId, ReasonText};
use std::collections::{HashMap, VecDeque};
use std::fmt;

/// A simulated provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProviderName {
    /// The one who ships.
    Carrier,
    /// The one who gives money back.
    Payments,
}

/// What a provider does with one attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// It is not taken and may be made again, as after a 503.
    Fail,
    /// It is refused for good.
    Refuse,
    /// It is never answered, and not taken.
    Hang,
    /// It is done after a time, and answered then; also when nobody waits for the answer any more.
    Delay,
    /// It is accepted at once, and reported as done after a time.
    Accept,
}

/// What a provider does with a number of attempts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptStep {
    /// What.
    pub act: Act,
    /// How often, at least once.
    pub times: u32,
    /// After how many milliseconds, for [`Act::Delay`] and [`Act::Accept`].
    pub ms: u64,
    /// The provider's words, for [`Act::Fail`] and [`Act::Refuse`].
    pub reason: Option<ReasonText>,
}

/// Steps, one after another. When they are used up, the provider does as if there had been no script.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script(VecDeque<ScriptStep>);

/// Why a text is no script. The message says what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// No provider, or nothing for it to do.
    #[error("{0:?} is no script: write PROVIDER=ACT:TIMES, such as carrier=fail:2")]
    Shapeless(String),
    /// Nobody of this name.
    #[error("there is no provider {0:?}: write carrier or payments, as in carrier=fail:2")]
    UnknownProvider(String),
    /// Nothing that a provider can do.
    #[error("a provider cannot {0:?}: write fail, refuse, hang, delay or accept, as in carrier=fail:2")]
    UnknownAct(String),
    /// Not a number of times.
    #[error("{0:?} is no number of times: write a whole number from 1, as in {1}:2")]
    BadTimes(String, Act),
    /// Not a time.
    #[error("{0:?} is no time: write milliseconds or seconds, as in {1}@1500ms or {1}@2s")]
    BadTime(String, Act),
    /// A time where none can be.
    #[error("{0} takes no time: only delay and accept do, as in delay@2s")]
    Timeless(Act),
}

impl ProviderName {
    /// Every provider.
    pub const ALL: [Self; 2] = [Self::Carrier, Self::Payments];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Carrier => "carrier",
            Self::Payments => "payments",
        }
    }

    /// The provider of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|name| name.as_str() == word)
    }
}

impl Act {
    /// Everything that a provider can do.
    pub const ALL: [Self; 5] = [Self::Fail, Self::Refuse, Self::Hang, Self::Delay, Self::Accept];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fail => "fail",
            Self::Refuse => "refuse",
            Self::Hang => "hang",
            Self::Delay => "delay",
            Self::Accept => "accept",
        }
    }

    /// The act of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == word)
    }

    const fn takes_time(self) -> bool {
        matches!(self, Self::Delay | Self::Accept)
    }

    /// One step of this, without words.
    pub const fn step(self, times: u32, ms: u64) -> ScriptStep {
        ScriptStep { act: self, times, ms, reason: None }
    }
}

impl Script {
    /// A script of these steps. One that is to be done no times is left out.
    pub fn new(steps: impl IntoIterator<Item = ScriptStep>) -> Self {
        Self(steps.into_iter().filter(|step| step.times > 0).collect())
    }

    /// The steps that are still to come.
    pub fn steps(&self) -> impl Iterator<Item = &ScriptStep> {
        self.0.iter()
    }

    /// Reads `PROVIDER=ACT[:TIMES][@TIME][,…]`: `carrier=fail:2`, `carrier=delay:2@5s,refuse`.
    ///
    /// # Errors
    /// [`ScriptError`], which says what to write instead.
    pub fn parse_flag(text: &str) -> Result<(ProviderName, Self), ScriptError> {
        let (provider, steps) =
            text.split_once('=').ok_or_else(|| ScriptError::Shapeless(text.to_owned()))?;
        let provider = ProviderName::from_word(provider)
            .ok_or_else(|| ScriptError::UnknownProvider(provider.to_owned()))?;
        let steps = steps.split(',').map(ScriptStep::parse).collect::<Result<Vec<_>, _>>()?;
        Ok((provider, Self::new(steps)))
    }

    /// What is to be done with the next attempt, `None` when the script is used up.
    pub(super) fn pop(&mut self) -> Option<ScriptStep> {
        let first = self.0.front_mut()?;
        let step = ScriptStep { times: 1, ..first.clone() };
        first.times -= 1;
        if first.times == 0 {
            self.0.pop_front();
        }
        Some(step)
    }
}

impl ScriptStep {
    fn parse(text: &str) -> Result<Self, ScriptError> {
        let (rest, time) = text.split_once('@').map_or((text, None), |(rest, time)| (rest, Some(time)));
        let (act, times) = rest.split_once(':').map_or((rest, None), |(act, times)| (act, Some(times)));
        let act = Act::from_word(act).ok_or_else(|| ScriptError::UnknownAct(act.to_owned()))?;
        let times = match times {
            None => 1,
            Some(times) => match times.parse() {
                Ok(times) if times > 0 => times,
                _ => return Err(ScriptError::BadTimes(times.to_owned(), act)),
            },
        };
        let ms = match time {
            None => 0,
            Some(_) if !act.takes_time() => return Err(ScriptError::Timeless(act)),
            Some(time) => milliseconds(time).ok_or_else(|| ScriptError::BadTime(time.to_owned(), act))?,
        };
        Ok(act.step(times, ms))
    }
}

/// Reads `1500ms`, `2s`, `1500`.
fn milliseconds(text: &str) -> Option<u64> {
    let (digits, factor) = match (text.strip_suffix("ms"), text.strip_suffix('s')) {
        (Some(digits), _) => (digits, 1),
        (None, Some(digits)) => (digits, 1_000),
        (None, None) => (text, 1),
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The scripts in force, for everybody and for single orders.
#[derive(Debug, Default)]
pub(super) struct Scripts {
    of_provider: HashMap<ProviderName, Script>,
    of_order: HashMap<(ProviderName, OrderId), Script>,
}

impl Scripts {
    pub(super) fn set(&mut self, provider: ProviderName, order_id: Option<OrderId>, script: Script) {
        match order_id {
            Some(order_id) => self.of_order.insert((provider, order_id), script),
            None => self.of_provider.insert(provider, script),
        };
    }

    pub(super) fn clear(&mut self, provider: ProviderName, order_id: Option<&OrderId>) {
        match order_id {
            Some(order_id) => {
                self.of_order.remove(&(provider, order_id.clone()));
            }
            None => {
                self.of_provider.remove(&provider);
                self.of_order.retain(|(name, _), _| *name != provider);
            }
        }
    }

    /// The script for an order's next attempt, where it has a step left. An order that has its own script
    /// never uses the provider's, not even after its own is used up.
    pub(super) fn in_force(&mut self, provider: ProviderName, order_id: &OrderId) -> Option<&mut Script> {
        let own = match self.of_order.is_empty() {
            true => None,
            false => self.of_order.get_mut(&(provider, order_id.clone())),
        };
        own.or_else(|| self.of_provider.get_mut(&provider)).filter(|script| !script.0.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(id: &str) -> OrderId {
        OrderId::new(id).unwrap()
    }

    fn acts(scripts: &mut Scripts, order_id: &str, attempts: usize) -> Vec<Option<Act>> {
        let order_id = order(order_id);
        let mut next = || Some(scripts.in_force(ProviderName::Carrier, &order_id)?.pop()?.act);
        (0..attempts).map(|_| next()).collect()
    }

    #[test]
    fn a_flag_is_read() {
        let (provider, script) = Script::parse_flag("carrier=fail:2").unwrap();
        assert_eq!((provider, script), (ProviderName::Carrier, Script::new([Act::Fail.step(2, 0)])));
        let (provider, script) =
            Script::parse_flag("payments=delay:3@1500ms,accept@2s,hang,delay@7").unwrap();
        let steps = [
            Act::Delay.step(3, 1_500),
            Act::Accept.step(1, 2_000),
            Act::Hang.step(1, 0),
            Act::Delay.step(1, 7),
        ];
        assert_eq!((provider, script), (ProviderName::Payments, Script::new(steps)));
    }

    #[test]
    fn a_flag_that_cannot_be_read_says_what_to_write() {
        for (flag, says) in [
            ("carrier", "\"carrier\" is no script: write PROVIDER=ACT:TIMES, such as carrier=fail:2"),
            ("post=fail", "there is no provider \"post\": write carrier or payments, as in carrier=fail:2"),
            (
                "carrier=",
                "a provider cannot \"\": write fail, refuse, hang, delay or accept, as in carrier=fail:2",
            ),
            (
                "carrier=fall:2",
                "a provider cannot \"fall\": write fail, refuse, hang, delay or accept, as in carrier=fail:2",
            ),
            ("carrier=fail:0", "\"0\" is no number of times: write a whole number from 1, as in fail:2"),
            ("carrier=hang:x", "\"x\" is no number of times: write a whole number from 1, as in hang:2"),
            (
                "carrier=delay@soon",
                "\"soon\" is no time: write milliseconds or seconds, as in delay@1500ms or delay@2s",
            ),
            (
                "carrier=delay@99999999999999999s",
                "\"99999999999999999s\" is no time: write milliseconds or seconds, as in delay@1500ms or delay@2s",
            ),
            ("carrier=fail@2s", "fail takes no time: only delay and accept do, as in delay@2s"),
        ] {
            assert_eq!(Script::parse_flag(flag).unwrap_err().to_string(), says, "{flag}");
        }
    }

    #[test]
    fn steps_are_used_up_one_after_another() {
        let mut scripts = Scripts::default();
        let steps = [Act::Fail.step(2, 0), Act::Hang.step(0, 0), Act::Refuse.step(1, 0)];
        scripts.set(ProviderName::Carrier, None, Script::new(steps));
        assert_eq!(scripts.in_force(ProviderName::Payments, &order("A")), None, "another provider");
        let expected = [Some(Act::Fail), Some(Act::Fail), Some(Act::Refuse), None];
        assert_eq!(acts(&mut scripts, "A", 4), expected);
    }

    #[test]
    fn an_orders_own_script_comes_before_the_providers() {
        let mut scripts = Scripts::default();
        scripts.set(ProviderName::Carrier, None, Script::new([Act::Hang.step(9, 0)]));
        scripts.set(ProviderName::Carrier, Some(order("A")), Script::new([Act::Fail.step(1, 0)]));
        assert_eq!(acts(&mut scripts, "A", 2), [Some(Act::Fail), None]);
        assert_eq!(acts(&mut scripts, "B", 1), [Some(Act::Hang)]);
        scripts.clear(ProviderName::Carrier, Some(&order("A")));
        assert_eq!(acts(&mut scripts, "A", 1), [Some(Act::Hang)]);
        scripts.clear(ProviderName::Carrier, None);
        assert_eq!(acts(&mut scripts, "B", 1), [None]);
    }
}
