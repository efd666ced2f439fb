//! Where it is measured: a Temporal server, a PostgreSQL of ours, and whoever works there at the moment.

use super::Store;
use crate::checkout::Checkout;
use crate::product::http::Connection;
use crate::servers::{COUNTED, Postgres, Temporal, TemporalOnPostgres};
use crate::stack::{Compose, Here, Process, run_service};
use anyhow::{Result, ensure};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

/// What the driver orders, and more of it than it ever orders.
const STOCK: &str = "/api/v1/inventory/iPhone%2015";
const PIECES: u32 = 100_000_000;

/// Who works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Go,
    Ours,
}

enum Server {
    Development(Temporal),
    OnPostgres(TemporalOnPostgres),
}

/// All that is needed for one kind of server.
pub(super) struct Site<'a> {
    /// Where Temporal keeps what it knows.
    pub(super) store: Store,
    /// The program that drives, and the Go worker.
    pub(super) baseline: &'a Path,
    /// OmniFlow.
    pub(super) program: &'a Path,
    /// Our PostgreSQL.
    pub(super) stock: Postgres,
    server: Server,
    compose: Compose,
    here: Here,
    folder: &'a Path,
}

impl<'a> Site<'a> {
    /// Starts the servers; logs go into `folder`.
    pub(super) fn start(
        checkout: &Checkout,
        store: Store,
        program: &'a Path,
        baseline: &'a Path,
        folder: &'a Path,
    ) -> Result<Self> {
        let compose = Compose::read(checkout)?;
        let stock = Postgres::start_with(folder, &[COUNTED])?;
        let file = folder.join("temporal.db").display().to_string();
        let server = match store {
            Store::Memory => Server::Development(Temporal::start(checkout, folder)?),
            Store::File => {
                Server::Development(Temporal::start_with(checkout, folder, &["--db-filename", &file])?)
            }
            Store::Postgres => Server::OnPostgres(TemporalOnPostgres::start(checkout, folder, &[])?),
        };
        let mut here = Here::new(compose.names());
        here.put("stock:5432", &format!("127.0.0.1:{}", stock.port()));
        let site = Self { store, baseline, program, stock, server, compose, here, folder };
        let mut here = site.here.clone();
        here.put("temporal:7233", &site.address());
        Ok(Self { here, ..site })
    }

    /// Where Temporal listens.
    pub(super) fn address(&self) -> String {
        match &self.server {
            Server::Development(server) => server.address(),
            Server::OnPostgres(server) => server.address(),
        }
    }

    /// The PostgreSQL in which Temporal keeps what it knows.
    pub(super) fn temporals_own(&self) -> Option<&Postgres> {
        match &self.server {
            Server::Development(_) => None,
            Server::OnPostgres(server) => Some(server.postgres()),
        }
    }

    /// Starts a worker; it is the only one while it runs.
    pub(super) fn worker(&self, who: Who) -> Result<Process> {
        match who {
            Who::Go => {
                let words = ["worker", "-address", &self.address()].map(str::to_owned);
                Process::start("go-worker", self.baseline, &words, &BTreeMap::new(), self.folder)
            }
            Who::Ours => {
                let service = self.compose.service("worker")?;
                Ok(run_service("worker", &service, &self.here, self.program, self.folder)?.0)
            }
        }
    }

    /// Starts our API; answers where it listens as well.
    pub(super) fn api(&self) -> Result<(Process, SocketAddr)> {
        let service = self.compose.service("api")?;
        let (api, port) = run_service("api", &service, &self.here, self.program, self.folder)?;
        Ok((api, SocketAddr::from((Ipv4Addr::LOCALHOST, port))))
    }

    /// Puts enough on hand for every order.
    pub(super) fn stock_up(&self) -> Result<()> {
        let (api, address) = self.api()?;
        let body = format!(r#"{{"on_hand": {PIECES}}}"#);
        let answer = Connection::new(address).ask("PUT", STOCK, "", Some(&body))?;
        ensure!(matches!(answer.status, 200 | 201), "the stock cannot be set: {answer:?}");
        api.stop()
    }
}
