//! Every test ends by advancing the clock, which hangs if a token was lost on the way.

use super::*;
use crate::clock::ManualClock;
use crate::{Answer, Carrier, EngineMetrics, Payments, RefundRequest, ShipmentRequest};
use omniflow_core::{EffectId, Receipt, Reference, Timestamp};
use std::collections::VecDeque;
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// What the provider of a test does with one attempt.
#[derive(Clone)]
enum Do {
    Answer(Attempt),
    AnswerAfter(u64, Attempt),
    Hang,
    /// Never answers, and works all the time: a fault that must not keep time from moving.
    Drop,
}

/// A provider that does what it is told, and notes when it was asked.
struct Told {
    clock: ManualClock,
    acts: Mutex<VecDeque<Do>>,
    asked_at: Mutex<Vec<i64>>,
}

impl Told {
    fn attempt(&self, busy: Busy) -> Answer<'_, (Attempt, Busy)> {
        Box::pin(async move {
            self.asked_at.lock().unwrap().push(self.clock.now().as_millis());
            let act = self.acts.lock().unwrap().pop_front().expect("one attempt more than expected");
            match act {
                Do::Answer(attempt) => (attempt, busy),
                Do::AnswerAfter(ms, attempt) => {
                    let busy = self.clock.sleep_until(self.clock.now().plus_millis(ms), busy).await;
                    (attempt, busy)
                }
                Do::Hang => {
                    let at = Timestamp::from_millis(i64::MAX);
                    (not_taken(), self.clock.sleep_until(at, busy).await)
                }
                Do::Drop => {
                    drop(busy);
                    pending().await
                }
            }
        })
    }
}

impl Carrier for Told {
    fn create_shipment<'a>(&'a self, _: &'a ShipmentRequest, busy: Busy) -> Answer<'a, (Attempt, Busy)> {
        self.attempt(busy)
    }
}

impl Payments for Told {
    fn refund<'a>(&'a self, _: &'a RefundRequest, busy: Busy) -> Answer<'a, (Attempt, Busy)> {
        self.attempt(busy)
    }
}

const RETRY: RetryPolicy =
    RetryPolicy { attempts: 3, attempt_timeout_ms: 100, backoff_ms: 10, backoff_max_ms: 15 };

fn done() -> Attempt {
    Attempt::Done(Receipt::Shipment { tracking_number: Reference::new("TRK-1").unwrap() })
}

fn not_taken() -> Attempt {
    Attempt::NotTaken { error: "503".to_owned() }
}

fn unknown() -> Attempt {
    Attempt::Unknown { error: "reset".to_owned() }
}

/// Begins an effect; answers what came of it and when it ended.
fn begin(told: &Arc<Told>, retry: RetryPolicy) -> JoinHandle<(Attempts, i64)> {
    let providers = Providers { carrier: Arc::clone(told) as _, payments: Arc::clone(told) as _ };
    let (clock, busy) = (told.clock.clone(), told.clock.busy());
    tokio::spawn(async move {
        let effect_id = EffectId::parse("ORD-1.ship.1").unwrap();
        let (external_id, lines, details) = (None, vec![], None);
        let request = EffectRequest::Shipment(ShipmentRequest { effect_id, external_id, lines, details });
        let (attempts, busy) =
            perform(&providers, &clock, &EngineMetrics::default(), &request, retry, busy).await;
        let ended_at = clock.now().as_millis();
        // Whoever gets the outcome goes on working under the same token.
        tokio::task::yield_now().await;
        drop(busy);
        (attempts, ended_at)
    })
}

fn told(acts: impl IntoIterator<Item = Do>) -> Arc<Told> {
    let clock = ManualClock::new(Timestamp::from_millis(0));
    let (acts, asked_at) = (Mutex::new(acts.into_iter().collect()), Mutex::default());
    Arc::new(Told { clock, acts, asked_at })
}

/// Runs an effect to its end, which it must reach within a second of the clock. Answers what came of it, when
/// each attempt was made, and when it ended.
async fn run(retry: RetryPolicy, acts: impl IntoIterator<Item = Do>) -> (Attempts, Vec<i64>, i64) {
    let told = told(acts);
    let performing = begin(&told, retry);
    told.clock.advance(Duration::from_secs(1)).await;
    let ended = tokio::time::timeout(Duration::from_secs(10), performing).await;
    let (attempts, ended_at) = ended.expect("it ends within a second of the clock").unwrap();
    let asked_at = told.asked_at.lock().unwrap().clone();
    assert!(told.acts.lock().unwrap().is_empty(), "fewer attempts than expected");
    (attempts, asked_at, ended_at)
}

async fn outcome(acts: impl IntoIterator<Item = Do>) -> Outcome {
    run(RETRY, acts).await.0.outcome
}

#[tokio::test]
async fn what_is_decided_at_once_takes_no_time() {
    for attempt in
        [done(), Attempt::Accepted { reference: None }, Attempt::Refused { reason: ReasonText::lossy("no") }]
    {
        let expected = decided(attempt.clone()).unwrap();
        let ended = run(RETRY, [Do::Answer(attempt)]).await;
        assert_eq!(ended, (Attempts { outcome: expected, attempts: 1 }, vec![0], 0));
    }
}

