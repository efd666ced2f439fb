//! Policies as the text in which events and logs have them. Each value has one spelling; any other is refused.

use super::{Policies, RetryPolicy};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::{self, Display, Formatter};
use std::str::FromStr;

/// Why a text does not say an order's policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PoliciesError {
    /// A part is absent or not in its place.
    #[error("policies have `{0}…` here, not `{1}`")]
    Misplaced(&'static str, String),
    /// A part does not have the value that it says, or spells it otherwise.
    #[error("policies cannot have `{0}{1}`; it must be {2}")]
    Unreadable(&'static str, String, &'static str),
    /// Something follows the last part.
    #[error("policies end before `{0}`")]
    Trailing(String),
}

const RULES: &str = "rules=";
const WINDOW: &str = "window=";
const REVIEW: &str = "review_minor>";
const FORWARD: &str = "forward=";
const COMPENSATION: &str = "undo=";
const DEADLINE: &str = "deadline=";

impl Display for Policies {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (window, deadline) = (Span(self.payment_window_ms), Span(self.provider_deadline_ms));
        let Self { rules, review_threshold_minor, forward, compensation, .. } = self;
        write!(f, "{RULES}{rules} {WINDOW}{window} {REVIEW}{review_threshold_minor} ")?;
        write!(f, "{FORWARD}{forward} {COMPENSATION}{compensation} {DEADLINE}{deadline}")
    }
}

impl FromStr for Policies {
    type Err = PoliciesError;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, PoliciesError> {
        const SPAN: &str = "a span of time such as 30s";
        const RETRY: &str = "a retry policy such as 10x10s/1s-1m";
        let mut parts = text.split(' ');
        let policies = Self {
            rules: part(&mut parts, RULES, "a number", number)?,
            payment_window_ms: part(&mut parts, WINDOW, SPAN, Span::parse)?,
            review_threshold_minor: part(&mut parts, REVIEW, "whole minor units", number)?,
            forward: part(&mut parts, FORWARD, RETRY, RetryPolicy::parse)?,
            compensation: part(&mut parts, COMPENSATION, RETRY, RetryPolicy::parse)?,
            provider_deadline_ms: part(&mut parts, DEADLINE, SPAN, Span::parse)?,
        };
        match parts.next() {
            None => Ok(policies),
            Some(part) => Err(PoliciesError::Trailing(part.to_owned())),
        }
    }
}

fn part<'t, T>(
    parts: &mut impl Iterator<Item = &'t str>,
    name: &'static str,
    expected: &'static str,
    read: fn(&str) -> Option<T>,
) -> Result<T, PoliciesError> {
    let part = parts.next().unwrap_or_default();
    let value = part.strip_prefix(name).ok_or_else(|| PoliciesError::Misplaced(name, part.to_owned()))?;
    read(value).ok_or_else(|| PoliciesError::Unreadable(name, value.to_owned(), expected))
}

/// A number without sign or zeros that it does not need.
fn number<T: FromStr + Display>(text: &str) -> Option<T> {
    text.parse().ok().filter(|number: &T| number.to_string() == text)
}

impl Display for RetryPolicy {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let [timeout, backoff, most] =
            [self.attempt_timeout_ms, self.backoff_ms, self.backoff_max_ms].map(Span);
        write!(f, "{}x{timeout}/{backoff}-{most}", self.attempts)
    }
}

impl RetryPolicy {
    /// Reads what `Display` writes.
    pub fn parse(text: &str) -> Option<Self> {
        let (attempts, rest) = text.split_once('x')?;
        let (timeout, pauses) = rest.split_once('/')?;
        let (backoff, most) = pauses.split_once('-')?;
        Some(Self {
            attempts: number(attempts)?,
            attempt_timeout_ms: Span::parse(timeout)?,
            backoff_ms: Span::parse(backoff)?,
            backoff_max_ms: Span::parse(most)?,
        })
    }
}

/// Milliseconds, in the largest unit in which they are a whole number.
#[derive(Clone, Copy)]
struct Span(u64);

const MILLISECOND: (&str, u64) = ("ms", 1);
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1_000), MILLISECOND];

impl Display for Span {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let fits = |(_, size): &(&str, u64)| self.0 >= *size && self.0.is_multiple_of(*size);
        let (unit, size) = UNITS.into_iter().find(fits).unwrap_or(MILLISECOND);
        write!(f, "{}{unit}", self.0 / size)
    }
}

