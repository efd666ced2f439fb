//! `omniflow inventory`: stock, as a client of any server.

mod args;

pub(crate) use args::InventoryArgs;

use crate::client::{self, Answer, Call, Client, Error, Language, Paging, Shown, Table, path_segment};
use crate::failure::Failure;
use args::{AdjustArgs, InventoryCommand, ListArgs, SetArgs};
use serde::{Deserialize, Serialize};
use std::process::ExitCode;

const PATH: &str = "/api/v1/inventory";

/// Stock of one SKU.
#[derive(Debug, Deserialize)]
struct Stock {
    sku: String,
    on_hand: u64,
    reserved: u64,
    available: u64,
    #[serde(default)]
    short: u64,
}

/// The body of `PUT /inventory/{sku}`; what was not typed is not sent.
#[derive(Serialize)]
struct Count<'a> {
    on_hand: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected_on_hand: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    recount: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
}

/// The body of `POST /inventory/adjustments`.
#[derive(Serialize)]
struct Adjustment<'a> {
    sku: &'a str,
    delta: i64,
    reason: &'a str,
}

/// Runs one of the commands.
///
/// # Errors
/// What the server refused, or why it could not be asked.
pub(crate) fn run(args: InventoryArgs) -> Result<ExitCode, Failure> {
    let InventoryArgs { server, command } = args;
    let shown = server.shown();
    client::run(&server, async |client| match command {
        InventoryCommand::List(args) => list(client, args, shown).await,
        InventoryCommand::Show(args) => show(&client.ask(&Call::get(path_of(&args.sku))).await?, shown),
        InventoryCommand::Set(args) => set(client, args, shown).await,
        InventoryCommand::Adjust(args) => adjust(client, args, shown).await,
    })
}

fn path_of(sku: &str) -> String {
    format!("{PATH}/{}", path_segment(sku))
}

async fn list(client: &Client, args: ListArgs, shown: Shown) -> Result<(), Error> {
    let limit: Vec<_> = args.limit.map(|limit| ("limit", limit.to_string())).into_iter().collect();
    let paging = Paging { cursor: args.cursor, all: args.all };
    shown.pages(client, PATH, &limit, paging, table).await
}

async fn set(client: &Client, args: SetArgs, shown: Shown) -> Result<(), Error> {
    let SetArgs { sku, on_hand, expected, recount, reason } = args;
    let count = Count { on_hand, expected_on_hand: expected, recount, reason: reason.as_deref() };
    let answer = client.ask(&Call::put(path_of(&sku), client::written(&count)?)).await?;
    if answer.status == 201 {
        client::note(&format!("{sku} is new in the catalogue"));
    }
    show(&answer, shown)
}

async fn adjust(client: &Client, args: AdjustArgs, shown: Shown) -> Result<(), Error> {
    let body = client::written(&Adjustment { sku: &args.sku, delta: args.delta, reason: &args.reason })?;
    let answer = client.ask(&Call::post(format!("{PATH}/adjustments"), body, args.idempotency_key)?).await?;
    if answer.is_replayed() {
        client::note("this was done before under the same key; here is that answer");
    }
    show(&answer, shown)
}

fn show(answer: &Answer, shown: Shown) -> Result<(), Error> {
    shown.answer(answer, |level, language| table(&[level], language, true).text())
}

fn table(levels: &[Stock], language: Language, with_heading: bool) -> Table {
    let heading = language.pick(
        ["SKU", "ON HAND", "RESERVED", "AVAILABLE", "SHORT"],
        ["商品", "在库", "已预占", "可用", "短缺"],
    );
    let mut table = Table::new(if with_heading { &heading } else { &[] });
    for Stock { sku, on_hand, reserved, available, short } in levels {
        let [on_hand, reserved, available, short] =
            [on_hand, reserved, available, short].map(|count| count.to_string());
        table.row([sku, &on_hand, &reserved, &available, &short]);
    }
    table
}
