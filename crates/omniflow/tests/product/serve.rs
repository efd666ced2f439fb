//! `omniflow serve`: from a file, with nothing in it that is only for trying.

use crate::scenarios::ORDER;
use crate::server::{Place, Server, by_shell, omniflow, run};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

/// What somebody must write.
pub(crate) const ASKED: &str = "engine = \"embedded\"\naccess = \"none\"\nlisten = \"127.0.0.1:0\"\n\
    carrier.kind = \"simulated\"\npayments.kind = \"simulated\"\n";

/// A configuration file beside a data directory, which it names.
pub(crate) fn configured(place: &Place, text: &str) -> PathBuf {
    let file = place.data().with_file_name("omniflow.toml");
    std::fs::write(&file, format!("data_dir = \"{}\"\n{text}", place.data().display())).unwrap();
    file
}

fn serve(place: &Place, text: &str, flags: &[&str]) -> Command {
    let mut command = omniflow(["serve", "--config"]);
    command.arg(configured(place, text)).args(flags);
    command
}

fn started(place: &Place, more: &str) -> Server {
    Server::start(serve(place, &format!("{ASKED}{more}"), &[]))
}

#[track_caller]
fn refused(output: &Output, parts: &[&str]) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    for part in parts {
        assert!(errors.contains(part), "{part:?} is not in {errors}");
    }
}

