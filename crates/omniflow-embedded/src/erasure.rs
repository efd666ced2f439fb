//! How details that were erased are told from others: their salt is zeros.

/// Writes zeros of the same length over an order's details, in place. Where a row is deleted instead, the ones
/// beside it are moved, and copies of those stay where they were, out of reach of their own erasure.
pub(crate) const ERASE_DETAILS: &str = "UPDATE order_details
    SET salt = zeroblob(length(salt)), body = zeroblob(length(body))
    WHERE order_key = ?1 AND salt <> zeroblob(length(salt))";

/// Reads an order's details, unless they were erased.
pub(crate) const READ_DETAILS: &str =
    "SELECT body FROM order_details WHERE order_key = ?1 AND salt <> zeroblob(length(salt))";

/// Whether this is what is left of the salt of details that were erased.
pub(crate) fn is_erased(salt: &[u8; 16]) -> bool {
    *salt == [0; 16]
}
