//! What readers share and what each gets, on a log of the tests' own and a clock that does not run.

use super::chunk::{Chunk, Shelf};
use super::hub::Hub;
use super::pace::Pace;
use super::stream::{Messages, OfAll, OfOne, body};
use crate::{Metrics, Shutdown};
use axum::body::{Bytes, HttpBody};
use omniflow_core::{Actor, ChainHash, Entry, Event, Order, OrderId, Sku, Timestamp};
use omniflow_engine::{
    AdjustStock, Adjusted, Answer, Answered, Details, Error, FeedEntry, FeedScope, Health, Listing,
    OrderEngine, Page, Placement, Position, Request, SetStock, StockLevel, StockSet, TimelineEntry,
};
use std::future::{pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

/// An engine that has nothing but a log, of one order's events.
struct Log {
    events: watch::Sender<u64>,
    asked: AtomicUsize,
    waiting: AtomicUsize,
}

impl Log {
    fn new(events: u64) -> Arc<Self> {
        Arc::new(Self { events: watch::Sender::new(events), asked: 0.into(), waiting: 0.into() })
    }

    fn add(&self, events: u64) {
        self.events.send_modify(|count| *count += events);
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn order_id() -> OrderId {
    OrderId::new("ORD-1").unwrap()
}

fn entry(position: u64) -> FeedEntry {
    let (seq, at) = (u32::try_from(position).unwrap(), Timestamp::default());
    let entry = Entry { seq, at, actor: Actor::api(), event: Event::StockReserved {} };
    let entry = TimelineEntry { entry, hash: ChainHash::default() };
    FeedEntry { position: Position(position), order_id: order_id(), entry }
}

/// Counts those who wait, also where they give up.
struct Waiting<'l>(&'l AtomicUsize);

impl<'l> Waiting<'l> {
    fn new(count: &'l AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl OrderEngine for Log {
    fn feed<'a>(
        &'a self,
        _: &'a FeedScope,
        after: Position,
        limit: usize,
    ) -> Answer<'a, Result<Vec<FeedEntry>, Error>> {
        Box::pin(async move {
            self.asked.fetch_add(1, Ordering::SeqCst);
            let _waiting = Waiting::new(&self.waiting);
            let mut events = self.events.subscribe();
            let last = *events.wait_for(|last| *last > after.0).await.unwrap();
            Ok((after.0 + 1..=last).take(limit).map(entry).collect())
        })
    }

    fn last_position(&self) -> Answer<'_, Result<Position, Error>> {
        Box::pin(async { Ok(Position(*self.events.borrow())) })
    }

    fn place(&self, _: Placement) -> Answer<'_, Result<Answered, Error>> {
        Box::pin(pending())
    }

    fn command(&self, _: Request) -> Answer<'_, Result<Answered, Error>> {
        Box::pin(pending())
    }

    fn read<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(pending())
    }

    fn changed<'a>(&'a self, _: &'a OrderId, _: u32) -> Answer<'a, Result<Arc<Order>, Error>> {
        Box::pin(pending())
    }

    fn details<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Option<Details>, Error>> {
        Box::pin(pending())
    }

    fn list(&self, _: Page) -> Answer<'_, Result<Listing, Error>> {
        Box::pin(pending())
    }

    fn timeline<'a>(&'a self, _: &'a OrderId) -> Answer<'a, Result<Vec<TimelineEntry>, Error>> {
        Box::pin(pending())
    }

    fn stock<'a>(&'a self, _: &'a Sku) -> Answer<'a, Result<StockLevel, Error>> {
        Box::pin(pending())
    }

    fn stocks<'a>(&'a self, _: Option<&'a Sku>, _: usize) -> Answer<'a, Result<Vec<StockLevel>, Error>> {
        Box::pin(pending())
    }

    fn set_stock(&self, _: SetStock) -> Answer<'_, Result<StockSet, Error>> {
        Box::pin(pending())
    }

    fn adjust_stock(&self, _: AdjustStock) -> Answer<'_, Result<Adjusted, Error>> {
        Box::pin(pending())
    }

    fn health(&self) -> Answer<'_, Health> {
        Box::pin(std::future::ready(Health::Ready))
    }

    fn now(&self) -> Timestamp {
        Timestamp::default()
    }
}

