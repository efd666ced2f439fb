//! Randomness as a port, so that a test can replay a run.

use std::io;
use std::sync::{Arc, Mutex};

/// A source of random bytes.
pub trait Entropy: Send + 'static {
    /// Fills `bytes`.
    ///
    /// # Errors
    /// When the system has none to give.
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()>;
}

/// A source that outlives the writers that draw from it.
pub(crate) type SharedEntropy = Arc<Mutex<Box<dyn Entropy>>>;

/// The system's randomness, fetched by the page.
pub struct SystemEntropy {
    page: Box<[u8; 4096]>,
    used: usize,
}

impl Default for SystemEntropy {
    fn default() -> Self {
        Self { page: Box::new([0; 4096]), used: 4096 }
    }
}

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "the one place where the product asks for randomness")]
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        for byte in bytes {
            if self.used == self.page.len() {
                getrandom::fill(&mut self.page[..]).map_err(io::Error::other)?;
                self.used = 0;
            }
            *byte = std::mem::take(&mut self.page[self.used]);
            self.used += 1;
        }
        Ok(())
    }
}

/// Bytes that follow from a seed (SplitMix64): for tests and simulations, never for production.
pub struct SeededEntropy(u64);

impl SeededEntropy {
    /// The same seed gives the same bytes.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Entropy for SeededEntropy {
    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        for chunk in bytes.chunks_mut(8) {
            let random = self.next_u64().to_le_bytes();
            chunk.copy_from_slice(&random[..chunk.len()]);
        }
        Ok(())
    }
}
