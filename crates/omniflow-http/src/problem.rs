//! Problem documents (RFC 9457): every answer that refuses or fails.

use crate::{Code, RequestId};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header, response};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt::Display;

/// The media type of a problem document.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// A refusal or failure, as the caller sees it.
///
/// As a response it is unfinished, without a body: the layer of [`crate::with_front`] writes the document, since
/// only there is the request's id known.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    errors: Vec<FieldError>,
    members: Vec<(&'static str, Box<RawValue>)>,
    retry_after_s: Option<u32>,
    closes: bool,
    cause: Option<Box<str>>,
}

/// One part of the request that is at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldError {
    /// Why.
    pub code: Code,
    /// Where.
    pub place: Place,
    /// What to do about it; completes a sentence that begins with the field's name.
    pub detail: Cow<'static, str>,
}

/// Where in a request a fault is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A JSON pointer (RFC 6901) into the body.
    Pointer(String),
    /// A header's name.
    Header(Cow<'static, str>),
    /// A query parameter's name.
    Parameter(Cow<'static, str>),
}

impl FieldError {
    /// A fault at a JSON pointer.
    pub fn at(code: Code, pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, place: Place::Pointer(pointer.into()), detail: detail.into() }
    }
}

impl Problem {
    /// A problem; `detail` says what the caller can do.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: vec![],
            members: vec![],
            retry_after_s: code.retry_after_s(),
            closes: false,
            cause: None,
        }
    }

    /// A fault of the server. The cause goes to the log with the request's id, never to the caller.
    pub fn internal(cause: impl Display) -> Self {
        Self::bare(Code::Internal).caused_by(cause)
    }

    /// A problem with nothing to add to its code.
    pub(crate) fn bare(code: Code) -> Self {
        Self::new(code, code.advice())
    }

    /// A problem of one field.
    pub fn field(code: Code, pointer: impl Into<String>, detail: impl Into<Cow<'static, str>>) -> Self {
        Self::of_fields(vec![FieldError::at(code, pointer, detail)])
    }

    /// A header that cannot be honoured: 422 `invalid_field`.
    pub fn header(name: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        let place = Place::Header(name.into());
        Self::of_fields(vec![FieldError { code: Code::InvalidField, place, detail: detail.into() }])
    }

    /// A query parameter that cannot be honoured: 422 `invalid_field`.
    pub fn parameter(name: impl Into<Cow<'static, str>>, detail: impl Into<Cow<'static, str>>) -> Self {
        let place = Place::Parameter(name.into());
        Self::of_fields(vec![FieldError { code: Code::InvalidField, place, detail: detail.into() }])
    }

    /// The problem of all fields at fault. Its code is the first field's; but an unknown field comes before
    /// a wrong value, since a mistyped name is often why another one is missing.
    pub fn of_fields(errors: Vec<FieldError>) -> Self {
        let unknown = errors.iter().find(|error| error.code == Code::UnknownField);
        let Some(first) = unknown.or(errors.first()) else {
            return Self::internal("a problem of fields that names none");
        };
        let more = match errors.len() - 1 {
            0 => String::new(),
            1 => " One more is listed in errors.".to_owned(),
            more => format!(" {more} more are listed in errors."),
        };
        let mut problem = Self::new(first.code, format!("{} {}.{more}", first.place.name(), first.detail));
        problem.errors = errors;
        problem
    }

    /// Adds a member of the document, such as `allowed_actions`.
    #[must_use]
    pub fn with(mut self, member: &'static str, value: &impl Serialize) -> Self {
        match serde_json::value::to_raw_value(value) {
            Ok(value) => self.members.push((member, value)),
            Err(error) => tracing::error!(member, %error, "a member of a problem cannot be written"),
        }
        self
    }

    /// Notes what the log should say and the caller should not see.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Display) -> Self {
        self.cause = Some(cause.to_string().into());
        self
    }

    /// Says something else that the caller can do.
    #[must_use]
    pub fn advising(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Says when to ask again.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    /// Closes the connection after the answer, because the rest of the request is not read.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.closes = true;
        self
    }

    /// What went wrong.
    pub fn code(&self) -> Code {
        self.code
    }

    /// What the log should say.
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    /// The fields at fault.
    pub fn errors(&self) -> &[FieldError] {
        &self.errors
    }

    /// The document.
    pub fn to_json(&self, request_id: &RequestId) -> Vec<u8> {
        serde_json::to_vec(&Document { problem: self, request_id }).unwrap_or_default()
    }

    /// Turns an answer's head into this problem's, and gives the body for it. Headers that the answer has
    /// already, such as `Allow`, stay.
    pub(crate) fn finish(&self, head: &mut response::Parts, request_id: &RequestId) -> Body {
        head.status = self.code.status();
        head.headers.remove(header::CONTENT_LENGTH);
        head.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        head.headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.retry_after_s {
            head.headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.closes {
            head.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        Body::from(self.to_json(request_id))
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = StatusCode::into_response(self.code.status());
        response.extensions_mut().insert(self);
        response
    }
}

impl Place {
    /// How a sentence names it.
    fn name(&self) -> Cow<'_, str> {
        match self {
            Self::Pointer(pointer) if pointer.is_empty() => "The body".into(),
            Self::Pointer(pointer) => pointer.into(),
            Self::Header(name) => format!("The header {name}").into(),
            Self::Parameter(name) => format!("The parameter {name}").into(),
        }
    }
}