impl Span {
    fn parse(text: &str) -> Option<u64> {
        let (count, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
        let (_, size) = UNITS.into_iter().find(|(name, _)| *name == unit)?;
        let ms = count.parse::<u64>().ok()?.checked_mul(size)?;
        (Self(ms).to_string() == text).then_some(ms)
    }
}

/// The fields as they stand in formats without names.
type Fields = (u16, u64, i64, RetryPolicy, RetryPolicy, u64);

impl Serialize for Policies {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if serializer.is_human_readable() {
            return serializer.collect_str(self);
        }
        let fields: Fields = (
            self.rules,
            self.payment_window_ms,
            self.review_threshold_minor,
            self.forward,
            self.compensation,
            self.provider_deadline_ms,
        );
        fields.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Policies {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            return String::deserialize(deserializer)?.parse().map_err(D::Error::custom);
        }
        let (rules, payment_window_ms, review_threshold_minor, forward, compensation, provider_deadline_ms) =
            Fields::deserialize(deserializer)?;
        Ok(Self {
            rules,
            payment_window_ms,
            review_threshold_minor,
            forward,
            compensation,
            provider_deadline_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Currency, Money, PolicyBook};
    use proptest::prelude::*;

    const TEXT: &str =
        "rules=1 window=30s review_minor>1000000 forward=10x10s/1s-1m undo=30x10s/1s-1m deadline=72h";

    fn standard() -> Policies {
        PolicyBook::default().for_order(Money::new(1, Currency::USD), None).unwrap()
    }

    #[test]
    fn policies_are_one_text_that_names_its_parts() {
        assert_eq!(serde_json::to_string(&standard()).unwrap(), format!("\"{TEXT}\""));
        assert_eq!(TEXT.parse(), Ok(standard()));
    }

    #[test]
    fn a_span_is_in_the_largest_unit_that_needs_no_fraction() {
        let spans = [0, 1, 999, 1_000, 1_500, 59_000, 60_000, 90_000, 3_600_000, 5_400_000, 2_592_000_000];
        let texts = ["0ms", "1ms", "999ms", "1s", "1500ms", "59s", "1m", "90s", "1h", "90m", "720h"]
            .map(str::to_owned);
        assert_eq!(spans.map(|ms| Span(ms).to_string()), texts);
    }

    fn refusal(part: &str, instead: &str) -> String {
        let text = TEXT.replacen(part, instead, 1);
        assert_ne!(text, TEXT);
        text.parse::<Policies>().unwrap_err().to_string()
    }

    #[test]
    fn what_is_wrong_is_said() {
        insta::assert_snapshot!(refusal("window=30s ", ""), @"policies have `window=…` here, not `review_minor>1000000`");
        insta::assert_snapshot!(refusal(" deadline=72h", ""), @"policies have `deadline=…` here, not ``");
        insta::assert_snapshot!(refusal("rules=1", "rules=70000"), @"policies cannot have `rules=70000`; it must be a number");
        insta::assert_snapshot!(refusal("30s", "30"), @"policies cannot have `window=30`; it must be a span of time such as 30s");
        insta::assert_snapshot!(refusal("10x10s", "10s"), @"policies cannot have `forward=10s/1s-1m`; it must be a retry policy such as 10x10s/1s-1m");
        insta::assert_snapshot!(refusal("72h", "72h more"), @"policies end before `more`");
        let stored = serde_json::from_str::<Policies>(r#""rules=1""#).unwrap_err().to_string();
        insta::assert_snapshot!(stored, @"policies have `window=…` here, not ``");
    }

    /// Another spelling would be another line, and its hash another chain.
    #[test]
    fn a_value_has_one_spelling() {
        for (part, instead) in [
            ("rules=1", "rules=01"),
            ("rules=1", "rules=+1"),
            ("1000000", "1e6"),
            ("1000000", "-0"),
            ("30s", "30000ms"),
            ("30s", "030s"),
            ("30s", "30S"),
            ("30s", "0s"),
            ("30s", "0.5m"),
            ("30s", "-30s"),
            ("30s", "٣s"),
            ("30s", "s"),
            ("30s", "5124095576030432h"),
            ("1s-1m", "1s-60s"),
            ("1s-1m", "1s-1m-1m"),
            ("10x10s/1s-1m undo", "10x10s/1s-1m  undo"),
            ("rules", " rules"),
            ("72h", "72h "),
            ("window=30s review_minor>1000000", "review_minor>1000000 window=30s"),
        ] {
            refusal(part, instead);
        }
    }

    fn retries() -> impl Strategy<Value = RetryPolicy> {
        (any::<u32>(), spans(), spans(), spans()).prop_map(
            |(attempts, attempt_timeout_ms, backoff_ms, backoff_max_ms)| RetryPolicy {
                attempts,
                attempt_timeout_ms,
                backoff_ms,
                backoff_max_ms,
            },
        )
    }

    fn spans() -> impl Strategy<Value = u64> {
        prop_oneof![
            any::<u64>(),
            0..200_u64,
            (0..5_000_u64, prop::sample::select(UNITS.to_vec())).prop_map(|(count, (_, size))| count * size),
        ]
    }

    proptest! {
        #[test]
        fn policies_read_back(
            rules: u16,
            payment_window_ms in spans(),
            review_threshold_minor: i64,
            forward in retries(),
            compensation in retries(),
            provider_deadline_ms in spans(),
        ) {
            let policies = Policies {
                rules,
                payment_window_ms,
                review_threshold_minor,
                forward,
                compensation,
                provider_deadline_ms,
            };
            let text = serde_json::to_string(&policies).unwrap();
            prop_assert_eq!(serde_json::from_str::<Policies>(&text).unwrap(), policies);
            let bytes = postcard::to_stdvec(&policies).unwrap();
            prop_assert_eq!(postcard::from_bytes::<Policies>(&bytes), Ok(policies));
        }
    }
}
