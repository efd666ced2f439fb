//! Asking: what goes into a request, how long it may take, and when it is sent again.

use super::connection::{self, Error as Fault};
use super::problem::Problem;
use super::{Address, Answer, Error, Language, ServerArgs};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Method, Request};
use omniflow_embedded::{Entropy as _, SystemEntropy};
use std::time::Duration;
use tokio::time::Instant;

/// The pause before a request is sent again; it doubles up to [`PAUSE_MAX`].
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// A client of one server.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) address: Address,
    authorization: Option<HeaderValue>,
    language: Language,
    timeout: Duration,
}

/// One thing to ask.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    method: Method,
    path: String,
    body: Option<String>,
    headers: Vec<(&'static str, String)>,
    idempotency_key: Option<String>,
}

impl Call {
    /// To read what is at a path.
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path.into(), None)
    }

    /// To set what is at a path. It is sent once, since a second time could undo what somebody else did
    /// in between.
    pub(crate) fn put(path: impl Into<String>, body: String) -> Self {
        Self::new(Method::PUT, path.into(), Some(body))
    }

    /// To do a thing once, whatever happens to the connection: `key` tells it apart, or else a new one.
    ///
    /// # Errors
    /// Where the system has no randomness for a new key.
    pub(crate) fn post(path: impl Into<String>, body: String, key: Option<String>) -> Result<Self, Error> {
        let key = key.map_or_else(new_key, Ok)?;
        Ok(Self { idempotency_key: Some(key), ..Self::new(Method::POST, path.into(), Some(body)) })
    }

    fn new(method: Method, path: String, body: Option<String>) -> Self {
        Self { method, path, body, headers: vec![], idempotency_key: None }
    }

    /// Adds a header.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Whether asking twice is asking once.
    fn is_repeatable(&self) -> bool {
        self.method == Method::GET || self.idempotency_key.is_some()
    }

    fn advice(&self) -> String {
        match &self.idempotency_key {
            _ if self.method == Method::GET => "Try again, or allow it more time with --timeout".to_owned(),
            Some(key) => format!(
                "It may have taken effect. The same command with --idempotency-key {key} does it once and no more"
            ),
            None => "It may have taken effect: look before you do it again".to_owned(),
        }
    }
}

