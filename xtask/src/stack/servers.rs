//! API, workers, Temporal and both databases of the Compose file, on this machine without containers.

use super::compose::{Compose, Service};
use super::here::Here;
use super::process::Process;
use crate::checkout::Checkout;
use crate::servers::{Postgres, TemporalOnPostgres, free_port};
use anyhow::{Context, Result};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// How long the simulated carrier takes here. With none an order is completed as soon as it is paid, and a worker
/// that is killed would mostly have none in its hands.
const CARRIER_DELAY: (&str, &str) = ("OMNIFLOW_CARRIER_DELAY", "1s");

/// Both databases, Temporal, an API and the workers. What is declared first is ended first.
pub(crate) struct Stack {
    /// The API.
    pub(crate) api: Process,
    /// All workers that run.
    pub(crate) workers: Vec<Process>,
    /// Where the API listens.
    pub(crate) address: SocketAddr,
    /// Temporal.
    pub(crate) temporal: TemporalOnPostgres,
    /// Orders and stock.
    pub(crate) stock: Postgres,
    worker: Service,
    here: Here,
    program: PathBuf,
    folder: PathBuf,
    started: u64,
}

impl Stack {
    /// Starts all of it and waits until all of it is well. Logs go into `folder`.
    pub(crate) fn start(checkout: &Checkout, program: &Path, folder: &Path) -> Result<Self> {
        let compose = Compose::read(checkout)?;
        let mut here = Here::new(compose.names());
        let settings = compose.service("stock")?.command;
        let settings: Vec<&str> =
            settings.iter().map(String::as_str).filter(|word| word.contains('=')).collect();
        let stock = Postgres::start_with(folder, &settings)?;
        here.put("stock:5432", &format!("127.0.0.1:{}", stock.port()));
        let variables = compose.service("temporal")?.environment;
        let shared = ["NUM_HISTORY_SHARDS", "DB"].into_iter();
        let shared: Vec<_> = shared.filter_map(|name| Some((name, variables.get(name)?.as_str()))).collect();
        let temporal = TemporalOnPostgres::start(checkout, folder, &shared)?;
        here.put("temporal:7233", &temporal.address());

        let (api, mut worker) = (compose.service("api")?, compose.service("worker")?);
        worker.environment.insert(CARRIER_DELAY.0.to_owned(), CARRIER_DELAY.1.to_owned());
        let (api, port) = run("api", &api, &here, program, folder)?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let mut stack = Self {
            api,
            workers: vec![],
            address,
            temporal,
            stock,
            worker,
            here,
            program,
            folder,
            started: 0,
        };
        for _ in 0..stack.worker.replicas {
            stack.add_worker()?;
        }
        Ok(stack)
    }

    /// Starts one more worker and waits until it is well.
    pub(crate) fn add_worker(&mut self) -> Result<()> {
        self.started += 1;
        let name = format!("worker-{}", self.started);
        let (worker, _) = run(&name, &self.worker, &self.here, &self.program, &self.folder)?;
        self.workers.push(worker);
        Ok(())
    }

    /// Stops the product's processes; each must end well.
    pub(crate) fn stop(self) -> Result<()> {
        let Self { api, workers, temporal, stock, .. } = self;
        api.stop()?;
        workers.into_iter().try_for_each(Process::stop)?;
        drop((temporal, stock));
        Ok(())
    }
}

/// Starts a container's process on a free port and waits until its health check passes; answers the port as well.
pub(crate) fn run(
    name: &str,
    service: &Service,
    here: &Here,
    program: &Path,
    folder: &Path,
) -> Result<(Process, u16)> {
    let port = free_port()?;
    let mut here = here.clone();
    for written in ["8000", "8001"] {
        here.put(&format!("0.0.0.0:{written}"), &format!("127.0.0.1:{port}"));
        here.put(&format!("/dev/tcp/127.0.0.1/{written}"), &format!("/dev/tcp/127.0.0.1/{port}"));
    }
    let (words, variables) = (here.command(service)?, here.environment(service)?);
    let mut process = Process::start(name, program, &words, &variables, folder)?;
    process.healthy(&here.health(service)?).with_context(|| format!("{name} does not start"))?;
    Ok((process, port))
}
