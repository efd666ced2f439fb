//! The command line of `omniflow bench`.

mod flash_sale;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::drive::Limit;
use super::place::Terms;
use super::run::{LoadKind, Plan};
use super::stock::Stock;
use super::target::Target;
use flash_sale::FlashSaleArgs;
use values::{amount, run_time, sku, warmup_time};

/// Orders a second that no server is expected to pass: what "enough stock" is reckoned from.
const ORDERS_PER_S_AT_MOST: u64 = 200_000;

/// Measure a running server: orders a second, percentiles, and the machine's own limits beside them.
#[derive(Debug, Args)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    load: BenchLoad,
}

#[derive(Debug, Subcommand)]
enum BenchLoad {
    /// Place orders as fast as the server acknowledges them
    ///
    /// Each connection places one order after the other. The orders are left unpaid, so they expire by
    /// themselves when their payment window ends.
    #[command(after_long_help = "Example: how many orders a second can 64 clients place?\n\n    \
        omniflow bench place --connections 64 --duration 10s\n\n\
        Example: fill a server with a million orders that wait a day for their payment.\n\n    \
        omniflow bench place --orders 1000000 --warmup 0s --payment-window 24h")]
    Place(PlaceArgs),
    /// Carry orders through their whole life: placed, paid, completed
    ///
    /// Each order is placed, paid, and then watched with long polls until the client itself saw `completed`.
    /// How long that takes includes the carrier: start `omniflow dev` with --carrier-delay 0s to measure
    /// OmniFlow alone.
    #[command(after_long_help = "Example: how many whole orders a second with 100 under way?\n\n    \
        omniflow dev --carrier-delay 0s &\n    \
        omniflow bench lifecycle --in-flight 100 --duration 10s --json")]
    Lifecycle(LifecycleArgs),
    /// Let many buyers ask for few pieces at once
    ///
    /// Each buyer orders one piece. The run fails unless every piece is sold and none twice: nobody may be
    /// turned away while there is one. Sold pieces stay reserved for a day, so the stock adds up at the end.
    #[command(after_long_help = "Example: 20,000 buyers for 100 pieces, 256 of them at a time.\n\n    \
        omniflow bench flash-sale --buyers 20000 --pieces 100 --connections 256")]
    FlashSale(FlashSaleArgs),
}

#[derive(Debug, Args)]
struct PlaceArgs {
    /// Connections, each with one request under way
    #[arg(long, value_name = "N", default_value = "64", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
struct LifecycleArgs {
    /// Orders under way at a time, each on its own connection
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    in_flight: u32,
    /// How long a paid order may take to complete before it counts as failed
    #[arg(long, value_name = "TIME", default_value = "2m", value_parser = run_time)]
    give_up_after: Duration,
    /// Readers of /api/v1/events beside the load, which read as fast as they can
    #[arg(long, value_name = "N", default_value = "0", value_parser = clap::value_parser!(u32).range(0..=20_000))]
    event_readers: u32,
    #[command(flatten)]
    common: CommonArgs,
}

#[derive(Debug, Args)]
struct CommonArgs {
    /// The server's base address
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    url: Target,
    /// How long to start new orders, such as 10s or 5m (10s unless --orders is given)
    #[arg(long, value_name = "TIME", conflicts_with = "orders", value_parser = run_time)]
    duration: Option<Duration>,
    /// Stop after this many orders instead
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1_000_000_000))]
    orders: Option<u64>,
    /// Load the server so long before anything is measured; these orders are extra
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = warmup_time)]
    warmup: Duration,
    /// What to order; with several, orders take them in turn
    #[arg(long, value_name = "NAME", num_args = 1.., default_value = "iPhone 15", value_parser = sku)]
    sku: Vec<String>,
    /// Each order's amount, in US dollars
    #[arg(long, default_value = "500", value_parser = amount)]
    amount: String,
    /// The customer whose orders they are (nobody's unless given)
    #[arg(long, value_name = "ID", value_parser = values::customer)]
    customer: Option<String>,
    /// How long each order waits for its payment, in whole seconds (the server's own default unless given)
    #[arg(long, value_name = "TIME", value_parser = crate::cli::payment_window)]
    payment_window: Option<Duration>,
    /// Set each SKU's stock to this before the run (unless given, it is raised where it may not be enough)
    #[arg(long, value_name = "PIECES", conflicts_with = "keep_stock")]
    stock: Option<u64>,
    /// Leave the stock as it is: orders that find none are failures
    #[arg(long)]
    keep_stock: bool,
    /// Where to measure the disk: best on the disk that holds the server's data
    #[arg(long, value_name = "DIR", default_value = ".")]
    floor_dir: PathBuf,
    /// The server's process on this machine, to report its CPU, writes and memory as well
    #[arg(long, value_name = "PID")]
    server_pid: Option<u32>,
    /// Print the report as one JSON object
    #[arg(long)]
    json: bool,
}

