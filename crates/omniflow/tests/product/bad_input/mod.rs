//! Whatever is sent, the answer is a problem document with the right code, never a fault of the server, and
//! nothing has changed.

mod bodies;
mod envelope;
mod every_fault;
mod placing;
mod reports;
mod stock;

use crate::client::{Answer, Client};
use crate::scenarios::{LARGE, ORDER};
use crate::server::{Place, Server, still};
use serde_json::Value;

/// A shop with an order in each kind of state, in which time stands still.
pub(super) struct Fixture {
    _place: Place,
    _server: Server,
    pub(super) client: Client,
    /// Awaits its payment.
    pub(super) open: String,
    /// Awaits a decision.
    pub(super) reviewed: String,
    /// Has ended.
    pub(super) ended: String,
}

/// A request that must be refused.
#[derive(Clone, Debug)]
pub(super) struct Bad<'r> {
    pub(super) method: &'r str,
    pub(super) path: &'r str,
    pub(super) headers: &'r [(&'r str, &'r str)],
    pub(super) body: &'r [u8],
}

impl Fixture {
    pub(super) fn new() -> Self {
        let (place, server) = still();
        let client = server.client;
        let ended = client.place(ORDER);
        client.act(&ended, "pay", "");
        client.advance("PT2S");
        let taken = r#"{"amount": 5, "items": ["HomePod"], "external_id": "cart-1"}"#;
        let (open, reviewed) = (client.place(taken), client.place(LARGE));
        Self { _place: place, _server: server, client, open, reviewed, ended }
    }

    /// Everything that could have changed, byte for byte.
    fn everything(&self) -> Vec<String> {
        let mut paths = vec!["/api/v1/inventory".to_owned()];
        for id in [&self.open, &self.reviewed, &self.ended] {
            paths.extend([format!("/api/v1/orders/{id}"), format!("/api/v1/orders/{id}/timeline")]);
        }
        paths.iter().map(|path| self.client.get(path)).map(|answer| answer.ok().to_string()).collect()
    }

    /// Sends requests, each of which must be refused as it says, and asserts that nothing has changed. A case
    /// is its request, status, code, and the place at fault: a pointer, header or parameter, where there is one.
    #[track_caller]
    pub(super) fn refuses<'r>(&self, cases: impl IntoIterator<Item = (Bad<'r>, u16, &'r str, &'r str)>) {
        let before = self.everything();
        let mut wrong = vec![];
        let mut count = 0;
        for (bad, status, code, place) in cases {
            count += 1;
            let answer = self.client.ask(bad.method, bad.path, bad.headers, bad.body);
            if let Err(fault) = check(&answer, status, code, place) {
                let body = String::from_utf8_lossy(&bad.body[..bad.body.len().min(200)]).into_owned();
                wrong.push(format!(
                    "{} {} {:?} {body}\n    {fault}: {answer:?}",
                    bad.method, bad.path, bad.headers
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{} of {count} are not refused as they must be:\n{}",
            wrong.len(),
            wrong.join("\n")
        );
        assert_eq!(self.everything(), before, "something has changed");
    }
}

/// What is wrong with a refusal.
fn check(answer: &Answer, status: u16, code: &str, place: &str) -> Result<(), String> {
    let Ok(problem) = serde_json::from_str::<Value>(&answer.body) else { return Err("no JSON".to_owned()) };
    if (answer.status, problem["code"].as_str()) != (status, Some(code)) {
        return Err(format!("{status} {code} is expected"));
    }
    let is_document = answer.header("content-type") == Some("application/problem+json")
        && problem["status"] == answer.status
        && problem["request_id"].as_str() == answer.header("x-request-id")
        && problem["detail"].as_str().is_some_and(|detail| detail.ends_with('.'));
    if !is_document {
        return Err("no whole problem document".to_owned());
    }
    let errors = problem["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let names = |error: &Value| ["pointer", "header", "parameter"].iter().any(|kind| error[*kind] == place);
    if place != NOWHERE && !errors.iter().any(names) {
        return Err(format!("{place:?} is not named"));
    }
    Ok(())
}

/// Where no single field is at fault.
pub(super) const NOWHERE: &str = "nowhere";

/// A request with a body.
pub(super) fn bad<'r>(method: &'r str, path: &'r str, body: &'r (impl AsRef<[u8]> + ?Sized)) -> Bad<'r> {
    Bad { method, path, headers: &[], body: body.as_ref() }
}
