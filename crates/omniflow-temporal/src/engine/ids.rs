//! Order ids: `ORD-` and a ULID, in the order of time, and not to be guessed.

use omniflow_core::{OrderId, Timestamp};
use omniflow_engine::Error;
use ulid::Ulid;

/// Makes ids and salts.
#[derive(Default)]
pub(super) struct Ids(());

impl Ids {
    /// An id for an order placed `at`. Two processes make no equal ones: 80 bits are random.
    pub(super) fn next(&self, at: Timestamp) -> Result<OrderId, Error> {
        let random: [u8; 16] = random()?;
        let millis = u64::try_from(at.as_millis()).unwrap_or_default();
        let id = format!("ORD-{}", Ulid::from_parts(millis, u128::from_le_bytes(random)));
        OrderId::new(id).map_err(|error| Error::Unavailable(format!("an order id {error}")))
    }

    /// A salt for a hash that must not be guessed.
    pub(super) fn salt(&self) -> Result<[u8; 16], Error> {
        random()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "ids and salts of this engine are made here, and never replayed"
)]
fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    match getrandom::fill(&mut bytes) {
        Ok(()) => Ok(bytes),
        Err(error) => Err(Error::Unavailable(format!("the system has no randomness: {error}"))),
    }
}
