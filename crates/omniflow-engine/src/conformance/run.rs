//! How a case is run: as it is, or again and again with a crash after each of its steps.

use super::observation::observe;
use super::{CASES, Case, Harness, World};

/// The case of this name.
pub fn find(rule: &str, name: &str) -> &'static Case {
    match CASES.iter().find(|case| case.rule == rule && case.name == name) {
        Some(case) => case,
        None => panic!("there is no case {rule}::{name}"),
    }
}

/// Runs a case as it is.
///
/// # Panics
/// When the engine does not do what the case claims.
pub async fn check<H: Harness>(rule: &str, name: &str, new: impl Fn() -> H) {
    play(find(rule, name), new(), None).await;
}

/// Runs a case, then again for each of its steps with a crash after it. What can be observed in the end must
/// be the same.
///
/// # Panics
/// When the engine does not do what the case claims, or a crash makes a difference.
pub async fn check_crashing<H: Harness>(rule: &str, name: &str, new: impl Fn() -> H) {
    let case = find(rule, name);
    let (steps, expected) = play(case, new(), None).await;
    for crash_after in 1..=steps {
        let (_, observed) = play(case, new(), Some(crash_after)).await;
        assert_eq!(
            observed, expected,
            "a crash after step {crash_after} of {rule}::{name} makes a difference"
        );
    }
}

/// Plays a case, audits what it leaves, and audits it again after a restart. Answers the number of its steps
/// and what can be observed.
async fn play(case: &Case, harness: impl Harness, crash_after: Option<usize>) -> (usize, String) {
    let mut world = World::new(Box::new(harness), crash_after).await;
    (case.run)(&mut world).await;
    let steps = world.steps().len();
    world.rest().await;
    let live = world.audit().await;
    world.restart().await;
    let rebuilt = world.audit().await;
    assert_eq!(rebuilt, live, "a restart makes a difference");
    let observed = if world.is_definite() { observe(&live, &world.records()) } else { String::new() };
    (steps, observed)
}
