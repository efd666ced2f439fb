//! `omniflow orders list`.

use super::args::ListArgs;
use super::order::Order;
use crate::client::{self, Client, Error, Language, Paging, Shown, Table};

pub(super) async fn run(client: &Client, args: ListArgs, shown: Shown) -> Result<(), Error> {
    let filter = filter(&args);
    let paging = Paging { cursor: args.cursor, all: args.all };
    shown.pages(client, "/api/v1/orders", &filter, paging, table).await
}

fn filter(args: &ListArgs) -> Vec<(&'static str, String)> {
    let several = [
        ("state", &args.state),
        ("payment_status", &args.payment_status),
        ("customer_id", &args.customer_id),
        ("external_id", &args.external_id),
    ];
    let single = [
        ("attention", args.attention.map(|needed| needed.to_string())),
        ("created_after", args.created_after.clone()),
        ("created_before", args.created_before.clone()),
        ("limit", args.limit.map(|limit| limit.to_string())),
    ];
    let several =
        several.into_iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value.clone())));
    several.chain(single.into_iter().filter_map(|(name, value)| Some((name, value?)))).collect()
}

/// The orders of a page: with what people read on a terminal, and with what programs cut out elsewhere.
fn table(orders: &[Order], language: Language, with_heading: bool) -> Table {
    if client::is_for_people() {
        for_people(orders, language, with_heading)
    } else {
        plain(orders, with_heading)
    }
}

fn for_people(orders: &[Order], language: Language, with_heading: bool) -> Table {
    let heading = language.pick(
        ["ORDER", "STATUS", "AMOUNT", "ITEMS", "CREATED"],
        ["订单", "说明", "金额", "商品", "创建时间"],
    );
    let mut table = Table::new(if with_heading { &heading } else { &[] });
    for order in orders {
        let created = to_the_second(&order.created_at).replacen('T', " ", 1);
        table.row([&order.order_id, &order.status, &order.price(), &order.contents(), &created]);
    }
    table
}

fn plain(orders: &[Order], with_heading: bool) -> Table {
    let heading = ["ORDER", "STATE", "STATUS", "AMOUNT", "ITEMS", "CUSTOMER", "CREATED"];
    let mut table = Table::new(if with_heading { &heading } else { &[] });
    for order in orders {
        let (price, contents, created) = (order.price(), order.contents(), to_the_second(&order.created_at));
        let customer = order.customer_id.as_deref().unwrap_or("-");
        table.row([&order.order_id, &order.state, &order.status, &price, &contents, customer, &created]);
    }
    table
}

/// A moment without its fraction of a second.
pub(super) fn to_the_second(moment: &str) -> String {
    match (moment.split_once('.'), moment.ends_with('Z')) {
        (Some((whole, _)), true) => format!("{whole}Z"),
        _ => moment.to_owned(),
    }
}
