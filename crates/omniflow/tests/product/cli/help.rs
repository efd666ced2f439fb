//! `--help` and completions.

use super::{command, told};

const COMMANDS: &[&[&str]] = &[
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
];

#[test]
fn the_help_of_each_command_has_an_example_of_it() {
    for words in COMMANDS {
        let help = told(command(&[words, &["--help"][..]].concat()));
        let example = format!("\n  omniflow {}", words.join(" "));
        assert!(help.code == Some(0) && help.out.contains(&example), "{words:?}: {help:?}");
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
