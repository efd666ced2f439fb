//! Moments in milliseconds since 1970, as the API writes them and as this machine's clock shows them.

/// What the wall clock shows.
#[expect(
    clippy::disallowed_methods,
    reason = "the server's own times are compared with this machine's clock"
)]
pub(crate) fn now() -> i64 {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since_epoch.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// Reads RFC 3339 in UTC, as in `2026-01-06T10:00:30.25Z`; digits beyond milliseconds are dropped.
pub(crate) fn read(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let (whole, part) = time.split_once('.').unwrap_or((time, "0"));
    let [hour, minute, second] = numbers(whole, ':')?;
    let millis: i64 = format!("{part:0<3}").get(..3)?.parse().ok()?;
    let seconds = (days_since_1970(year, month, day) * 24 + hour) * 3_600 + minute * 60 + second;
    Some(seconds * 1_000 + millis)
}

fn numbers(text: &str, between: char) -> Option<[i64; 3]> {
    let numbers: Option<Vec<i64>> = text.split(between).map(|part| part.parse().ok()).collect();
    numbers?.try_into().ok()
}

/// Days in the Gregorian calendar. A year begins in March here, so that the leap day is its last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month > 2 { year } else { year - 1 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_what_date_says() {
        // date -u -d … +%s
        assert_eq!(read("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(read("2024-02-29T23:59:59.5Z"), Some(1_709_251_199_500));
        assert_eq!(read("2026-11-24T09:00:29.479Z"), Some(1_795_510_829_479));
        assert_eq!(read("2100-03-01T00:00:00.0019Z"), Some(4_107_542_400_001));
        for refused in ["", "2026-11-24", "2026-11-24T09:00:29", "2026-11T09:00Z"] {
            assert_eq!(read(refused), None, "{refused}");
        }
    }

    #[test]
    fn the_clock_is_past_the_day_this_was_written() {
        assert!(now() > 1_795_000_000_000);
    }
}
