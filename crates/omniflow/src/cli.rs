//! What people type.

mod key_value;

use crate::bench::BenchArgs;
use crate::completions::CompletionsArgs;
use crate::doctor::DoctorArgs;
use crate::inventory::InventoryArgs;
use crate::orders::OrdersArgs;
use crate::server::EngineName;
use clap::{Args, Parser, Subcommand};
use key_value::KeyValue;
use omniflow_core::MAX_WINDOW_SECONDS;
use omniflow_engine::simulated::{ProviderName, Script};
use omniflow_http::duration;
#[cfg(not(feature = "temporal"))]
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// An order-fulfillment engine: reserve stock, review, wait for payment, ship, and on any failure undo
/// exactly what was done. Nothing that it has acknowledged is ever lost.
#[derive(Debug, Parser)]
#[command(name = "omniflow", version, arg_required_else_help = true)]
#[command(
    after_help = "Start here:\n  omniflow dev        everything in one process; prints curl lines to paste"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process on this machine, with a demo catalogue and simulated providers.
    #[command(after_help = DEV_EXAMPLES)]
    Dev(DevArgs),
    /// Run the server from a configuration file.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(ServeArgs),
    /// Place, read, follow and decide orders on any server.
    #[command(
        after_help = "Start here:\n  omniflow orders create \"iPhone 15\" --amount 500\n  omniflow orders list"
    )]
    Orders(OrdersArgs),
    /// Read and set the stock on any server.
    #[command(after_help = "Start here:\n  omniflow inventory list")]
    Inventory(InventoryArgs),
    /// Say what is missing or unreachable, and how to mend it.
    #[command(after_help = DOCTOR_EXAMPLES)]
    Doctor(DoctorArgs),
    /// Print what a shell needs to complete these commands.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions(CompletionsArgs),
    /// Measure a running server: orders per second and latency, with the machine's floors beside them.
    #[command(after_help = BENCH_EXAMPLES)]
    Bench(BenchArgs),
    /// Print the order's life from the core itself.
    #[command(after_help = "Examples:\n  omniflow lifecycle\n  omniflow lifecycle --mermaid > lifecycle.mmd")]
    Lifecycle(LifecycleArgs),
    /// Check a data directory or database: event chains, stock against its ledger, reservations against orders,
    /// money.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify(VerifyArgs),
    /// Copy a data directory to one file, also while a server uses it.
    #[command(after_help = BACKUP_EXAMPLES)]
    Backup(BackupArgs),
    /// Make a data directory from such a copy.
    #[command(after_help = RESTORE_EXAMPLES)]
    Restore(RestoreArgs),
    /// Print the API's OpenAPI 3.1 document, the same that a server has at /openapi.json.
    #[command(after_help = "Example:\n  omniflow openapi > openapi.json")]
    Openapi,
    /// Run orders for the Temporal engine, as one of any number of workers.
    #[cfg(feature = "temporal")]
    #[command(after_help = WORKER_EXAMPLES)]
    Worker(WorkerArgs),
    /// Run orders for the Temporal engine: needs a build with the feature `temporal`.
    #[cfg(not(feature = "temporal"))]
    #[command(hide = true)]
    Worker {
        /// Whatever a build with the feature takes.
        #[arg(hide = true, trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<OsString>,
    },
}

const DOCTOR_EXAMPLES: &str =
    "Exit code 0: all well (a warning is no failure); 3: the server cannot be reached; 1: something else
is missing.

Examples:
  omniflow doctor
  omniflow doctor --server http://orders:8000 --data-dir /var/lib/omniflow";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  omniflow completions bash > /etc/bash_completion.d/omniflow
  omniflow completions zsh > ~/.zfunc/_omniflow
  omniflow completions fish > ~/.config/fish/completions/omniflow.fish";

const DEV_EXAMPLES: &str = "Examples:
  omniflow dev
  omniflow dev --ephemeral --payment-window 5s --carrier-delay 0s
  omniflow dev --script carrier=fail:2        the carrier fails twice, then works
  omniflow dev --test-clock --ephemeral       time stands still until POST /api/v1/dev/clock moves it";

const BENCH_EXAMPLES: &str = "Examples:
  omniflow bench place --connections 64 --duration 10s
  omniflow bench lifecycle --in-flight 100 --duration 10s";

const SERVE_EXAMPLES: &str = "Examples:
  omniflow serve --print-config > omniflow.toml       every key with its default, to be edited
  omniflow serve --config omniflow.toml --check-config
  omniflow serve --config omniflow.toml
  omniflow serve --config omniflow.toml --set policies.payment_window=15m";

#[cfg(feature = "temporal")]
const WORKER_EXAMPLES: &str = "The configuration is that of `omniflow serve`, with engine = \"temporal\". Temporal's address, namespace and
credentials come from the variables of all its clients (TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY,
TEMPORAL_TLS_...). A worker that is killed loses nothing: the others go on with its orders.

Examples:
  omniflow worker --config omniflow.toml
  omniflow worker --config omniflow.toml --set worker.listen=127.0.0.1:8002";

const VERIFY_EXAMPLES: &str =
    "Reads only, also while a server uses the directory. Exit code 0 only if all holds.

Examples:
  omniflow verify --data-dir ./omniflow-data
  omniflow verify --config omniflow.toml
  omniflow verify --file orders.backup";

const BACKUP_EXAMPLES: &str = "The copy holds addresses and metadata that were not erased: keep it as you keep those. It is one file \
that `omniflow verify --file` accepts, without the simulated providers' log and the lists, which are made anew.

Example:
  omniflow backup --data-dir ./omniflow-data --to orders.backup";

