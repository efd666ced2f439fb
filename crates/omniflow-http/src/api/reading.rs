//! Reads that the engine cannot answer now. They ask for nothing to be done, so nothing was left undone.

use crate::Problem;
use omniflow_engine::Error;

/// What a route that only reads says about an engine's fault.
pub(super) fn unread(error: Error) -> Problem {
    let is_busy = matches!(error, Error::Unavailable(_) | Error::Overloaded);
    let problem = Problem::from(error);
    if is_busy { problem.advising("It cannot be read now. Ask again after Retry-After.") } else { problem }
}
