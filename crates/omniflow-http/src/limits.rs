//! Every time-out and cap of the server, in one place.

use std::time::Duration;

/// What a client may take of the server. The defaults suit a server that anyone can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. More wait in the system's queue until one ends.
    pub connections: usize,
    /// From a request's first byte to the end of its headers; then 408.
    pub header_read: Duration,
    /// Bytes of a request's line and headers together; more is 431.
    pub header_bytes: usize,
    /// How long a connection may stay open with no request, also before its first one.
    pub idle: Duration,
    /// How long a client may take none of the bytes of its answer.
    pub write_stall: Duration,
    /// After an answer that ends the connection, how long what still arrives is read and dropped, so that
    /// the answer is not lost to a reset.
    pub linger: Duration,
    /// From the request to stop until those still at work are cut off. The process must be gone after 10 s,
    /// and the engine needs some of them.
    pub drain: Duration,
    /// The limits of bodies.
    pub body: BodyLimits,
}

/// What of a request's body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyLimits {
    /// The largest body that is taken; a larger one is 413.
    pub bytes: usize,
    /// From the first wait for the body to its end; then 408.
    pub read: Duration,
    /// How much of a body that is too large is read and dropped, so that the client, which reads only after
    /// it has sent, sees the 413. Beyond it the connection is closed.
    pub dropped_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 16_384,
            header_read: Duration::from_secs(10),
            header_bytes: 32 * 1024,
            idle: Duration::from_secs(60),
            write_stall: Duration::from_secs(30),
            linger: Duration::from_secs(1),
            drain: Duration::from_secs(7),
            body: BodyLimits::default(),
        }
    }
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { bytes: 64 * 1024, read: Duration::from_secs(10), dropped_bytes: 8 * 1024 * 1024 }
    }
}