/// 128 random bits in hexadecimal.
fn new_key() -> Result<String, Error> {
    let mut bytes = [0; 16];
    SystemEntropy::default().fill(&mut bytes).map_err(Error::Runtime)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

impl Client {
    /// A client of the server that the arguments name.
    ///
    /// # Errors
    /// [`Error::Usage`] where the access key is none that a header can carry.
    pub(crate) fn new(args: &ServerArgs) -> Result<Self, Error> {
        let authorization = args.key.as_ref().and_then(|key| key.reveal()).map(bearer);
        Ok(Self {
            address: args.server.clone(),
            authorization: authorization.transpose()?,
            language: args.shown().language,
            timeout: args.timeout,
        })
    }

    /// The server.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Whether an access key goes with every request.
    pub(crate) fn has_key(&self) -> bool {
        self.authorization.is_some()
    }

    /// Asks, and gives an answer that is no refusal.
    ///
    /// # Errors
    /// [`Error::Refused`] for a problem document; the others where there is none.
    pub(crate) async fn ask(&self, call: &Call) -> Result<Answer, Error> {
        let answer = self.ask_any(call).await?;
        let text = match answer.status {
            200..=299 => return Ok(answer),
            300..=399 => {
                let to = answer.header("location").unwrap_or("elsewhere");
                return Err(self.strange(answer.status, format!("a redirect to {to}, which is not followed")));
            }
            _ => answer.text()?,
        };
        match Problem::read(text) {
            Some(problem) => Err(Error::Refused(Box::new(problem))),
            None => Err(self.strange(answer.status, "no problem document".to_owned())),
        }
    }

    /// Asks, and gives whatever the server answers. A lost connection is tried again where that is safe,
    /// until the time is up.
    ///
    /// # Errors
    /// Where no answer came.
    pub(crate) async fn ask_any(&self, call: &Call) -> Result<Answer, Error> {
        let until = Instant::now() + self.timeout;
        let mut pause = PAUSE;
        let mut was_sent = false;
        loop {
            let request = self.request(call)?;
            let tried = tokio::time::timeout_at(until, connection::exchange(&self.address, request)).await;
            let fault = match tried {
                Ok(Ok((status, headers, body))) => {
                    let answer = Answer::new(self.address.clone(), status, headers, body);
                    if !(call.is_repeatable() && is_unknown(&answer) && Instant::now() + pause < until) {
                        return Ok(answer);
                    }
                    Fault::Lost
                }
                Ok(Err(fault)) => fault,
                Err(_) => return Err(self.no_answer(call, format!("within {:?}", self.timeout))),
            };
            match fault {
                Fault::Unreachable(reason) if !was_sent => return Err(self.unreachable(reason)),
                Fault::Unreadable(reason) => return Err(self.no_answer(call, reason)),
                fault if !call.is_repeatable() || Instant::now() + pause >= until => {
                    return Err(self.no_answer(call, fault.to_string()));
                }
                _ => was_sent = true,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    /// The request of a call.
    pub(super) fn request(&self, call: &Call) -> Result<Request<Full<Bytes>>, Error> {
        let body = call.body.clone().unwrap_or_default();
        let mut request = Request::builder()
            .method(call.method.clone())
            .uri(format!("{}{}", self.address.prefix, call.path))
            .header(header::HOST, &self.address.authority)
            .header(header::USER_AGENT, concat!("omniflow/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT_LANGUAGE, self.language.tag());
        if let Some(authorization) = &self.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        if let Some(key) = &call.idempotency_key {
            request = request.header("idempotency-key", quoted(key)?);
        }
        for (name, value) in &call.headers {
            let value = HeaderValue::try_from(value).map_err(|_| {
                Error::Usage(format!("{value:?} is nothing that the header {name} can carry"))
            })?;
            request = request.header(HeaderName::from_static(name), value);
        }
        if call.body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Full::new(Bytes::from(body))).map_err(|error| Error::Usage(error.to_string()))
    }

    pub(super) fn unreachable(&self, reason: String) -> Error {
        Error::Unreachable { address: self.address.to_string(), reason }
    }

    pub(super) fn timeout(&self) -> Duration {
        self.timeout
    }

    pub(super) fn no_answer(&self, call: &Call, reason: String) -> Error {
        Error::Lost { address: self.address.to_string(), reason, advice: call.advice() }
    }

    fn strange(&self, status: u16, what: String) -> Error {
        Error::Strange { address: self.address.to_string(), status, what }
    }
}

/// A key as the header has it. What is wrong with one is told without it.
fn bearer(key: &str) -> Result<HeaderValue, Error> {
    let refuse = || Error::Usage("--key (or OMNIFLOW_KEY) has characters that no access key has".to_owned());
    if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(refuse());
    }
    let mut value = HeaderValue::try_from(format!("Bearer {key}")).map_err(|_| refuse())?;
    value.set_sensitive(true);
    Ok(value)
}

/// Whether the server itself does not know whether it did what was asked.
fn is_unknown(answer: &Answer) -> bool {
    answer.status == 503
        && answer.text().ok().and_then(Problem::read).is_some_and(|problem| problem.is_outcome_unknown())
}

/// A key as a structured field (RFC 9651), so that any printable one arrives as it was typed.
fn quoted(key: &str) -> Result<HeaderValue, Error> {
    let refuse = || Error::Usage("--idempotency-key must be 1 to 255 printable ASCII characters".to_owned());
    if !(1..=255).contains(&key.len()) || !key.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(refuse());
    }
    let escaped = key.replace('\\', "\\\\").replace('"', "\\\"");
    HeaderValue::try_from(format!("\"{escaped}\"")).map_err(|_| refuse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_quoted_so_that_they_arrive_as_typed() {
        assert_eq!(quoted("k 1").unwrap(), "\"k 1\"");
        assert_eq!(quoted(r#"a"b\"#).unwrap(), r#""a\"b\\""#);
        for refused in ["", "键", "a\nb"] {
            assert!(quoted(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn each_new_key_is_another_one() {
        let (one, other) = (new_key().unwrap(), new_key().unwrap());
        assert!(one.len() == 32 && one != other, "{one} {other}");
    }
}