fn stock(server: &Server, sku: &str) {
    let path = format!("/api/v1/inventory/{}", sku.replace(' ', "%20"));
    let answer = server.client.put(&path, r#"{"on_hand":100}"#);
    assert!(matches!(answer.status, 200 | 201), "{answer:?}");
}

#[test]
fn what_is_for_trying_is_not_there() {
    let place = Place::new();
    let server = started(&place, "");
    let client = server.client;
    assert_eq!(
        client.get("/api/v1/inventory").ok()["data"].as_array().unwrap().len(),
        0,
        "no demo catalogue"
    );
    stock(&server, "iPhone 15");
    for (method, path) in [
        ("PUT", "/api/v1/dev/providers/carrier"),
        ("DELETE", "/api/v1/dev/providers/carrier"),
        ("POST", "/api/v1/dev/clock"),
    ] {
        client.ask(method, path, &[], br#"{"advance":"PT1H","script":[]}"#).problem(404, "unknown_route");
    }
    let id = client.place(ORDER);
    let refusal = client.post(&format!("/api/v1/orders/{id}/pay"), "").problem(422, "invalid_field");
    assert_eq!(client.order(&id)["payment_status"], "pending", "{refusal}");
    client.act(&id, "pay", r#"{"outcome":"captured"}"#);
    client.await_state(&id, "completed");
    let home = client.get("/");
    assert!(
        home.status == 200 && home.body.contains("/api/v1") && home.body.contains("simulated"),
        "{home:?}"
    );
}

#[test]
fn it_ends_well_at_sigterm_and_goes_on_where_it_was() {
    let place = Place::new();
    let server = started(&place, "policies.payment_window = \"24h\"");
    stock(&server, "iPhone 15");
    let id = server.client.place(ORDER);
    assert_eq!(server.terminate().code(), Some(0));
    let file = place.data().with_file_name("omniflow.toml");
    let mut verify = omniflow(["verify", "--config"]);
    let verified = run({
        verify.arg(&file);
        verify
    });
    assert!(String::from_utf8_lossy(&verified.stdout).starts_with("checked 1 orders"), "{verified:?}");
    let server = started(&place, "implicit_capture = true");
    server.client.act(&id, "pay", "");
    server.client.await_state(&id, "completed");
}

#[test]
fn what_is_configured_is_what_it_does() {
    let place = Place::new();
    let server = started(
        &place,
        "locale = \"en\"\nlog_format = \"text\"\n[policies]\npayment_window = \"15m\"\n\
         [policies.review_thresholds]\nUSD = 50.5\nJPY = 100\n[limits]\nbody_bytes = 1024\n",
    );
    stock(&server, "tea");
    let client = server.client;
    let order = |amount: &str| client.order(&client.place(&format!(r#"{{"items":["tea"],{amount}}}"#)));
    assert_eq!(order(r#""amount":50.5"#)["status"], "Awaiting payment (times out in 900s)");
    assert_eq!(order(r#""amount":50.51"#)["state"], "in_review");
    assert_eq!(order(r#""amount":100,"currency":"JPY""#)["state"], "awaiting_payment");
    client
        .post("/api/v1/orders", r#"{"items":["tea"],"amount":1,"currency":"EUR"}"#)
        .problem(422, "unsupported_currency");
    let long = format!(r#"{{"items":["tea"],"amount":1,"customer_id":"{}"}}"#, "x".repeat(1_024));
    client.post("/api/v1/orders", &long).problem(413, "too_large");
    let line = server.await_log("recovered");
    assert!(line.contains(" INFO ") && !line.starts_with('{'), "as text, as configured: {line}");
}

#[test]
fn the_environment_wins_over_the_file_and_flags_over_both() {
    let place = Place::new();
    let text = format!("{ASKED}policies.payment_window = \"1h\"\nlocale = \"en\"\n");
    let mut command = serve(&place, &text, &["--set", "policies.payment_window=3h"]);
    command.env("OMNIFLOW_POLICIES_PAYMENT_WINDOW", "2h").env("OMNIFLOW_LOCALE", "zh-CN");
    let server = Server::start(command);
    stock(&server, "iPhone 15");
    assert_eq!(server.client.order(&server.client.place(ORDER))["status"], "待支付 (超时倒计时: 10800s)");
}

#[test]
fn a_wrong_configuration_is_told_whole_and_starts_nothing() {
    let place = Place::new();
    let said = run(serve(&place, "locale = \"de\"\n[limits]\nbody_byte = 1\n", &[]));
    refused(
        &said,
        &[
            "line 2: `locale` must be \"zh-CN\" or \"en\"",
            "line 4: there is no `limits.body_byte`; did you mean `limits.body_bytes`?",
            "`engine` is missing: write engine = \"embedded\"",
            "`access` is missing: write access = \"none\"",
            "`carrier.kind` is missing: write kind = \"simulated\" under [carrier]",
            "`payments.kind` is missing",
        ],
    );
    let said =
        run(serve(&place, &ASKED.replace("carrier.kind = \"simulated\"", "carrier.kind = \"http\""), &[]));
    refused(&said, &["line 5: `carrier.kind` must be \"simulated\"", "later version"]);
    let said = run(serve(&place, &ASKED.replace("\"none\"", "\"keys\""), &[]));
    refused(&said, &["line 3: `access` must be \"none\"", "later version"]);
    let said = run(serve(&place, &ASKED.replace("\"embedded\"", "\"temporal\""), &[]));
    let needed = if cfg!(feature = "temporal") { "OMNIFLOW_POSTGRES_URL" } else { "feature `temporal`" };
    refused(&said, &[needed]);
    assert!(!place.data().exists(), "no data directory was made");
}

#[test]
fn a_variable_that_is_none_is_refused_by_every_command_that_one_may_be_for() {
    let place = Place::new();
    let mut serving = serve(&place, &format!("{ASKED}locale = \"de\"\n"), &[]);
    serving.env("OMNIFLOW_DATADIR", "/srv/omniflow");
    refused(
        &run(serving),
        &["OMNIFLOW_DATADIR: there is no such variable; did you mean OMNIFLOW_DATA_DIR?", "locale"],
    );
    for mut command in [place.command(&[]), omniflow(["orders", "list"]), omniflow(["verify"])] {
        command.env("OMNIFLOW_SERVR", "http://shop.example:8000");
        let said = run(command);
        refused(&said, &["OMNIFLOW_SERVR: there is no such variable; did you mean OMNIFLOW_SERVER?"]);
        assert!(!String::from_utf8_lossy(&said.stderr).contains("shop.example"), "{said:?}");
    }
    assert!(!place.data().exists(), "no data directory was made");
    let asks = |name: &str, value: &str| {
        let mut command = omniflow(["orders", "list", "--server", "http://127.0.0.1:1"]);
        command.env(name, value);
        run(command).status.code()
    };
    assert_eq!(asks("OMNIFLOW_SEED", "1"), Some(2), "one of the tests' is none of the program's");
    assert_eq!(asks("OMNIFLOW_SERVICE_HOST", "10.0.0.1"), Some(3), "an orchestrator's are left alone");
    for words in [&["lifecycle"][..], &["openapi"], &["completions", "bash"]] {
        let mut command = omniflow([]);
        command.args(words).env("OMNIFLOW_VERSION", "1");
        assert_eq!(run(command).status.code(), Some(0), "{words:?} reads none of them");
    }
}

/// A process is often started with a limit of 1,024 open files, and allowed many more.
#[test]
fn it_raises_its_limit_of_open_files() {
    let place = Place::new();
    let server = Server::start(by_shell(r#"ulimit -Sn 64 && exec "$0" "$@""#, &place.command(&[])));
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.pid())).unwrap();
    let limit = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let [soft, hard, ..] = limit.split_whitespace().collect::<Vec<_>>()[..] else { panic!("{limits}") };
    assert_eq!(soft, hard);
}

/// While it is busy, connections wait for it, and none finds its door shut: that would cost the client a second.
#[test]
fn many_connections_at_once_wait_for_it() {
    let room: usize =
        std::fs::read_to_string("/proc/sys/net/core/somaxconn").unwrap().trim().parse().unwrap();
    let place = Place::new();
    let server = place.start(&[]);
    server.signal("STOP");
    let connect = || TcpStream::connect_timeout(&server.client.address(), Duration::from_millis(900));
    let waiting: Vec<_> = (0..room.min(1_000)).map(|_| connect()).collect();
    server.signal("CONT");
    let refused = waiting.iter().filter(|connection| connection.is_err()).count();
    assert_eq!(refused, 0, "of {}", waiting.len());
}

#[test]
fn a_server_without_login_is_not_opened_to_others_unasked() {
    let place = Place::new();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let said = run(serve(&place, ASKED, &["--listen", listen]));
        refused(&said, &[listen, "allow_unauthenticated_remote = true"]);
    }
    let flags = ["--listen", "0.0.0.0:0", "--set", "allow_unauthenticated_remote=true", "--check-config"];
    let said = run(serve(&place, ASKED, &flags));
    assert_eq!(
        (said.status.code(), &*said.stdout),
        (Some(0), &b"the configuration is sound\n"[..]),
        "{said:?}"
    );
    assert!(!place.data().exists(), "it was only checked");
}

#[test]
fn without_a_file_it_says_how_to_get_one() {
    refused(&run(omniflow(["serve"])), &["--config omniflow.toml", "--print-config"]);
    refused(
        &run(omniflow(["serve", "--config", "no-such-file.toml"])),
        &["no-such-file.toml", "--print-config"],
    );
    refused(&run(omniflow(["serve", "--set", "listen"])), &["KEY=VALUE"]);
}

/// The file that `--print-config` prints starts a server as soon as what must be written is.
#[test]
fn what_it_prints_is_a_configuration() {
    let printed = run(omniflow(["serve", "--print-config"]));
    assert_eq!(printed.status.code(), Some(0));
    let printed = String::from_utf8(printed.stdout).unwrap();
    let place = Place::new();
    let file = place.data().with_file_name("omniflow.toml");
    let said = {
        std::fs::write(&file, &printed).unwrap();
        let mut command = omniflow(["serve", "--config"]);
        command.arg(&file);
        run(command)
    };
    refused(&said, &["4 mistakes", "`engine` is missing", "`payments.kind` is missing"]);
    let written = ["engine", "access", "kind"]
        .iter()
        .fold(printed, |text, key| text.replace(&format!("# {key} = "), &format!("{key} = ")));
    std::fs::write(&file, written).unwrap();
    let mut command = omniflow(["serve", "--listen", "127.0.0.1:0", "--config"]);
    command.arg(&file).arg("--data-dir").arg(place.data());
    let server = Server::start(command);
    assert_eq!(server.client.get("/readyz").ok()["status"], "ready");
    assert_eq!(server.terminate().code(), Some(0));
}

/// `docs/configuration.md` has the printed file in it.
#[test]
fn the_page_about_the_configuration_is_in_step() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let shown = page.split_once("```toml whole\n").and_then(|(_, rest)| rest.split_once("```\n")).unwrap().0;
    let printed = String::from_utf8(run(omniflow(["serve", "--print-config"])).stdout).unwrap();
    assert_eq!(shown, printed, "put what `omniflow serve --print-config` prints into docs/configuration.md");
}
