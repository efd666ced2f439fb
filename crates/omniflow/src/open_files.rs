//! How many files this process may have open at once. Each connection is one.

use rustix::process::{Resource, getrlimit, setrlimit};

/// Raises the limit as far as the system lets this process, and answers it; `None` is without end. A limit that
/// is lower at first is for programs that cannot count beyond it.
pub(crate) fn raise() -> Option<u64> {
    let mut limit = getrlimit(Resource::Nofile);
    let most = limit.maximum;
    if limit.current != most {
        limit.current = most;
        if let Err(error) = setrlimit(Resource::Nofile, limit) {
            tracing::warn!(%error, "the limit of open files stays as it is");
        }
    }
    getrlimit(Resource::Nofile).current
}
