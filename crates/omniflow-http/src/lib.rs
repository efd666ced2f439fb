//! OmniFlow's REST API. It does not know which engine runs.
//!
//! [`routes`] are the handlers, on an engine; what they share:
//!
//! - [`serve`] accepts connections and ends in bounded time; [`Limits`] has every time-out and cap.
//! - [`with_front`] is the one layer all requests pass: ids, panics, problem documents, metrics, logs.
//! - [`Problem`] is every refusal; [`Code`] is the table of what can be refused.
//! - [`Payload`] is a body; [`json`] reads it strictly and names all its faults at once.
//! - [`language`] picks the language of texts for people.

mod api;
mod body;
mod code;
mod deadline;
pub mod duration;
mod front;
pub mod json;
pub mod language;
mod limits;
pub mod metrics;
mod openapi;
pub mod problem;
mod refusal;
pub mod request_id;
mod server;
mod shutdown;
mod turn;
mod wire;

pub use api::{Api, Dev, monitoring, routes};
pub use body::Payload;
pub use code::Code;
pub use front::with_front;
pub use limits::{BodyLimits, Limits};
pub use metrics::Metrics;
pub use openapi::document as openapi;
pub use problem::{FieldError, Place, Problem};
pub use request_id::RequestId;
pub use server::serve;
pub use shutdown::Shutdown;
