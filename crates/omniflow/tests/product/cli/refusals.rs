//! What is refused, or cannot be asked, and with which exit code.

use super::fake::{Fake, answer, header};
use super::{ask, ask_at, command, create, fails, told};
use crate::server::{Place, still};
use std::net::TcpListener;

const PROBLEM: &str = "content-type: application/problem+json\r\n";

/// The address of a port where nobody listens.
fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[test]
fn a_server_that_is_down_is_exit_code_3_and_says_what_to_do() {
    for args in [
        &["orders", "list"][..],
        &["orders", "create", "HomePod", "--amount", "5"],
        &["orders", "watch"],
        &["orders", "watch", "ORD-1"],
        &["orders", "explain", "ORD-1"],
        &["inventory", "list"],
    ] {
        let told = ask_at(&nobody(), args);
        assert_eq!((told.code, told.out.as_str()), (Some(3), ""), "{told:?}");
        assert!(told.err.contains("connection refused") && told.err.contains("`omniflow dev`"), "{told:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_exit_code_2() {
    let (_place, server) = still();
    for (args, says) in [
        (&["orders", "list", "--server", "https://shop"][..], "tunnel"),
        (&["orders", "list", "--server", "shop"], "http://127.0.0.1:8000"),
        (&["orders", "create"], "ITEM"),
        (&["orders", "create", "HomePod", "--amount", "5,00"], "499.90"),
        (&["orders", "create", "=2"], "must begin with a SKU"),
        (&["orders", "create", "HomePod", "--payment-window", "1.5s"], "whole seconds"),
        (&["orders", "create", "HomePod", "--adjustment", "tax"], "shipping=9.90"),
        (&["orders", "create", "HomePod", "--address", "Köln"], "NAME=VALUE"),
        (&["orders", "create", "HomePod", "--metadata", "a=1", "--metadata", "a=2"], "twice"),
        (&["orders", "create", "HomePod", "--idempotency-key", "键"], "printable ASCII"),
        (&["orders", "pay", "ORD-1", "--outcome", "maybe"], "captured, declined, failed"),
        (&["orders", "cancel", "ORD-1", "--if-version", "x"], "--if-version"),
        (&["inventory", "adjust", "HomePod", "1"], "--reason"),
        (&["inventory", "set", "HomePod", "-1"], "-1"),
        (&["orders", "list", "--timeout", "1h"], "100ms to 10m"),
    ] {
        let err = fails(&server, args, 2);
        assert!(err.contains(says), "{args:?}: {err}");
    }
}

#[test]
fn what_the_server_refuses_is_exit_code_4_with_the_flag_at_fault() {
    let (_place, server) = still();
    let id = create(&server, &["HomePod", "--amount", "5", "--external-id", "cart-9"]);
    let long = "x".repeat(101);
    let allowed = "allowed now: pay, cancel\n";
    let first = format!("see: omniflow orders show {id}\n");
    for (args, says) in [
        (&["orders", "show", "ORD-none"][..], &["There is no such order (order_not_found)\n"][..]),
        (&["orders", "create", "HomePod", "--amount", "-3"], &["(invalid_field)", "\n  --amount: "]),
        (&["orders", "create", "HomePod", "--amount", "5", "--customer-id", &long], &["\n  --customer-id: "]),
        (
            &["orders", "create", "HomePod", "Nothing=2", "--amount", "5"],
            &["(unknown_sku)", "\n  item 2: ", "inventory set"],
        ),
        (&["orders", "create", "HomePod=0", "--amount", "5"], &["\n  item 1, its quantity: "]),
        (
            &["orders", "create", "HomePod", "--amount", "5", "--currency", "XXX"],
            &["(unsupported_currency)", "\n  --currency: "],
        ),
        (
            &["orders", "create", "Mac Pro=51", "--amount", "5"],
            &["(out_of_stock)", "\n  Mac Pro: 51 wanted, 50 available\n"],
        ),
        (
            &["orders", "create", "HomePod", "--amount", "5", "--external-id", "cart-9"],
            &["(external_id_taken)", &first],
        ),
        (&["orders", "approve", &id], &["(action_not_allowed)", allowed]),
        (&["orders", "list", "--state", "lost"], &["\n  --state: must be one of reserving, "]),
        (&["orders", "list", "--limit", "201"], &["\n  --limit: "]),
        (&["orders", "list", "--cursor", "x"], &["\n  --cursor: "]),
        (&["orders", "cancel", &id, "--reason", ""], &["\n  --reason: "]),
    ] {
        let err = fails(&server, args, 4);
        assert!(err.starts_with("error: ") && err.contains("\n  request id: "), "{args:?}: {err}");
        assert!(!err.contains('{') || args.contains(&"Nothing=2"), "a dump: {err}");
        for words in says {
            assert!(err.contains(words), "{args:?}: {words:?} in {err}");
        }
    }
    assert_eq!(server.client.order(&id)["version"], 2);
}

#[test]
fn with_json_a_refusal_is_printed_as_it_came_too() {
    let (_place, server) = still();
    let refused = ask(&server, &["orders", "show", "ORD-none", "--json"]);
    let problem: serde_json::Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((refused.code, &problem["code"]), (Some(4), &serde_json::json!("order_not_found")));
    assert!(refused.err.contains(problem["request_id"].as_str().unwrap()), "{refused:?}");
}

#[test]
fn what_is_no_such_server_is_told() {
    let page = answer("404 Not Found", "content-type: text/html\r\n", "<html>\u{1b}[31mnot here</html>");
    let moved = answer("302 Found", "location: http://elsewhere/\r\n", "");
    for (sent, code, says) in [
        (page.as_str(), 1, "404 with no problem document"),
        (&moved, 1, "a redirect to http://elsewhere/, which is not followed"),
        (&answer("200 OK", "", "{}"), 1, "what it does not know"),
        (&answer("502 Bad Gateway", "", "oops"), 3, "502"),
        ("SSH-2.0-OpenSSH_9.2\r\n", 3, "does not speak HTTP"),
    ] {
        let fake = Fake::answering(&[sent]);
        let told = ask_at(&fake.url(), &["orders", "show", "ORD-1", "--timeout", "1s"]);
        assert_eq!((told.code, told.out.as_str()), (Some(code), ""), "{told:?}");
        assert!(told.err.contains(says) && !told.err.contains('\u{1b}'), "{told:?}");
        assert_eq!(fake.requests().len(), 1, "it is not asked again");
    }
}

#[test]
fn an_engine_that_is_away_is_exit_code_3() {
    let body = r#"{"title":"The engine is not available","status":503,"code":"engine_unavailable","detail":"Wait."}"#;
    let fake = Fake::answering(&[&answer("503 Service Unavailable", PROBLEM, body)]);
    let told = ask_at(&fake.url(), &["orders", "show", "ORD-1"]);
    assert_eq!(
        (told.code, told.err.as_str()),
        (Some(3), "error: The engine is not available (engine_unavailable)\n  Wait.\n")
    );
}

#[test]
fn a_lost_connection_is_tried_again_with_the_same_key() {
    let unknown = r#"{"title":"t","status":503,"code":"outcome_unknown","detail":"d"}"#;
    let stock = r#"{"sku":"HomePod","on_hand":5,"reserved":0,"available":5,"short":0}"#;
    let fake = Fake::answering(&["", &answer("503 x", PROBLEM, unknown), &answer("200 OK", "", stock)]);
    let told = ask_at(&fake.url(), &["inventory", "adjust", "HomePod", "-2", "--reason", "damaged"]);
    assert_eq!(
        (told.code, told.out.as_str()),
        (Some(0), "SKU\tON HAND\tRESERVED\tAVAILABLE\tSHORT\nHomePod\t5\t0\t5\t0\n")
    );
    let requests = fake.requests();
    let keys: Vec<_> = requests.iter().map(|request| header(request, "idempotency-key").unwrap()).collect();
    assert!(requests.len() == 3 && keys.iter().all(|key| *key == keys[0] && key.len() == 34), "{keys:?}");
    assert!(requests[2].ends_with(r#"{"sku":"HomePod","delta":-2,"reason":"damaged"}"#), "{requests:?}");
}

#[test]
fn what_must_not_be_done_twice_is_not_tried_again() {
    let fake = Fake::answering(&["", ""]);
    let told = ask_at(&fake.url(), &["inventory", "set", "HomePod", "5"]);
    assert_eq!(told.code, Some(3));
    assert!(told.err.contains("may have taken effect: look before"), "{told:?}");
    assert_eq!(fake.requests().len(), 1);
}

#[test]
fn the_time_is_bounded_and_the_key_is_told_to_go_on_with() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", listener.local_addr().unwrap());
    let args = ["orders", "cancel", "ORD-1", "--timeout", "300ms", "--idempotency-key", "k-1"];
    let told = ask_at(&silent, &args);
    assert_eq!(told.code, Some(3));
    assert!(told.err.contains("within 300ms") && told.err.contains("--idempotency-key k-1"), "{told:?}");
}

#[test]
fn the_access_key_is_sent_and_never_shown() {
    let body =
        r#"{"title":"An access key is needed","status":401,"code":"unauthorized","detail":"Send one."}"#;
    let fake = Fake::answering(&[&answer("401 Unauthorized", PROBLEM, body)]);
    let mut asking = command(&["orders", "list", "--server", &fake.url()]);
    asking.env("OMNIFLOW_KEY", "sesame-4711");
    let told = told(asking);
    assert_eq!(told.code, Some(4));
    let requests = fake.requests();
    assert_eq!(header(&requests[0], "authorization"), Some("Bearer sesame-4711"));

    let mut help = command(&["orders", "list", "--help"]);
    help.env("OMNIFLOW_KEY", "sesame-4711");
    let help = super::told(help);
    let bad = ask_at(&nobody(), &["orders", "list", "--key", "sesame-4711\n"]);
    let wrong = super::told(command(&["orders", "list", "--key", "sesame-4711-é"]));
    assert_eq!((bad.code, wrong.code, help.code), (Some(3), Some(2), Some(0)), "{bad:?} {wrong:?}");
    for told in [told, help, bad, wrong] {
        assert!(!format!("{told:?}").contains("4711"), "{told:?}");
    }
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let place = Place::new();
    let server = place.start(&["--test-clock"]);
    let mut list = command(&["orders", "list", "--server", &super::url(&server)]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = list.stdout(writer).output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}
