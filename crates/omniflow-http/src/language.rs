//! `Accept-Language`: which language the texts for people are in.

use axum::http::{HeaderMap, header};
use omniflow_core::Locale;

/// The locale that the caller likes best (RFC 9110, 12.5.4), or `server` where it asked for none that we
/// have. Of two liked as much, the one named first.
pub fn negotiate(headers: &HeaderMap, server: Locale) -> Locale {
    let mut best: Option<(u16, Locale)> = None;
    let mut refused = vec![];
    for (range, quality) in ranges(headers) {
        let Some(locale) = locale_of(range, server) else { continue };
        match quality {
            0 => refused.push(locale),
            quality if best.is_none_or(|(most, _)| quality > most) => best = Some((quality, locale)),
            _ => {}
        }
    }
    match best {
        Some((_, locale)) => locale,
        None if refused.contains(&server) => {
            Locale::ALL.iter().copied().find(|locale| !refused.contains(locale)).unwrap_or(server)
        }
        None => server,
    }
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
    let digits = part.len() <= 3 && part.bytes().all(|byte| byte.is_ascii_digit());
    match whole {
        "0" if digits => format!("{part:0<3}").parse().ok(),
        "1" if digits && part.bytes().all(|byte| byte == b'0') => Some(1_000),
        _ => None,
    }
}

/// The locale that a language range names, whatever its region or script; `*` is the server's.
fn locale_of(range: &str, server: Locale) -> Option<Locale> {
    let language = range.split('-').next().unwrap_or_default();
    match language.to_ascii_lowercase().as_str() {
        "zh" => Some(Locale::ZhCn),
        "en" => Some(Locale::En),
        "*" => Some(server),
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
        assert_eq!(negotiated(&["zh;q=0, *"], Locale::ZhCn), Locale::ZhCn, "see below");
    }
}
