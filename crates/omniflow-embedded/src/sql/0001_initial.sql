-- The log. One row holds the events that one commit made for one order, as the JSON lines they were
-- chained over, and the first 64 bits of the chain's hash after them, so that a break is found in its
-- row; the whole hash is in the order's record. Positions are contiguous from 1.
CREATE TABLE events (
    position  INTEGER PRIMARY KEY,
    order_key INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    lines     BLOB    NOT NULL,
    link      INTEGER NOT NULL
) STRICT;

-- Where each order stands: a cache of its folded events, with the positions of its rows in the log.
CREATE TABLE orders (
    key     INTEGER PRIMARY KEY,
    version INTEGER NOT NULL,
    open    INTEGER NOT NULL,
    due_at  INTEGER,
    record  BLOB    NOT NULL
) STRICT;
CREATE INDEX open_orders ON orders (open) WHERE open = 1;

CREATE TABLE external_ids (
    external_id TEXT    PRIMARY KEY,
    order_key   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Address and metadata, so that they can be erased; events know only the salted hash.
CREATE TABLE order_details (
    order_key INTEGER PRIMARY KEY,
    salt      BLOB NOT NULL,
    body      BLOB NOT NULL
) STRICT;

CREATE TABLE stock (
    id       INTEGER PRIMARY KEY,
    sku      TEXT    NOT NULL UNIQUE,
    on_hand  INTEGER NOT NULL CHECK (on_hand >= 0),
    reserved INTEGER NOT NULL CHECK (reserved >= 0)
) STRICT;

-- Every movement of stock. A row of kind 'orders' sums what one commit moved for orders; its entries
-- name each of them.
CREATE TABLE stock_ledger (
    id             INTEGER PRIMARY KEY,
    stock_id       INTEGER NOT NULL,
    at             INTEGER NOT NULL,
    kind           TEXT    NOT NULL,
    on_hand_delta  INTEGER NOT NULL,
    reserved_delta INTEGER NOT NULL,
    entries        BLOB,
    actor          TEXT,
    reason         TEXT
) STRICT;

-- What was answered to a request that carried an Idempotency-Key.
CREATE TABLE idempotency (
    key        BLOB    PRIMARY KEY,
    body       BLOB    NOT NULL,
    order_key  INTEGER,
    version    INTEGER,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE meta (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO meta (name, value) VALUES ('verified_position', 0), ('record_format', 1);
