//! Address and metadata: personal, so they live outside events and can be erased.

use omniflow_core::DetailsHash;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// An object of strings, as the caller sent it.
type Strings = BTreeMap<String, String>;

/// What an order carries beside its events.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Where the goods go.
    pub shipping_address: Option<Strings>,
    /// Whatever the shop wants to keep with the order.
    pub metadata: Option<Strings>,
}

/// Stored details that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("stored details cannot be read: {0}")]
pub struct DetailsError(#[from] serde_json::Error);

impl Details {
    /// Whether there is nothing to keep.
    pub const fn is_empty(&self) -> bool {
        self.shipping_address.is_none() && self.metadata.is_none()
    }

    /// The bytes to store.
    ///
    /// # Errors
    /// [`DetailsError`] never in practice: strings always encode.
    pub fn encode(&self) -> Result<Vec<u8>, DetailsError> {
        Ok(serde_json::to_vec(self)?)
    }

    /// Reads stored bytes.
    ///
    /// # Errors
    /// [`DetailsError`] when they are not what `encode` writes.
    pub fn decode(bytes: &[u8]) -> Result<Self, DetailsError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// The name under which events speak of stored details. Without the salt, which is stored and erased
    /// with them, nobody can test a guess at their content.
    pub fn hash(stored: &[u8], salt: &[u8; 16]) -> DetailsHash {
        DetailsHash(Sha256::new().chain_update(salt).chain_update(stored).finalize().into())
    }
}