#[tokio::test]
async fn acceptance_and_refusal_end_the_attempts() {
    let accepted =
        outcome([Do::Answer(not_taken()), Do::Answer(Attempt::Accepted { reference: None })]).await;
    assert_eq!(accepted, Outcome::Accepted { reference: None });
    let refused = outcome([Do::Answer(unknown()), Do::Answer(Attempt::Refused { reason: None })]).await;
    assert_eq!(refused, Outcome::Refused { reason: None });
}

#[tokio::test]
async fn pauses_double_up_to_the_longest() {
    let retry = RetryPolicy { attempts: 4, ..RETRY };
    let acts =
        [Do::Answer(not_taken()), Do::Answer(not_taken()), Do::Answer(not_taken()), Do::Answer(done())];
    let (attempts, asked_at, ended_at) = run(retry, acts).await;
    assert_eq!((attempts.attempts, asked_at, ended_at), (4, vec![0, 10, 25, 40], 40));
}

#[tokio::test]
async fn attempts_without_effect_are_exhausted_and_say_what_was_last_heard() {
    let last = Attempt::NotTaken { error: "no\0 connection".to_owned() };
    let acts = [Do::Answer(not_taken()), Do::Answer(not_taken()), Do::Answer(last)];
    let last_error = ReasonText::lossy("no connection");
    assert_eq!(outcome(acts).await, Outcome::Exhausted { attempts: 3, last_error });
}

#[tokio::test]
async fn one_attempt_that_may_have_taken_effect_makes_the_whole_unknown() {
    for place in 0..3 {
        let mut acts = vec![Do::Answer(not_taken()); 3];
        acts[place] = Do::Answer(unknown());
        assert!(matches!(outcome(acts).await, Outcome::Unknown { attempts: 3, .. }), "in place {place}");
    }
}

#[tokio::test]
async fn an_attempt_without_an_answer_in_time_may_have_taken_effect() {
    for silent in [Do::Hang, Do::Drop, Do::AnswerAfter(101, done())] {
        let retry = RetryPolicy { attempts: 1, ..RETRY };
        let (attempts, _, ended_at) = run(retry, [silent]).await;
        let last_error = ReasonText::lossy("no answer within 100 ms");
        assert_eq!((attempts.outcome, ended_at), (Outcome::Unknown { attempts: 1, last_error }, 100));
    }
}

#[tokio::test]
async fn an_attempt_is_made_again_after_its_time_out_and_a_pause() {
    let (attempts, asked_at, ended_at) = run(RETRY, [Do::Hang, Do::Answer(done())]).await;
    assert!(matches!(attempts.outcome, Outcome::Done(_)));
    assert_eq!((asked_at, ended_at), (vec![0, 110], 110));
}

#[tokio::test]
async fn an_answer_in_time_counts_even_at_the_last_moment() {
    for after in [1, 99, 100] {
        let (attempts, _, ended_at) = run(RETRY, [Do::AnswerAfter(after, done())]).await;
        assert!(matches!(attempts.outcome, Outcome::Done(_)), "after {after} ms");
        assert_eq!(ended_at, i64::try_from(after).unwrap());
    }
}

#[tokio::test]
async fn a_policy_of_zeros_still_makes_one_attempt_and_loses_no_token() {
    let zeros = RetryPolicy { attempts: 0, attempt_timeout_ms: 0, backoff_ms: 0, backoff_max_ms: 0 };
    assert!(matches!(run(zeros, [Do::Answer(done())]).await.0.outcome, Outcome::Done(_)));
    assert!(matches!(run(zeros, [Do::Hang]).await.0.outcome, Outcome::Unknown { attempts: 1, .. }));
    let twice = RetryPolicy { attempts: 2, ..zeros };
    assert!(matches!(run(twice, [Do::Drop, Do::Answer(done())]).await.0.outcome, Outcome::Done(_)));
}

#[tokio::test]
async fn who_gives_up_leaves_no_token_behind() {
    let (in_an_attempt, in_a_pause) = (20, 55);
    for after in [in_an_attempt, in_a_pause] {
        let told = told([Do::AnswerAfter(50, not_taken()), Do::Answer(done())]);
        let performing = begin(&told, RETRY);
        told.clock.advance(Duration::from_millis(after)).await;
        performing.abort();
        assert!(performing.await.unwrap_err().is_cancelled());
        told.clock.advance(Duration::from_millis(1_000 - after)).await;
        assert_eq!(told.clock.now(), Timestamp::from_millis(1_000));
        assert_eq!(told.asked_at.lock().unwrap().len(), 1, "nobody asks any more");
    }
}

/// On several threads a provider can give up its token before the time-out is set: time must wait for both.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_does_not_move_before_the_time_out_is_set() {
    for _ in 0..200 {
        let (attempts, asked_at, ended_at) = run(RETRY, [Do::Drop, Do::Hang, Do::Drop]).await;
        assert!(matches!(attempts.outcome, Outcome::Unknown { attempts: 3, .. }));
        assert_eq!((asked_at, ended_at), (vec![0, 110, 225], 325));
    }
}
