//! Values of the flags, read and checked before anything is sent.

use std::time::Duration;

pub(super) fn run_time(text: &str) -> Result<Duration, String> {
    time_within(text, Duration::from_millis(100), Duration::from_secs(24 * 3600), "0.1s to 24h")
}

pub(super) fn warmup_time(text: &str) -> Result<Duration, String> {
    time_within(text, Duration::ZERO, Duration::from_secs(600), "0s to 10m")
}

fn time_within(text: &str, least: Duration, most: Duration, range: &str) -> Result<Duration, String> {
    let time = omniflow_http::duration::parse(text)?;
    if (least..=most).contains(&time) { Ok(time) } else { Err(format!("it must be from {range}")) }
}

pub(super) fn sku(text: &str) -> Result<String, String> {
    short(text).ok_or_else(|| "a SKU has 1 to 100 characters".to_owned())
}

pub(super) fn customer(text: &str) -> Result<String, String> {
    short(text).ok_or_else(|| "a customer's id has 1 to 100 characters".to_owned())
}

fn short(text: &str) -> Option<String> {
    (1..=100).contains(&text.chars().count()).then(|| text.to_owned())
}

/// A decimal number as JSON writes it: sent as it is, so that no digit changes.
pub(super) fn amount(text: &str) -> Result<String, String> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) && (whole == "0" || !whole.starts_with('0')) {
        Ok(text.to_owned())
    } else {
        Err("an amount such as 500 or 19.99 is expected".to_owned())
    }
}
