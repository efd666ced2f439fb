//! Where requests go: an `http://` address, and the bytes of a request for it.

use std::fmt::{self, Write as _};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::str::FromStr;

/// A server's base URL, such as `http://127.0.0.1:8000` or `http://gateway/omniflow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    /// Host and port as the URL has them: the `Host` header.
    authority: String,
    host: String,
    port: u16,
    /// The path under which the API is mounted, without a slash at its end; mostly empty.
    prefix: String,
}

impl Target {
    /// Looks the host up. Asks the system's resolver, so it may take seconds.
    pub(super) fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        let found: Vec<SocketAddr> = (self.host.as_str(), self.port).to_socket_addrs()?.collect();
        if found.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the host has no address"));
        }
        Ok(found)
    }

    /// A whole `GET` request; `headers` are complete lines, each with its line end.
    pub(super) fn get(&self, path: &str, headers: &str) -> Vec<u8> {
        format!("GET {}{path} HTTP/1.1\r\nHost: {}\r\n{headers}\r\n", self.prefix, self.authority)
            .into_bytes()
    }

    /// A whole request with a body; an empty one is sent as no body at all.
    pub(super) fn send(&self, method: &str, path: &str, body: &str) -> Vec<u8> {
        let (prefix, authority, length) = (&self.prefix, &self.authority, body.len());
        format!(
            "{method} {prefix}{path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: {length}\r\n\r\n{body}"
        )
        .into_bytes()
    }
}

/// `text` as one segment of a path: all but letters, digits and `-._~` is percent-encoded.
pub(super) fn path_segment(text: &str) -> String {
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

impl fmt::Display for Target {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "http://{}{}", self.authority, self.prefix)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(url: &str) -> Result<Self, String> {
        let Some(rest) = url.strip_prefix("http://") else {
            return Err("only http:// addresses can be loaded, such as http://127.0.0.1:8000".to_owned());
        };
        if rest.bytes().any(|byte| !byte.is_ascii_graphic() || b"?#@\\".contains(&byte)) {
            return Err("only a host, a port and a path are understood".to_owned());
        }
        let (authority, prefix) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = host_and_port(authority)?;
        let prefix = prefix.trim_end_matches('/').to_owned();
        Ok(Self { authority: authority.to_owned(), host: host.to_owned(), port, prefix })
    }
}

fn host_and_port(authority: &str) -> Result<(&str, u16), String> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, after) = rest.split_once(']').ok_or("the IPv6 address has no closing bracket")?;
            (host, after.strip_prefix(':').or(after.is_empty().then_some("80")))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, Some("80")),
        },
    };
    let port = port.and_then(|digits| digits.parse().ok()).ok_or("the port is not a number up to 65535")?;
    if host.is_empty() { Err("the host is missing".to_owned()) } else { Ok((host, port)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(url: &str) -> (String, u16, String) {
        let target: Target = url.parse().unwrap();
        (target.host, target.port, target.prefix)
    }

    #[test]
    fn urls_are_read_with_port_and_prefix() {
        assert_eq!(parsed("http://127.0.0.1:8000"), ("127.0.0.1".into(), 8000, "".into()));
        assert_eq!(parsed("http://shop"), ("shop".into(), 80, "".into()));
        assert_eq!(parsed("http://[::1]:81/a/b/"), ("::1".into(), 81, "/a/b".into()));
        assert_eq!(parsed("http://[::1]"), ("::1".into(), 80, "".into()));
    }

    #[test]
    fn what_cannot_be_loaded_is_refused() {
        for url in
            ["https://shop", "shop:80", "http://", "http://:80", "http://a:b", "http://a:70000", "http://a?b"]
        {
            assert!(url.parse::<Target>().is_err(), "{url}");
        }
        assert!("http://a/\r\nX: y".parse::<Target>().is_err());
    }

    #[test]
    fn requests_carry_the_prefix_and_the_host() {
        let target: Target = "http://shop:81/omniflow".parse().unwrap();
        let get = String::from_utf8(target.get("/healthz", "A: b\r\n")).unwrap();
        assert_eq!(get, "GET /omniflow/healthz HTTP/1.1\r\nHost: shop:81\r\nA: b\r\n\r\n");
        let post = String::from_utf8(target.send("POST", "/x", "{}")).unwrap();
        assert_eq!(post, "POST /omniflow/x HTTP/1.1\r\nHost: shop:81\r\nContent-Length: 2\r\n\r\n{}");
    }

    #[test]
    fn a_sku_is_one_path_segment() {
        assert_eq!(path_segment("iPhone 15/é"), "iPhone%2015%2F%C3%A9");
    }
}
