//! `omniflow orders watch`: events as they happen.

mod line;

use super::args::WatchArgs;
use super::order::Order;
use super::path_of;
use crate::client::{Call, Client, Error, EventStream, Shown, patiently};
use line::Printer;
use serde::Deserialize;

/// Where an event stands in its order's life.
#[derive(Deserialize)]
struct Position {
    seq: u64,
}

pub(super) async fn run(client: &Client, args: WatchArgs, shown: Shown) -> Result<(), Error> {
    match &args.order_id {
        Some(order_id) => one(client, order_id, &args, shown).await,
        None => all(client, &args, shown).await,
    }
}

/// All orders, for as long as somebody reads.
async fn all(client: &Client, args: &WatchArgs, shown: Shown) -> Result<(), Error> {
    let mut stream = EventStream::open(client, "/api/v1/events".to_owned(), args.patience).await?;
    let printer = Printer { shown, with_order: true };
    while printer.event(&stream.next().await?)? {}
    Ok(())
}

/// One order to its end. Where it stands is read again only for an event that is newer than what is known, so
/// that the past is told without asking.
async fn one(client: &Client, order_id: &str, args: &WatchArgs, shown: Shown) -> Result<(), Error> {
    let path = path_of(order_id);
    let mut order: Order = client.ask(&Call::get(path.clone())).await?.json()?;
    let mut stream = EventStream::open(client, format!("{path}/events"), args.patience).await?;
    let printer = Printer { shown, with_order: false };
    loop {
        let message = stream.next().await?;
        if !printer.event(&message)? {
            return Ok(());
        }
        let Ok(Position { seq }) = serde_json::from_str(&message.data) else { continue };
        if seq > order.version {
            let read = async || client.ask(&Call::get(path.clone())).await;
            order = patiently(args.patience, read).await?.json()?;
        }
        if seq == order.version && (!printer.standing(&order)? || order.ended_at.is_some()) {
            return Ok(());
        }
    }
}
