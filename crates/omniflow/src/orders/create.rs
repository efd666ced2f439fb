//! `omniflow orders create`.

use super::args::CreateArgs;
use super::ask_and_show;
use super::exact::Decimal;
use super::item::{Adjustment, Entry, Item};
use crate::client::{Call, Client, Error, Shown};
use serde::Serialize;
use std::collections::BTreeMap;

/// The body of `POST /orders`; what was not typed is not sent.
#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<&'a Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<&'a str>,
    items: &'a [Item],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    adjustments: &'a [Adjustment],
    #[serde(skip_serializing_if = "Option::is_none")]
    customer_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_window_seconds: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    shipping_address: Option<BTreeMap<&'a str, &'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<BTreeMap<&'a str, &'a str>>,
}

pub(super) async fn run(client: &Client, args: CreateArgs, shown: Shown) -> Result<(), Error> {
    let body = Body {
        amount: args.amount.as_ref(),
        currency: args.currency.as_deref(),
        items: &args.items,
        adjustments: &args.adjustments,
        customer_id: args.customer_id.as_deref(),
        external_id: args.external_id.as_deref(),
        payment_window_seconds: args.payment_window,
        shipping_address: strings("--address", &args.address)?,
        metadata: strings("--metadata", &args.metadata)?,
    };
    let body = crate::client::written(&body)?;
    ask_and_show(client, &Call::post("/api/v1/orders", body, args.once.idempotency_key)?, shown).await
}

/// Entries as an object; none where nothing was typed.
fn strings<'a>(flag: &str, entries: &'a [Entry]) -> Result<Option<BTreeMap<&'a str, &'a str>>, Error> {
    let mut strings = BTreeMap::new();
    for Entry { name, value } in entries {
        if strings.insert(name.as_str(), value.as_str()).is_some() {
            return Err(Error::Usage(format!("{flag} has {name:?} twice; give each name once")));
        }
    }
    Ok(Some(strings).filter(|strings| !strings.is_empty()))
}
