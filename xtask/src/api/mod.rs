//! The API against its own document: valid OpenAPI, and a server that keeps to it whatever it is asked.

pub(crate) mod clients;
mod environment;
mod narrow;

use crate::checkout::Checkout;
use crate::command::run;
use crate::product;
use crate::product::server::Server;
use crate::product::verify::verify;
use crate::product::workplace::Workplace;
use crate::steps::Verdict;
use anyhow::{Context, Result, anyhow, bail, ensure};
use environment::Environment;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The server that is asked: orders are only moved by what it is asked, the clock included.
const FLAGS: &[&str] = &["--test-clock", "--payment-window", "720h"];

/// How long schemathesis may ask, in seconds: anything, and orders alone from their placing on.
const ANYTHING: &str = "45";
const ORDERS: &str = "40";

/// Validates the document, then lets schemathesis ask a running server by it.
pub(crate) fn check(checkout: &Checkout) -> Result<Verdict> {
    let program = product::build(checkout, "dev", &[])?;
    let tools = Environment::installed(checkout)?;
    let workplace = Workplace::new(&program, "api")?;
    let document = print_document(&program, workplace.path())?;
    let mut validator = Command::new(tools.program("openapi-spec-validator"));
    validator.arg(&document);
    run(validator)?.success().context("`omniflow openapi` prints no valid OpenAPI 3.1")?;
    let narrowed = workplace.path().join("narrow.json");
    let whole = serde_json::from_str(&fs::read_to_string(&document)?)?;
    fs::write(&narrowed, narrow::narrow(whole).to_string())?;
    let data = workplace.path().join("data");
    let mut server = Server::start(&program, &data, FLAGS, &workplace.path().join("server.log"))?;
    server.ready()?.context("the server ends at its start")?;
    let asking = Asking { checkout, tools: &tools, place: workplace.path(), server: server.address()? };
    let mut closing = asking.by(&document, &["--max-time", ANYTHING])?;
    closing.extend(asking.by(&narrowed, &["--max-time", ORDERS, "--phases", "stateful"])?);
    server.terminate().context("the server does not end well after it")?;
    match verify(&program, &data)? {
        Ok(orders) => closing.push(format!("{orders} orders left behind, verified")),
        Err(complaint) => bail!("what it leaves behind does not hold: {complaint}"),
    }
    workplace.remove()?;
    Ok(Verdict::Passed(closing))
}

/// Writes what `omniflow openapi` prints into a folder.
fn print_document(program: &Path, folder: &Path) -> Result<PathBuf> {
    let printed = Command::new(program).arg("openapi").output().context("cannot print the document")?;
    ensure!(printed.status.success(), "`omniflow openapi` ended with {}", printed.status);
    let document = folder.join("openapi.json");
    fs::write(&document, printed.stdout)?;
    Ok(document)
}

/// A server that is asked.
struct Asking<'a> {
    checkout: &'a Checkout,
    tools: &'a Environment,
    place: &'a Path,
    server: SocketAddr,
}

impl Asking<'_> {
    /// Runs schemathesis by a document; answers the line of its summary that counts.
    fn by(&self, document: &Path, how: &[&str]) -> Result<Vec<String>> {
        let mut schemathesis = Command::new(self.tools.program("schemathesis"));
        schemathesis.current_dir(self.place).env("OMNIFLOW_URL", format!("http://{}", self.server));
        schemathesis.arg("--no-color").arg("--config-file");
        schemathesis.arg(self.checkout.root().join("xtask/src/api/schemathesis.toml"));
        // A stream of events has no end; it has tests of its own.
        schemathesis.arg("run").arg(document).args(["--exclude-path-regex", "/events$"]).args(how);
        let finished = run(schemathesis)?;
        let named = finished.closing("=================================== FAILURES").join("\n");
        let lines = finished.success().map_err(|failure| anyhow!("{failure}\n{named}"))?;
        let counts = lines.iter().map(|line| line.trim()).filter(|line| line.contains(" generated, "));
        Ok(counts.map(|line| format!("schemathesis: {line}")).collect())
    }
}