const RESTORE_EXAMPLES: &str = "The copy is verified first; nothing is ever overwritten.

Example:
  omniflow restore --from orders.backup --data-dir ./restored";

/// `omniflow serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "OMNIFLOW_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Print a configuration file with every key, its default and what it does, and end.
    #[arg(long)]
    pub(crate) print_config: bool,
    /// Say what is wrong with the configuration, and end: exit code 0 if nothing is.
    #[arg(long)]
    pub(crate) check_config: bool,
    /// Where to listen; the same as --set listen=ADDRESS.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) listen: Option<String>,
    /// Where the data is; the same as --set data_dir=DIR.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<String>,
    /// Set a key of the configuration, whatever file and environment say; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = KeyValue)]
    pub(crate) set: Vec<(String, String)>,
}

/// `omniflow worker`.
#[cfg(feature = "temporal")]
#[derive(Debug, Args)]
pub(crate) struct WorkerArgs {
    /// The configuration file.
    #[arg(long, value_name = "FILE", env = "OMNIFLOW_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Set a key of the configuration, whatever file and environment say; may be repeated.
    #[arg(long, value_name = "KEY=VALUE", value_parser = KeyValue)]
    pub(crate) set: Vec<(String, String)>,
}

/// `omniflow backup`.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The data directory to copy.
    #[arg(long, value_name = "DIR", default_value = "./omniflow-data", env = "OMNIFLOW_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    /// The file to write; it must not exist.
    #[arg(long, value_name = "FILE")]
    pub(crate) to: PathBuf,
    /// Do not verify the copy; by default it gets its name only if everything in it holds.
    #[arg(long)]
    pub(crate) no_verify: bool,
}

/// `omniflow restore`.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The copy, as `omniflow backup` made it.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: PathBuf,
    /// The data directory to make; new or empty.
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: PathBuf,
}

/// `omniflow dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// Which engine runs orders; temporal needs a build with the feature of that name.
    #[arg(long, value_name = "ENGINE", default_value = "embedded", env = "OMNIFLOW_ENGINE")]
    pub(crate) engine: EngineName,
    /// PostgreSQL, for --engine temporal; where Temporal is, TEMPORAL_ADDRESS says.
    #[arg(long, value_name = "URL", env = "OMNIFLOW_POSTGRES_URL", hide_env_values = true)]
    pub(crate) postgres_url: Option<String>,
    /// Where to keep the data; it is kept across restarts.
    #[arg(long, value_name = "DIR", default_value = "./omniflow-data", env = "OMNIFLOW_DATA_DIR")]
    pub(crate) data_dir: PathBuf,
    /// Keep nothing: use a temporary directory, whatever --data-dir says, and remove it at the end.
    #[arg(long)]
    pub(crate) ephemeral: bool,
    /// Where to listen: an address of this machine alone, since nobody has to log in.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8000", env = "OMNIFLOW_LISTEN")]
    pub(crate) listen: SocketAddr,
    /// How long an order waits for payment: 1s to 720h, which are 30 days.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = payment_window)]
    pub(crate) payment_window: Duration,
    /// How long the simulated carrier takes.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration::parse)]
    pub(crate) carrier_delay: Duration,
    /// Attempts at each effect, forward ones and compensations alike.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub(crate) attempts: u32,
    /// How long one attempt may take; longer than the carrier's delay.
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = duration::parse)]
    pub(crate) attempt_timeout: Duration,
    /// The pause after the first failed attempt; it doubles with each further one, up to a minute.
    #[arg(long, value_name = "DURATION", default_value = "200ms", value_parser = duration::parse)]
    pub(crate) backoff: Duration,
    /// Make a simulated provider misbehave, such as carrier=fail:2 or payments=refuse.
    #[arg(long, value_name = "PROVIDER=SCRIPT", value_parser = Script::parse_flag)]
    pub(crate) script: Vec<(ProviderName, Script)>,
    /// Let time stand still until POST /api/v1/dev/clock {"advance":"PT72H"} moves it. A directory that is
    /// kept stays ahead by that, and later runs without this go on from there, with a warning: use it with
    /// --ephemeral, or with a --data-dir of its own.
    #[arg(long)]
    pub(crate) test_clock: bool,
}

/// Reads a payment window, with the bounds that `payment_window_seconds` of an order has.
pub(crate) fn payment_window(text: &str) -> Result<Duration, String> {
    let window = duration::parse(text)?;
    let (least, most) = (Duration::from_secs(1), Duration::from_secs(MAX_WINDOW_SECONDS));
    match (least..=most).contains(&window) {
        true => Ok(window),
        false => Err(format!("must be from 1s to {}h", MAX_WINDOW_SECONDS / 3_600)),
    }
}

/// `omniflow lifecycle`.
#[derive(Debug, Args)]
pub(crate) struct LifecycleArgs {
    /// Print a Mermaid state diagram instead of the tables.
    #[arg(long)]
    pub(crate) mermaid: bool,
}

/// `omniflow verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The data directory to check. With none of these three: what the configuration of OMNIFLOW_CONFIG names, or
    /// the directory of OMNIFLOW_DATA_DIR, or ./omniflow-data.
    #[arg(long, value_name = "DIR", group = "what")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Check a copy that `omniflow backup` made, instead of a directory.
    #[arg(long, value_name = "FILE", group = "what")]
    pub(crate) file: Option<PathBuf>,
    /// Check what this configuration of `omniflow serve` names: its data directory, or its PostgreSQL.
    #[arg(long, value_name = "FILE", group = "what")]
    pub(crate) config: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
