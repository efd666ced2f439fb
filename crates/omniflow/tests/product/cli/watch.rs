//! `watch`, live.

use super::{ask, ask_at, create, done, url};
use crate::server::{Place, Server, omniflow, still};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Longer than anything takes that is not hanging.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `watch` that runs.
pub(crate) struct Watch {
    child: Child,
    lines: Receiver<String>,
}

impl Watch {
    pub(crate) fn start(url: &str, args: &[&str]) -> Self {
        let mut command = super::command(&[&["orders", "watch", "--server", url], args].concat());
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
        let mut child = child.unwrap();
        let lines = lines(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// The next line.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        self.lines.recv_timeout(PATIENCE).expect("a line")
    }

    /// The lines until its end, and its exit code.
    pub(crate) fn end(&mut self) -> (Vec<String>, Option<i32>) {
        let mut lines = vec![];
        while let Ok(line) = self.lines.recv_timeout(PATIENCE) {
            lines.push(line);
        }
        (lines, self.child.wait().unwrap().code())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(stdout: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            let _ = sender.send(line);
        }
    });
    receiver
}

/// The types of events, each on its line.
pub(crate) fn types(lines: &[String]) -> Vec<String> {
    let of =
        |line: &String| serde_json::from_str::<Value>(line).unwrap()["type"].as_str().unwrap().to_owned();
    lines.iter().map(of).collect()
}

#[test]
fn an_order_is_followed_to_its_end() {
    let (_place, server) = still();
    let id = create(&server, &["HomePod", "--amount", "5"]);
    let mut watch = Watch::start(&url(&server), &[&id]);
    let seen: Vec<String> = (0..3).map(|_| watch.line()).collect();
    assert!(seen[0].contains("\torder placed\tapi\t5 USD"), "{seen:?}");
    assert!(seen[2].ends_with("\t→\tAwaiting payment (times out in 30s)"), "{seen:?}");
    done(&server, &["orders", "pay", &id, "--reason", "by card"]);
    let paid: Vec<String> = (0..2).map(|_| watch.line()).collect();
    assert!(paid[0].ends_with("\tpayment captured\tapi\tdefault · 5 USD · by card"), "{paid:?}");
    server.client.advance("PT2S");
    let (rest, code) = watch.end();
    assert_eq!(code, Some(0));
    assert!(rest.last().unwrap().ends_with("\t→\tCompleted"), "{rest:?}");
}

#[test]
fn what_is_over_is_told_and_ends_at_once() {
    let (_place, server) = still();
    let id = create(&server, &["HomePod", "--amount", "5"]);
    done(&server, &["orders", "cancel", &id]);
    let told = done(&server, &["orders", "watch", &id, "--lang", "zh"]);
    assert!(told.contains("\t请求取消\tapi\n") && told.ends_with("\t→\t已取消\n"), "{told}");
    let lines: Vec<String> =
        done(&server, &["orders", "watch", &id, "--json"]).lines().map(str::to_owned).collect();
    assert_eq!(types(&lines), server.client.events(&id));
    let entry: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&entry["order_id"], &entry["seq"]), (&id.as_str().into(), &1.into()));
}

/// A server at an address that another one had.
fn restarted(place: &Place, url: &str) -> Server {
    let mut command = omniflow(["dev", "--listen", url.trim_start_matches("http://"), "--data-dir"]);
    command.arg(place.data());
    Server::start(command)
}

#[test]
fn a_restart_of_the_server_loses_and_repeats_nothing() {
    let place = Place::new();
    let server = place.start(&["--payment-window", "1h"]);
    let url = url(&server);
    let id = create(&server, &["HomePod", "--amount", "5"]);
    let mut watch = Watch::start(&url, &[&id, "--json"]);
    let mut seen = vec![watch.line(), watch.line()];
    server.kill();
    let server = restarted(&place, &url);
    done(&server, &["orders", "pay", &id]);
    let (rest, code) = watch.end();
    seen.extend(rest);
    assert_eq!(code, Some(0));
    assert_eq!(types(&seen), server.client.events(&id));
    assert_eq!(server.client.order(&id)["state"], "completed");
}

#[test]
fn a_server_that_stays_away_is_given_up() {
    let place = Place::new();
    let server = place.start(&["--payment-window", "1h"]);
    let id = create(&server, &["HomePod", "--amount", "5"]);
    let mut watch = Watch::start(&url(&server), &[&id, "--patience", "300ms"]);
    watch.line();
    server.kill();
    assert_eq!(watch.end().1, Some(3));
}

#[test]
fn all_orders_are_followed_from_now_on() {
    let (_place, server) = still();
    create(&server, &["HomePod", "--amount", "4"]);
    let watch = Watch::start(&url(&server), &[]);
    // It has begun when it tells of an order; those before may go by.
    let first = loop {
        let id = create(&server, &["HomePod", "--amount", "5"]);
        if let Ok(line) = watch.lines.recv_timeout(Duration::from_millis(500)) {
            break (line, id);
        }
    };
    assert!(first.0.contains("\tORD-") && first.0.contains("\torder placed\tapi\t5 USD"), "{first:?}");
    let id = create(&server, &["Mac Pro", "--amount", "6"]);
    while !watch.line().contains(&format!("\t{id}\tstock reserved\t")) {}
}

#[test]
fn an_order_that_is_not_there_is_refused() {
    let (_place, server) = still();
    assert_eq!(ask(&server, &["orders", "watch", "ORD-none"]).code, Some(4));
    let fake = super::fake::Fake::answering(&[&super::fake::answer("200 OK", "", "{}")]);
    let told = ask_at(&fake.url(), &["orders", "watch"]);
    assert!(told.code == Some(1) && told.err.contains("no stream of events"), "{told:?}");
}
