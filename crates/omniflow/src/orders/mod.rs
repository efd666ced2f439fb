//! `omniflow orders`: placing, reading, following and deciding, as a client of any server.
//!
//! Nothing here knows how an order goes on: what is allowed, and in which words an order stands, is what
//! the server says. Only `explain` adds sentences of its own, from the contract.

mod act;
mod args;
mod create;
mod exact;
mod explain;
mod item;
mod list;
mod order;
mod show;
mod watch;

pub(crate) use args::OrdersArgs;

use crate::client::{self, Answer, Call, Client, Error, Shown, path_segment};
use crate::failure::Failure;
use args::OrdersCommand;
use order::Order;
use std::process::ExitCode;

/// Runs one of the commands.
///
/// # Errors
/// What the server refused, or why it could not be asked.
pub(crate) fn run(args: OrdersArgs) -> Result<ExitCode, Failure> {
    let OrdersArgs { server, command } = args;
    let shown = server.shown();
    client::run(&server, async |client| match command {
        OrdersCommand::Create(args) => create::run(client, args, shown).await,
        OrdersCommand::List(args) => list::run(client, args, shown).await,
        OrdersCommand::Show(args) => {
            let answer = client.ask(&Call::get(path_of(&args.order_id))).await?;
            show_order(&answer, shown)
        }
        OrdersCommand::Watch(args) => watch::run(client, args, shown).await,
        OrdersCommand::Explain(args) => explain::run(client, &args.order_id, shown).await,
        OrdersCommand::Pay(args) => act::pay(client, args, shown).await,
        OrdersCommand::Approve(args) => act::audit(client, "APPROVE", args, shown).await,
        OrdersCommand::Reject(args) => act::audit(client, "REJECT", args, shown).await,
        OrdersCommand::Cancel(args) => act::with_reason(client, "cancel", args, shown).await,
        OrdersCommand::Retry(args) => act::retry(client, args, shown).await,
        OrdersCommand::Skip(args) => act::skip(client, args, shown).await,
        OrdersCommand::Compensate(args) => act::with_reason(client, "compensate", args, shown).await,
    })
}

/// Prints an answer that is an order.
fn show_order(answer: &Answer, shown: Shown) -> Result<(), Error> {
    shown.answer(answer, |order: Order, language| show::text(&order, language))
}

/// The path of an order.
fn path_of(order_id: &str) -> String {
    format!("/api/v1/orders/{}", path_segment(order_id))
}

/// Asks for something of which the answer is an order, and prints that.
async fn ask_and_show(client: &Client, call: &Call, shown: Shown) -> Result<(), Error> {
    let answer = client.ask(call).await?;
    for note in [
        (answer.is_replayed(), "this was done before under the same key; here is that answer"),
        (answer.status == 202, "this is taken, and not applied yet; look again with `omniflow orders show`"),
    ] {
        if let (true, note) = note {
            client::note(note);
        }
    }
    show_order(&answer, shown)
}
