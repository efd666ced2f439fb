//! What neither compiler nor clippy can say of the text: how long a file is, what must not stand in it, and
//! how it is called.

use crate::checkout::Checkout;
use crate::steps::Verdict;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};

/// Lines before a file's tests.
const LONGEST: usize = 400;

/// Files that may be longer, each with its reason; one that is short again must leave the list.
const LONG_FOR_A_REASON: &[(&str, &str)] = &[];

/// Marks of what was left for later, put together here so that this file may be checked too. Clippy finds the
/// macros of that kind, and lints that were switched off without a reason.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("#[", "ignore]")];

/// Names that say nothing of what is inside.
const EMPTY_NAMES: &[&str] = &["common", "helper", "helpers", "manager", "misc", "util", "utils"];

/// The pure core, and what its code cannot hold.
const PURE: &str = "crates/omniflow-core/src/";
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io",
    "std::net",
    "std::process",
    "std::thread",
    "SystemTime",
    "Instant::now",
    "async fn",
    ".await",
    "println!(",
];

/// Where routes are, and what would serve one that the API's document does not have.
const ROUTED: &str = "crates/omniflow-http/src/";
const UNDOCUMENTED: &[&str] = &[".route(", ".route_service(", ".nest_service(", ".fallback("];

/// Checks the text of every Rust file of the workspace.
pub(crate) fn check(checkout: &Checkout) -> Result<Verdict> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask"] {
        collect(&checkout.root().join(folder), &mut files)?;
    }
    files.sort();
    ensure!(!files.is_empty(), "there is no Rust file to check");
    let mut complaints = stale_reasons(checkout.root());
    for file in &files {
        let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let path = file.strip_prefix(checkout.root())?.to_string_lossy();
        complaints.extend(complaints_of(&path, &text));
    }
    ensure!(complaints.is_empty(), "{}", complaints.join("\n"));
    Ok(Verdict::Passed(vec![format!("{} files", files.len())]))
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden && !path.ends_with("target") {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn stale_reasons(root: &Path) -> Vec<String> {
    let long =
        |path: &str| fs::read_to_string(root.join(path)).is_ok_and(|text| before_tests(&text) > LONGEST);
    let stale = LONG_FOR_A_REASON.iter().filter(|(path, _)| !long(path));
    stale.map(|(path, _)| format!("{path} is not longer than {LONGEST} lines: drop its reason")).collect()
}

fn complaints_of(path: &str, text: &str) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut complain = |line: usize, what: String| complaints.push(format!("{path}:{line}: {what}"));
    let code = if is_test_file(path) { 0 } else { before_tests(text) };
    if code > LONGEST && !LONG_FOR_A_REASON.iter().any(|(long, _)| *long == path) {
        complain(code, format!("{code} lines before tests, more than {LONGEST}: divide it"));
    }
    if Path::new(path).with_extension("").iter().any(|part| EMPTY_NAMES.iter().any(|name| part == *name)) {
        complain(1, "name it for what it does".to_owned());
    }
    for (number, line) in (1..).zip(text.lines()) {
        for mark in UNFINISHED.iter().filter(|mark| line.contains(**mark)) {
            complain(number, format!("`{mark}` is left"));
        }
        let comment = line.trim_start().starts_with("//");
        for word in IMPURE.iter().filter(|word| number <= code && !comment && line.contains(**word)) {
            if path.starts_with(PURE) {
                complain(number, format!("`{word}` in the pure core"));
            }
        }
        for word in UNDOCUMENTED.iter().filter(|word| number <= code && !comment && line.contains(**word)) {
            if path.starts_with(ROUTED) {
                complain(number, format!("`{word}` escapes the API's document: use `.routes(routes!(…))`"));
            }
        }
    }
    complaints
}

fn is_test_file(path: &str) -> bool {
    path.contains("/tests/") || path.contains("/benches/") || path.ends_with("/tests.rs")
}

/// How many lines stand before the module of tests at the end of a file.
fn before_tests(text: &str) -> usize {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let opens_tests = |start: usize| {
        let item = lines[start..].iter().find(|line| !line.starts_with("#["));
        item.is_some_and(|item| item.starts_with("mod ") && item.ends_with('{'))
    };
    let tests = (0..lines.len()).find(|&start| lines[start] == "#[cfg(test)]" && opens_tests(start));
    tests.unwrap_or(lines.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/omniflow-http/src/orders.rs";

    #[test]
    fn ordinary_code_is_left_alone() {
        let text =
            "//! Orders.\n\nfn place() {}\n\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn t() {}\n}\n";
        assert_eq!(complaints_of(PATH, text), [""; 0]);
    }

    #[test]
    fn a_file_may_be_long_only_in_its_tests() {
        let code = "fn f() {}\n".repeat(LONGEST);
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    // more\n".repeat(LONGEST));
        assert_eq!(complaints_of(PATH, &format!("{code}{tests}")), [""; 0]);
        let complaints = complaints_of(PATH, &format!("fn g() {{}}\n{code}{tests}"));
        assert_eq!(complaints, [format!("{PATH}:401: 401 lines before tests, more than 400: divide it")]);
    }

    #[test]
    fn test_only_items_amid_the_code_do_not_end_it() {
        let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nuse x::y;\nfn f() {}\n#[cfg(test)]\n#[path = \"t\"]\nmod t {\n}\n";
        assert_eq!(before_tests(text), 5);
    }

    #[test]
    fn files_of_tests_may_be_long() {
        let text = "fn f() {}\n".repeat(LONGEST + 1);
        assert_eq!(complaints_of("crates/omniflow/tests/cli.rs", &text), [""; 0]);
        assert_eq!(complaints_of("crates/omniflow/src/dev/tests.rs", &text), [""; 0]);
    }

    #[test]
    fn what_was_left_for_later_is_found_in_tests_too() {
        for mark in UNFINISHED {
            let text = format!("fn f() {{}}\n#[cfg(test)]\nmod tests {{\n    // {mark} x\n}}\n");
            assert_eq!(complaints_of(PATH, &text), [format!("{PATH}:4: `{mark}` is left")]);
        }
    }

    #[test]
    fn empty_names_are_refused_for_files_and_folders() {
        assert_eq!(complaints_of("crates/x/src/utils.rs", "").len(), 1);
        assert_eq!(complaints_of("crates/x/tests/common/mod.rs", "").len(), 1);
        assert_eq!(complaints_of("crates/x/src/utilization.rs", "").len(), 0);
    }

    #[test]
    fn no_route_escapes_the_document() {
        let text =
            "fn routes() {\n    router.route(\"/\", get(home));\n    router.routes(routes!(home));\n}\n";
        let complaint = format!("{PATH}:2: `.route(` escapes the API's document: use `.routes(routes!(…))`");
        assert_eq!(complaints_of(PATH, text), [complaint]);
        assert_eq!(complaints_of("crates/omniflow/src/dev/mod.rs", text), [""; 0]);
    }

    #[test]
    fn the_core_holds_no_clock_and_no_input_or_output() {
        let path = "crates/omniflow-core/src/order.rs";
        let text = "// no SystemTime here\nfn now() -> SystemTime {}\n#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
        assert_eq!(complaints_of(path, text), [format!("{path}:2: `SystemTime` in the pure core")]);
        assert_eq!(complaints_of(PATH, text), [""; 0]);
    }
}
