//! Cycles on one data directory: start, check, load, kill; and the reckoning at the end.

use super::audit::{check_settled, check_stock, pieces_of};
use super::auditor::{self, Audit, Extent};
use super::journal::Journal;
use super::kill::Kill;
use super::random::Random;
use super::shop::{Counter, Gone, Shop};
use super::shopper::Shopper;
use super::{FLAGS, Run, SKUS, repeating, settle};
use crate::product::moment;
use crate::product::server::Server;
use crate::product::verify::verify;
use anyhow::{Context, Result};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

const SHOPPERS: u64 = 24;
/// Everything is settled and reckoned up before the load of every so-manieth cycle.
const RECKONING: u64 = 5;
/// What a server is promised to end in after SIGTERM.
const LONGEST_END: Duration = Duration::from_secs(10);

/// One data directory and what is known of it.
pub(super) struct Generation<'r> {
    run: &'r mut Run,
    dir: PathBuf,
    shop: Shop,
    /// What was on hand of each SKU before anything was consumed; `None` until the stock is set.
    base: Option<BTreeMap<&'static str, i64>>,
    /// When each server became ready.
    runs: Vec<i64>,
    faults: Vec<String>,
}

impl<'r> Generation<'r> {
    /// A generation in a new folder.
    pub(super) fn new(run: &'r mut Run, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        let shop = Shop::new(Journal::new(&dir.join("journal.jsonl"))?);
        Ok(Self { run, dir: dir.to_owned(), shop, base: None, runs: vec![], faults: vec![] })
    }

    /// Everything that does not hold.
    pub(super) fn faults(&self) -> Vec<String> {
        [&self.faults[..], &self.shop.journal().complaints].concat()
    }

    /// Runs so many cycles and the reckoning after them; ends early where something does not hold.
    pub(super) fn run(&mut self, cycles: u64) -> Result<()> {
        for cycle in 1..=cycles {
            self.run.figures.cycles += 1;
            let before = self.shop.journal().orders.len();
            let ended = self.cycle(cycle)?;
            let orders = self.shop.journal().orders.len();
            let number = self.run.figures.cycles;
            println!("cycle {number}: {ended}; {orders} orders, {} new", orders - before);
            if !self.faults().is_empty() {
                break;
            }
        }
        if self.faults().is_empty() {
            self.reckon_at_the_end()?;
        }
        let journal = self.shop.journal();
        self.run.figures.orders += journal.orders.len() as u64;
        self.run.figures.answers += journal.answers;
        Ok(())
    }

    /// One cycle; answers how it ended, in words.
    fn cycle(&mut self, cycle: u64) -> Result<String> {
        let is_reckoning = cycle.is_multiple_of(RECKONING);
        let kill = Kill::choose(&mut self.run.random, cycle == 1, is_reckoning);
        let point = kill.point();
        let mut server = self.start(point)?;
        if let Kill::InItsStart(after) = kill {
            server.dies_within(after);
            return self.end(server, "killed in its start");
        }
        let Some(took) = server.ready()? else { return self.end_at_point(server, point) };
        self.runs.push(moment::now());
        self.run.figures.longest_restart = self.run.figures.longest_restart.max(took);
        if self.check(&mut server, is_reckoning)?.is_err() {
            return self.end_at_point(server, point);
        }
        let load = kill.load();
        let verifies = self.run.random.percent(25);
        if self.load(&mut server, load, verifies)? {
            return self.end_at_point(server, point);
        }
        self.end(server, &format!("killed after {} ms of load", load.as_millis()))
    }

    fn start(&self, point: Option<&str>) -> Result<Server> {
        let log = self.dir.join("server.log");
        Server::start_with(&self.run.program, &self.data_dir(), FLAGS, &log, point)
    }