impl BenchArgs {
    /// The run that is asked for, and whether its report is to be JSON.
    pub(super) fn into_plan(self) -> (Plan, bool) {
        match self.load {
            BenchLoad::Place(args) => args.common.into_plan(LoadKind::Place, args.connections),
            BenchLoad::Lifecycle(args) => {
                let load = LoadKind::Lifecycle { give_up: args.give_up_after };
                let (plan, json) = args.common.into_plan(load, args.in_flight);
                (Plan { event_readers: args.event_readers, ..plan }, json)
            }
            BenchLoad::FlashSale(args) => args.into_plan(),
        }
    }
}

impl CommonArgs {
    fn into_plan(self, load: LoadKind, connections: u32) -> (Plan, bool) {
        let limit = match (self.orders, self.duration) {
            (Some(orders), _) => Limit::Orders(orders),
            (None, duration) => Limit::For(duration.unwrap_or(Duration::from_secs(10))),
        };
        let stock = match (self.keep_stock, self.stock) {
            (true, _) => Stock::Keep,
            (false, Some(pieces)) => Stock::Set(pieces),
            (false, None) => Stock::AtLeast(most_orders(limit) + most_orders(Limit::For(self.warmup))),
        };
        let plan = Plan {
            load,
            target: self.url,
            connections: connections as usize,
            limit,
            warmup: self.warmup,
            skus: self.sku,
            terms: Terms {
                amount: self.amount,
                payment_window: self.payment_window,
                customer: self.customer,
            },
            stock,
            floor_dir: self.floor_dir,
            floor_time: Duration::from_secs(1),
            patience: Duration::from_secs(60),
            server_pid: self.server_pid,
            event_readers: 0,
        };
        (plan, self.json)
    }
}

/// More orders than a phase with this limit will place.
fn most_orders(limit: Limit) -> u64 {
    match limit {
        Limit::Orders(orders) => orders,
        Limit::For(time) => (time.as_secs() + 1) * ORDERS_PER_S_AT_MOST,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        bench: BenchArgs,
    }

    fn plan(line: &str) -> Result<Plan, String> {
        let words = std::iter::once("bench").chain(line.split(' '));
        Program::try_parse_from(words)
            .map(|program| program.bench.into_plan().0)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn the_defaults_are_those_of_the_help() {
        let place = plan("place").unwrap();
        assert_eq!((place.connections, place.limit), (64, Limit::For(Duration::from_secs(10))));
        assert_eq!(place.skus, ["iPhone 15"]);
        assert_eq!(place.stock, Stock::AtLeast((11 + 3) * ORDERS_PER_S_AT_MOST));
        let lifecycle = plan("lifecycle --orders 7 --stock 9").unwrap();
        assert_eq!((lifecycle.connections, lifecycle.limit), (100, Limit::Orders(7)));
        assert_eq!(lifecycle.stock, Stock::Set(9));
    }

    #[test]
    fn several_skus_may_follow_one_flag() {
        assert_eq!(plan("place --sku a b --sku c --keep-stock").unwrap().skus, ["a", "b", "c"]);
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_sent() {
        for line in [
            "place --duration 10s --orders 5",
            "place --duration 0s",
            "place --duration 25h",
            "place --duration -1s",
            "place --connections 0",
            "place --amount 1e3",
            "place --amount 05",
            "place --amount -5",
            "place --url https://shop",
            "place --stock 5 --keep-stock",
            "place --payment-window 0.5s",
            "place --customer=",
            "lifecycle --connections 5",
        ] {
            assert!(plan(line).is_err(), "{line}");
        }
        assert!(plan("place --warmup 0s --amount 19.99 --duration 1m30s").is_ok());
    }
}
