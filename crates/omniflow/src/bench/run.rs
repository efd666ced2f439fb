//! One run: greet the server, raise the stock, take the floors, warm up, measure, take the floors again.

use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;

use super::client::{self, Connection};
use super::drive::{self, Ended, Limit, Load, Phase, Pool};
use super::error::Error;
use super::flash_sale::{FlashSale, Sale};
use super::floors::{self, Floors};
use super::lifecycle::{Lifecycle, OrderRequests};
use super::place::{Place, PlaceRequests, Terms};
use super::process::Usage;
use super::progress::Progress;
use super::readers::Readers;
use super::report::{self, Failures, FloorsAround, Latencies, Report, Server, rounded};
use super::stock::{self, Stock, StockSet};
use super::target::Target;

/// Which load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LoadKind {
    Place,
    Lifecycle {
        /// How long a paid order may take to complete.
        give_up: Duration,
    },
    FlashSale {
        /// How many there are to be had.
        pieces: u64,
    },
}

/// Everything a run needs to know.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) load: LoadKind,
    pub(super) target: Target,
    pub(super) connections: usize,
    pub(super) limit: Limit,
    pub(super) warmup: Duration,
    pub(super) skus: Vec<String>,
    pub(super) terms: Terms,
    pub(super) stock: Stock,
    pub(super) floor_dir: PathBuf,
    /// How long each floor may take, each time.
    pub(super) floor_time: Duration,
    /// How long nothing at all may be answered.
    pub(super) patience: Duration,
    pub(super) server_pid: Option<u32>,
    /// Readers of `/events` beside the load.
    pub(super) event_readers: u32,
}

/// Carries the plan out. Needs a `LocalRuntime`.
///
/// # Errors
/// Where the run cannot be prepared; once it measures, what goes wrong is in the report.
pub(super) async fn execute(plan: &Plan) -> Result<Report, Error> {
    let orders = PlaceRequests::new(&plan.target, &plan.skus, &plan.terms);
    match plan.load {
        LoadKind::Place => measure(plan, "place", Rc::new(Place { orders })).await,
        LoadKind::Lifecycle { give_up } => {
            let requests = OrderRequests::new(&plan.target);
            measure(plan, "lifecycle", Rc::new(Lifecycle { orders, requests, give_up })).await
        }
        LoadKind::FlashSale { pieces } => {
            let load = Rc::new(FlashSale::new(orders));
            let report = measure(plan, "flash-sale", load.clone()).await?;
            let left = left(plan).await?;
            let (sold, sold_out) = (load.sold.get(), load.sold_out.get());
            Ok(Report { sale: Some(Sale { pieces, sold, sold_out, left }), ..report })
        }
    }
}

/// Pieces of the first SKU that the server says are still available.
async fn left(plan: &Plan) -> Result<u64, Error> {
    let addresses: Rc<[_]> =
        plan.target.resolve().map_err(|error| Error::unreachable(&plan.target, &error))?.into();
    let mut connection = Connection::new(addresses);
    let sku = plan.skus.first().map_or("", String::as_str);
    stock::available(&mut connection, &plan.target, sku).await
}

async fn measure<L: Load + 'static>(plan: &Plan, bench: &'static str, load: Rc<L>) -> Result<Report, Error> {
    let (mut pool, stock_set) = prepare(plan).await?;
    let before = take_floors(plan, &mut pool).await?;
    let mut readers = read_events(plan).await?;
    let warmup = warm_up(plan, load.clone(), &mut pool).await?;
    readers.iter_mut().for_each(Readers::begin);
    let usage = Usages::now(plan, readers.as_ref())?;
    let progress = Progress::new(bench, plan.limit);
    let mut phase = drive::drive(load, &mut pool, plan.limit, plan.patience, &progress).await?;
    drop(progress);
    let usage = usage.until_now(plan, readers.as_ref(), phase.tally.done);
    let event_readers = readers.map(|readers| readers.got());
    let after = match phase.ended {
        Ended::Done => take_floors(plan, &mut pool).await.ok(),
        _ => None,
    };
    for (kind, count) in warmup.into_iter().flat_map(|phase| phase.tally.failures) {
        *phase.tally.failures.entry(kind).or_default() += count;
    }
    let report = report(plan, bench, &phase, FloorsAround { before, after }, usage);
    Ok(Report { stock_set, event_readers, ..report })
}

