//! Named points at which a test ends the process as a power cut would. Without the feature
//! `crash-points` they are nothing.

/// Ends the process here, if this is the point that `OMNIFLOW_CRASH_AT` names (`name` or `name:n`, the
/// n-th time it is passed).
#[cfg(feature = "crash-points")]
pub fn point(name: &str) {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    static WANTED: OnceLock<Option<(String, u64)>> = OnceLock::new();
    static PASSED: AtomicU64 = AtomicU64::new(0);

    let wanted = WANTED.get_or_init(|| {
        let text = std::env::var("OMNIFLOW_CRASH_AT").ok()?;
        let (name, times) = text.split_once(':').unwrap_or((&text, "1"));
        Some((name.to_owned(), times.parse().ok()?))
    });
    if let Some((wanted, times)) = wanted
        && wanted == name
        && PASSED.fetch_add(1, Ordering::Relaxed) + 1 == *times
    {
        // SIGKILL to itself: nothing is flushed, no destructor runs. The shell has `kill` built in.
        let kill = format!("kill -9 {}", std::process::id());
        let killed = std::process::Command::new("sh").args(["-c", &kill]).status();
        unreachable!("the process outlived its own SIGKILL: {killed:?}");
    }
}

/// Nothing, without the feature `crash-points`.
#[cfg(not(feature = "crash-points"))]
#[inline(always)]
pub const fn point(_name: &str) {}
