//! What is logged on a test's thread, which is the thread of its server too.

use std::cell::RefCell;
use std::io;

thread_local! {
    static WRITTEN: RefCell<Vec<u8>> = const { RefCell::new(vec![]) };
}

/// Begins to log, in all tests, before any of them has something to log.
pub(crate) fn begin() {
    let to_thread = tracing_subscriber::fmt().with_ansi(false).with_writer(|| Thread);
    // It is there already after the first test, or where a test logs elsewhere.
    let _ = to_thread.with_max_level(tracing::Level::INFO).try_init();
}

/// What has been logged on this thread.
pub(crate) fn text() -> String {
    String::from_utf8(WRITTEN.take()).expect("UTF-8")
}

struct Thread;

impl io::Write for Thread {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        WRITTEN.with_borrow_mut(|written| written.extend(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
