//! Where a reader is in a document, written out only when there is something to say about it.

use std::fmt::Write;

/// A way from the root, kept on the stack of those who walk it.
#[derive(Clone, Copy, Debug)]
pub(super) enum Path<'v> {
    Root,
    Key(&'v Path<'v>, &'v str),
    Index(&'v Path<'v>, usize),
}

/// The most bytes of a key that are repeated to its sender.
const MAX_KEY: usize = 200;

impl Path<'_> {
    /// The JSON pointer (RFC 6901).
    pub(super) fn pointer(&self) -> String {
        let mut pointer = String::new();
        self.write(&mut pointer);
        pointer
    }

    fn write(&self, pointer: &mut String) {
        match self {
            Self::Root => {}
            Self::Key(parent, key) => {
                parent.write(pointer);
                pointer.push('/');
                pointer.push_str(&shortened(key).replace('~', "~0").replace('/', "~1"));
            }
            Self::Index(parent, index) => {
                parent.write(pointer);
                let written = write!(pointer, "/{index}");
                debug_assert!(written.is_ok(), "a String takes whatever is written");
            }
        }
    }
}

fn shortened(key: &str) -> String {
    if key.len() <= MAX_KEY {
        return key.to_owned();
    }
    format!("{}…", &key[..key.floor_char_boundary(MAX_KEY)])
}
