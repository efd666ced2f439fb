//! `Accept-Language`: which language the texts for people are in.

use axum::http::{HeaderMap, header};
use omniflow_core::Locale;
use std::cmp::Reverse;

/// The locale that the caller likes best (RFC 9110, 12.5.4), or `server` where it asked for none that we
/// have. Of two liked as much, the one named first.
pub fn negotiate(headers: &HeaderMap, server: Locale) -> Locale {
    if !headers.contains_key(header::ACCEPT_LANGUAGE) {
        return server;
    }
    let ranges: Vec<(&str, u16)> = ranges(headers).collect();
    let liking = |locale: &Locale| (Liking::of(*locale, &ranges), *locale == server);
    Locale::ALL.iter().copied().max_by_key(liking).unwrap_or(server)
}

/// How much a locale is liked, the least first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Liking {
    Refused,
    NotNamed,
    Liked { thousandths: u16, place: Reverse<usize> },
}

impl Liking {
    /// What the ranges that name the locale say, or else what `*` says.
    fn of(locale: Locale, ranges: &[(&str, u16)]) -> Self {
        let said = |named: fn(&str, Locale) -> bool| {
            let matching = ranges.iter().enumerate().filter(|(_, (range, _))| named(range, locale));
            matching.map(|(place, (_, quality))| Self::said(*quality, place)).max()
        };
        said(names).or_else(|| said(|range, _| range == "*")).unwrap_or(Self::NotNamed)
    }

    fn said(thousandths: u16, place: usize) -> Self {
        match thousandths {
            0 => Self::Refused,
            _ => Self::Liked { thousandths, place: Reverse(place) },
        }
    }
}

/// Whether a language range names a locale, whatever its region or script.
fn names(range: &str, locale: Locale) -> bool {
    let language = range.split('-').next().unwrap_or_default();
    language.eq_ignore_ascii_case(match locale {
        Locale::ZhCn => "zh",
        Locale::En => "en",
    })
}

/// Language ranges with their quality in thousandths; what cannot be read is left out.
fn ranges(headers: &HeaderMap) -> impl Iterator<Item = (&str, u16)> {
    let values = headers.get_all(header::ACCEPT_LANGUAGE).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).filter_map(|item| {
        let (range, weight) = item.split_once(';').unwrap_or((item, "q=1"));
        let weight = weight.trim().strip_prefix(['q', 'Q'])?.trim().strip_prefix('=')?.trim();
        Some((range.trim(), thousandths(weight)?))
    })
}

fn thousandths(weight: &str) -> Option<u16> {
    let (whole, part) = weight.split_once('.').unwrap_or((weight, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = part.bytes().chain(*b"000").take(3).fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn negotiated(lines: &[&str], server: Locale) -> Locale {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::ACCEPT_LANGUAGE, HeaderValue::from_str(line).unwrap());
        }
        negotiate(&headers, server)
    }

    #[test]
    fn the_best_liked_language_wins() {
        for (line, expected) in [
            ("en", Locale::En),
            ("EN-gb", Locale::En),
            ("zh-Hant-TW", Locale::ZhCn),
            ("fr, en;q=0.5, zh;q=0.8", Locale::ZhCn),
            ("zh;q=0.1,en;q=0.100,de", Locale::ZhCn),
            ("en;q=0.2, zh ; q=0.3", Locale::ZhCn),
            ("en;q=1.000, zh;q=0.999", Locale::En),
        ] {
            for server in [Locale::En, Locale::ZhCn] {
                assert_eq!(negotiated(&[line], server), expected, "{line}");
            }
        }
        assert_eq!(negotiated(&["de", "en;q=0.1"], Locale::ZhCn), Locale::En, "several lines are one list");
    }

    #[test]
    fn the_servers_locale_is_for_those_who_ask_for_nothing_we_have() {
        for line in ["", "fr", "*", "en;q=2", "en;q=0.1234", "en;level=1", ",;,", "zhx"] {
            for server in [Locale::En, Locale::ZhCn] {
                assert_eq!(negotiated(&[line], server), server, "{line}");
            }
        }
        assert_eq!(negotiated(&[], Locale::ZhCn), Locale::ZhCn);
    }

    #[test]
    fn a_refused_language_is_not_given_if_there_is_another() {
        assert_eq!(negotiated(&["zh;q=0"], Locale::ZhCn), Locale::En);
        assert_eq!(negotiated(&["zh;q=0, en;q=0"], Locale::ZhCn), Locale::ZhCn);
        assert_eq!(negotiated(&["zh;q=0, *"], Locale::ZhCn), Locale::En);
        assert_eq!(negotiated(&["*;q=0, en;q=0.1"], Locale::ZhCn), Locale::En);
    }
}
