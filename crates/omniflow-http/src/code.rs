//! The stable codes of problem documents: one table of word, status and title.

use axum::http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $variant:ident = $word:literal, $status:ident, $title:literal;)+) => {
        /// What went wrong, for programs. Codes are added, never renamed.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $variant,)+ }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The word on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }

            /// The HTTP status that it is answered with.
            pub const fn status(self) -> StatusCode {
                match self { $(Self::$variant => StatusCode::$status),+ }
            }

            /// The same few words for every occurrence.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),+ }
            }
        }
    };
}

codes! {
    /// The body cannot be read as JSON, or a key is repeated.
    InvalidJson = "invalid_json", BAD_REQUEST, "The body is not valid JSON";
    /// The bytes that came are no HTTP request.
    MalformedRequest = "malformed_request", BAD_REQUEST, "The request is not valid HTTP";
    /// No access key, or one that is not known.
    Unauthorized = "unauthorized", UNAUTHORIZED, "An access key is needed";
    /// The access key does not cover this.
    Forbidden = "forbidden", FORBIDDEN, "The access key does not allow this";
    /// There is no order with this id.
    OrderNotFound = "order_not_found", NOT_FOUND, "There is no such order";
    /// Nothing is served at this path.
    UnknownRoute = "unknown_route", NOT_FOUND, "There is nothing at this path";
    /// A SKU in a path that stock does not know.
    SkuNotFound = "unknown_sku", NOT_FOUND, "There is no such SKU";
    /// The path is served, but not with this method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED, "The path does not take this method";
    /// The client took too long to send its request.
    RequestTimeout = "request_timeout", REQUEST_TIMEOUT, "The request came too slowly";
    /// The order's state forbids the action.
    ActionNotAllowed = "action_not_allowed", CONFLICT, "The order's state does not allow this";
    /// Less in stock than the order needs.
    OutOfStock = "out_of_stock", CONFLICT, "There is too little in stock";
    /// Another order has this external id.
    ExternalIdTaken = "external_id_taken", CONFLICT, "Another order has this external id";
    /// The new stock would be less than what is reserved.
    BelowReserved = "below_reserved", CONFLICT, "The stock would be less than what is reserved";
    /// The first request with this idempotency key has not been answered yet.
    IdempotencyInProgress = "idempotency_in_progress", CONFLICT, "The first request is still at work";
    /// The order takes no more payments.
    TooManyPayments = "too_many_payments", CONFLICT, "The order takes no more such payment reports";
    /// What the caller expected is no longer so.
    VersionMismatch = "version_mismatch", PRECONDITION_FAILED, "It has changed since it was read";
    /// The body is larger than is taken.
    TooLarge = "too_large", PAYLOAD_TOO_LARGE, "The body is too large";
    /// The request line's path and query are longer than is taken.
    UriTooLong = "uri_too_long", URI_TOO_LONG, "The path and query are too long";
    /// A field, header or parameter has a value that is not allowed.
    InvalidField = "invalid_field", UNPROCESSABLE_ENTITY, "A value is not allowed";
    /// A field that is not known here.
    UnknownField = "unknown_field", UNPROCESSABLE_ENTITY, "A field is not known";
    /// A SKU in a body that stock does not know.
    UnknownSku = "unknown_sku", UNPROCESSABLE_ENTITY, "There is no such SKU";
    /// A currency that is not taken here.
    UnsupportedCurrency = "unsupported_currency", UNPROCESSABLE_ENTITY, "The currency is not taken here";
    /// The idempotency key was used with another body.
    IdempotencyKeyReused = "idempotency_key_reused", UNPROCESSABLE_ENTITY, "The key was used with another body";
    /// The caller asks too often.
    TooManyRequests = "too_many_requests", TOO_MANY_REQUESTS, "Too many requests";
    /// The request's headers are larger than is taken.
    HeadersTooLarge = "headers_too_large", REQUEST_HEADER_FIELDS_TOO_LARGE, "The headers are too large";
    /// A fault of the server.
    Internal = "internal", INTERNAL_SERVER_ERROR, "The server failed";
    /// The engine does not run or is not reachable.
    EngineUnavailable = "engine_unavailable", SERVICE_UNAVAILABLE, "The engine is not available";
    /// The engine has more to do than it can take.
    Overloaded = "overloaded", SERVICE_UNAVAILABLE, "The engine is overloaded";
    /// Whether the request took effect is not known.
    OutcomeUnknown = "outcome_unknown", SERVICE_UNAVAILABLE, "It is not known whether this took effect";
}

