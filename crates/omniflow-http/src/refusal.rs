//! Problem documents where no handler answers: hyper refuses what it cannot parse with a bare status line,
//! and has no hook for it; so the bytes it writes are recognized and replaced.

use crate::{Code, Problem, RequestId};

/// The whole answer, head and body, to bytes that are no request; the connection ends with it.
pub(crate) fn answer(code: Code) -> Vec<u8> {
    let request_id = RequestId::make();
    let (status, body) = (code.status(), Problem::bare(code).to_json(&request_id));
    tracing::debug!(%request_id, status = status.as_u16(), code = code.as_str(), "refused what is no request");
    let mut answer = format!(
        "HTTP/1.1 {} {}\r\ncontent-type: {}\r\ncontent-length: {}\r\ncache-control: no-store\r\n\
         connection: close\r\n{}: {request_id}\r\n\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or_default(),
        crate::problem::MEDIA_TYPE,
        body.len(),
        crate::request_id::HEADER,
    )
    .into_bytes();
    answer.extend(body);
    answer
}

/// The code for a refusal of hyper's own, if these bytes are one: the head of a client error with an empty
/// body and without a request id, which every answer of ours has.
pub(crate) fn code_of(written: &[u8]) -> Option<Code> {
    let rest = written.strip_prefix(b"HTTP/1.1 4").or_else(|| written.strip_prefix(b"HTTP/1.0 4"))?;
    let code = match rest.get(..3)? {
        b"00 " => Code::MalformedRequest,
        b"14 " => Code::UriTooLong,
        b"31 " => Code::HeadersTooLarge,
        _ => return None,
    };
    let head = str::from_utf8(written).ok()?;
    let bare = head.contains("\r\ncontent-length: 0\r\n")
        && head.ends_with("\r\n\r\n")
        && !head.contains(crate::request_id::HEADER.as_str());
    bare.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_refusals_are_recognized() {
        let bare = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: now\r\n\r\n";
        assert_eq!(code_of(bare), Some(Code::MalformedRequest));
        assert_eq!(code_of(&answer(Code::MalformedRequest)), None);
        assert_eq!(
            code_of(b"HTTP/1.1 400 Bad Request\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n"),
            None
        );
        assert_eq!(code_of(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"), None);
        assert_eq!(code_of(b""), None);
    }

    #[test]
    fn an_answer_is_a_whole_http_message() {
        let answer = String::from_utf8(answer(Code::HeadersTooLarge)).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())));
        assert!(body.contains(r#""code":"headers_too_large""#));
    }
}
