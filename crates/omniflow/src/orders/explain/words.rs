//! Times, spans and reasons in two languages.

use crate::client::Language;
use omniflow_core::{AttentionCode, Locale, ReasonCode};

/// A moment, such as `2026-01-06 10:00:30 UTC`.
pub(super) fn moment(text: &str) -> String {
    super::super::list::to_the_second(text).replacen('T', " ", 1).replace('Z', " UTC")
}

/// A span in its two largest units.
pub(super) fn span(seconds: u64, language: Language) -> String {
    let units = [(86_400, "d", "天"), (3_600, "h", "小时"), (60, "min", "分"), (1, "s", "秒")];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (length, en, zh) in units {
        let count = rest / length;
        rest %= length;
        if count > 0 || (length == 1 && parts.is_empty()) {
            parts.push(format!("{count} {}", language.pick(en, zh)));
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

/// Why an order is undone; a code of a later server stays as it is.
pub(super) fn reason(code: &str, language: Language) -> String {
    let known = ReasonCode::ALL.iter().find(|known| known.as_str() == code);
    known.map_or_else(|| code.to_owned(), |known| known.text(locale(language)).to_owned())
}

/// Why a step needs a person.
pub(super) fn attention(code: &str, language: Language) -> String {
    let known = AttentionCode::ALL.iter().find(|known| known.as_str() == code);
    known.map_or_else(|| code.to_owned(), |known| known.text(locale(language)).to_owned())
}

fn locale(language: Language) -> Locale {
    language.pick(Locale::En, Locale::ZhCn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_their_two_largest_units() {
        for (seconds, en, zh) in [
            (0, "0 s", "0 秒"),
            (27, "27 s", "27 秒"),
            (90, "1 min 30 s", "1 分 30 秒"),
            (3_600, "1 h", "1 小时"),
            (3_601, "1 h 1 s", "1 小时 1 秒"),
            (1_209_540, "13 d 23 h", "13 天 23 小时"),
        ] {
            assert_eq!(
                (span(seconds, Language::En).as_str(), span(seconds, Language::Zh).as_str()),
                (en, zh)
            );
        }
    }

    #[test]
    fn moments_and_codes_are_for_people() {
        assert_eq!(moment("2026-01-06T10:00:30.123Z"), "2026-01-06 10:00:30 UTC");
        assert_eq!(reason("shipping_failed", Language::Zh), "发货失败");
        assert_eq!(reason("struck_by_lightning", Language::En), "struck_by_lightning");
        assert_eq!(attention("outcome_unknown", Language::En), "outcome unknown");
    }
}
