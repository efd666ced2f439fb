//! What one order costs: events and tasks in Temporal's history, and SQL statements, as PostgreSQL counts them.

use super::Store;
use super::driver::{self, Histories};
use super::site::{Site, Who};
use crate::servers::Postgres;
use anyhow::{Context, Result};

/// Over how many orders it is averaged.
const ORDERS: u32 = 300;

const MAKE: &str = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements";
const RESET: &str = "SELECT pg_stat_statements_reset()";
/// All statements of all databases but these here, and those that begin or end a transaction.
const COUNT: &str = "SELECT coalesce(sum(calls), 0) || ' ' ||
           coalesce(sum(calls) FILTER (WHERE query ~* '^\\s*(begin|commit|rollback|start transaction)'), 0)
    FROM pg_stat_statements WHERE query !~ 'pg_stat_statements'";

/// What one order costs with each worker.
pub(super) struct Counts {
    pub(super) store: Store,
    pub(super) go: Cost,
    pub(super) ours: Cost,
}

/// Averages an order.
pub(super) struct Cost {
    pub(super) histories: Histories,
    /// At the PostgreSQL of stock and orders.
    pub(super) own: Statements,
    /// At Temporal's own PostgreSQL, where it has one.
    pub(super) temporals: Option<Statements>,
}

/// Statements an order.
#[derive(Clone, Copy)]
pub(super) struct Statements {
    /// All of them.
    pub(super) all: f64,
    /// Of these, those that begin or end a transaction.
    pub(super) bounds: f64,
}

/// Counts with each worker in turn.
pub(super) fn run(site: &Site<'_>) -> Result<Counts> {
    Ok(Counts { store: site.store, go: cost(site, Who::Go)?, ours: cost(site, Who::Ours)? })
}

fn cost(site: &Site<'_>, who: Who) -> Result<Cost> {
    let worker = site.worker(who)?;
    // What a worker does once, such as preparing statements, is no order's.
    driver::drive(site, 50, 20)?;
    let servers = || std::iter::once(&site.stock).chain(site.temporals_own());
    servers().try_for_each(|postgres| postgres.ask(MAKE).and_then(|_| postgres.ask(RESET)).map(drop))?;
    let histories = driver::histories(site, ORDERS)?;
    let mut counted = servers().map(statements);
    let own = counted.next().context("no PostgreSQL")??;
    let temporals = counted.next().transpose()?;
    worker.stop()?;
    Ok(Cost { histories, own, temporals })
}

fn statements(postgres: &Postgres) -> Result<Statements> {
    let said = postgres.ask(COUNT)?;
    let (all, bounds) = said.trim().split_once(' ').with_context(|| format!("no counts: {said}"))?;
    let each = |calls: &str| Ok::<_, anyhow::Error>(calls.parse::<f64>()? / f64::from(ORDERS));
    Ok(Statements { all: each(all)?, bounds: each(bounds)? })
}
