//! The server: whether it can be reached, is ready, is of this version, lets us in, and agrees about the time.

use super::finding::{Finding, Findings};
use crate::client::{Answer, Call, Client, Error};
use jiff::fmt::rfc2822;
use omniflow_engine::Clock as _;
use omniflow_engine::clock::SystemClock;
use serde::Deserialize;
use std::time::Instant;

/// A `Date` has whole seconds, so less than this is no difference.
const CLOCK_TOLERANCE_MS: i64 = 2_000;

/// As many orders as one page can have.
const PAGE: usize = 200;

/// Looks at it; once it cannot be reached, at nothing more of it.
pub(super) async fn examine(client: &Client, findings: &mut Findings) {
    let begun = Instant::now();
    let answer = match client.ask(&Call::get("/healthz")).await {
        Ok(answer) => answer,
        Err(error) => return findings.unreachable(unreachable(client, &error)),
    };
    let took = begun.elapsed().as_secs_f64() * 1e3;
    findings.add(Finding::well("server", &format!("{} answers in {took:.1} ms", client.address())));
    findings.add(ready(client).await);
    findings.add(version(client).await);
    findings.add(access(client).await);
    findings.add(clock(&answer));
    findings.add(attention(client).await);
}

fn unreachable(client: &Client, error: &Error) -> Finding {
    let found = match error {
        Error::Unreachable { reason, .. } => format!("nothing answers at {} ({reason})", client.address()),
        Error::Lost { reason, .. } => format!("{} gives no answer ({reason})", client.address()),
        _ => format!("what answers at {} is no OmniFlow server", client.address()),
    };
    Finding::missing(
        "server",
        &found,
        "start one, for example with `omniflow dev`, or name another with --server or OMNIFLOW_SERVER",
    )
}

async fn ready(client: &Client) -> Finding {
    match client.ask(&Call::get("/readyz")).await {
        Ok(_) => Finding::well("ready", "it takes orders"),
        Err(Error::Refused(problem)) => Finding::missing(
            "ready",
            problem.detail(),
            "mend what it names; the server's log says more, and it goes on by itself once that is mended",
        ),
        Err(error) => Finding::missing("ready", &error.to_string(), "look at the server's log"),
    }
}

#[derive(Deserialize)]
struct Document {
    info: Info,
}

#[derive(Deserialize)]
struct Info {
    version: String,
}

async fn version(client: &Client) -> Finding {
    const OURS: &str = env!("CARGO_PKG_VERSION");
    let read = async { client.ask(&Call::get("/openapi.json")).await?.json::<Document>() };
    match read.await {
        Ok(Document { info: Info { version } }) if version == OURS => {
            Finding::well("version", &format!("{OURS}, as this program"))
        }
        Ok(Document { info: Info { version } }) => Finding::warning(
            "version",
            &format!("the server has {version}, this program {OURS}"),
            "use the program of the server's version",
        ),
        Err(_) => Finding::warning(
            "version",
            "the server does not tell its version at /openapi.json",
            "see whether the address has a path too many, or something in between hides it",
        ),
    }
}

async fn access(client: &Client) -> Finding {
    let key = if client.has_key() { "with the access key given" } else { "without an access key" };
    match client.ask(&Call::get("/api/v1/orders?limit=1")).await {
        Ok(_) => Finding::well("access", &format!("orders can be read {key}")),
        Err(Error::Refused(problem)) => Finding::missing(
            "access",
            &format!("orders cannot be read {key}: {} ({})", problem.detail(), problem.code()),
            "set OMNIFLOW_KEY to a key with the scope orders:read",
        ),
        Err(error) => Finding::missing("access", &error.to_string(), "look at the server's log"),
    }
}

fn clock(answer: &Answer) -> Finding {
    let date = answer.header("date").and_then(|date| rfc2822::parse(date).ok());
    let Some(date) = date else {
        return Finding::warning("clock", "the server tells no time", "see what stands between");
    };
    // The middle of the second that the server named.
    let theirs = date.timestamp().as_millisecond() + 500;
    let difference = theirs - SystemClock::default().now().as_millis();
    match difference.abs() {
        ..=CLOCK_TOLERANCE_MS => Finding::well("clock", "the server's and this machine's agree"),
        more => Finding::warning(
            "clock",
            &format!(
                "the server's is {} s {} of this machine's",
                more / 1_000,
                if difference > 0 { "ahead" } else { "behind" }
            ),
            "keep both right, by NTP for example: deadlines are shown in the server's time",
        ),
    }
}

#[derive(Deserialize)]
struct Page {
    data: Vec<serde::de::IgnoredAny>,
}

async fn attention(client: &Client) -> Finding {
    let path = format!("/api/v1/orders?attention=true&limit={PAGE}");
    let read = async { client.ask(&Call::get(path)).await?.json::<Page>() };
    match read.await.map(|page| page.data.len()) {
        Ok(0) => Finding::well("attention", "no order needs a person"),
        Ok(count) => {
            let found = match count {
                1 => "1 order needs a person".to_owned(),
                PAGE => format!("{PAGE} orders or more need a person"),
                count => format!("{count} orders need a person"),
            };
            Finding::warning("attention", &found, "omniflow orders list --attention true, then explain each")
        }
        Err(_) => Finding::warning("attention", "orders cannot be listed", "see access above"),
    }
}
