//! The flags of `omniflow bench flash-sale`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::drive::Limit;
use super::super::place::Terms;
use super::super::run::{LoadKind, Plan};
use super::super::stock::Stock;
use super::super::target::Target;
use super::values;

/// How long a piece stays sold without being paid.
const SALE_WINDOW: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug, Args)]
pub(super) struct FlashSaleArgs {
    /// The server's base address
    #[arg(long, default_value = "http://127.0.0.1:8000")]
    url: Target,
    /// How many buyers come
    #[arg(long, value_name = "N", default_value = "20000", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    buyers: u64,
    /// How many pieces there are; what is on hand is set so that exactly so many are available
    #[arg(long, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u64).range(0..=1_000_000_000))]
    pieces: u64,
    /// Buyers at a time, each on its own connection
    #[arg(long, value_name = "N", default_value = "256", value_parser = clap::value_parser!(u32).range(1..=20_000))]
    connections: u32,
    /// What they want: a SKU that nobody else orders meanwhile
    #[arg(long, value_name = "NAME", default_value = "Flash Sale", value_parser = values::sku)]
    sku: String,
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

impl FlashSaleArgs {
    /// The run that is asked for, and whether its report is to be JSON.
    pub(super) fn into_plan(self) -> (Plan, bool) {
        let plan = Plan {
            load: LoadKind::FlashSale { pieces: self.pieces },
            target: self.url,
            connections: self.connections as usize,
            limit: Limit::Orders(self.buyers),
            warmup: Duration::ZERO,
            skus: vec![self.sku],
            terms: Terms { amount: "500".to_owned(), payment_window: Some(SALE_WINDOW), customer: None },
            stock: Stock::Exactly(self.pieces),
            floor_dir: self.floor_dir,
            floor_time: Duration::from_secs(1),
            patience: Duration::from_secs(60),
            server_pid: self.server_pid,
            event_readers: 0,
        };
        (plan, self.json)
    }
}
