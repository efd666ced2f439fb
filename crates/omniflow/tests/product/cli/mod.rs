//! The commands that ask a server, as people and scripts run them.

mod doctor;
mod explain;
mod fake;
mod help;
mod inventory;
mod orders;
mod refusals;
mod terminal;
pub(crate) mod watch;

use crate::server::{Server, omniflow, run};
use serde_json::Value;
use std::process::Command;

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// A command of the program, in an environment that says nothing of it.
fn command(args: &[&str]) -> Command {
    let mut command = omniflow([]);
    command.args(args);
    for name in ["LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

fn told(command: Command) -> Told {
    let output = run(command);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Told { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

pub(crate) fn url(server: &Server) -> String {
    format!("http://{}", server.client.address())
}

/// Runs a command against a server, whatever comes of it.
fn ask_at(url: &str, args: &[&str]) -> Told {
    let mut command = command(args);
    command.env("OMNIFLOW_SERVER", url);
    told(command)
}

/// Runs a command against a server, whatever comes of it.
pub(crate) fn ask(server: &Server, args: &[&str]) -> Told {
    ask_at(&url(server), args)
}

/// Runs a command that must do what it should; answers its output.
#[track_caller]
pub(crate) fn done(server: &Server, args: &[&str]) -> String {
    let told = ask(server, args);
    assert_eq!(told.code, Some(0), "{args:?}: {told:?}");
    told.out
}

/// Runs a command with `--json`; answers its one document.
#[track_caller]
pub(crate) fn json(server: &Server, args: &[&str]) -> Value {
    let out = done(server, &[args, &["--json"]].concat());
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
}

/// Places an order; answers its id.
#[track_caller]
pub(crate) fn create(server: &Server, args: &[&str]) -> String {
    json(server, &[&["orders", "create"], args].concat())["order_id"].as_str().expect("an id").to_owned()
}

/// Runs a command that must fail so; answers what it says.
#[track_caller]
pub(crate) fn fails(server: &Server, args: &[&str], code: i32) -> String {
    let told = ask(server, args);
    assert_eq!((told.code, told.out.as_str()), (Some(code), ""), "{args:?}: {told:?}");
    told.err
}