    fn data_dir(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Kills a server and checks what it left behind.
    fn end(&mut self, mut server: Server, how: &str) -> Result<String> {
        server.kill()?;
        self.run.figures.random_kills += 1;
        self.verify_left()?;
        Ok(how.to_owned())
    }

    /// The server is dead, or dying, by its own hand; anything else is a fault.
    fn end_at_point(&mut self, mut server: Server, point: Option<&str>) -> Result<String> {
        let died = server.dies_within(Duration::from_secs(10));
        let status = server.kill()?;
        match point {
            Some(point) if died => {
                self.run.figures.point_kills += 1;
                self.verify_left()?;
                Ok(format!("died at {point}"))
            }
            _ => {
                self.faults.push(format!("the server ended by itself with {status}; see server.log"));
                Ok("broke down".to_owned())
            }
        }
    }

    /// `verify` on what a dead server left, before the next one mends anything.
    fn verify_left(&mut self) -> Result<()> {
        if self.run.random.percent(50) && self.base.is_some() {
            self.verify(false)?;
        }
        Ok(())
    }

    fn verify(&mut self, exactly: bool) -> Result<()> {
        self.run.figures.verifications += 1;
        let (placed, unknown) = self.shop.journal().count();
        match verify(&self.run.program, &self.data_dir())? {
            Ok(orders) if exactly && orders != placed => {
                self.faults
                    .push(format!("verify finds {orders} orders, {placed} were acknowledged or found"));
            }
            Ok(orders) if orders < placed || orders > placed + unknown => {
                let fault =
                    format!("verify finds {orders} orders; {placed} are known and {unknown} not answered");
                self.faults.push(fault);
            }
            Ok(_) => {}
            Err(complaint) => self.faults.push(complaint),
        }
        Ok(())
    }

    /// Checks what is there after a restart, and sets the stock where it is not set yet.
    fn check(&mut self, server: &mut Server, is_reckoning: bool) -> Result<Result<(), Gone>> {
        let address = server.address()?;
        let mut random = Random::fork(self.run.seed, self.run.figures.cycles << 8);
        {
            let mut counter = Counter::new(&self.shop, address);
            if self.base.is_none() && set_stock(&mut counter, &mut self.base).is_err() {
                return Ok(Err(Gone));
            }
            let repeated = repeating::repeat(&mut counter, &mut random, &mut self.run.figures);
            if repeated.is_err() || auditor::resolve(&mut counter, &mut random).is_err() {
                return Ok(Err(Gone));
            }
        }
        let extent = if is_reckoning { Extent::Open } else { Extent::Stirred };
        if !self.audit(server, extent)? {
            return Ok(Err(Gone));
        }
        if is_reckoning {
            settle::settle(&self.shop, address, &mut random);
            self.reckon(server, Extent::Open)?;
        }
        Ok(Ok(()))
    }

    fn audit(&mut self, server: &Server, extent: Extent) -> Result<bool> {
        let mut counter = Counter::new(&self.shop, server.address()?);
        let log = self.data_dir().join("providers.log");
        let Audit { faults, complete } =
            auditor::audit(&mut counter, extent, &log, &self.runs, &mut self.run.figures)?;
        self.faults.extend(faults);
        Ok(complete)
    }

    /// Everything has come to its end: reads it again and adds it up.
    fn reckon(&mut self, server: &Server, extent: Extent) -> Result<()> {
        let mut complete = self.audit(server, extent)?;
        let mut counter = Counter::new(&self.shop, server.address()?);
        let stock = auditor::read_stock(&mut counter);
        complete &= stock.is_ok();
        let mut journal = self.shop.journal();
        if let (Ok(stock), Some(base)) = (&stock, &mut self.base) {
            self.faults.extend(check_stock(base, &journal.adjustments, &journal.orders, stock));
            for (sku, found) in stock {
                let consumed = pieces_of(sku, journal.orders.iter().filter(|order| order.consumed));
                base.insert(*sku, found.on_hand + consumed);
            }
        }
        journal.adjustments.clear();
        for order in journal.orders.iter_mut().filter(|order| !order.parked && order.id().is_some()) {
            self.faults.extend(check_settled(order));
            order.settled = true;
        }
        if !complete {
            self.faults.push("the server ended while everything was reckoned up; see server.log".to_owned());
        }
        Ok(())
    }

    /// Loads the server until it dies by itself, which is answered, or the time is over; then it is still
    /// under load.
    fn load(&mut self, server: &mut Server, load: Duration, verifies: bool) -> Result<bool> {
        let (address, seed, cycle) = (server.address()?, self.run.seed, self.run.figures.cycles);
        let shop = &self.shop;
        let verified = thread::scope(|scope| {
            for number in 1..=SHOPPERS {
                let random = Random::fork(seed, (cycle << 8) + number);
                let name = format!("c{cycle}-{number}");
                scope.spawn(move || Shopper::new(Counter::new(shop, address), random, name).shop());
            }
            let died = server.dies_within(load);
            let verified = (verifies && !died).then(|| verify(&self.run.program, &self.dir.join("data")));
            // The clients' lines break when the server dies, so it has to before they are waited for.
            let died = died || server.dies_within(Duration::ZERO);
            if !died {
                server.kill()?;
            }
            anyhow::Ok((died, verified.transpose()?))
        });
        let (died, verified) = verified?;
        if let Some(verified) = verified {
            self.run.figures.verifications += 1;
            self.faults
                .extend(verified.err().map(|complaint| format!("beside a running server: {complaint}")));
        }
        Ok(died)
    }

    /// One last start: everything settles, everything is read again, and the server ends as it is asked to.
    fn reckon_at_the_end(&mut self) -> Result<()> {
        let mut server = self.start(None)?;
        let ready = server.ready()?;
        self.runs.push(moment::now());
        if ready.is_none() || self.check(&mut server, true)?.is_err() {
            self.faults.push("the server ended by itself; see server.log".to_owned());
            return Ok(());
        }
        self.reckon(&server, Extent::All)?;
        self.verify(true)?;
        let (status, took) = server.terminate()?;
        if !status.success() || took > LONGEST_END {
            self.faults.push(format!("after SIGTERM it ended with {status} in {took:?}"));
        }
        self.verify(true)
    }
}

/// Sets what is on hand of each SKU, before anything is ordered.
fn set_stock(counter: &mut Counter<'_>, base: &mut Option<BTreeMap<&'static str, i64>>) -> Result<(), Gone> {
    let mut set = BTreeMap::new();
    for (sku, on_hand) in SKUS {
        let body = format!(r#"{{"on_hand":{on_hand}}}"#);
        let answer = counter.send("PUT", &format!("/api/v1/inventory/{sku}"), Some(&body))?;
        if !matches!(answer.status, 200 | 201) {
            counter.shop.journal().complain(format!("setting the stock of {sku} was answered {answer:?}"));
        }
        set.insert(*sku, i64::try_from(*on_hand).unwrap_or_default());
    }
    *base = Some(set);
    Ok(())
}
