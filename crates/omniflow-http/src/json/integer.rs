//! Whole numbers, exactly, however they are written.

/// A JSON number read as a whole one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Integer {
    Whole(i64),
    /// It has a part after the point.
    Fraction,
    /// Beyond what 64 bits hold.
    Huge,
}

/// Reads the text of a JSON number. `1.0` and `1e2` are whole numbers, as JSON Schema has it, and some
/// languages write them so; `1.5` and `15e-1` are not.
pub(super) fn read(number: &str) -> Integer {
    if let Ok(whole) = number.parse() {
        return Integer::Whole(whole);
    }
    let (mantissa, exponent) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = [whole, part].concat();
    let significant = digits.trim_end_matches('0');
    if significant.is_empty() {
        return Integer::Whole(0);
    }
    // Where the last significant digit stands: 0 is the ones, 2 the hundreds, -1 the tenths.
    let place = exponent_of(exponent) - length(part) + length(&digits) - length(significant);
    let significant = significant.trim_start_matches('0');
    match place {
        ..0 => Integer::Fraction,
        place if place + length(significant) > 19 => Integer::Huge,
        place => format!("{sign}{significant}{}", "0".repeat(usize::try_from(place).unwrap_or_default()))
            .parse()
            .map_or(Integer::Huge, Integer::Whole),
    }
}

/// An exponent; one that does not fit is as good as the largest, since a body has fewer digits than that.
fn exponent_of(exponent: &str) -> i64 {
    const MOST: i64 = i64::MAX / 4;
    let most = if exponent.starts_with('-') { -MOST } else { MOST };
    exponent.parse().unwrap_or(most).clamp(-MOST, MOST)
}

fn length(text: &str) -> i64 {
    i64::try_from(text.len()).unwrap_or(i64::MAX / 4)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_numbers_are_exact_however_written() {
        for (number, expected) in [
            ("0", 0),
            ("-0", 0),
            ("-0.0e7", 0),
            ("0e99999999999999999999", 0),
            ("1.0", 1),
            ("1e2", 100),
            ("1.5E1", 15),
            ("100e-2", 1),
            ("-12.50e+1", -125),
            ("0.0001e4", 1),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
            ("922337203685477580.7e1", i64::MAX),
        ] {
            assert_eq!(read(number), Integer::Whole(expected), "{number}");
        }
    }

    #[test]
    fn fractions_and_huge_numbers_are_told_apart() {
        for number in ["0.1", "1.5", "15e-1", "1e-99999999999999999999", "9007199254740993.5"] {
            assert_eq!(read(number), Integer::Fraction, "{number}");
        }
        for number in ["9223372036854775808", "-9223372036854775809", "1e19", "1e99999999999999999999"] {
            assert_eq!(read(number), Integer::Huge, "{number}");
        }
    }

    proptest! {
        #[test]
        fn moving_the_point_and_the_exponent_changes_nothing(value: i64, zeros in 0_usize..30) {
            let digits = value.unsigned_abs().to_string();
            let sign = if value < 0 { "-" } else { "" };
            let padded = format!("{sign}{digits}{}e-{zeros}", "0".repeat(zeros));
            prop_assert_eq!(read(&padded), Integer::Whole(value));
            let pointed = format!("{sign}0.{}{digits}E+{}", "0".repeat(zeros), zeros + digits.len());
            prop_assert_eq!(read(&pointed), Integer::Whole(value));
            let parted = format!("{sign}{digits}.{}1", "0".repeat(zeros));
            prop_assert_eq!(read(&parted), Integer::Fraction);
        }
    }
}
