//! `cargo xtask docs`: every command of the README and the documentation is run, and prints what is shown.

mod page;

use crate::apt;
use crate::checkout::Checkout;
use crate::command::without_own_servers;
use crate::product;
use crate::product::workplace::Workplace;
use crate::signals;
use anyhow::{Context, Result, ensure};
use clap::Args;
use page::Block;
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

/// The longest that one page may take, in seconds.
const PATIENCE: u32 = 300;

/// Which pages.
#[derive(Args)]
pub(crate) struct Options {
    /// Only these pages, such as docs/api.md; all of them unless given
    #[arg(value_name = "PAGE")]
    pages: Vec<PathBuf>,
}

/// Runs the pages' commands, each page in a directory of its own.
pub(crate) fn run(options: &Options) -> Result<ExitCode> {
    let checkout = Checkout::find()?;
    if Command::new("curl").arg("--version").output().is_err() {
        println!("the pages' commands need curl: installing Debian's");
        apt::install(["curl"]).context("install Debian's package curl, then try again")?;
    }
    let program = product::build(&checkout, "release", &[])?;
    let pages = if options.pages.is_empty() { pages(checkout.root())? } else { options.pages.clone() };
    let mut commands = 0;
    for page in &pages {
        let text = fs::read_to_string(checkout.root().join(page))?;
        let blocks = page::blocks(&text);
        if !blocks.is_empty() {
            println!("{}: {} blocks", page.display(), blocks.len());
            let place = Workplace::new(&program, "docs")?;
            try_page(&blocks, &program, place.path()).with_context(|| format!("{}", page.display()))?;
            place.remove()?;
            commands += blocks.len();
        }
    }
    println!("docs: {commands} blocks of commands in {} pages run and print what is shown", pages.len());
    Ok(ExitCode::SUCCESS)
}

/// The README and every page under `docs`, decisions aside.
fn pages(root: &Path) -> Result<Vec<PathBuf>> {
    let mut pages = vec![PathBuf::from("README.md")];
    for entry in fs::read_dir(root.join("docs"))? {
        let name = entry?.file_name();
        if Path::new(&name).extension().is_some_and(|end| end == "md") {
            pages.push(Path::new("docs").join(name));
        }
    }
    pages.sort();
    Ok(pages)
}

fn try_page(blocks: &[Block], program: &Path, place: &Path) -> Result<()> {
    fs::create_dir_all(place.join("target/release"))?;
    std::os::unix::fs::symlink(program, place.join("target/release/omniflow"))?;
    let ports = free_ports()?;
    let path = place.join("page.sh");
    fs::write(&path, script(blocks, ports))?;
    let output = fs::File::create(place.join("output.txt"))?;
    let mut bash = Command::new("timeout");
    bash.args(["--kill-after=5", &PATIENCE.to_string(), "bash"]).arg(&path).current_dir(place);
    without_own_servers(&mut bash);
    bash.env("OMNIFLOW_LISTEN", format!("127.0.0.1:{}", ports[0]));
    bash.env("OMNIFLOW_SERVER", format!("http://127.0.0.1:{}", ports[0]));
    let search = std::env::var("PATH").unwrap_or_default();
    bash.env("PATH", format!("{}:{search}", place.join("target/release").display()));
    bash.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
    let (mut page, at_stop) = signals::spawn_beside(&mut bash)?;
    let status = page.wait()?;
    drop(at_stop);
    let output = String::from_utf8_lossy(&fs::read(place.join("output.txt"))?).into_owned();
    let parts: Vec<&str> = output.split(MARK).skip(1).collect();
    ensure!(
        status.success(),
        "the block at line {} ends with {status}:\n{}",
        last_line(blocks, &parts),
        tail(&parts)
    );
    let mut faults = String::new();
    for (block, part) in blocks.iter().zip(&parts) {
        let missing = block.shown.as_deref().map_or(vec![], |shown| page::missing(shown, part));
        if !missing.is_empty() {
            faults.push_str(&format!(
                "the block at line {} does not print {missing:#?}, but:\n{part}\n",
                block.line
            ));
        }
    }
    ensure!(faults.is_empty(), "{faults}");
    Ok(())
}

/// Stands before the output of each block.
const MARK: &str = "\u{1}block\u{1}\n";

/// The page as one script, on ports of its own.
fn script(blocks: &[Block], [first, second]: [u16; 2]) -> String {
    let own = |text: &str| {
        let text = text.replace(":8000", &format!(":{first}")).replace(":8001", &format!(":{second}"));
        ["place", "lifecycle", "flash-sale"].iter().fold(text, |text, load| {
            let plain = format!("bench {load}");
            text.replace(&plain, &format!("{plain} --url http://127.0.0.1:{first}"))
        })
    };
    let any =
        |words: &[&str]| blocks.iter().any(|block| words.iter().any(|word| block.commands.contains(word)));
    let ready = format!(
        "until curl -sf -o /dev/null http://127.0.0.1:{first}/readyz; do
    kill -0 $! || {{ tail *.log; exit 1; }}; sleep 0.1
done\n"
    );
    let mut script = String::from("set -eu\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n");
    let needs_server = any(&[":8000", "omniflow orders", "omniflow inventory", "omniflow doctor"]);
    if needs_server && !any(&["-- dev", "omniflow dev", "omniflow serve"]) {
        script.push_str("omniflow dev --ephemeral > dev.log 2>&1 &\n");
        script.push_str(&ready);
    }
    for block in blocks {
        script.push_str("printf '\\001block\\001\\n'\n");
        for line in block.commands.lines() {
            match line.trim_start() {
                line if line.starts_with("cargo run --release -- dev") => {
                    script.push_str("omniflow dev > dev.log 2>&1 &\n");
                    script.push_str(&ready);
                }
                // A server in a terminal of its own.
                "omniflow serve --config omniflow.toml" => {
                    script.push_str("omniflow serve --config omniflow.toml > serve.log 2>&1 &\n");
                    script.push_str(&ready);
                }
                // This very run.
                line if line.starts_with("cargo ") || line.starts_with("git clone") => {}
                // An id that the reader copies from what was printed before.
                line if line.starts_with("ID=ORD-") => {
                    script.push_str("ID=$(grep -ao 'ORD-[0-9A-Z]*' output.txt | tail -n 1)\n");
                }
                _ => {
                    script.push_str(&own(line));
                    script.push('\n');
                }
            }
        }
    }
    script
}

fn last_line(blocks: &[Block], parts: &[&str]) -> usize {
    parts.len().checked_sub(1).and_then(|last| blocks.get(last)).map_or(0, |block| block.line)
}

fn tail<'p>(parts: &[&'p str]) -> &'p str {
    parts.last().copied().unwrap_or_default()
}

/// Two ports that nobody listens on.
fn free_ports() -> Result<[u16; 2]> {
    let listeners = [TcpListener::bind("127.0.0.1:0")?, TcpListener::bind("127.0.0.1:0")?];
    Ok([listeners[0].local_addr()?.port(), listeners[1].local_addr()?.port()])
}
