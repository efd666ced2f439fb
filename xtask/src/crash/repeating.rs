//! Marked requests after a kill: those that were not answered are sent again and done once, and what was
//! answered before is answered again, byte for byte.

use super::figures::Figures;
use super::journal::{FirstAnswer, Marked, Purpose};
use super::random::Random;
use super::shop::{Counter, Gone};
use crate::product::http::Answer;

/// Answers that are asked for again, so many a restart: of the latest, and of any.
const LATEST: usize = 40;
const ANY: usize = 20;

/// Headers that are another answer's own.
const OWN_HEADERS: &[&str] = &["date", "x-request-id", REPLAYED];
const REPLAYED: &str = "idempotent-replayed";

/// Sends marked requests again.
pub(super) fn repeat(
    counter: &mut Counter<'_>,
    random: &mut Random,
    figures: &mut Figures,
) -> Result<(), Gone> {
    let (open, kept) = {
        let journal = counter.shop.journal();
        let places = |is: fn(&Marked) -> bool| {
            let marked = journal.marked.iter().enumerate();
            marked.filter(|(_, marked)| is(marked)).map(|(place, _)| place).collect::<Vec<usize>>()
        };
        let open = places(|marked| matches!(marked.answer, FirstAnswer::None));
        (open, places(|marked| matches!(marked.answer, FirstAnswer::Kept(_))))
    };
    for mark in open {
        figures.repeated += 1;
        if finish(counter, mark)? {
            again(counter, mark, figures)?;
        }
    }
    for mark in kept.iter().rev().take(LATEST) {
        again(counter, *mark, figures)?;
    }
    for _ in 0..ANY.min(kept.len()) {
        again(counter, *random.pick(&kept), figures)?;
    }
    Ok(())
}

/// Sends a request that was not answered again. Answers whether it is done now, whenever that was.
fn finish(counter: &mut Counter<'_>, mark: usize) -> Result<bool, Gone> {
    let answer = counter.repeat(mark)?;
    let mut journal = counter.shop.journal();
    journal.was_answered(Some(mark), &answer);
    let is_done = matches!(journal.marked[mark].answer, FirstAnswer::Kept(_));
    match journal.marked[mark].purpose {
        // Whoever marks a placing need not look for it under its number.
        Purpose::Place { .. } if answer.code() == "external_id_taken" => {
            journal.complain(format!("k-{mark} was done, and its repetition is answered {answer:?}"));
        }
        Purpose::Place { order } => journal.placed(order, &answer),
        Purpose::Act { order, sent } => drop(journal.answered(order, sent, answer)),
        Purpose::Adjust { adjustment } => journal.adjusted(adjustment, &answer),
    }
    Ok(is_done)
}

/// Asks for an answer that was given before.
fn again(counter: &mut Counter<'_>, mark: usize, figures: &mut Figures) -> Result<(), Gone> {
    let answer = counter.repeat(mark)?;
    figures.repeated_answers += 1;
    let mut journal = counter.shop.journal();
    if let FirstAnswer::Kept(first) = &journal.marked[mark].answer
        && let Some(difference) = difference(first, &answer)
    {
        let marked = &journal.marked[mark];
        let complaint = format!("k-{mark} ({:?}, {}): {difference}", marked.purpose, marked.path);
        journal.complain(complaint);
    }
    Ok(())
}

/// What keeps an answer from being the first one, given again.
fn difference(first: &Answer, again: &Answer) -> Option<String> {
    if again.header(REPLAYED) != Some("true") {
        return Some(format!("its repetition does not say that it is one: {again:?}"));
    }
    let headers = |answer: &Answer| {
        let mut headers = answer.headers.clone();
        headers.retain(|(name, _)| !OWN_HEADERS.contains(&name.as_str()));
        headers.sort();
        headers
    };
    let is_same =
        first.status == again.status && first.bytes == again.bytes && headers(first) == headers(again);
    (!is_same).then(|| format!("it was answered {first:?}, and again {again:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str, headers: &[(&str, &str)]) -> Answer {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Answer { status, bytes: body.into(), headers: headers.collect(), ..Answer::default() }
    }

    #[test]
    fn an_answer_given_again_is_the_same_to_the_byte() {
        let first = answer(201, r#"{"a":1}"#, &[("location", "/o/1"), ("date", "now"), ("etag", "2")]);
        let marks = [("location", "/o/1"), ("etag", "2"), (REPLAYED, "true"), ("date", "then")];
        assert_eq!(difference(&first, &answer(201, r#"{"a":1}"#, &marks)), None);
        for wrong in [
            answer(200, r#"{"a":1}"#, &marks),
            answer(201, r#"{"a": 1}"#, &marks),
            answer(201, r#"{"a":1}"#, &marks[..3][1..]),
            answer(201, r#"{"a":1}"#, &marks[..2]),
            answer(201, r#"{"a":1}"#, &[("location", "/o/2"), marks[1], marks[2]]),
        ] {
            assert!(difference(&first, &wrong).is_some(), "{wrong:?}");
        }
    }
}
