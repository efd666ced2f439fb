//! What people see on a terminal.

use super::fake::{Fake, answer};
use super::{Told, command, create, told, url};
use crate::scenarios::LARGE;
use crate::server::{still, with_environment_of};
use std::process::Command;

/// Runs a command on a terminal of its own.
fn on_terminal(url: &str, columns: &str, args: &[&str]) -> Told {
    let words: Vec<String> =
        [env!("CARGO_BIN_EXE_omniflow")].iter().chain(args).map(|word| format!("'{word}'")).collect();
    let mut script = Command::new("script");
    script.args(["-qec", &words.join(" "), "/dev/null"]);
    with_environment_of(&command(args), &mut script);
    script.env("OMNIFLOW_SERVER", url).env("COLUMNS", columns);
    let mut shown = told(script);
    shown.out = shown.out.replace('\r', "");
    shown
}

/// The columns that a text takes: two for what is Chinese or a sign, none for what changes the one before it.
fn columns(text: &str) -> usize {
    let of = |letter: char| match letter {
        '\u{fe0f}' => 0,
        '⚠' => 2,
        letter if letter.is_ascii() || "×→·".contains(letter) => 1,
        _ => 2,
    };
    text.chars().map(of).sum()
}

#[test]
fn columns_line_up_also_in_chinese() {
    let (_place, server) = still();
    server.client.place(LARGE);
    create(&server, &["HomePod", "--amount", "5"]);
    let shown = on_terminal(&url(&server), "140", &["orders", "list", "--lang", "zh"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let lines: Vec<&str> = shown.out.lines().collect();
    let amounts = [("金额", lines[0]), ("5 USD", lines[1]), ("20000 USD", lines[2])];
    let places = amounts.map(|(amount, line)| columns(&line[..line.find(amount).expect(line)]));
    assert!(places.iter().all(|place| *place == places[0]), "{places:?} {}", shown.out);
    assert!(lines[2].contains("⚠️ 待风控审核 (大额订单)"), "{}", shown.out);
}

#[test]
fn a_table_is_as_wide_as_the_terminal_and_an_id_stays_whole() {
    let (_place, server) = still();
    let id = server.client.place(LARGE);
    let wide = on_terminal(&url(&server), "160", &["orders", "list"]).out;
    assert_eq!(wide.lines().count(), 2, "{wide}");
    let narrow = on_terminal(&url(&server), "70", &["orders", "list"]).out;
    assert!(narrow.lines().count() > 2 && narrow.contains(&id), "{narrow}");
    assert!(narrow.lines().all(|line| columns(line) <= 70), "{narrow}");
}

#[test]
fn what_others_wrote_does_not_command_the_terminal() {
    let stock = r#"{"sku":"red \u001b[31m alert","on_hand":1,"reserved":0,"available":1,"short":0}"#;
    let fake = Fake::answering(&[&answer("200 OK", "", stock)]);
    let shown = on_terminal(&fake.url(), "120", &["inventory", "show", "x"]);
    assert!(shown.out.contains("red  [31m alert") && !shown.out.contains('\u{1b}'), "{shown:?}");
}
