-- Whether the body of a kept request is hashed with the salt of its order's details, which is erased with
-- them; its hash alone could be tested by guessing at an address. The rows are taken over by the program,
-- which hashes, and then this table goes with all that its pages hold.
DROP INDEX idempotency_expiry;
ALTER TABLE idempotency RENAME TO unsalted;
CREATE TABLE idempotency (
    key        BLOB    PRIMARY KEY,
    body       BLOB    NOT NULL,
    salted     INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    order_key  INTEGER,
    version    INTEGER,
    sku        TEXT,
    on_hand    INTEGER,
    reserved   INTEGER,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

-- How many orders are open, so that a start sees whether it has found all of them.
INSERT INTO meta (name, value) SELECT 'open_orders', count(*) FROM orders WHERE open = 1;
