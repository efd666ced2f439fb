//! `omniflow openapi`: the API's document, the same bytes that a server answers at `/openapi.json`.

use crate::output;
use std::io;

/// Prints the document.
///
/// # Errors
/// Where standard output cannot be written.
pub(crate) fn run() -> io::Result<()> {
    output::print(|out| out.write_all(omniflow_http::openapi().as_bytes()))
}
