//! Where the server is, and what a request's path is made of.

use hyper::Uri;
use std::fmt::{self, Write as _};
use std::str::FromStr;

/// A server's base URL, such as `http://127.0.0.1:8000` or `http://gateway/omniflow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address {
    /// Host and port as the URL has them: the `Host` header.
    pub(super) authority: String,
    /// Without the brackets of an IPv6 address.
    pub(super) host: String,
    pub(super) port: u16,
    /// The path under which the API is mounted, without a slash at its end; mostly empty.
    pub(super) prefix: String,
}

impl FromStr for Address {
    type Err = &'static str;

    fn from_str(url: &str) -> Result<Self, Self::Err> {
        const TEACH: &str = "must be a server's http:// address, such as http://127.0.0.1:8000";
        if url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
            return Err(
                "https:// is not spoken by this program yet: give the http:// address of the server \
                        itself, or of a tunnel to it",
            );
        }
        let uri: Uri = url.parse().map_err(|_| TEACH)?;
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Err(TEACH) };
        if authority.as_str().contains('@') || uri.query().is_some() || url.contains('#') {
            return Err("must be a host, a port and at most a path; an access key goes into --key");
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let has_port = authority.as_str().len() > authority.host().len();
        let port = authority.port_u16().filter(|port| *port > 0).or((!has_port).then_some(80));
        Ok(Self {
            authority: authority.to_string(),
            host: Some(host).filter(|host| !host.is_empty()).ok_or(TEACH)?.to_owned(),
            port: port.ok_or("must have a port from 1 to 65535")?,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}{}", self.authority, self.prefix)
    }
}

/// `text` as one segment of a path, or one value of a query: all but letters, digits and `-._~` is encoded.
pub(crate) fn path_segment(text: &str) -> String {
    let mut segment = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            segment.push(char::from(byte));
        } else {
            // Writing into a string cannot fail.
            let _ = write!(segment, "%{byte:02X}");
        }
    }
    segment
}

/// A query with its question mark, or nothing where there is nothing to ask.
pub(crate) fn query(pairs: &[(&str, String)]) -> String {
    let pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", path_segment(value))).collect();
    if pairs.is_empty() { String::new() } else { format!("?{}", pairs.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, u16, String, String) {
        let Address { host, port, prefix, .. } = url.parse().unwrap();
        (host, port, prefix, url.parse::<Address>().unwrap().to_string())
    }

    #[test]
    fn addresses_are_read_with_port_and_prefix() {
        let of = |host: &str, port, prefix: &str, url: &str| (host.into(), port, prefix.into(), url.into());
        assert_eq!(parsed("http://127.0.0.1:8000/"), of("127.0.0.1", 8000, "", "http://127.0.0.1:8000"));
        assert_eq!(parsed("http://shop"), of("shop", 80, "", "http://shop"));
        assert_eq!(parsed("http://[::1]:81/a/b/"), of("::1", 81, "/a/b", "http://[::1]:81/a/b"));
        assert_eq!(parsed("http://[::1]"), of("::1", 80, "", "http://[::1]"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_what_to_write() {
        for url in
            ["", "shop", "shop:80", "http://", "ftp://shop", "http://a:70000", "http://a:0", "http://a:"]
        {
            assert!(url.parse::<Address>().is_err(), "{url}");
        }
        for url in ["http://a?b", "http://a/#b", "http://user:secret@a/"] {
            assert!(url.parse::<Address>().unwrap_err().contains("--key"), "{url}");
        }
        assert!("HTTPS://shop".parse::<Address>().unwrap_err().contains("tunnel"));
    }

    #[test]
    fn paths_and_queries_are_encoded() {
        assert_eq!(path_segment("iPhone 15/é"), "iPhone%2015%2F%C3%A9");
        assert_eq!(query(&[("state", "a&b".into()), ("limit", "5".into())]), "?state=a%26b&limit=5");
        assert_eq!(query(&[]), "");
    }
}
