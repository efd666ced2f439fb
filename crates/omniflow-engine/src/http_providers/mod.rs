//! Providers over HTTP: what they are sent, and what their answers mean.

pub mod answer;
pub mod breaker;
pub mod message;