/// Sees that the server answers and has the stock, and that its process can be read if it must be.
async fn prepare(plan: &Plan) -> Result<(Pool, Vec<StockSet>), Error> {
    Usages::now(plan, None)?;
    let unreachable = |error| Error::unreachable(&plan.target, &error);
    let addresses: Rc<[_]> = plan.target.resolve().map_err(unreachable)?.into();
    drop(client::connect_once(&addresses).await.map_err(unreachable)?);
    let mut connection = Connection::new(addresses.clone());
    stock::ask(&mut connection, &plan.target, &plan.target.get("/healthz", "")).await?;
    let stock_set = stock::prepare(&mut connection, &plan.target, &plan.skus, plan.stock).await?;
    Ok((Pool::new(addresses, plan.connections), stock_set))
}

async fn read_events(plan: &Plan) -> Result<Option<Readers>, Error> {
    if plan.event_readers == 0 {
        return Ok(None);
    }
    let addresses = plan.target.resolve().map_err(|error| Error::unreachable(&plan.target, &error))?;
    Readers::start(&plan.target, &addresses, plan.event_readers).await.map(Some)
}

async fn take_floors(plan: &Plan, pool: &mut Pool) -> Result<Floors, Error> {
    floors::measure(&plan.floor_dir, &plan.target, pool, plan.floor_time, plan.patience).await
}

async fn warm_up<L: Load + 'static>(
    plan: &Plan,
    load: Rc<L>,
    pool: &mut Pool,
) -> Result<Option<Phase>, Error> {
    if plan.warmup.is_zero() {
        return Ok(None);
    }
    let limit = Limit::For(plan.warmup);
    let phase = drive::drive(load, pool, limit, plan.patience, &Progress::new("warm-up", limit)).await?;
    match phase.ended {
        Ended::Done => Ok(Some(phase)),
        Ended::Interrupted => Err(Error::Interrupted),
        Ended::Unreachable(error) => Err(Error::unreachable(&plan.target, &error)),
        Ended::Silent(_) => Err(Error::unreachable(&plan.target, &"the warm-up's requests are not answered")),
    }
}

/// What generator and server had used at one moment.
struct Usages {
    /// CPU time without that of the readers.
    client: Option<Duration>,
    server: Option<Usage>,
}

/// What they used over the measured phase, as reported.
struct Used {
    client_cpu_us_per_order: Option<f64>,
    server: Option<Server>,
}

impl Usages {
    fn now(plan: &Plan, readers: Option<&Readers>) -> Result<Self, Error> {
        let server =
            plan.server_pid.map(|pid| Usage::of(pid).map_err(|source| Error::ServerPid { pid, source }));
        Ok(Self { client: client_cpu(readers), server: server.transpose()? })
    }

    /// Since `self`; nothing of a process that is not there any more.
    fn until_now(&self, plan: &Plan, readers: Option<&Readers>, orders: u64) -> Used {
        let per_order = |used: f64| (orders > 0).then(|| rounded(used / orders as f64));
        let cpu_us = |from: Duration, to: Duration| per_order(to.saturating_sub(from).as_secs_f64() * 1e6);
        let client = self.client.zip(client_cpu(readers));
        let server = plan.server_pid.and_then(|pid| Some((pid, self.server?, Usage::of(pid).ok()?)));
        Used {
            client_cpu_us_per_order: client.and_then(|(from, to)| cpu_us(from, to)),
            server:
                server.map(|(pid, from, to)| Server {
                    pid,
                    cpu_us_per_order: cpu_us(from.cpu, to.cpu),
                    written_bytes_per_order: per_order(
                        to.written_bytes.saturating_sub(from.written_bytes) as f64
                    ),
                    resident_bytes: to.resident_bytes,
                }),
        }
    }
}

fn client_cpu(readers: Option<&Readers>) -> Option<Duration> {
    let all = Usage::of(std::process::id()).ok()?.cpu;
    Some(all.saturating_sub(readers.map_or(Duration::ZERO, Readers::cpu)))
}

fn report(plan: &Plan, bench: &'static str, phase: &Phase, floors: FloorsAround, used: Used) -> Report {
    let (ended, ended_detail) = report::ending(phase);
    Report {
        bench,
        url: plan.target.to_string(),
        connections: plan.connections,
        ended,
        ended_detail,
        orders: phase.tally.done,
        failed: phase.tally.failed(),
        elapsed_s: rounded(phase.elapsed.as_secs_f64()),
        orders_per_s: rounded(phase.rate()),
        latency: Latencies::of(&phase.tally),
        failures: Failures::of(&phase.tally),
        floors,
        client_cpu_us_per_order: used.client_cpu_us_per_order,
        server: used.server,
        event_readers: None,
        stock_set: Vec::new(),
        sale: None,
    }
}
