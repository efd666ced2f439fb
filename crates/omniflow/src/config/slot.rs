//! One setting: what it may be, how it is read, how it is written.

use crate::server::EngineName;
use omniflow_core::{Currency, Locale, Money};
use omniflow_http::duration;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, Targets};

/// A value as somebody wrote it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Given<'g> {
    /// A text in quotes, in the file.
    Text(&'g str),
    /// `true` or `false`, in the file.
    Switch(bool),
    /// A number in the file, digit by digit; a whole one has its radix.
    Number(&'g str, u32),
    /// From the environment or a flag, where everything is a text.
    Bare(&'g str),
    /// A list, a table or a date.
    Other,
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people on a terminal, JSON otherwise.
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    const ALL: [(Self, &'static str); 3] = [(Self::Auto, "auto"), (Self::Text, "text"), (Self::Json, "json")];
}

/// Where a setting is kept, by its kind, with the values that it may have.
pub(crate) enum Slot<'c> {
    /// A word that somebody must write, whether it was, and what to say about others.
    Word {
        written: &'c mut Option<bool>,
        word: &'static str,
        others: &'static str,
    },
    /// The engine, which somebody must write, and whether it was.
    Engine {
        written: &'c mut Option<bool>,
        engine: &'c mut EngineName,
    },
    /// A text; where it is empty there is none, and the example shows how one looks.
    Text {
        at: &'c mut String,
        example: &'static str,
    },
    Switch(&'c mut bool),
    Address(&'c mut SocketAddr),
    Directory(&'c mut PathBuf),
    Locale(&'c mut Locale),
    Format(&'c mut LogFormat),
    Filter(&'c mut String),
    Span(&'c mut Duration, RangeInclusive<&'static str>),
    Millis(&'c mut u64, RangeInclusive<&'static str>),
    Count(&'c mut usize, RangeInclusive<usize>),
    Times(&'c mut u32, RangeInclusive<u32>),
    /// An amount of each currency; the currency is the last part of the key.
    Amounts(&'c mut BTreeMap<Currency, i64>),
}

const TEXT: &str = "in quotes";

const ENGINES: [(EngineName, &str); 2] =
    [(EngineName::Embedded, "embedded"), (EngineName::Temporal, "temporal")];

impl Slot<'_> {
    /// Takes a value; `part` is what a key of [`Slot::Amounts`] ends with.
    ///
    /// # Errors
    /// What to write instead; it completes a sentence that begins with the key.
    pub(crate) fn take(self, given: Given<'_>, part: &str) -> Result<(), String> {
        match self {
            Self::Word { written, word, others } => {
                let is_right = matches!(given, Given::Text(text) | Given::Bare(text) if text == word);
                *written = Some(is_right);
                if is_right { Ok(()) } else { Err(format!("must be \"{word}\": {others}")) }
            }
            Self::Engine { written, engine } => {
                *written = Some(false);
                choose(engine, given, &ENGINES)?;
                *written = Some(true);
                Ok(())
            }
            Self::Text { at, example } => {
                let teach = || format!("must be a text {TEXT}, such as \"{example}\"");
                let text = text(given, teach)?.trim();
                *at = if text.is_empty() { return Err(teach()) } else { text.to_owned() };
                Ok(())
            }
            Self::Switch(at) => {
                *at = match given {
                    Given::Switch(on) => on,
                    Given::Bare("true") => true,
                    Given::Bare("false") => false,
                    _ => return Err("must be true or false, without quotes".to_owned()),
                };
                Ok(())
            }
            Self::Address(at) => {
                parse(at, given, "must be an address and a port, such as \"127.0.0.1:8000\"")
            }
            Self::Directory(at) => {
                let teach = || format!("must be a directory, {TEXT}, such as \"./omniflow-data\"");
                let path = text(given, teach)?;
                *at = if path.is_empty() { return Err(teach()) } else { path.into() };
                Ok(())
            }
            Self::Locale(at) => choose(at, given, &[(Locale::ZhCn, "zh-CN"), (Locale::En, "en")]),
            Self::Format(at) => choose(at, given, &LogFormat::ALL),
            Self::Filter(at) => filter(at, given),
            Self::Span(at, bounds) => span(given, &bounds).map(|span| *at = span),
            Self::Millis(at, bounds) => {
                span(given, &bounds).map(|span| *at = u64::try_from(span.as_millis()).unwrap_or(u64::MAX))
            }
            Self::Count(at, bounds) => {
                let (least, most) = (*bounds.start() as u64, *bounds.end() as u64);
                let count = count(given, least, most)?;
                *at = usize::try_from(count).unwrap_or(*bounds.end());
                Ok(())
            }
            Self::Times(at, bounds) => {
                let count = count(given, (*bounds.start()).into(), (*bounds.end()).into())?;
                *at = u32::try_from(count).unwrap_or(*bounds.end());
                Ok(())
            }
            Self::Amounts(at) => {
                let (currency, minor) = amount(given, part)?;
                at.insert(currency, minor);
                Ok(())
            }
        }
    }

    /// What follows the key, as the file has it; nothing for a word that must be written.
    pub(crate) fn written(&self, key: &str) -> Vec<String> {
        let value = match self {
            Self::Word { word, .. } => return vec![format!("# {key} = \"{word}\"")],
            Self::Engine { .. } => return vec![format!("# {key} = \"embedded\"")],
            Self::Text { at, example } if at.is_empty() => return vec![format!("# {key} = \"{example}\"")],
            Self::Text { at, .. } => format!("\"{at}\""),
            Self::Switch(on) => on.to_string(),
            Self::Address(address) => format!("\"{address}\""),
            Self::Directory(path) => format!("\"{}\"", path.display()),
            Self::Locale(locale) => format!("\"{locale}\""),
            Self::Format(format) => {
                let word = LogFormat::ALL.iter().find(|(value, _)| value == *format);
                format!("\"{}\"", word.map_or("auto", |(_, word)| word))
            }
            Self::Filter(filter) => format!("\"{filter}\""),
            Self::Span(span, _) => format!("\"{}\"", short(**span)),
            Self::Millis(ms, _) => format!("\"{}\"", short(Duration::from_millis(**ms))),
            Self::Count(count, _) => count.to_string(),
            Self::Times(count, _) => count.to_string(),
            Self::Amounts(amounts) => {
                let line = |(currency, minor): (&Currency, &i64)| {
                    format!("{} = {}", currency.code(), Money::new(*minor, *currency).to_major())
                };
                return amounts.iter().map(line).collect();
            }
        };
        vec![format!("{key} = {value}")]
    }

    /// What it may be, for people; nothing where the comment says it all.
    pub(crate) fn allowed(&self) -> Option<String> {
        match self {
            Self::Span(_, bounds) | Self::Millis(_, bounds) => {
                Some(format!("From {} to {}.", bounds.start(), bounds.end()))
            }
            Self::Count(_, bounds) => Some(format!("From {} to {}.", bounds.start(), bounds.end())),
            Self::Times(_, bounds) => Some(format!("From {} to {}.", bounds.start(), bounds.end())),
            _ => None,
        }
    }
}

fn text<'g>(given: Given<'g>, teach: impl FnOnce() -> String) -> Result<&'g str, String> {
    match given {
        Given::Text(text) | Given::Bare(text) => Ok(text),
        _ => Err(teach()),
    }
}

fn parse<T: std::str::FromStr>(at: &mut T, given: Given<'_>, teach: &str) -> Result<(), String> {
    let text = text(given, || teach.to_owned())?;
    *at = text.parse().map_err(|_| teach.to_owned())?;
    Ok(())
}

fn choose<T: Copy>(at: &mut T, given: Given<'_>, choices: &[(T, &str)]) -> Result<(), String> {
    let teach = || {
        let words: Vec<String> = choices.iter().map(|(_, word)| format!("\"{word}\"")).collect();
        format!("must be {}", words.join(" or "))
    };
    let word = text(given, teach)?;
    *at = choices.iter().find(|(_, known)| *known == word).ok_or_else(teach)?.0;
    Ok(())
}

fn filter(at: &mut String, given: Given<'_>) -> Result<(), String> {
    const TEACH: &str =
        "must be a level, such as \"info\", or levels by part, such as \"info,omniflow_embedded=debug\"";
    let text = text(given, || TEACH.to_owned())?;
    text.parse::<Targets>().map_err(|_| TEACH.to_owned())?;
    // A part alone would be taken as one of which everything is logged: it is a level with a typing error.
    let is_level = |level: &str| level.parse::<LevelFilter>().is_ok();
    if text.split(',').any(|part| !part.contains('=') && !is_level(part.trim())) {
        return Err(TEACH.to_owned());
    }
    *at = text.to_owned();
    Ok(())
}

fn span(given: Given<'_>, bounds: &RangeInclusive<&str>) -> Result<Duration, String> {
    let (least, most) = (*bounds.start(), *bounds.end());
    let teach = || format!("must be a duration {TEXT}, from \"{least}\" to \"{most}\"");
    let text = text(given, teach)?;
    let of = |text: &str| duration::parse(text).map_err(|_| teach());
    let span = of(text)?;
    if (of(least)?..=of(most)?).contains(&span) { Ok(span) } else { Err(teach()) }
}

fn count(given: Given<'_>, least: u64, most: u64) -> Result<u64, String> {
    let read = match given {
        Given::Number(digits, radix) => u64::from_str_radix(digits, radix).ok(),
        Given::Bare(digits) => digits.parse().ok(),
        _ => None,
    };
    read.filter(|count| (least..=most).contains(count))
        .ok_or_else(|| format!("must be a whole number, without quotes, from {least} to {most}"))
}

fn amount(given: Given<'_>, code: &str) -> Result<(Currency, i64), String> {
    let currency = Currency::from_code(code)
        .ok_or("is no currency: write the code of ISO 4217 in capitals, such as EUR = 9000")?;
    let digits = match given {
        Given::Number(digits, 10) | Given::Bare(digits) => digits,
        _ => return Err(format!("must be an amount in {code}, without quotes, such as 9000")),
    };
    let money = Money::from_major(digits, currency).map_err(|error| error.to_string())?;
    if money.minor < 0 { Err("must not be negative".to_owned()) } else { Ok((currency, money.minor)) }
}

/// A duration in its largest whole unit.
pub(crate) fn short(span: Duration) -> String {
    let ms = span.as_millis();
    let units = [("h", 3_600_000), ("m", 60_000), ("s", 1_000)];
    match units.iter().find(|(_, size)| ms != 0 && ms.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", ms / size),
        None if ms == 0 => "0s".to_owned(),
        None => format!("{ms}ms"),
    }
}
