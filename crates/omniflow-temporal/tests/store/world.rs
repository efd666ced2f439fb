//! A schema for each test, and orders to put into it.

use omniflow_core::{
    Actor, Command, Currency, EffectKey, Entry, Event, ExternalId, Line, LineId, Money, Order, OrderId,
    Outcome, PaymentReport, PolicyBook, Receipt, Sku, Step, Terms, Timestamp, decide, evolve, placed,
};
use omniflow_engine::{Details, Idempotency, SetStock};
use omniflow_temporal::store::{
    Begun, Claim, Publish, Published, SaltedDetails, Store, StoreError, StoreSettings,
};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use tokio_postgres::{Client, NoTls};

/// Held by every test that wants the server to stay up, and by the one that ends it alone.
static SERVER: RwLock<()> = RwLock::const_new(());

/// When everything happens, unless a test says otherwise.
pub(crate) const AT: Timestamp = Timestamp::from_millis(1_800_000_000_000);

pub(crate) fn url() -> String {
    std::env::var("OMNIFLOW_TEST_POSTGRES").unwrap_or_else(|_| {
        panic!(
            "set OMNIFLOW_TEST_POSTGRES to the address of a PostgreSQL that tests may fill, as a superuser, \
             such as postgres://omniflow@127.0.0.1:5432/omniflow; `cargo xtask test` starts one"
        )
    })
}

/// A store in a schema of its own.
pub(crate) struct World {
    pub(crate) store: Store,
    pub(crate) settings: StoreSettings,
    _server: Option<RwLockReadGuard<'static, ()>>,
}

impl World {
    /// An empty store, of this test alone.
    pub(crate) async fn new(test: &str) -> Self {
        let guard = SERVER.read().await;
        Self { _server: Some(guard), ..Self::bare(test, |_| {}).await }
    }

    pub(crate) async fn with(test: &str, change: impl FnOnce(&mut StoreSettings)) -> Self {
        let guard = SERVER.read().await;
        Self { _server: Some(guard), ..Self::bare(test, change).await }
    }

    /// A store whose server may be ended.
    pub(crate) async fn alone(test: &str) -> (Self, RwLockWriteGuard<'static, ()>) {
        let guard = SERVER.write().await;
        (Self::bare(test, |_| {}).await, guard)
    }

    async fn bare(test: &str, change: impl FnOnce(&mut StoreSettings)) -> Self {
        let mut settings = StoreSettings::new(url());
        settings.schema = format!("t_{test}");
        sql(&format!("DROP SCHEMA IF EXISTS t_{test} CASCADE")).await;
        change(&mut settings);
        let store = Store::connect(&settings).unwrap();
        store.migrate().await.unwrap();
        Self { store, settings, _server: None }
    }

    /// A connection in the test's schema, to look behind the store.
    pub(crate) async fn client(&self) -> Client {
        let client = client().await;
        client.batch_execute(&format!("SET search_path = {}", self.settings.schema)).await.unwrap();
        client
    }

    /// One number from a query.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        self.client().await.query_one(query, &[]).await.unwrap().get(0)
    }

    pub(crate) async fn stock_of(&self, sku: &str, on_hand: u64) {
        let change = SetStock {
            sku: Sku::new(sku).unwrap(),
            on_hand,
            expected_on_hand: None,
            recount: false,
            reason: None,
            actor: Actor::api(),
        };
        self.store.set_stock(&change, AT).await.unwrap();
    }

    /// On hand and reserved.
    pub(crate) async fn level(&self, sku: &str) -> (u64, u64) {
        let level = self.store.stock(&Sku::new(sku).unwrap()).await.unwrap().unwrap();
        (level.on_hand, level.reserved)
    }

    /// Claims an order that nobody else has.
    pub(crate) async fn claim(&self, life: &Life) {
        let claim = self.store.claim(&life.first, &life.placed, None, None).await.unwrap();
        assert_eq!(claim, Claim::Made);
    }

    pub(crate) async fn begin(&self, life: &Life) -> Begun {
        self.store.begin(&life.order.id, None, AT).await.unwrap()
    }

    /// Claims an order, reserves its stock and acknowledges it: it awaits payment.
    pub(crate) async fn place(&self, life: &mut Life) {
        self.claim(life).await;
        let Begun::Order { reserved, .. } = self.begin(life).await else { panic!("it was claimed") };
        reserved.expect("it was undecided").expect("there is stock");
        life.reserve();
        assert_eq!(
            life.publish(&self.store, 1, |publish| publish.acknowledge = true).await,
            Published::Stored
        );
    }
}

