//! What commands print, where it does not arrive.

use crate::server::{Place, omniflow};
use std::fs::File;
use std::process::{Command, Output, Stdio};

/// A pipe that nobody reads, from before the command starts.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn full_disk() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

fn run(mut command: Command, stdout: Stdio) -> Output {
    command.stdin(Stdio::null()).stdout(stdout).output().unwrap()
}

fn verify(place: &Place) -> Command {
    let mut command = omniflow(["verify", "--data-dir"]);
    command.arg(place.data());
    command
}

/// A data directory that nobody uses.
fn stopped() -> Place {
    let place = Place::new();
    assert_eq!(place.start(&[]).terminate().code(), Some(0));
    place
}

#[track_caller]
fn ends_quietly(output: &Output, code: i32) {
    assert_eq!((output.status.code(), &*String::from_utf8_lossy(&output.stderr)), (Some(code), ""));
}

#[test]
fn who_stops_reading_has_read_enough() {
    let place = stopped();
    ends_quietly(&run(omniflow(["lifecycle"]), closed()), 0);
    ends_quietly(&run(omniflow(["lifecycle", "--mermaid"]), closed()), 0);
    ends_quietly(&run(omniflow(["--help"]), closed()), 0);
    ends_quietly(&run(verify(&place), closed()), 0);
}

#[test]
fn what_does_not_hold_is_told_by_the_exit_code_also_where_nobody_reads() {
    let place = stopped();
    let database = place.data().join("omniflow.db");
    let program = "import sqlite3, sys\n\
        database = sqlite3.connect(sys.argv[1], isolation_level=None)\n\
        database.execute('UPDATE stock SET on_hand = on_hand + 1')";
    let damaged = Command::new("python3").args(["-c", program]).arg(database).status().unwrap();
    assert!(damaged.success());
    ends_quietly(&run(verify(&place), closed()), 1);
}

#[test]
fn a_full_disk_is_a_failure_that_is_told() {
    let place = stopped();
    for command in [omniflow(["lifecycle"]), verify(&place)] {
        let output = run(command, full_disk());
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{errors}");
        assert!(errors.starts_with("error: standard output cannot be written: "), "{errors}");
    }
}

#[test]
fn a_failure_has_its_exit_code_also_where_nobody_reads_why() {
    let mut command = omniflow(["worker"]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(closed()).status().unwrap();
    assert_eq!(status.code(), Some(2));
}
