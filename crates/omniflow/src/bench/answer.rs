//! Reading an answer: its head by httparse, its body only where a figure depends on it.

use std::ops::Range;

/// Headers that an answer may have.
const MAX_HEADERS: usize = 48;
/// Bytes that an answer, head and body, may have. OmniFlow's are about one thousand.
pub(super) const MAX_ANSWER: usize = 4 << 20;

/// An answer, borrowed from its connection's buffer until the next request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer<'a> {
    /// The HTTP status.
    pub(super) status: u16,
    /// The `ETag` header as it came, quotes included.
    pub(super) etag: Option<&'a str>,
    /// The body; empty for 204 and 304.
    pub(super) body: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The string value of `key`; see [`string_field`].
    pub(super) fn field(&self, key: &str) -> Option<&'a str> {
        string_field(self.body, key)
    }
}

/// Where the parts of a complete answer are in the buffer that holds it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Layout {
    pub(super) status: u16,
    pub(super) etag: Option<Range<usize>>,
    pub(super) body: Range<usize>,
    /// The server closes the connection after this answer.
    pub(super) closes: bool,
}

/// Why bytes are not an answer that this client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Error {
    /// The bytes are not HTTP/1.
    #[error("the answer is not HTTP/1.1")]
    NotHttp,
    /// `Transfer-Encoding: chunked`.
    #[error("the answer is chunked, which this client does not read: it needs a content-length")]
    Chunked,
    /// Neither a length nor a status that has no body.
    #[error("the answer has no content-length")]
    NoLength,
    /// More than [`MAX_ANSWER`] bytes.
    #[error("the answer is larger than 4 MiB")]
    TooLarge,
}

/// The layout of the answer at the start of `bytes`, or `None` while it is not all there.
/// Informational answers (1xx) before it are skipped.
pub(super) fn layout(bytes: &[u8]) -> Result<Option<Layout>, Error> {
    let mut start = 0;
    loop {
        match answer_at(bytes, start)? {
            Some(interim) if (100..200).contains(&interim.status) => start = interim.body.end,
            found => return Ok(found),
        }
    }
}

fn answer_at(bytes: &[u8], start: usize) -> Result<Option<Layout>, Error> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut headers);
    let body_start = match head.parse(&bytes[start..]) {
        Ok(httparse::Status::Complete(length)) => start + length,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(_) => return Err(Error::NotHttp),
    };
    let status = head.code.ok_or(Error::NotHttp)?;
    let mut etag = None;
    let mut length = None;
    let mut closes = head.version == Some(0);
    for header in head.headers.iter() {
        if header.name.eq_ignore_ascii_case("content-length") {
            length = std::str::from_utf8(header.value).ok().and_then(|digits| digits.parse::<usize>().ok());
        } else if header.name.eq_ignore_ascii_case("etag") {
            etag = position_in(bytes, header.value);
        } else if header.name.eq_ignore_ascii_case("connection") {
            closes = !header.value.eq_ignore_ascii_case(b"keep-alive");
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            return Err(Error::Chunked);
        }
    }
    let length = match (status, length) {
        (100..200 | 204 | 304, _) => 0,
        (_, Some(length)) => length,
        (_, None) => return Err(Error::NoLength),
    };
    let body_end = body_start.checked_add(length).filter(|end| *end <= MAX_ANSWER).ok_or(Error::TooLarge)?;
    Ok((bytes.len() >= body_end).then_some(Layout { status, etag, body: body_start..body_end, closes }))
}

/// Where `part`, a slice of `whole`, begins and ends in it.
fn position_in(whole: &[u8], part: &[u8]) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(whole.as_ptr() as usize)?;
    (start + part.len() <= whole.len()).then_some(start..start + part.len())
}

/// The value of the first `"key": "value"` in `body`.
///
/// A search, not a parser, because parsing costs the generator as much as the rest of a request. It is
/// exact for what this module asks: orders and problems are written with these keys before anything
/// nested, and a quote inside a string is escaped. `None` for a value that is no string or has escapes.
pub(super) fn string_field<'a>(body: &'a [u8], key: &str) -> Option<&'a str> {
    let rest = value_of(body, key)?.strip_prefix(b"\"")?;
    let value = &rest[..rest.iter().position(|byte| *byte == b'"')?];
    if value.contains(&b'\\') { None } else { std::str::from_utf8(value).ok() }
}

/// Whether `key` is absent or null: [`string_field`]'s search, for objects.
pub(super) fn is_null(body: &[u8], key: &str) -> bool {
    value_of(body, key).is_none_or(|value| value.starts_with(b"null"))
}

/// What follows the first `"key" :` in `body`.
fn value_of<'a>(body: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut rest = body;
    loop {
        let quote = rest.iter().position(|byte| *byte == b'"')?;
        rest = &rest[quote + 1..];
        let Some(after) = rest.strip_prefix(key.as_bytes()).and_then(|after| after.strip_prefix(b"\""))
        else {
            continue;
        };
        if let Some(value) = after.trim_ascii_start().strip_prefix(b":") {
            return Some(value.trim_ascii_start());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORDER: &str =
        "HTTP/1.1 201 Created\r\ncontent-length: 16\r\nETag: \"2\"\r\n\r\n{\"state\":\"paid\"}";

    #[test]
    fn an_answer_is_complete_with_its_last_byte_only() {
        for cut in 0..ORDER.len() {
            assert_eq!(layout(&ORDER.as_bytes()[..cut]), Ok(None), "cut at {cut}");
        }
        let found = layout(ORDER.as_bytes()).unwrap().unwrap();
        assert_eq!(found.status, 201);
        assert_eq!(&ORDER[found.etag.unwrap()], "\"2\"");
        assert_eq!(&ORDER[found.body], "{\"state\":\"paid\"}");
        assert!(!found.closes);
    }

    #[test]
    fn not_modified_has_no_body_and_interim_answers_are_skipped() {
        let head = "HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\nConnection: close\r\n\r\n";
        let bytes = format!("HTTP/1.1 103 Early Hints\r\nETag: \"0\"\r\n\r\n{head}");
        let found = layout(bytes.as_bytes()).unwrap().unwrap();
        assert_eq!((found.status, found.closes), (304, true));
        assert_eq!(found.body, bytes.len()..bytes.len());
        assert_eq!(found.etag, None);
    }

    #[test]
    fn what_this_client_does_not_read_is_named() {
        let error = |bytes: &str| layout(bytes.as_bytes()).unwrap_err();
        assert_eq!(error("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Error::Chunked);
        assert_eq!(error("HTTP/1.1 200 OK\r\n\r\n"), Error::NoLength);
        assert_eq!(error("HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"), Error::TooLarge);
        assert_eq!(error("SSH-2.0-OpenSSH\r\n\r\n"), Error::NotHttp);
    }

    #[test]
    fn an_old_server_closes_unless_it_says_otherwise() {
        let closes = |head: &str| layout(head.as_bytes()).unwrap().unwrap().closes;
        assert!(closes("HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"));
        assert!(!closes("HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
    }

    #[test]
    fn fields_are_found_whatever_the_spacing_and_never_inside_strings() {
        let body = br#"{ "external_id" : "\"state\":\"lie\"", "kind":"state", "state" : "shipping" }"#;
        assert_eq!(string_field(body, "state"), Some("shipping"));
        assert_eq!(string_field(body, "external_id"), None, "escapes are not read");
        assert_eq!(string_field(body, "order_id"), None);
        assert!(is_null(br#"{"attention": null}"#, "attention") && is_null(b"{}", "attention"));
        assert!(!is_null(br#"{"attention":{"step":"ship"}}"#, "attention"));
    }
}
