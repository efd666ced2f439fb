//! The table of keys: what is not here is no setting. `--print-config`, the file's reader, the environment and
//! `docs/configuration.md` all follow it.

use super::Config;
use super::slot::Slot;

/// A setting.
pub(crate) struct Key {
    /// Its name, with the table that it is in: `limits.body_bytes`.
    pub(crate) path: &'static str,
    /// What it does, in lines of a comment.
    pub(crate) about: &'static [&'static str],
    /// Where it is kept.
    pub(crate) slot: fn(&mut Config) -> Slot<'_>,
}

impl Key {
    /// The table that it is in, empty for those at the top.
    pub(crate) fn table(&self) -> &'static str {
        self.path.rsplit_once('.').map_or("", |(table, _)| table)
    }

    /// Its name in its table.
    pub(crate) fn name(&self) -> &'static str {
        self.path.rsplit_once('.').map_or(self.path, |(_, name)| name)
    }

    /// Whether only the file may set it, so that it is written down.
    pub(crate) fn is_of_the_file(&self) -> bool {
        matches!((self.slot)(&mut Config::default()), Slot::Word { .. })
    }

    /// The variable that sets it.
    pub(crate) fn variable(&self) -> String {
        variable(self.path)
    }
}

/// The variable of the key at a path.
pub(crate) fn variable(path: &str) -> String {
    format!("{PREFIX}{}", path.replace('.', "_").to_uppercase())
}

/// With what the name of every variable begins.
pub(crate) const PREFIX: &str = "OMNIFLOW_";

/// A table whose keys are currencies.
pub(crate) const THRESHOLDS: &str = "policies.review_thresholds";

/// Keys that later versions have.
pub(crate) const LATER: &[&str] = &[
    "keys",
    "webhooks",
    "payment_events",
    "carrier.url",
    "carrier.secret",
    "payments.url",
    "payments.secret",
];

const SIMULATED: &str =
    "providers over HTTP come with a later version, and nothing is simulated unless this file says so";

macro_rules! keys {
    ($($path:literal, [$($about:literal),+], $config:ident => $slot:expr;)+) => {
        /// Every key, those of the top first, then table by table.
        pub(crate) const KEYS: &[Key] = &[$(
            Key { path: $path, about: &[$($about),+], slot: |$config| $slot },
        )+];
    };
}

