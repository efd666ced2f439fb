//! A build without the Temporal engine.

use super::settings::Servers;

/// What it says.
pub(super) const MISSING: &str =
    "engine = \"temporal\" needs a build with the feature `temporal`, and this one has none";

/// Never: see [`MISSING`].
///
/// # Errors
/// Always.
pub(crate) fn check(_servers: &Servers) -> Result<(), String> {
    Err(MISSING.to_owned())
}
