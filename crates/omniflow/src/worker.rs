//! `omniflow worker`: runs orders for the Temporal engine.

use crate::cli::WorkerArgs;
use crate::config::Config;
use crate::failure::Failure;
use crate::server::{self, Duty, EngineName, Server};
use crate::telemetry;
use omniflow_engine::clock::SystemClock;
use std::net::SocketAddr;
use std::sync::Arc;

/// Runs until SIGTERM or Ctrl-C.
pub(crate) fn run(args: &WorkerArgs) -> Result<(), Failure> {
    let config = Config::of_command("worker", args.config.as_deref(), &args.set)?;
    if config.settings.engine != EngineName::Temporal {
        let message = "the configuration says engine = \"embedded\", which has no workers: `omniflow serve` runs \
                       its orders itself; write engine = \"temporal\"";
        return Err(Failure::usage(message));
    }
    let _telemetry = telemetry::start_as(&config.log, config.log_format)?;
    Ok(server::block_on(work(config))??)
}

async fn work(config: Config) -> anyhow::Result<()> {
    let task_queue = config.settings.servers.task_queue.clone();
    let server = Server::open(config.settings, Duty::Worker, Arc::new(SystemClock::default()), &[]).await?;
    server.serve(None, |address| welcome(address, &task_queue)).await
}

fn welcome(address: SocketAddr, task_queue: &str) -> String {
    format!(
        "This OmniFlow worker runs the orders of the task queue {task_queue}.\n\n  Health    \
         http://{address}/healthz    http://{address}/readyz\n  Metrics   http://{address}/metrics\n\n\
         Shipments and refunds are simulated: the configuration says so.\n"
    )
}