/// An address with another parameter.
pub(crate) fn with_parameter(url: &str, name: &str, value: &str) -> String {
    let value: String = value.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}{name}={value}")
}

pub(crate) async fn client() -> Client {
    let (client, connection) = tokio_postgres::connect(&url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

pub(crate) async fn sql(sql: &str) {
    client().await.batch_execute(sql).await.unwrap();
}

/// An order as it is lived outside of the store.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) first: Entry,
    pub(crate) placed: Order,
    pub(crate) order: Order,
    pub(crate) lines: Vec<Vec<u8>>,
}

pub(crate) fn terms(lines: &[(&str, u32)]) -> Terms {
    let total = Money::new(50_000, Currency::USD);
    let line = |(place, (sku, quantity)): (usize, &(&str, u32))| Line {
        line_id: LineId::of_place(place + 1),
        sku: Sku::new(*sku).unwrap(),
        quantity: *quantity,
        unit_price_minor: None,
    };
    Terms {
        total,
        lines: lines.iter().enumerate().map(line).collect(),
        adjustments: vec![],
        external_id: None,
        customer_id: None,
        policies: PolicyBook::default().for_order(total, None).unwrap(),
    }
}

impl Life {
    pub(crate) fn new(id: &str, lines: &[(&str, u32)]) -> Self {
        Self::of(id, terms(lines), None, AT)
    }

    pub(crate) fn external(id: &str, external_id: &str) -> Self {
        let terms =
            Terms { external_id: Some(ExternalId::new(external_id).unwrap()), ..terms(&[("tea", 1)]) };
        Self::of(id, terms, None, AT)
    }

    pub(crate) fn of(id: &str, terms: Terms, details: Option<&SaltedDetails>, at: Timestamp) -> Self {
        let order_id = OrderId::new(id).unwrap();
        let details = details.map(SaltedDetails::hash);
        let event = Event::OrderPlaced { order_id, terms: Box::new(terms), details };
        let first = Entry { seq: 1, at, actor: Actor::api(), event };
        let placed = placed(&first).unwrap();
        let lines = vec![first.link(&Default::default()).line];
        Self { order: placed.clone(), placed, first, lines }
    }

    /// Tells the order something and keeps what happens.
    pub(crate) fn told(&mut self, command: Command) -> &mut Self {
        for event in decide(&self.order, &command).unwrap() {
            let entry = Entry { seq: self.order.version + 1, at: AT, actor: Actor::api(), event };
            self.lines.push(entry.link(&Default::default()).line);
            self.order = evolve(self.order.clone(), &entry);
        }
        self
    }

    pub(crate) fn settled(&mut self, step: Step, receipt: Receipt) -> &mut Self {
        self.told(Command::Settle { effect: EffectKey::first(step), outcome: Outcome::Done(receipt) })
    }

    pub(crate) fn reserve(&mut self) -> &mut Self {
        self.settled(Step::ReserveStock, Receipt::Stock)
    }

    pub(crate) fn pay(&mut self) -> &mut Self {
        self.told(Command::ReportPayment(PaymentReport::captured()))
    }

    pub(crate) fn cancel(&mut self) -> &mut Self {
        self.told(Command::Cancel { reason: None })
    }

    /// Publishes all that the store, at this version, does not have.
    pub(crate) async fn publish(
        &self,
        store: &Store,
        expected: u32,
        change: impl FnOnce(&mut Publish<'_>),
    ) -> Published {
        self.try_publish(store, expected, change).await.unwrap()
    }

    pub(crate) async fn try_publish(
        &self,
        store: &Store,
        expected: u32,
        change: impl FnOnce(&mut Publish<'_>),
    ) -> Result<Published, StoreError> {
        let mut publish = Publish {
            order_id: &self.order.id,
            expected,
            lines: self.lines[expected as usize..].to_vec(),
            order: &self.order,
            stock: None,
            marks: vec![],
            at: AT,
            acknowledge: false,
            withdraw: false,
            erase_details: false,
        };
        change(&mut publish);
        store.publish(publish).await
    }
}

pub(crate) fn mark(key: &str, body: &str) -> Idempotency {
    Idempotency::new("shop", "/orders", key, body.as_bytes(), 1_000)
}

pub(crate) fn details() -> SaltedDetails {
    let address = [("street".to_owned(), "Main Street 1".to_owned())].into();
    let details = Details { shipping_address: Some(address), metadata: None };
    SaltedDetails::new(&details, [7; 16]).unwrap().unwrap()
}
