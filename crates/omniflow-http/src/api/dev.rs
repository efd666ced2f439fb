//! Routes that exist only in `dev`: scripts for the simulated providers, and the test clock.

use super::Api;
use super::post::{Post, mark_replayed};
use super::query::{NoQuery, Query};
use crate::json::{self, Value};
use crate::openapi::{answers, bodies, parameters, refusals};
use crate::{Code, Payload, Problem, duration};
use axum::Json;
use axum::extract::{Path, Query as Pairs, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use omniflow_core::{OrderId, ReasonText, Timestamp};
use omniflow_engine::clock::ManualClock;
use omniflow_engine::simulated::{Act, ProviderName, Script, ScriptStep, Simulated};
use omniflow_engine::{Error, Idempotency};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What only `dev` has.
#[derive(Clone)]
pub struct Dev {
    /// The simulated providers.
    pub simulated: Simulated,
    /// The clock that stands still, with `--test-clock`.
    pub clock: Option<ManualClock>,
}

/// The most steps of a script, and the most repetitions and milliseconds of one.
const MAX_STEPS: usize = 1_000;
const MAX_TIMES: i64 = 1_000_000;
const MAX_MS: i64 = 2_592_000_000;

fn dev(api: &Api) -> Result<&Dev, Problem> {
    api.dev
        .as_ref()
        .ok_or_else(|| Problem::new(Code::UnknownRoute, "This route exists only in omniflow dev."))
}

fn provider(name: &str) -> Result<ProviderName, Problem> {
    ProviderName::from_word(name)
        .ok_or_else(|| Problem::new(Code::UnknownRoute, "The simulated providers are carrier and payments."))
}

/// `PUT /dev/providers/{provider}`: gives it a script.
#[utoipa::path(
    put, path = "/api/v1/dev/providers/{provider}", tag = "dev", operation_id = "scriptProvider",
    summary = "Script a simulated provider", description = "Step by step; then it behaves as unscripted.",
    params(parameters::ProviderName), request_body = bodies::ProviderScript,
    responses(answers::Scripted, refusals::DevChanging)
)]
pub(super) async fn script_provider(
    State(api): State<Api>,
    Path(name): Path<String>,
    _: NoQuery,
    Payload(body): Payload,
) -> Result<Response, Problem> {
    let (simulated, name) = (&dev(&api)?.simulated, provider(&name)?);
    let (steps, order_id) = json::read(&body, |script| {
        let steps = script.need("script").and_then(|steps| steps.array(1..=MAX_STEPS, step));
        let order_id = script.get("order_id").and_then(|id| id.text_as(|text| OrderId::new(text)));
        Some((steps?, order_id))
    })?;
    simulated.script(name, order_id, Script::new(steps));
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn step(step: Value<'_, '_>) -> Option<ScriptStep> {
    step.object(|step| {
        let act = step.need("do").and_then(|act| {
            act.text_as(|word| Act::from_word(word).ok_or("must be fail, refuse, hang, delay or accept"))
        });
        let times = step.get("times").and_then(|times| times.integer(1..=MAX_TIMES)).unwrap_or(1);
        let ms = step.get("ms").and_then(|ms| ms.integer(0..=MAX_MS)).unwrap_or(0);
        let reason = step.get("reason").filter(|reason| reason.json() != "\"\"");
        let reason = reason.and_then(|reason| reason.text_as(|text| ReasonText::new(text)));
        Some(ScriptStep {
            act: act?,
            times: u32::try_from(times).unwrap_or(u32::MAX),
            ms: ms.unsigned_abs(),
            reason,
        })
    })
}

/// `DELETE /dev/providers/{provider}`: takes its scripts away, or with `?order_id=` one order's.
#[utoipa::path(
    delete,
    path = "/api/v1/dev/providers/{provider}",
    tag = "dev",
    operation_id = "clearProvider",
    summary = "Clear a simulated provider's scripts",
    description = "All of them, or one order's.",
    params(parameters::ProviderName, parameters::ScriptOf),
    responses(answers::Scripted, refusals::DevClearing)
)]
pub(super) async fn clear_provider(
    State(api): State<Api>,
    Path(name): Path<String>,
    Pairs(pairs): Pairs<Vec<(String, String)>>,
) -> Result<Response, Problem> {
    let (simulated, name) = (&dev(&api)?.simulated, provider(&name)?);
    let mut query = Query::new(pairs);
    let order_id = query
        .take("order_id")?
        .map(|id| OrderId::new(id).map_err(|error| Problem::parameter("order_id", error.to_string())));
    let order_id = order_id.transpose()?;
    query.finish()?;
    simulated.clear(name, order_id.as_ref());
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// `POST /dev/clock`: moves time on and answers when everything that came due has settled.
#[utoipa::path(
    post, path = "/api/v1/dev/clock", tag = "dev", operation_id = "advanceClock",
    summary = "Move the test clock", description = "Answers when everything due has settled. With `--test-clock`. A key is known until the server ends.",
    params(parameters::Key), request_body = bodies::ClockAdvance,
    responses(answers::ClockMoved, refusals::ClockMoving)
)]
pub(super) async fn advance_clock(
    State(api): State<Api>,
    State(advances): State<Arc<Advances>>,
    Post { body, mark, .. }: Post,
) -> Result<Response, Problem> {
    let no_clock = || Problem::new(Code::UnknownRoute, "This route exists only with --test-clock.");
    let clock = dev(&api)?.clock.clone().ok_or_else(no_clock)?;
    let advance = json::read(&body, |clock| {
        clock.need("advance").and_then(|advance| advance.text_as(duration::parse))
    })?;
    let moved = mark.carry_out(|idempotency| async move {
        if let Some(now) = advances.find(idempotency, api.engine.now())? {
            return Ok((now, true));
        }
        clock.advance(advance).await;
        let now = api.engine.now();
        advances.keep(idempotency, now);
        Ok((now, false))
    });
    let (now, replayed) = moved.await?;
    let mut response = Json(json!({ "now": super::view::At(now) })).into_response();
    mark_replayed(&mut response, replayed);
    Ok(response)
}

/// What requests of the clock with a key were answered. A restart forgets them, as it does the time that they
/// made pass.
#[derive(Default)]
pub(super) struct Advances(Mutex<HashMap<[u8; 32], (Idempotency, Timestamp)>>);

impl Advances {
    fn kept(&self) -> MutexGuard<'_, HashMap<[u8; 32], (Idempotency, Timestamp)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the request with this mark was answered, `None` where there was none.
    fn find(&self, mark: Option<Idempotency>, now: Timestamp) -> Result<Option<Timestamp>, Error> {
        let Some(mark) = mark else { return Ok(None) };
        let mut kept = self.kept();
        kept.retain(|_, (first, at)| at.plus_millis(first.keep_ms) > now);
        match kept.get(&mark.key) {
            None => Ok(None),
            Some((first, at)) if first.body == mark.body => Ok(Some(*at)),
            Some(_) => Err(Error::IdempotencyKeyReused),
        }
    }

    fn keep(&self, mark: Option<Idempotency>, now: Timestamp) {
        if let Some(mark) = mark {
            self.kept().insert(mark.key, (mark, now));
        }
    }
}