fn hub(log: &Arc<Log>) -> Arc<Hub> {
    Arc::new(Hub::new(Arc::clone(log) as Arc<dyn OrderEngine>, Metrics::new()))
}

fn follow(hub: &Arc<Hub>, after: u64) -> OfAll {
    OfAll::new(Arc::clone(hub), Position(after), Shutdown::new())
}

/// The ids of the messages in these bytes.
fn ids(bytes: &[u8]) -> Vec<u64> {
    let text = str::from_utf8(bytes).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("id: ")).map(|id| id.parse().unwrap()).collect()
}

/// Reads so many messages.
async fn read(messages: &mut OfAll, count: usize) -> Vec<u64> {
    let mut read = vec![];
    while read.len() < count {
        read.extend(ids(&messages.next().await.expect("more").concat()));
    }
    read
}

fn chunk(after: u64, last: u64) -> Chunk {
    Chunk::of(Position(after), (after + 1..=last).map(entry).collect())
}

#[test]
fn a_part_is_whole_messages_after_the_place() {
    let mut shelf = Shelf::new(usize::MAX);
    shelf.put(chunk(2, 5));
    shelf.put(chunk(5, 7));
    let part = |place, most| {
        shelf.part_after(Position(place), most).map(|(pieces, reached)| (ids(&pieces.concat()), reached.0))
    };
    let one = chunk(2, 3).into_bytes().len();
    assert_eq!(part(2, 0), Some((vec![3], 3)), "one at least");
    assert_eq!(part(2, 2 * one + 5), Some((vec![3, 4], 4)));
    assert_eq!(part(3, 3 * one), Some((vec![4, 5, 6], 6)), "also from several chunks");
    assert_eq!(part(4, 1_000_000), Some((vec![5, 6, 7], 7)));
    assert_eq!((part(7, one), part(1, one)), (None, None));
}

#[test]
fn what_many_read_is_there_once() {
    let chunks = [chunk(2, 5), chunk(5, 7), chunk(7, 9)];
    let mut shelf = Shelf::new(usize::MAX);
    chunks.iter().for_each(|chunk| shelf.put(chunk.clone()));
    let (pieces, reached) = shelf.part_after(Position(3), 1_000_000).unwrap();
    assert_eq!((ids(&pieces.concat()), reached), (vec![4, 5, 6, 7, 8, 9], Position(9)));
    for (piece, chunk) in pieces.iter().zip(chunks) {
        let kept = chunk.into_bytes().as_ptr_range();
        assert!(kept.start <= piece.as_ptr() && piece.as_ptr_range().end <= kept.end, "it is no copy");
    }
}

#[test]
fn a_shelf_keeps_the_newest_that_have_room() {
    let bytes = chunk(0, 1).into_bytes().len();
    let mut shelf = Shelf::new(3 * bytes);
    for after in 0..9 {
        shelf.put(chunk(after, after + 1));
    }
    let has = |place| shelf.part_after(Position(place), 0).is_some();
    assert_eq!((0..10).filter(|place| has(*place)).collect::<Vec<_>>(), [6, 7, 8]);
    let large = chunk(20, 1_000);
    assert!(large.last() < Position(1_000), "a chunk is bounded");
    shelf.put(large);
    assert!(shelf.part_after(Position(20), 0).is_some(), "what was put last is there, however large");
}

