//! The crash point between a provider's ledger and its answer.

use super::*;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;

/// Where the process that is to end has its ledger.
const LOG: &str = "OMNIFLOW_TEST_PROVIDERS_LOG";

/// Asks for one effect of each kind that is written down, one after the other.
#[tokio::test]
async fn one_effect_of_each_kind_is_asked_for() {
    let log = std::env::var(LOG).ok();
    let acts = [Act::Refuse.step(1, 0), Act::Accept.step(1, 500), Act::Delay.step(1, 0)];
    let street = Street::new(0, log.as_deref().map(Path::new)).scripted(CARRIER, acts);
    for number in 1..=4 {
        street.ask_now(&format!("ORD-{number}.ship.1")).await;
    }
    let whats: Vec<What> = street.ledger().into_iter().map(|(_, what, _)| what).collect();
    assert_eq!(whats, [What::Refused, What::Accepted, What::Done, What::Done]);
}

#[test]
fn a_process_that_ends_when_an_effect_is_taken_has_written_it_down() {
    for taken in 1..=4 {
        let (_dir, path) = in_file();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "simulated::tests::crash::one_effect_of_each_kind_is_asked_for"]);
        command.env("OMNIFLOW_CRASH_AT", format!("effect-taken:{taken}")).env(LOG, &path);
        let output = command.output().unwrap();
        assert_eq!(output.status.signal(), Some(9), "{output:?}");
        assert_eq!(read_records(&path).unwrap().len(), taken);
    }
}
