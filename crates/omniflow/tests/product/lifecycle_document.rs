//! `docs/lifecycle.md` is what the program prints.

use crate::server::{omniflow, run};
use std::path::Path;

fn printed<const N: usize>(args: [&str; N]) -> String {
    let output = run(omniflow(args));
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_document_is_what_the_core_says() {
    let table = printed(["lifecycle"]);
    let mermaid = printed(["lifecycle", "--mermaid"]);
    let expected = format!("{table}\n## As a diagram\n\n```mermaid\n{mermaid}```\n");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lifecycle.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let line = expected.lines().zip(document.lines()).find(|(expected, found)| expected != found);
    assert!(
        expected == document,
        "docs/lifecycle.md is not what `omniflow lifecycle` prints, then `## As a diagram` and, in a block of its \
         own, what `omniflow lifecycle --mermaid` prints; first difference: {line:?}"
    );
}
