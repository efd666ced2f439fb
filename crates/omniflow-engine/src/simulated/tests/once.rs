//! One effect has one answer, whatever a script says before or after, and also after a restart.

use super::*;

/// What a provider did with one effect, in its ledger's words.
fn whats(street: &Street) -> Vec<What> {
    street.ledger().into_iter().map(|(_, what, _)| what).collect()
}

#[tokio::test]
async fn what_is_done_late_is_not_refused_to_whoever_asks_again() {
    for second in Act::ALL {
        let steps = [Act::Delay.step(1, 3_100), second.step(1, 50)];
        let street = Street::new(0, None).scripted(CARRIER, steps);
        let given_up = street.ask(SHIP);
        street.pass(3_000).await;
        given_up.abort();
        street.pass(200).await;
        assert_eq!(whats(&street), [What::Done], "{second}");
        assert_eq!(street.ask_now(SHIP).await, Attempt::Done(shipped()), "{second}");
        assert_eq!(whats(&street), [What::Done], "{second}");
        let mut state = street.simulated.0.lock();
        let left = state.scripts.in_force(CARRIER, &order_of(SHIP)).and_then(Script::pop);
        assert_eq!(left.map(|step| step.act), Some(second), "the step waits for an effect that is not done");
    }
}

#[tokio::test]
async fn a_script_takes_back_nothing_that_was_done_without_one() {
    let (_dir, path) = in_file();
    for log in [None, Some(&*path)] {
        for (provider, effect) in [(CARRIER, SHIP), (ProviderName::Payments, REFUND)] {
            let street = Street::new(0, log);
            let done = street.ask_now(effect).await;
            assert!(matches!(done, Attempt::Done(_)));
            for act in Act::ALL {
                street.simulated.script(provider, None, Script::new([act.step(1, 0)]));
                assert_eq!(street.ask_now(effect).await, done, "{act}");
                street.simulated.script(provider, Some(order_of(effect)), Script::new([act.step(1, 0)]));
                assert_eq!(street.ask_now(effect).await, done, "{act} for the order");
                street.simulated.clear(provider, None);
            }
        }
    }
}

/// The answer was lost with the process: it died after the ledger had the effect.
#[tokio::test]
async fn a_script_takes_back_nothing_that_was_done_before_a_restart() {
    for act in Act::ALL {
        let (_dir, path) = in_file();
        let done = Street::new(0, Some(&path)).ask_now(SHIP).await;
        let street = Street::new(0, Some(&path)).scripted(CARRIER, [act.step(1, 0)]);
        assert_eq!(street.ask_now(SHIP).await, done, "{act}");
        assert_eq!(whats(&street), [What::Done], "{act}");
    }
}

#[tokio::test]
async fn what_was_refused_or_accepted_stays_so_when_the_script_is_gone() {
    for (act, what) in [(Act::Refuse, What::Refused), (Act::Accept, What::Accepted)] {
        let (_dir, path) = in_file();
        let street = Street::new(0, Some(&path)).scripted(CARRIER, [act.step(1, 500)]);
        let first = street.ask_now(SHIP).await;
        street.simulated.clear(CARRIER, None);
        assert_eq!(street.ask_now(SHIP).await, first);
        let street = Street::new(0, Some(&path)).scripted(CARRIER, [Act::Delay.step(1, 0)]);
        assert_eq!(street.ask_now(SHIP).await, first);
        assert_eq!(whats(&street), [what]);
    }
}

/// Each scripted attempt reads what the ledger has got since the one before.
#[tokio::test]
async fn what_is_done_between_two_steps_is_known_at_the_second() {
    let (_dir, path) = in_file();
    for log in [None, Some(&*path)] {
        let street = Street::new(0, log).scripted(CARRIER, [Act::Fail.step(1, 0), Act::Refuse.step(1, 0)]);
        assert!(matches!(street.ask_now("ORD-1.ship.1").await, Attempt::NotTaken { .. }));
        for number in 2..=3 {
            let effect = format!("ORD-{number}.ship.1");
            street.simulated.script(CARRIER, Some(order_of(&effect)), Script::default());
            let done = street.ask_now(&effect).await;
            street.simulated.script(CARRIER, Some(order_of(&effect)), Script::new([Act::Refuse.step(1, 0)]));
            assert_eq!(street.ask_now(&effect).await, done);
        }
        assert!(matches!(street.ask_now("ORD-1.ship.1").await, Attempt::Refused { .. }));
    }
}

#[tokio::test]
async fn nothing_is_remembered_of_what_is_done_without_a_script() {
    let street = Street::new(0, None).scripted(CARRIER, [Act::Fail.step(1, 0)]);
    street.ask_now(SHIP).await;
    let before = street.simulated.0.lock().done.len();
    for number in 1..=100 {
        street.ask_now(&format!("ORD-{number}.ship.1")).await;
    }
    let state = street.simulated.0.lock();
    assert_eq!((before, state.done.len(), state.memory.len(), state.in_progress.len()), (0, 0, 0, 0));
}

/// A ledger that cannot be read cannot say that the effect is not done.
#[tokio::test]
async fn a_step_is_not_obeyed_while_the_ledger_cannot_be_read() {
    let (_dir, path) = in_file();
    let street = Street::new(0, Some(&path)).scripted(CARRIER, [Act::Refuse.step(1, 0)]);
    std::fs::write(&path, "{\"at\":1,\"what\":\"done\"}\n").unwrap();
    let Attempt::NotTaken { error } = street.ask_now(SHIP).await else { panic!("it was taken") };
    assert!(error.starts_with("the simulated provider cannot read its ledger: missing field"), "{error}");
    std::fs::write(&path, "").unwrap();
    assert_eq!(street.ask_now(SHIP).await, Attempt::Refused { reason: None });
}

fn order_of(effect: &str) -> OrderId {
    EffectId::parse(effect).unwrap().order_id
}