#[tokio::test(start_paused = true)]
async fn what_comes_to_many_readers_is_read_and_written_once() {
    let log = Log::new(5);
    let hub = hub(&log);
    let mut readers = JoinSet::new();
    for _ in 0..500 {
        let mut messages = follow(&hub, 5);
        readers.spawn(async move { read(&mut messages, 3).await });
    }
    while log.waiting.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    log.add(3);
    while let Some(read) = readers.join_next().await {
        assert_eq!(read.unwrap(), [6, 7, 8]);
    }
    assert_eq!(log.asked(), 1, "for all of them");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_of_the_engine_once_nobody_reads() {
    let log = Log::new(5);
    let hub = hub(&log);
    let mut messages = follow(&hub, 5);
    let waiting = tokio::spawn(async move { messages.next().await });
    while log.waiting.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    waiting.abort();
    while log.waiting.load(Ordering::SeqCst) == 1 {
        tokio::task::yield_now().await;
    }
    log.add(1);
    let mut messages = follow(&hub, 5);
    assert_eq!(read(&mut messages, 1).await, [6], "who comes later is served");
}

#[tokio::test(start_paused = true)]
async fn readers_far_apart_each_get_everything() {
    let log = Log::new(20_000);
    let hub = hub(&log);
    let mut newest = follow(&hub, 20_000);
    log.add(1);
    assert_eq!(read(&mut newest, 1).await, [20_001]);
    let mut readers = JoinSet::new();
    for after in [0, 1, 100, 10_000, 10_001, 15_077] {
        let mut messages = follow(&hub, after);
        readers.spawn(async move {
            let last = read(&mut messages, usize::try_from(20_001 - after).unwrap()).await;
            assert!(last.into_iter().eq(after + 1..=20_001), "from {after}");
        });
    }
    while let Some(read) = readers.join_next().await {
        read.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn readers_that_fell_behind_together_are_served_together() {
    let log = Log::new(20_000);
    let hub = hub(&log);
    let mut readers = JoinSet::new();
    for _ in 0..100 {
        let mut messages = follow(&hub, 5_000);
        readers.spawn(async move { read(&mut messages, 10_000).await.len() });
    }
    while let Some(read) = readers.join_next().await {
        assert!(read.unwrap() >= 10_000);
    }
    let alone = 10_000 / 256 + 1;
    assert!((alone..2 * alone).contains(&log.asked()), "{} times", log.asked());
}

#[tokio::test(start_paused = true)]
async fn writes_are_at_once_on_a_quiet_server_and_bounded_on_a_busy_one() {
    let pace = Pace::new();
    let begun = Instant::now();
    let answered = || u64::try_from(begun.elapsed().as_millis()).unwrap() * 10;
    pace.turn(answered).await;
    assert!(begun.elapsed() < Duration::from_millis(2), "{:?}", begun.elapsed());
    tokio::time::advance(Duration::from_secs(1)).await;
    let busy = Instant::now();
    for _ in 0..10_000 {
        pace.turn(answered).await;
        pace.wrote(60_000);
    }
    // Each write 0.5 ms and each byte 22 ns.
    let took = busy.elapsed().as_secs_f64();
    assert!((17.7..=18.7).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_comment() {
    let log = Log::new(1);
    let mut all = follow(&hub(&log), 1);
    let (engine, order) = (Arc::clone(&log) as Arc<dyn OrderEngine>, FeedScope::Order(order_id()));
    let mut one = OfOne::new(engine, order, Position(1), Shutdown::new());
    for _ in 0..3 {
        let begun = Instant::now();
        assert_eq!(all.next().await.unwrap(), [&b": nothing new\n\n"[..]]);
        assert_eq!(begun.elapsed().as_secs(), 15);
        assert_eq!(one.next().await.unwrap(), [&b": nothing new\n\n"[..]]);
        assert_eq!(begun.elapsed().as_secs(), 30);
    }
    log.add(1);
    assert_eq!(ids(&all.next().await.unwrap().concat()), [2]);
    assert_eq!(ids(&one.next().await.unwrap().concat()), [2]);
}

#[tokio::test(start_paused = true)]
async fn a_stream_begins_with_the_hint_and_ends_with_the_server() {
    let log = Log::new(1);
    let shutdown = Shutdown::new();
    let mut stream = body(OfAll::new(hub(&log), Position(0), shutdown.clone()));
    let mut next = async || {
        let frame = poll_fn(|cx| Pin::new(&mut stream).poll_frame(cx)).await;
        frame.map(|frame| frame.unwrap().into_data().unwrap())
    };
    assert_eq!(next().await, Some(Bytes::from_static(b"retry: 1000\n\n")));
    assert_eq!(ids(&next().await.unwrap()), [1]);
    shutdown.begin();
    assert_eq!(next().await, None);
    assert_eq!(next().await, None);
}

#[test]
fn a_message_is_the_timelines_entry_with_its_order() {
    let bytes = chunk(6, 7).into_bytes();
    let hash = "0".repeat(64);
    let data = format!(
        r#"{{"order_id":"ORD-1","seq":7,"type":"stock_reserved","at":"1970-01-01T00:00:00Z","actor":"api","reason":null,"data":{{}},"hash":"{hash}"}}"#
    );
    assert_eq!(bytes, format!("id: 7\nevent: stock_reserved\ndata: {data}\n\n"));
}
