//! `--help` and completions.

use super::{command, told};

const COMMANDS: &[&[&str]] = &[
    &["dev"],
    &["serve"],
    #[cfg(feature = "temporal")]
    &["worker"],
    &["orders", "create"],
    &["orders", "list"],
    &["orders", "show"],
    &["orders", "watch"],
    &["orders", "explain"],
    &["orders", "pay"],
    &["orders", "approve"],
    &["orders", "reject"],
    &["orders", "cancel"],
    &["orders", "retry"],
    &["orders", "skip"],
    &["orders", "compensate"],
    &["inventory", "list"],
    &["inventory", "show"],
    &["inventory", "set"],
    &["inventory", "adjust"],
    &["doctor"],
    &["completions"],
    &["bench"],
    &["bench", "place"],
    &["bench", "lifecycle"],
    &["bench", "flash-sale"],
    &["lifecycle"],
    &["verify"],
    &["backup"],
    &["restore"],
    &["openapi"],
];

#[test]
fn the_help_of_each_command_has_an_example_of_it() {
    for words in COMMANDS {
        let help = told(command(&[words, &["--help"][..]].concat()));
        let example = format!("omniflow {}", words.join(" "));
        let is_shown =
            help.out.lines().any(|line| line.starts_with("  ") && line.trim_start().starts_with(&example));
        assert!(help.code == Some(0) && is_shown, "{words:?}: {help:?}");
    }
}

#[test]
fn no_command_is_left_out_of_these() {
    let help = told(command(&["--help"])).out;
    let listed = help.split_once("Commands:\n").and_then(|(_, rest)| rest.split_once("\n\n")).unwrap().0;
    let listed =
        listed.lines().filter_map(|line| line.split_whitespace().next()).filter(|word| *word != "help");
    for word in listed {
        assert!(COMMANDS.iter().any(|words| words[0] == word), "{word} is not in {COMMANDS:?}");
    }
}

#[test]
fn each_shell_gets_completions_for_the_commands() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = told(command(&["completions", shell]));
        assert_eq!(script.code, Some(0));
        for word in ["compensate", "inventory", "idempotency-key"] {
            assert!(script.out.contains(word), "{word} for {shell}");
        }
    }
    assert_eq!(told(command(&["completions", "tcl"])).code, Some(2));
}
