//! `omniflow serve`: the server for production, from its configuration.

use crate::cli::ServeArgs;
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::server::{self, Server};
use crate::{output, telemetry};
use anyhow::Context;
use omniflow_engine::clock::SystemClock;
use std::net::SocketAddr;
use std::path::Path;
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
    let Some(path) = &args.config else {
        let message = "serve needs a configuration: --config omniflow.toml; `omniflow serve --print-config` \
                       prints one with every key and its default";
        return Err(Failure::usage(message));
    };
    let mut flags = args.set.clone();
    flags.extend(args.listen.iter().map(|listen| ("listen".to_owned(), listen.clone())));
    flags.extend(args.data_dir.iter().map(|dir| ("data_dir".to_owned(), dir.clone())));
    Config::load(path, std::env::vars_os(), &flags).map_err(|error| Failure::with_code(2, error))
}

async fn serve(config: Config) -> anyhow::Result<()> {
    let settings = config.settings;
    if !settings.listen.ip().is_loopback() {
        tracing::warn!(listen = %settings.listen, "anybody who reaches this address can do everything");
    }
    let data_dir = settings.data_dir.clone();
    let server = Server::open(settings, Arc::new(SystemClock::default()), &[]).await?;
    server.serve(None, |address| welcome(address, &data_dir)).await
}

fn welcome(address: SocketAddr, data_dir: &Path) -> String {
    let base = match address.ip().is_loopback() {
        true => format!("http://localhost:{}", address.port()),
        false => format!("http://{address}"),
    };
    format!(
        "OmniFlow is ready.\n\n  API       {base}/api/v1\n  Health    {base}/healthz    {base}/readyz\n  \
         Metrics   {base}/metrics\n  Data      {}\n\n\
         Shipments and refunds are simulated, and nobody has to log in: the configuration says so.\n",
        data_dir.display()
    )
}
