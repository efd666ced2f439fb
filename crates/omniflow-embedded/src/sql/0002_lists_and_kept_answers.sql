-- What lists are read from, open orders among them, is a projection in a file of its own.
DROP INDEX open_orders;

-- What was answered to a request that carried an Idempotency-Key: an order as it stood at a version, or
-- a SKU's stock. The first table for it was never written to.
DROP TABLE idempotency;
CREATE TABLE idempotency (
    key        BLOB    PRIMARY KEY,
    body       BLOB    NOT NULL,
    at         INTEGER NOT NULL,
    order_key  INTEGER,
    version    INTEGER,
    sku        TEXT,
    on_hand    INTEGER,
    reserved   INTEGER,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

-- What cursors of lists are sealed with.
INSERT INTO meta (name, value) VALUES ('cursor_secret', random());