keys! {
    "engine", ["Which engine runs orders. Must be written: \"embedded\" is SQLite in this process, \"temporal\" is", "Temporal with PostgreSQL, and needs a build with the feature of that name."],
        c => Slot::Engine { written: &mut c.asked.engine, engine: &mut c.settings.engine };
    "access", ["Who may use the API. Must be written, in this file: \"none\" lets everybody who reaches the", "server do everything. Access keys come with a later version."],
        c => Slot::Word { written: &mut c.asked.access, word: "none", others: "access keys come with a later version, and nobody is let in unasked unless this file says so" };
    "listen", ["Address and port. Beyond this machine (anything but a loopback address) only with", "allow_unauthenticated_remote."],
        c => Slot::Address(&mut c.settings.listen);
    "allow_unauthenticated_remote", ["With access = \"none\", whether others than this machine may reach the server: they could place,", "pay, approve and cancel every order. For networks that are closed by other means."],
        c => Slot::Switch(&mut c.allow_unauthenticated_remote);
    "data_dir", ["Where the embedded engine's data is. One process has it at a time; not on a network file system."],
        c => Slot::Directory(&mut c.settings.data_dir);
    "locale", ["The language of texts for people where a request's Accept-Language asks for none:", "\"zh-CN\" or \"en\"."],
        c => Slot::Locale(&mut c.settings.locale);
    "implicit_capture", ["Whether a payment report without a body (POST …/pay) means that the whole amount was captured.", "Without it such a report is refused with 422."],
        c => Slot::Switch(&mut c.settings.implicit_capture);
    "log", ["Which logs are written, to standard error: a level (\"error\", \"warn\", \"info\", \"debug\", \"trace\"),", "or levels by part, such as \"info,omniflow_embedded=debug\"."],
        c => Slot::Filter(&mut c.log);
    "log_format", ["How: \"text\" for people, \"json\" for programs, \"auto\" for text on a terminal and JSON otherwise."],
        c => Slot::Format(&mut c.log_format);
    "postgres.url", ["PostgreSQL, for engine = \"temporal\": stock, and everything that is read. It is asked for a schema of", "its own. A password may be here, in the variable OMNIFLOW_POSTGRES_URL, or in password_file."],
        c => Slot::Text { at: &mut c.settings.servers.postgres, example: "postgres://omniflow@localhost/omniflow" };
    "postgres.password_file", ["A file whose first line is the password, where the address has none."],
        c => Slot::Text { at: &mut c.settings.servers.postgres_password_file, example: "/run/secrets/postgres" };
    "postgres.schema", ["The schema of the tables; made where it is missing."],
        c => Slot::Text { at: &mut c.settings.servers.schema, example: "omniflow" };
    "postgres.connections", ["Connections of each process, beside one that listens. The server needs room for all processes."],
        c => Slot::Count(&mut c.settings.servers.connections, 2..=1_000);
    "temporal.task_queue", ["The task queue on which API and workers meet. Where Temporal is, and who we are there, the variables", "say that all of its clients share: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_…"],
        c => Slot::Text { at: &mut c.settings.servers.task_queue, example: "OMNIFLOW_TASK_QUEUE" };
    "worker.listen", ["Where `omniflow worker` has /healthz, /readyz and /metrics."],
        c => Slot::Address(&mut c.settings.servers.worker_listen);
    "worker.pollers", ["Requests for work that a worker holds open at Temporal, for orders and for attempts each."],
        c => Slot::Count(&mut c.settings.servers.pollers, 2..=1_000);
    "carrier.kind", ["Who ships. Must be written, in this file: \"simulated\" ships nothing and says that it did.", "\"http\" comes with a later version."],
        c => Slot::Word { written: &mut c.asked.carrier, word: "simulated", others: SIMULATED };
    "carrier.delay", ["How long the simulated carrier takes. Shorter than policies.forward.attempt_timeout."],
        c => Slot::Span(&mut c.settings.carrier_delay, "0s"..="1h");
    "payments.kind", ["Who gives money back. Must be written, in this file: \"simulated\" pays nothing back and says that", "it did. \"http\" comes with a later version."],
        c => Slot::Word { written: &mut c.asked.payments, word: "simulated", others: SIMULATED };
    "policies.payment_window", ["How long an order waits for its payment, unless it says payment_window_seconds itself. As all", "policies, it is copied into an order when that is placed: a change is for new orders."],
        c => Slot::Millis(&mut c.settings.policies.payment_window_ms, "1s"..="720h");
    "policies.provider_deadline", ["How long a provider that accepted an effect may take to report its outcome; then a person is", "asked to look at the order."],
        c => Slot::Millis(&mut c.settings.policies.provider_deadline_ms, "1s"..="8760h");
    "policies.review_thresholds", ["By currency (ISO 4217): an order of more than this, in major units, waits for a person's decision.", "A currency that is not here is refused; USD always is."],
        c => Slot::Amounts(&mut c.settings.policies.review_thresholds);
    "policies.forward.attempts", ["How often a shipment is tried before a person is asked to look at the order."],
        c => Slot::Times(&mut c.settings.policies.forward.attempts, 1..=1_000);
    "policies.forward.attempt_timeout", ["How long one attempt may take."],
        c => Slot::Millis(&mut c.settings.policies.forward.attempt_timeout_ms, "10ms"..="1h");
    "policies.forward.backoff", ["The pause after the first failed attempt; it doubles with each further one."],
        c => Slot::Millis(&mut c.settings.policies.forward.backoff_ms, "1ms"..="24h");
    "policies.forward.backoff_max", ["The longest pause. Not shorter than backoff."],
        c => Slot::Millis(&mut c.settings.policies.forward.backoff_max_ms, "1ms"..="24h");
    "policies.compensation.attempts", ["How often what undoes something, such as a refund, is tried."],
        c => Slot::Times(&mut c.settings.policies.compensation.attempts, 1..=1_000);
    "policies.compensation.attempt_timeout", ["As in policies.forward."],
        c => Slot::Millis(&mut c.settings.policies.compensation.attempt_timeout_ms, "10ms"..="1h");
    "policies.compensation.backoff", ["As in policies.forward."],
        c => Slot::Millis(&mut c.settings.policies.compensation.backoff_ms, "1ms"..="24h");
    "policies.compensation.backoff_max", ["As in policies.forward."],
        c => Slot::Millis(&mut c.settings.policies.compensation.backoff_max_ms, "1ms"..="24h");
    "limits.connections", ["Connections open at once. More wait in the system's queue until one ends. The system's limit of", "open files must be higher."],
        c => Slot::Count(&mut c.settings.limits.connections, 1..=1_000_000);
    "limits.header_bytes", ["Bytes of a request's line and headers together; more is 431."],
        c => Slot::Count(&mut c.settings.limits.header_bytes, 8_192..=1_048_576);
    "limits.body_bytes", ["The largest body that is taken; a larger one is 413."],
        c => Slot::Count(&mut c.settings.limits.body.bytes, 1_024..=67_108_864);
    "limits.dropped_body_bytes", ["How much of a body that is too large is read and dropped, so that the client sees the 413. Beyond", "it the connection is closed."],
        c => Slot::Count(&mut c.settings.limits.body.dropped_bytes, 0..=1_073_741_824);
    "limits.queue_capacity", ["How many requests may wait for the writer; more are 503 overloaded, with nothing done."],
        c => Slot::Count(&mut c.settings.queue_capacity, 1..=10_000_000);
    "timeouts.idle", ["How long a connection may stay open with no request, also before its first one."],
        c => Slot::Span(&mut c.settings.limits.idle, "1s"..="1h");
    "timeouts.header", ["From a request's first byte to the end of its headers; then 408."],
        c => Slot::Span(&mut c.settings.limits.header_read, "100ms"..="1h");
    "timeouts.body", ["From the first wait for a body to its end; then 408."],
        c => Slot::Span(&mut c.settings.limits.body.read, "100ms"..="1h");
    "timeouts.write", ["How long a client may take none of the bytes of its answer."],
        c => Slot::Span(&mut c.settings.limits.write_stall, "100ms"..="1h");
    "timeouts.linger", ["After an answer that ends a connection, how long what still arrives is read and dropped."],
        c => Slot::Span(&mut c.settings.limits.linger, "0s"..="10s");
    "timeouts.drain", ["At SIGTERM, how long requests that were taken may still be answered. The process ends within 10 s."],
        c => Slot::Span(&mut c.settings.limits.drain, "0s"..="8s");
    "idempotency.keep", ["How long the answer to a request with an Idempotency-Key is kept. Each costs about 200 bytes of disk."],
        c => Slot::Span(&mut c.settings.keep_answers, "1m"..="720h");
}
