//! What `dev` prints at its start, and shows at `/`.

use crate::cli::DevArgs;
use crate::server::EngineName;
use std::net::SocketAddr;
use std::path::Path;

/// Addresses, and lines to paste that walk an order through its life.
pub(super) fn text(address: SocketAddr, args: &DevArgs, data_dir: &Path) -> String {
    let base = format!("http://localhost:{}", address.port());
    let data = match args.engine {
        EngineName::Temporal => {
            "in PostgreSQL; Temporal runs the orders, and a worker in this process".to_owned()
        }
        EngineName::Embedded if args.ephemeral => format!("{} (removed at the end)", data_dir.display()),
        EngineName::Embedded => format!("{} (kept across restarts)", data_dir.display()),
    };
    let (window, delay) = (args.payment_window, args.carrier_delay);
    let clock = match args.test_clock {
        true => format!(
            "\n  # Time stands still; move it on\n  curl -X POST {base}/api/v1/dev/clock -d '{{\"advance\": \"PT2S\"}}'\n"
        ),
        false => String::new(),
    };
    format!(
        r#"OmniFlow is ready.

  API       {base}/api/v1
  Health    {base}/healthz    {base}/readyz
  Metrics   {base}/metrics
  Data      {data}

Paste these lines into another terminal:

  # Place an order; it waits {window:?} for its payment
  ID=$(curl -s -X POST {base}/api/v1/orders -d '{{"amount": 500, "items": ["iPhone 15"]}}' | sed 's/.*"order_id":"\([^"]*\)".*/\1/'); echo $ID

  # Where does it stand?
  curl -s {base}/api/v1/orders/$ID

  # Report its payment; the simulated carrier takes {delay:?}
  curl -s -X POST {base}/api/v1/orders/$ID/pay
{clock}
  # Everything that happened to it, and the stock
  curl -s {base}/api/v1/orders/$ID/timeline
  curl -s {base}/api/v1/inventory

  # Above $10,000 a person decides: APPROVE or REJECT
  ID=$(curl -s -X POST {base}/api/v1/orders -d '{{"amount": 20000, "items": ["Mac Pro"]}}' | sed 's/.*"order_id":"\([^"]*\)".*/\1/'); echo $ID
  curl -s -X POST {base}/api/v1/orders/$ID/audit -d '{{"action": "APPROVE"}}'

Ctrl-C stops it; nothing that was acknowledged is lost.
"#,
    )
}