impl Code {
    /// The code that a refusal gets which names none: what the router or a library answered with.
    pub(crate) fn of_bare_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthorized,
            StatusCode::FORBIDDEN => Self::Forbidden,
            StatusCode::NOT_FOUND => Self::UnknownRoute,
            StatusCode::METHOD_NOT_ALLOWED => Self::MethodNotAllowed,
            StatusCode::REQUEST_TIMEOUT => Self::RequestTimeout,
            StatusCode::PRECONDITION_FAILED => Self::VersionMismatch,
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            StatusCode::URI_TOO_LONG => Self::UriTooLong,
            StatusCode::UNPROCESSABLE_ENTITY => Self::InvalidField,
            StatusCode::TOO_MANY_REQUESTS => Self::TooManyRequests,
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => Self::HeadersTooLarge,
            StatusCode::SERVICE_UNAVAILABLE => Self::EngineUnavailable,
            status if status.is_client_error() => Self::MalformedRequest,
            _ => Self::Internal,
        }
    }

    /// What the caller can do, where nobody said it better.
    pub(crate) const fn advice(self) -> &'static str {
        match self {
            Self::UnknownRoute => {
                "Check the path; the API's paths begin with /api/v1 and are listed in its documentation."
            }
            Self::MethodNotAllowed => "Use one of the methods in the Allow header.",
            Self::RequestTimeout => "Send the whole request sooner.",
            Self::TooLarge => "Send a smaller body.",
            Self::UriTooLong => "Send a shorter path and query.",
            Self::HeadersTooLarge => "Send fewer or shorter headers.",
            Self::Internal => {
                "Try again later; if it goes on, report the request_id to who runs this server."
            }
            Self::EngineUnavailable | Self::Overloaded => "Try again after the time in Retry-After.",
            _ => "Correct the request and send it again.",
        }
    }

    /// Seconds after which asking again makes sense, for the codes that promise to say so.
    pub(crate) const fn retry_after_s(self) -> Option<u32> {
        match self {
            Self::EngineUnavailable | Self::Overloaded | Self::OutcomeUnknown => Some(1),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_and_their_statuses_are_the_promised_ones() {
        let promised = "invalid_json 400, unauthorized 401, forbidden 403, order_not_found 404, unknown_route 404, \
            method_not_allowed 405, action_not_allowed 409, out_of_stock 409, external_id_taken 409, \
            below_reserved 409, idempotency_in_progress 409, too_many_payments 409, version_mismatch 412, \
            too_large 413, invalid_field 422, unknown_field 422, unknown_sku 422, unsupported_currency 422, \
            idempotency_key_reused 422, too_many_requests 429, engine_unavailable 503, overloaded 503, \
            outcome_unknown 503, unknown_sku 404";
        let ours: Vec<String> =
            Code::ALL.iter().map(|code| format!("{} {}", code.as_str(), code.status().as_u16())).collect();
        for code in promised.split(", ") {
            assert!(ours.iter().any(|ours| ours == code.trim()), "{code} is promised");
        }
        assert!(Code::ALL.iter().all(|code| {
            (code.status() == StatusCode::SERVICE_UNAVAILABLE) == code.retry_after_s().is_some()
        }));
    }
}
