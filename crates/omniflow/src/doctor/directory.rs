//! A data directory on this machine.

use super::finding::{Finding, Findings};
use super::lock::{self, Holder};
use crate::bench;
use std::fs;
use std::path::Path;
use std::time::Duration;

/// Below this, a server is close to its end; and below that, it is there.
const LITTLE_SPACE: u64 = 1 << 30;
const NO_SPACE: u64 = 64 << 20;
/// How long the disk is timed.
const DISK_TIME: Duration = Duration::from_millis(500);
/// Above it, a commit waits longer than a request should take.
const SLOW_DISK_MS: f64 = 50.0;

pub(super) fn examine(directory: &Path, findings: &mut Findings) {
    let shown = directory.display();
    if !directory.is_dir() {
        let mend = "give the right one with --data-dir; the server makes it at its first start";
        findings.add(Finding::missing("data directory", &format!("there is none at {shown}"), mend));
        return;
    }
    findings.add(Finding::well("data directory", &contents(directory)));
    findings.add(holder(directory));
    findings.add(space(directory));
    findings.add(disk(directory));
}

fn contents(directory: &Path) -> String {
    let file = omniflow_embedded::database_file(directory);
    match fs::metadata(&file) {
        Ok(data) => format!("{} holds a database of {}", directory.display(), size(data.len())),
        Err(_) => format!("{} holds no database yet", directory.display()),
    }
}

fn holder(directory: &Path) -> Finding {
    match lock::holder(directory) {
        Ok(Holder::Process(id)) => Finding::well("lock", &format!("a server has it, process {id}")),
        Ok(Holder::Hidden) => Finding::well("lock", "a server has it"),
        Ok(Holder::Nobody) => Finding::well("lock", "free: no server has it"),
        Err(error) => Finding::warning(
            "lock",
            &format!("who has it cannot be seen ({error})"),
            "run this on the server's machine, where /proc/locks can be read",
        ),
    }
}

fn space(directory: &Path) -> Finding {
    let space = match rustix::fs::statvfs(directory) {
        Ok(space) => space.f_bavail.saturating_mul(space.f_frsize),
        Err(error) => {
            return Finding::warning(
                "disk space",
                &format!("cannot be seen ({error})"),
                "see the permissions",
            );
        }
    };
    let found = format!("{} are free", size(space));
    let mend = "free some, or move the data directory: a server without space takes no orders";
    match space {
        ..NO_SPACE => Finding::missing("disk space", &found, mend),
        space => Finding::well_if(space >= LITTLE_SPACE, "disk space", &found, mend),
    }
}

fn disk(directory: &Path) -> Finding {
    match bench::fdatasync(directory, DISK_TIME) {
        Ok((p50, p99)) => Finding::well_if(
            p99 < SLOW_DISK_MS,
            "disk sync",
            &format!("fdatasync p50 {p50} ms, p99 {p99} ms: every commit waits for one"),
            "use a local disk with a write cache that survives power loss; see what else writes to it",
        ),
        Err(error) => Finding::missing(
            "disk sync",
            &format!("nothing can be written there ({error})"),
            "run this as the server's user; give that user the directory, and the disk space",
        ),
    }
}

/// A size for people.
fn size(bytes: u64) -> String {
    let units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    let mut rest = bytes as f64;
    let mut unit = 0;
    while rest >= 1024.0 && unit + 1 < units.len() {
        rest /= 1024.0;
        unit += 1;
    }
    if unit == 0 { format!("{bytes} bytes") } else { format!("{rest:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_for_people() {
        assert_eq!(
            (size(17), size(1 << 20), size(1536 << 20)),
            ("17 bytes".into(), "1.0 MiB".into(), "1.5 GiB".into())
        );
    }
}
