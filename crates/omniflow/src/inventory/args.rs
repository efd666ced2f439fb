//! What people type after `omniflow inventory`.

use crate::client::ServerArgs;
use clap::{Args, Subcommand};

/// `omniflow inventory`.
#[derive(Debug, Args)]
pub(crate) struct InventoryArgs {
    #[command(flatten)]
    pub(super) server: ServerArgs,
    #[command(subcommand)]
    pub(super) command: InventoryCommand,
}

#[derive(Debug, Subcommand)]
pub(super) enum InventoryCommand {
    /// List the stock of every SKU, sorted.
    #[command(after_help = "Examples:\n  omniflow inventory list\n  omniflow inventory list --all --json")]
    List(ListArgs),
    /// Show the stock of one SKU.
    #[command(after_help = "Example:\n  omniflow inventory show \"iPhone 15\"")]
    Show(SkuArgs),
    /// Set how many are on hand; a SKU that is not known is added.
    #[command(after_help = SET_EXAMPLES)]
    Set(SetArgs),
    /// Add to what is on hand, or take from it.
    #[command(after_help = ADJUST_EXAMPLES)]
    Adjust(AdjustArgs),
}

const SET_EXAMPLES: &str = "Examples:
  omniflow inventory set \"iPhone 15\" 1000
  omniflow inventory set \"iPhone 15\" 990 --expected 1000          only if nobody changed it meanwhile
  omniflow inventory set \"iPhone 15\" 3 --recount --reason count    a count is the truth, also below what is reserved";

const ADJUST_EXAMPLES: &str = "Examples:
  omniflow inventory adjust \"iPhone 15\" 20 --reason \"delivery 4711\"
  omniflow inventory adjust \"iPhone 15\" -2 --reason damaged";

/// `list`.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// SKUs a page: 1 to 200.
    #[arg(long, value_name = "N")]
    pub(super) limit: Option<u32>,
    /// Go on where an earlier page ended: its `next_cursor`.
    #[arg(long, value_name = "CURSOR")]
    pub(super) cursor: Option<String>,
    /// All pages, one after another.
    #[arg(long)]
    pub(super) all: bool,
}

/// `show`.
#[derive(Debug, Args)]
pub(super) struct SkuArgs {
    /// The SKU.
    #[arg(value_name = "SKU")]
    pub(super) sku: String,
}

/// `set`.
#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The SKU.
    #[arg(value_name = "SKU")]
    pub(super) sku: String,
    /// How many there are.
    #[arg(value_name = "ON_HAND")]
    pub(super) on_hand: u64,
    /// Only if so many were on hand until now.
    #[arg(long, value_name = "N")]
    pub(super) expected: Option<u64>,
    /// Take it as the truth even where more is reserved; what is missing then shows as short.
    #[arg(long)]
    pub(super) recount: bool,
    /// Why, for the ledger.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: Option<String>,
}

/// `adjust`.
#[derive(Debug, Args)]
pub(super) struct AdjustArgs {
    /// The SKU.
    #[arg(value_name = "SKU")]
    pub(super) sku: String,
    /// How many to add; below zero, to take.
    #[arg(value_name = "DELTA", allow_negative_numbers = true)]
    pub(super) delta: i64,
    /// Why, for the ledger.
    #[arg(long, value_name = "TEXT")]
    pub(super) reason: String,
    /// Do it once and no more, however often this command runs with this key; without it, a new key.
    #[arg(long, value_name = "KEY")]
    pub(super) idempotency_key: Option<String>,
}
