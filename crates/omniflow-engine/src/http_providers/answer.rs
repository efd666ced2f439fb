//! What a provider's answer to one attempt means. The classes are a promise to whoever writes a provider.

use crate::Attempt;
use omniflow_core::{ReasonText, Receipt, Reference};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// A shipment.
    Shipment,
    /// A refund.
    Refund,
}

/// What was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An answer to the attempt.
    Attempt(Attempt),
    /// Whoever answers is no provider of ours, or does not take us for who we are. No order is to suffer from
    /// that: it says what to look at, and nothing is decided.
    Misconfigured(String),
}

#[derive(Deserialize)]
struct Done {
    tracking_number: Option<String>,
    refund_id: Option<String>,
}

#[derive(Deserialize)]
struct Accepted {
    r#ref: Option<String>,
}

#[derive(Deserialize)]
struct Refused {
    outcome: String,
    reason: Option<String>,
}

/// Reads an answer.
pub fn read(asked: Asked, status: u16, body: &[u8]) -> Heard {
    let answered = || format!("it answered {status}");
    match status {
        200 | 201 => {
            object(body).map_or_else(|| unreadable(status), |done| Heard::Attempt(finished(asked, done)))
        }
        202 => object(body).map_or_else(
            || unreadable(status),
            |Accepted { r#ref }| Heard::Attempt(Attempt::Accepted { reference: reference(r#ref) }),
        ),
        422 => match object(body) {
            Some(Refused { outcome, reason }) if outcome == "refused" => {
                let reason = reason.as_deref().and_then(ReasonText::lossy);
                Heard::Attempt(Attempt::Refused { reason })
            }
            _ => Heard::Misconfigured(
                "it answered 422 without \"outcome\":\"refused\": it does not understand what it is sent"
                    .to_owned(),
            ),
        },
        408 | 425 | 429 | 503 => Heard::Attempt(Attempt::NotTaken { error: answered() }),
        500..=599 => Heard::Attempt(Attempt::Unknown { error: answered() }),
        300..=399 => {
            Heard::Misconfigured(format!("{}: redirects are not followed, check the url", answered()))
        }
        401 | 403 => Heard::Misconfigured(format!("{}: check the secret", answered())),
        404 | 405 | 410 => Heard::Misconfigured(format!("{}: check the url", answered())),
        _ => Heard::Misconfigured(format!("{}: check the url and what is behind it", answered())),
    }
}

/// The fields of a JSON object; others that it has do not matter.
fn object<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    // A sequence would be read as a struct too.
    let is_object = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{');
    is_object.then(|| serde_json::from_slice(body).ok())?
}

fn unreadable(status: u16) -> Heard {
    Heard::Misconfigured(format!(
        "it answered {status} with what is no JSON object, or has no texts in it: check the url"
    ))
}

fn finished(asked: Asked, done: Done) -> Attempt {
    match asked {
        Asked::Refund => Attempt::Done(Receipt::Refund { reference: reference(done.refund_id) }),
        Asked::Shipment => match reference(done.tracking_number) {
            Some(tracking_number) => Attempt::Done(Receipt::Shipment { tracking_number }),
            None => {
                Attempt::Unknown { error: "it says that it shipped, without a tracking_number".to_owned() }
            }
        },
    }
}

/// A provider's own name for something. One that cannot be kept is none.
fn reference(text: Option<String>) -> Option<Reference> {
    text.and_then(|text| Reference::new(text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> Option<Reference> {
        Some(Reference::new(text).unwrap())
    }

    fn attempt(asked: Asked, status: u16, body: &str) -> Attempt {
        match read(asked, status, body.as_bytes()) {
            Heard::Attempt(attempt) => attempt,
            Heard::Misconfigured(why) => panic!("{status} {body}: {why}"),
        }
    }

    fn complaint(status: u16, body: &str) -> String {
        match read(Asked::Shipment, status, body.as_bytes()) {
            Heard::Misconfigured(why) => why,
            Heard::Attempt(attempt) => panic!("{status} {body}: {attempt:?}"),
        }
    }

    #[test]
    fn what_is_done_has_its_receipt() {
        for status in [200, 201] {
            let shipped = attempt(Asked::Shipment, status, r#" {"tracking_number":"T-1","cost":3}"#);
            let tracking_number = Reference::new("T-1").unwrap();
            assert_eq!(shipped, Attempt::Done(Receipt::Shipment { tracking_number }));
            let refunded = attempt(Asked::Refund, status, r#"{"refund_id":"R-1"}"#);
            assert_eq!(refunded, Attempt::Done(Receipt::Refund { reference: named("R-1") }));
            assert_eq!(
                attempt(Asked::Refund, status, "{}"),
                Attempt::Done(Receipt::Refund { reference: None })
            );
        }
    }

    #[test]
    fn a_shipment_without_its_tracking_number_is_unknown() {
        for body in
            ["{}", r#"{"tracking_number":null}"#, r#"{"tracking_number":""}"#, r#"{"refund_id":"R-1"}"#]
        {
            assert!(matches!(attempt(Asked::Shipment, 200, body), Attempt::Unknown { .. }), "{body}");
        }
    }

    #[test]
    fn what_is_accepted_or_refused_is_said_by_its_body() {
        assert_eq!(
            attempt(Asked::Refund, 202, r#"{"ref":"A-1"}"#),
            Attempt::Accepted { reference: named("A-1") }
        );
        assert_eq!(attempt(Asked::Refund, 202, "{}"), Attempt::Accepted { reference: None });
        let refused = attempt(Asked::Shipment, 422, r#"{"outcome":"refused","reason":"no such street"}"#);
        assert_eq!(refused, Attempt::Refused { reason: ReasonText::lossy("no such street") });
        assert!(complaint(422, r#"{"detail":"lines is missing"}"#).contains("does not understand"));
    }

    #[test]
    fn what_passes_is_asked_again_and_what_broke_is_unknown() {
        for status in [408, 425, 429, 503] {
            assert!(matches!(attempt(Asked::Refund, status, ""), Attempt::NotTaken { .. }), "{status}");
        }
        for status in [500, 502, 504, 599] {
            assert!(matches!(attempt(Asked::Refund, status, ""), Attempt::Unknown { .. }), "{status}");
        }
    }

    #[test]
    fn anything_else_is_a_wrong_configuration_and_says_what_to_look_at() {
        for (status, body, hint) in [
            (301, "", "url"),
            (400, "{}", "url"),
            (401, "", "secret"),
            (403, "", "secret"),
            (404, "", "url"),
            (204, "", "url"),
            (200, "<html>", "url"),
            (200, "[\"T-1\"]", "url"),
            (201, r#"{"tracking_number":7}"#, "url"),
            (202, "", "url"),
        ] {
            assert!(complaint(status, body).contains(hint), "{status} {body}");
        }
    }
}
