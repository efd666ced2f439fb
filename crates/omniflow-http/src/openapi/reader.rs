//! `/openapi.json`, and `/docs`, which shows it: Swagger UI, embedded, so that no other host is asked.

use super::answers::{Document, Reader, ReaderFile};
use super::parameters::FileName;
use super::refusals::{Constant, Files};
use crate::{Code, Problem};
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};

/// A file of the reader.
pub(crate) struct File {
    pub(crate) name: &'static str,
    media_type: &'static str,
    /// Whether the content is compressed by gzip.
    is_packed: bool,
    content: &'static [u8],
}

const CSS: &str = "text/css; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";

/// What the page loads. The first two are Swagger UI's own; see `assets/swagger-ui/README.md`.
pub(crate) const FILES: [File; 4] = [
    File {
        name: "swagger-ui.css",
        media_type: CSS,
        is_packed: true,
        content: include_bytes!("../../assets/swagger-ui/swagger-ui.css.gz"),
    },
    File {
        name: "swagger-ui-bundle.js",
        media_type: JAVASCRIPT,
        is_packed: true,
        content: include_bytes!("../../assets/swagger-ui/swagger-ui-bundle.js.gz"),
    },
    File {
        name: "start.js",
        media_type: JAVASCRIPT,
        is_packed: false,
        content: include_bytes!("../../assets/docs/start.js"),
    },
    File {
        name: "page.css",
        media_type: CSS,
        is_packed: false,
        content: include_bytes!("../../assets/docs/page.css"),
    },
];

/// Scripts, styles and requests of this host alone; images also inline, as Swagger UI's arrows are.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// `GET /openapi.json`.
#[utoipa::path(
    get,
    path = "/openapi.json",
    tag = "server",
    operation_id = "readDocument",
    summary = "This document",
    description = "What `omniflow openapi` prints.",
    responses(Document, Constant)
)]
pub(crate) async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], super::document()).into_response()
}

/// `GET /docs`.
#[utoipa::path(
    get,
    path = "/docs",
    tag = "server",
    operation_id = "showDocument",
    summary = "This document, to read and to try",
    description = "Swagger UI, from this server alone.",
    responses(Reader, Constant)
)]
pub(crate) async fn docs() -> Response {
    let page = include_str!("../../assets/docs/index.html");
    guarded(([(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response())
}

/// `GET /docs/{file}`.
#[utoipa::path(
    get,
    path = "/docs/{file}",
    tag = "server",
    operation_id = "readDocumentFile",
    summary = "A file of the reader",
    description = "What the page of `/docs` loads.",
    params(FileName),
    responses(ReaderFile, Files)
)]
pub(crate) async fn file(Path(name): Path<String>) -> Result<Response, Problem> {
    let unknown = || Problem::new(Code::UnknownRoute, "The reader has no such file; open /docs.");
    let file = FILES.iter().find(|file| file.name == name).ok_or_else(unknown)?;
    let mut response = ([(header::CONTENT_TYPE, file.media_type)], file.content).into_response();
    if file.is_packed {
        response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    Ok(guarded(response))
}

fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
