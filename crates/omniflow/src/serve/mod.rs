//! `omniflow serve`: the server for production, from its configuration.

use crate::cli::ServeArgs;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::server::{self, Duty, EngineName, Server};
use crate::{output, telemetry};
use anyhow::Context;
use omniflow_engine::clock::SystemClock;
use std::net::SocketAddr;
use std::sync::Arc;

/// Prints the configuration's defaults, or runs until SIGTERM or Ctrl-C.
pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    if args.print_config {
        let printed = output::print(|out| out.write_all(config::print().as_bytes()));
        return Ok(printed.context("standard output cannot be written")?);
    }
    let config = load(args)?;
    if args.check_config {
        let printed = output::print(|out| writeln!(out, "the configuration is sound"));
        return Ok(printed.context("standard output cannot be written")?);
    }
    let _telemetry = telemetry::start_as(&config.log, config.log_format)?;
    Ok(server::block_on(serve(config))??)
}

fn load(args: &ServeArgs) -> Result<Config, Failure> {
    let mut flags = args.set.clone();
    flags.extend(args.listen.iter().map(|listen| ("listen".to_owned(), listen.clone())));
    flags.extend(args.data_dir.iter().map(|dir| ("data_dir".to_owned(), dir.clone())));
    Config::of_command("serve", args.config.as_deref(), &flags)
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let settings = config.settings;
    if !settings.listen.ip().is_loopback() {
        tracing::warn!(listen = %settings.listen, "anybody who reaches this address can do everything");
    }
    let data = match settings.engine {
        EngineName::Embedded => settings.data_dir.display().to_string(),
        EngineName::Temporal => "in PostgreSQL; orders are run by workers (`omniflow worker`)".to_owned(),
    };
    let server = Server::open(settings, Duty::Api, Arc::new(SystemClock::default()), &[]).await?;
    server.serve(None, |address| welcome(address, &data)).await
}

fn welcome(address: SocketAddr, data: &str) -> String {
    let base = match address.ip().is_loopback() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    };
    format!(
        "OmniFlow is ready.\n\n  API       {base}/api/v1\n  Health    {base}/healthz    {base}/readyz\n  \
         Metrics   {base}/metrics\n  Data      {data}\n\n\
         Shipments and refunds are simulated, and nobody has to log in: the configuration says so.\n"
    )
}
