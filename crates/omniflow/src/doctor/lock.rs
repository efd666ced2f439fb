//! Who has a data directory, without taking its lock: a server that starts at that moment would miss it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// Who has the directory.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Nobody,
    Process(u32),
    /// A process that this one cannot see, in another container for example.
    Hidden,
}

/// Reads it from the system's list of locks.
///
/// # Errors
/// Where the system has no such list, or the directory cannot be read.
pub(super) fn holder(directory: &Path) -> io::Result<Holder> {
    match fs::metadata(directory.join("lock")) {
        Ok(file) => Ok(holder_in(&fs::read_to_string("/proc/locks")?, file.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Holder::Nobody),
        Err(error) => Err(error),
    }
}

/// Looks an inode up in lines such as `1: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF`. The device is not
/// compared, since file systems in layers show another one there.
fn holder_in(locks: &str, inode: u64) -> Holder {
    let held = locks.lines().find_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        let is_lock = words.next() == Some("FLOCK");
        let (process, place) = (words.nth(2)?, words.next()?);
        let is_ours = place.rsplit(':').next()?.parse() == Ok(inode);
        (is_lock && is_ours).then(|| process.parse::<u32>().ok().filter(|id| *id > 0))
    });
    match held {
        None => Holder::Nobody,
        Some(None) => Holder::Hidden,
        Some(Some(process)) => Holder::Process(process),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKS: &str = "1: POSIX  ADVISORY  WRITE 7 08:01:42 0 EOF\n\
                         2: FLOCK  ADVISORY  WRITE 4711 08:01:123456 0 EOF\n\
                         2: -> FLOCK  ADVISORY  WRITE 9 08:01:9 0 EOF\n\
                         3: FLOCK  ADVISORY  WRITE 0 00:2f:77 0 EOF\n";

    #[test]
    fn the_holder_is_read_from_the_systems_list() {
        assert_eq!(holder_in(LOCKS, 123_456), Holder::Process(4711));
        assert_eq!(holder_in(LOCKS, 77), Holder::Hidden);
        // A lock of another kind, one that waits, and one of nobody.
        for inode in [42, 9, 1] {
            assert_eq!(holder_in(LOCKS, inode), Holder::Nobody, "{inode}");
        }
    }

    #[test]
    fn a_lock_that_is_held_is_seen_and_one_that_is_not_is_free() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(holder(directory.path()).unwrap(), Holder::Nobody);
        let file = fs::File::create(directory.path().join("lock")).unwrap();
        assert_eq!(holder(directory.path()).unwrap(), Holder::Nobody);
        file.lock().unwrap();
        assert_ne!(holder(directory.path()).unwrap(), Holder::Nobody);
    }
}
