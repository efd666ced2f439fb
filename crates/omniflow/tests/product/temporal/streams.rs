//! Streams of the Temporal engine, and what comes after the last message that was heard.

use super::Shop;
use crate::events::{ALL, Message, Stream, of_order};
use crate::scenarios::{LARGE, ORDER};

#[test]
#[ignore = "needs Temporal and PostgreSQL: `cargo xtask temporal` starts them, and runs this"]
fn who_comes_back_to_another_process_misses_nothing_and_hears_nothing_twice() {
    let shop = Shop::open();
    let (api, _worker) = (shop.api(), shop.worker());
    let mut all = Stream::open(api.client, ALL, None);
    let (first, second) = (api.client.place(ORDER), api.client.place(LARGE));
    api.client.act(&first, "cancel", "");
    let heard = all.take(6);
    api.kill();
    let api = shop.api();
    let client = api.client;
    let mut resumed = Stream::open(client, ALL, Some(&heard[2].id));
    client.act(&second, "cancel", "");
    let rest = resumed.take(5);
    assert_eq!(rest[..3], heard[3..], "the same messages have the same ids");
    let told: Vec<Message> = heard[..3].iter().chain(&rest).cloned().collect();
    for id in [&first, &second] {
        let of_one: Vec<Message> =
            told.iter().filter(|heard| heard.data["order_id"] == **id).cloned().collect();
        let events: Vec<&str> = of_one.iter().map(|message| &*message.event).collect();
        assert_eq!(client.events(id), events);
        assert_eq!(Stream::open(client, &of_order(id), None).take(4), of_one);
        assert_eq!(Stream::open(client, &of_order(id), Some(&of_one[1].id)).take(2), of_one[2..]);
    }
    for path in [ALL, &of_order(&first)] {
        let problem = client.ask("GET", path, &[("last-event-id", "x")], b"").problem(422, "invalid_field");
        assert_eq!(problem["errors"][0]["header"], "Last-Event-ID");
    }
}
