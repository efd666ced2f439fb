//! Entity tags (RFC 9110, 8.8.3), and lists of them.

use crate::Problem;
use axum::http::{HeaderMap, HeaderName};

/// What `If-Match` or `If-None-Match` asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::api) enum Tags {
    /// `*`: whatever there is.
    Any,
    /// These, at least one of them.
    Listed(Vec<Tag>),
}

/// One entity tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) struct Tag {
    is_weak: bool,
    /// The version that is written exactly so; other tags are none of ours and match nothing.
    version: Option<u32>,
}

impl Tag {
    /// The version that it matches in strong comparison, which no weak tag does.
    pub(super) fn strong_version(&self) -> Option<u32> {
        self.version.filter(|_| !self.is_weak)
    }
}

impl Tags {
    /// Those of a header, `None` where it was not sent. Several lines are one list.
    ///
    /// # Errors
    /// 422 `invalid_field` where it is neither `*` alone nor a list of entity tags.
    pub(super) fn of(
        headers: &HeaderMap,
        name: &HeaderName,
        shown: &'static str,
    ) -> Result<Option<Self>, Problem> {
        let lines: Vec<&[u8]> = headers.get_all(name).iter().map(|line| line.as_bytes()).collect();
        if lines.is_empty() {
            return Ok(None);
        }
        let refuse = || Problem::header(shown, "must be * or a list of entity tags, such as \"3\"");
        read(&lines.join(&b","[..])).map(Some).ok_or_else(refuse)
    }

    /// Whether a version is among them, in the strong comparison of `If-Match`.
    pub(in crate::api) fn match_strongly(&self, version: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| tag.strong_version() == Some(version)),
        }
    }

    /// Whether a version is among them, in the weak comparison of `If-None-Match`.
    pub(in crate::api) fn match_weakly(&self, version: u32) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| tag.version == Some(version)),
        }
    }
}

fn read(text: &[u8]) -> Option<Tags> {
    if trim_start(text).strip_prefix(b"*").is_some_and(|rest| trim_start(rest).is_empty()) {
        return Some(Tags::Any);
    }
    let mut tags = vec![];
    let mut rest = trim_start(text);
    while let Some(&first) = rest.first() {
        if first == b',' {
            rest = trim_start(&rest[1..]);
            continue;
        }
        let (tag, after) = read_tag(rest)?;
        rest = trim_start(after);
        if !matches!(rest.first(), None | Some(b',')) {
            return None;
        }
        tags.push(tag);
    }
    (!tags.is_empty()).then_some(Tags::Listed(tags))
}

/// The tag that a text begins with, and what comes after it. A tag may hold a comma.
fn read_tag(text: &[u8]) -> Option<(Tag, &[u8])> {
    let (is_weak, quoted) = text.strip_prefix(b"W/").map_or((false, text), |quoted| (true, quoted));
    let inside = quoted.strip_prefix(b"\"")?;
    let end = inside.iter().position(|&byte| byte == b'"')?;
    let (opaque, after) = (&inside[..end], &inside[end + 1..]);
    let is_well_formed = opaque.iter().all(|byte| matches!(byte, 0x21 | 0x23..=0x7e | 0x80..));
    is_well_formed.then(|| (Tag { is_weak, version: version(opaque) }, after))
}

fn version(opaque: &[u8]) -> Option<u32> {
    let version: u32 = str::from_utf8(opaque).ok()?.parse().ok()?;
    (version.to_string().as_bytes() == opaque).then_some(version)
}

/// Without the blanks that a list may have.
fn trim_start(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    &text[blanks..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderValue, header};

    fn of(lines: &[&[u8]]) -> Option<Tags> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::IF_MATCH, HeaderValue::from_bytes(line).unwrap());
        }
        Tags::of(&headers, &header::IF_MATCH, "If-Match").unwrap()
    }

    fn is_refused(value: &[u8]) -> bool {
        let headers = HeaderMap::from_iter([(header::IF_MATCH, HeaderValue::from_bytes(value).unwrap())]);
        Tags::of(&headers, &header::IF_MATCH, "If-Match").is_err()
    }

    /// Whether a value has version 3, in strong and in weak comparison.
    fn has_3(value: &str) -> (bool, bool) {
        let tags = of(&[value.as_bytes()]).unwrap();
        (tags.match_strongly(3), tags.match_weakly(3))
    }

    #[test]
    fn a_weak_tag_matches_only_in_weak_comparison() {
        assert_eq!(has_3("\"3\""), (true, true));
        assert_eq!(has_3("W/\"3\""), (false, true));
        assert_eq!(has_3("W/\"3\", \"3\""), (true, true));
    }

    #[test]
    fn a_tag_matches_exactly_or_not_at_all() {
        for tag in ["+3", "03", "-3", "3.0", "", "x", "W/3", "4294967299", "3,", ",3", "'3'"] {
            assert_eq!(has_3(&format!("\"{tag}\"")), (false, false), "{tag}");
        }
        assert!(!of(&[b"\"x\"", b"\"\xff\""]).unwrap().match_weakly(0));
    }

    #[test]
    fn tags_are_listed_in_one_line_or_several() {
        for value in ["\"2\",\"3\"", " \"3\" ,\t\"2\" ", ",, \"3\" ,", "\"a,b\", \"3\"", "*", " * "] {
            assert_eq!(has_3(value), (true, true), "{value}");
        }
        assert!(of(&[b"\"2\"", b"\"3\""]).unwrap().match_strongly(3));
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn what_is_no_list_of_tags_is_refused() {
        for value in [
            "",
            " ",
            ",",
            "3",
            "\"3",
            "3\"",
            "w/\"3\"",
            "W /\"3\"",
            "W/3",
            "\"3\" \"4\"",
            "\"3\"4",
            "\"a b\"",
            "**",
            "*, \"3\"",
            "\"3\", *",
            "\"3\", 4",
            "\"\"\"",
        ] {
            assert!(is_refused(value.as_bytes()), "{value:?}");
        }
        assert!(is_refused(b"\xe9"));
        assert!(is_refused(b"\"\t\""));
    }
}
