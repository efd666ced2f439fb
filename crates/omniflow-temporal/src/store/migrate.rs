//! The tables' versions: numbered files, each in a transaction of its own, by one process at a time.

use super::connection::{Connections, Work};
use super::error::Fault;
use super::{Store, StoreError};
use std::time::Duration;

/// One file a version. Never edit one that was released.
const MIGRATIONS: &[&str] = &[include_str!("sql/0001_initial.sql")];

/// The schema that this program writes.
const SCHEMA: i32 = MIGRATIONS.len() as i32;

/// How long a migration may take, waiting for another process included.
const PATIENCE: Duration = Duration::from_secs(600);

/// What the feed's positions are made of, raised where the tables were restored on a server whose
/// transactions are numbered from less: no position is given twice, and none goes back.
const RAISE_FEED_BASE: &str = "
    UPDATE meta SET value = last.number + 1
    FROM (SELECT max(position) >> 12 AS number FROM order_events) last
    WHERE name = 'feed_base'
      AND last.number >= value + pg_snapshot_xmax(pg_current_snapshot())::text::bigint";

/// What is found of the tables, beside what this program knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// There are none: they are made before they are first used.
    Missing,
    /// An older program made them: they are brought up to date before they are first used.
    Older {
        /// The schema found.
        found: i32,
        /// The one that this program brings them to.
        known: i32,
    },
    /// They are as this program knows them.
    Current,
    /// A newer program made them: this one does not touch them.
    Newer {
        /// The schema found.
        found: i32,
        /// The newest that this program knows.
        known: i32,
    },
}

impl Schema {
    const fn of(found: i32) -> Self {
        match found {
            0 => Self::Missing,
            SCHEMA => Self::Current,
            _ if found < SCHEMA => Self::Older { found, known: SCHEMA },
            _ => Self::Newer { found, known: SCHEMA },
        }
    }
}

impl Store {
    /// Looks what the tables are like, in bounded time, and changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`].
    pub async fn look(&self) -> Result<Schema, StoreError> {
        self.connections.again(|| look_once(&self.connections)).await
    }

    /// Brings the tables up to date now, not only before they are first used. Of several processes at once, one
    /// does it and the others wait.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`], [`StoreError::Unavailable`].
    pub async fn migrate(&self) -> Result<(), StoreError> {
        run(&self.connections).await
    }
}

/// Brings the tables up to date.
pub(super) async fn run(connections: &Connections) -> Result<(), StoreError> {
    let connections = connections.patient(PATIENCE);
    let mut found = connections.again(|| prepare(&connections)).await?;
    while found < SCHEMA {
        found = connections.again(|| step(&connections)).await?;
    }
    if found > SCHEMA {
        return Err(StoreError::NewerSchema { found, known: SCHEMA });
    }
    connections.again(|| finish(&connections)).await?;
    connections.tables().set_ready();
    Ok(())
}

async fn look_once(connections: &Connections) -> Result<Schema, Fault> {
    let work = connections.take_as_it_is().await?;
    let found = if is_begun(&work).await? { version(&work).await? } else { 0 };
    Ok(Schema::of(found))
}

/// Whether any program has begun to make tables here.
async fn is_begun(work: &Work) -> Result<bool, Fault> {
    let sql = "SELECT to_regclass('omniflow_schema') IS NOT NULL";
    Ok(work.ask(work.client().query_one(sql, &[])).await?.get(0))
}

/// Opens a transaction that no other migration runs beside.
async fn alone(connections: &Connections) -> Result<Work, Fault> {
    let work = connections.take_as_it_is().await?;
    let schema = connections.schema();
    work.ask(work.open()).await?;
    let lock = format!(
        "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0;
         SELECT pg_advisory_xact_lock(hashtextextended('omniflow {schema}', 0))"
    );
    work.ask(work.client().batch_execute(&lock)).await?;
    Ok(work)
}

/// Makes what is missing before the first migration. Returns the schema found.
async fn prepare(connections: &Connections) -> Result<i32, Fault> {
    let work = alone(connections).await?;
    let schema = connections.schema();
    let sql = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    if !work.ask(work.client().query_one(sql, &[&schema])).await?.get::<_, bool>(0) {
        work.ask(work.client().batch_execute(&format!("CREATE SCHEMA \"{schema}\""))).await?;
    }
    if !is_begun(&work).await? {
        let sql = "CREATE TABLE omniflow_schema (version integer NOT NULL);
                   INSERT INTO omniflow_schema VALUES (0)";
        work.ask(work.client().batch_execute(sql)).await?;
    }
    let found = version(&work).await?;
    work.commit(vec![]).await?;
    Ok(found)
}

/// What is looked after whenever a process begins.
async fn finish(connections: &Connections) -> Result<(), Fault> {
    let work = alone(connections).await?;
    let sql = "SELECT current_setting('synchronous_commit'), current_setting('fsync')";
    let row = work.ask(work.client().query_one(sql, &[])).await?;
    for (at, setting) in ["synchronous_commit", "fsync"].into_iter().enumerate() {
        if row.get::<_, &str>(at) == "off" {
            tracing::warn!("PostgreSQL's {setting} is off: a crash can undo what was answered");
        }
    }
    work.ask(work.client().execute(RAISE_FEED_BASE, &[])).await?;
    work.commit(vec![]).await
}

/// Brings the tables to the next version, if another process has not. Returns the version then.
async fn step(connections: &Connections) -> Result<i32, Fault> {
    let work = alone(connections).await?;
    let found = version(&work).await?;
    let next = usize::try_from(found).ok().and_then(|found| MIGRATIONS.get(found));
    let Some(migration) = next else { return Ok(found) };
    work.ask(work.client().batch_execute(migration)).await?;
    work.ask(work.client().execute("UPDATE omniflow_schema SET version = version + 1", &[])).await?;
    work.commit(vec![]).await?;
    Ok(found + 1)
}

async fn version(work: &Work) -> Result<i32, Fault> {
    Ok(work.ask(work.client().query_one("SELECT version FROM omniflow_schema", &[])).await?.get(0))
}