impl Serialize for FieldError {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(3))?;
        match &self.place {
            Place::Pointer(pointer) => map.serialize_entry("pointer", pointer)?,
            Place::Header(name) => map.serialize_entry("header", name)?,
            Place::Parameter(name) => map.serialize_entry("parameter", name)?,
        }
        map.serialize_entry("code", self.code.as_str())?;
        map.serialize_entry("detail", &self.detail)?;
        map.end()
    }
}

struct Document<'a> {
    problem: &'a Problem,
    request_id: &'a RequestId,
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Problem { code, detail, errors, members, .. } = self.problem;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("type", &format_args!("urn:problem-type:omniflow:{}", code.as_str()))?;
        map.serialize_entry("title", code.title())?;
        map.serialize_entry("status", &code.status().as_u16())?;
        map.serialize_entry("code", code.as_str())?;
        map.serialize_entry("detail", detail)?;
        if !errors.is_empty() {
            map.serialize_entry("errors", errors)?;
        }
        for (member, value) in members {
            map.serialize_entry(member, value)?;
        }
        map.serialize_entry("request_id", self.request_id.as_str())?;
        map.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn written(problem: &Problem) -> String {
        String::from_utf8(problem.to_json(&RequestId::named("req-1"))).unwrap()
    }

    #[test]
    fn a_document_names_code_advice_members_and_request() {
        let problem = Problem::new(Code::OutOfStock, "Order less, or wait until there is more.")
            .with("lines", &[serde_json::json!({"sku": "Mac Pro", "requested": 60, "available": 50})])
            .caused_by("kept for the log");
        assert_snapshot!(written(&problem), @r#"{"type":"urn:problem-type:omniflow:out_of_stock","title":"There is too little in stock","status":409,"code":"out_of_stock","detail":"Order less, or wait until there is more.","lines":[{"available":50,"requested":60,"sku":"Mac Pro"}],"request_id":"req-1"}"#);
    }

    #[test]
    fn places_are_pointers_headers_or_parameters() {
        let field = Problem::field(Code::InvalidField, "/items/0/quantity", "must be at least 1");
        assert_snapshot!(written(&field), @r#"{"type":"urn:problem-type:omniflow:invalid_field","title":"A value is not allowed","status":422,"code":"invalid_field","detail":"/items/0/quantity must be at least 1.","errors":[{"pointer":"/items/0/quantity","code":"invalid_field","detail":"must be at least 1"}],"request_id":"req-1"}"#);
        let header = Problem::header("Prefer", "must have wait=0 to wait=30");
        assert!(written(&header).contains(r#""errors":[{"header":"Prefer","#));
        let parameter = Problem::parameter("limit", "must be 1 to 200");
        assert!(written(&parameter).contains(r#""errors":[{"parameter":"limit","#));
    }

    #[test]
    fn an_unknown_field_comes_before_a_wrong_value() {
        let problem = Problem::of_fields(vec![
            FieldError::at(Code::InvalidField, "/amount", "is required"),
            FieldError::at(Code::UnknownField, "/amuont", "is not known"),
        ]);
        assert_eq!(problem.code(), Code::UnknownField);
        assert!(written(&problem).contains("/amuont is not known. One more is listed in errors."));
    }

    #[test]
    fn the_cause_is_for_the_log_only() {
        let problem = Problem::internal("disk full at /var/lib");
        assert_eq!(problem.cause(), Some("disk full at /var/lib"));
        assert!(!written(&problem).contains("disk full"));
    }
}
