//! Durations as people and programs write them.

use jiff::{Span, SpanRelativeTo};
use std::time::Duration;

/// Ten years: beyond it, a duration is a typing error.
const MOST: Duration = Duration::from_secs(3_660 * 24 * 3_600);

/// Reads an ISO 8601 duration (`PT72H`, `P13DT23H59M`) or a short one (`30s`, `200ms`). Days are 24 hours,
/// weeks 7 days; months and years, which have no fixed length, are refused.
///
/// # Errors
/// What to write instead; it completes a sentence that begins with the value's name.
pub fn parse(text: &str) -> Result<Duration, &'static str> {
    const TEACH: &str = "must be a duration that is not negative, such as PT72H, P13DT23H59M, 30s or 200ms";
    let span: Span = text.parse().map_err(|_| TEACH)?;
    let whole = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| TEACH)?;
    let duration = Duration::try_from(whole).map_err(|_| TEACH)?;
    if duration > MOST { Err("must be at most ten years") } else { Ok(duration) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iso_and_short_durations_are_read_with_days_of_24_hours() {
        assert_eq!(parse("PT72H"), Ok(Duration::from_secs(72 * 3_600)));
        assert_eq!(parse("P13DT23H59M"), Ok(Duration::from_secs((13 * 24 + 23) * 3_600 + 59 * 60)));
        assert_eq!(parse("P2W"), Ok(Duration::from_secs(14 * 86_400)));
        assert_eq!(parse("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(parse("30s"), Ok(Duration::from_secs(30)));
        for refused in ["-PT1H", "later", "P1M", "", "30", "P9999Y", "P40000D"] {
            assert!(parse(refused).is_err(), "{refused}");
        }
    }
}
