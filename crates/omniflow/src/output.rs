//! Standard output. Whoever closes it early, as `head` does, has read enough: that is no failure, and says
//! nothing about what the command found.

use std::io::{self, ErrorKind, Write};

/// Prints by `write`, as a whole or up to where nobody reads any more.
///
/// # Errors
/// What else keeps it from being written, such as a full disk.
pub(crate) fn print(write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let printed = write(&mut out).and_then(|()| out.flush());
    // What is left in the buffer was tried once.
    drop(out.into_parts());
    match printed {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        printed => printed,
    }
}
