-- Small facts. `cursor_secret` seals the cursors of lists. `feed_base` is added to a transaction's number to
-- make a position: it is raised where the tables were restored on a server that counts from less.
CREATE TABLE meta (
    name  text   PRIMARY KEY,
    value bigint NOT NULL
);
INSERT INTO meta (name, value) VALUES
    ('cursor_secret',
     ('x' || substr(encode(sha256(uuid_send(gen_random_uuid())), 'hex'), 1, 16))::bit(64)::bigint),
    ('feed_base', 0);

-- Where each order stands. `record` is a compact copy of its folded events, in the format that is named
-- beside it. `place` begins with the moment of placing, so that one index serves both the order of lists and
-- bounds in time. `reservation` is what became of reserving stock, `settled` how the reservation ended: each
-- is written once, in the transaction that moves the stock. An order that was refused before anybody knew of it
-- stays, not acknowledged and without its external id: should somebody pay for it after all, it is found; it is
-- forgotten some time after `withdrawn_at`. `look_at` is when it is looked whether a workflow still drives the
-- order, and then each `look_pause`: none where nothing is to come of it any more, or its stock is not decided.
CREATE TABLE orders (
    id             text     COLLATE "C" PRIMARY KEY,
    place          bigint   NOT NULL,
    version        integer  NOT NULL CHECK (version > 0),
    head           bytea    NOT NULL,
    record_format  smallint NOT NULL,
    record         bytea    NOT NULL,
    acknowledged   boolean  NOT NULL,
    reservation    bytea,
    settled        text     COLLATE "C" CHECK (settled IN ('release_stock', 'consume_stock')),
    external_id    text     COLLATE "C" UNIQUE,
    customer_id    text     COLLATE "C",
    state          text     COLLATE "C" NOT NULL,
    payment_status text     COLLATE "C" NOT NULL,
    attention      boolean  NOT NULL,
    created_at     bigint   NOT NULL,
    withdrawn_at   bigint,
    look_at        bigint,
    look_pause     bigint,
    CHECK (settled IS NULL OR reservation IS NOT NULL),
    CHECK ((look_at IS NULL) = (look_pause IS NULL))
) WITH (fillfactor = 80);
CREATE SEQUENCE order_places;
CREATE UNIQUE INDEX orders_by_place ON orders (place);
CREATE INDEX orders_by_kind ON orders (state, payment_status, attention, place) WHERE acknowledged;
CREATE INDEX orders_by_customer ON orders (customer_id, state, payment_status, attention, place)
    WHERE acknowledged AND customer_id IS NOT NULL;
CREATE INDEX orders_attention ON orders (state) WHERE acknowledged AND attention;
CREATE INDEX orders_undecided ON orders (place) WHERE state = 'reserving';
CREATE INDEX orders_withdrawn ON orders (withdrawn_at) WHERE NOT acknowledged AND withdrawn_at IS NOT NULL;
CREATE INDEX orders_to_look_at ON orders (look_at) WHERE look_at IS NOT NULL;

-- What happened to each order: the JSON lines as they were chained over, and the chain's hash after each.
-- `position` is the place in the feed of all events: the number of the transaction that showed the event,
-- and the event's number in it. Events of an order that was not acknowledged have none yet.
CREATE TABLE order_events (
    order_id text    COLLATE "C" NOT NULL,
    version  integer NOT NULL,
    position bigint,
    line     bytea   NOT NULL,
    hash     bytea   NOT NULL,
    PRIMARY KEY (order_id, version)
);
CREATE UNIQUE INDEX order_events_by_position ON order_events (position) WHERE position IS NOT NULL;

-- Address and metadata, so that they can be erased; events know only the salted hash.
CREATE TABLE order_details (
    order_id text  COLLATE "C" PRIMARY KEY,
    salt     bytea NOT NULL,
    body     bytea NOT NULL
);

-- Stock. `recounted_short` is how many more may be reserved than there are, which only a recount can bring
-- about; it never grows otherwise.
CREATE TABLE stock (
    sku             text   COLLATE "C" PRIMARY KEY,
    on_hand         bigint NOT NULL CHECK (on_hand >= 0),
    reserved        bigint NOT NULL CHECK (reserved >= 0),
    recounted_short bigint NOT NULL DEFAULT 0 CHECK (recounted_short >= 0),
    CONSTRAINT no_oversell CHECK (reserved - on_hand <= recounted_short)
) WITH (fillfactor = 50);

-- Every movement of stock: of an order by its effect's kind, or of somebody by hand.
CREATE TABLE stock_ledger (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    sku            text   COLLATE "C" NOT NULL,
    at             bigint NOT NULL,
    kind           text   NOT NULL,
    on_hand_delta  bigint NOT NULL,
    reserved_delta bigint NOT NULL,
    order_id       text   COLLATE "C",
    actor          text,
    reason         text
);

-- What was answered to a request that carried an Idempotency-Key: an order as it stood at a version, none
-- where its placing is still at work, or a SKU's stock. `salted`: the body's hash is salted with the salt of
-- the order's details, and means nothing once they are erased.
CREATE TABLE idempotency (
    key        bytea   PRIMARY KEY,
    body       bytea   NOT NULL,
    salted     boolean NOT NULL,
    at         bigint  NOT NULL,
    order_id   text    COLLATE "C",
    version    integer,
    sku        text    COLLATE "C",
    on_hand    bigint,
    reserved   bigint,
    expires_at bigint  NOT NULL,
    CHECK ((order_id IS NULL) <> (sku IS NULL))
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);
CREATE INDEX idempotency_at_work ON idempotency (order_id) WHERE version IS NULL AND order_id IS NOT NULL;
