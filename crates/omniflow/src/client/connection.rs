//! One request over a connection of its own.

use super::Address;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use std::io;
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

/// How long connecting may take: a host that drops packets would hold it for minutes.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes that an answer may have; a page of 200 full orders has about 10 MB.
const MAX_ANSWER: usize = 64 << 20;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// Nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The request may have taken effect.
    #[error("the connection ended before the answer")]
    Lost,
    /// What came is no HTTP answer, or too long a one.
    #[error("{0}")]
    Unreadable(String),
}

/// Sends a request and gives the answer's head, with a body that is still to come.
pub(super) async fn send(
    address: &Address,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, Error> {
    let stream = connect(address).await.map_err(|error| Error::Unreachable(plain(&error)))?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|_| Error::Lost)?;
    // It ends with the answer's body, or with the runtime.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|error| match error.is_parse() || error.is_parse_status() {
        true => Error::Unreadable("what answers there does not speak HTTP/1.1".to_owned()),
        false => Error::Lost,
    })
}

/// Sends a request and gives the whole answer.
pub(super) async fn exchange(
    address: &Address,
    request: Request<Full<Bytes>>,
) -> Result<(u16, HeaderMap, Bytes), Error> {
    let (head, body) = send(address, request).await?.into_parts();
    let body = whole(body).await?;
    Ok((head.status.as_u16(), head.headers, body))
}

/// Reads a body to its end.
pub(super) async fn whole(body: Incoming) -> Result<Bytes, Error> {
    let read =
        Limited::new(body, MAX_ANSWER).collect().await.map_err(|error| match error
            .is::<http_body_util::LengthLimitError>(
        ) {
            true => Error::Unreadable("its answer is larger than 64 MiB".to_owned()),
            false => Error::Lost,
        })?;
    Ok(read.to_bytes())
}

async fn connect(address: &Address) -> io::Result<TcpStream> {
    let found = async {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in lookup_host((address.host.as_str(), address.port)).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(last)
    };
    let stream = match tokio::time::timeout(CONNECT_TIMEOUT, found).await {
        Ok(found) => found?,
        Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "no answer within 5 s")),
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// What the system said, without its number.
fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        _ => error.to_string(),
    }
}
