//! Clients that are made from the document compile, and drive an order from its placing to its end.

use super::environment::Environment;
use crate::checkout::Checkout;
use crate::command::run;
use crate::product;
use crate::product::server::Server;
use crate::product::workplace::Workplace;
use crate::steps::Verdict;
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A language that clients are written in.
struct Language {
    name: &'static str,
    /// The program without which nothing can be shown of it, and what it is asked to see whether it is there.
    needs: [&'static str; 2],
    /// What its folder begins with.
    files: &'static [(&'static str, &'static str)],
    /// What makes the client, compiles it and runs the scenario, one after the other.
    commands: fn(&Site) -> Vec<Command>,
}

/// Where the client of one language is made.
struct Site<'s> {
    folder: PathBuf,
    document: &'s Path,
    tools: &'s Environment,
}

const LANGUAGES: &[Language] = &[
    Language {
        name: "TypeScript",
        needs: ["npm", "--version"],
        files: &[
            ("package.json", include_str!("clients/typescript/package.json")),
            ("tsconfig.json", include_str!("clients/typescript/tsconfig.json")),
            ("scenario.ts", include_str!("clients/typescript/scenario.ts")),
        ],
        commands: typescript,
    },
    Language {
        name: "Python",
        needs: ["python3", "--version"],
        files: &[("scenario.py", include_str!("clients/python/scenario.py"))],
        commands: python,
    },
    Language {
        name: "Go",
        needs: ["go", "version"],
        files: &[
            ("go.mod", include_str!("clients/go/go.mod")),
            ("generate.yaml", include_str!("clients/go/generate.yaml")),
            ("main.go", include_str!("clients/go/main.go")),
        ],
        commands: go,
    },
];

/// Makes, compiles and runs the client of every language that this machine has.
pub(crate) fn check(checkout: &Checkout) -> Result<Verdict> {
    let program = product::build(checkout, "dev", &[])?;
    let tools = Environment::installed(checkout)?;
    let workplace = Workplace::new(&program, "clients")?;
    let document = super::print_document(&program, workplace.path())?;
    let log = workplace.path().join("server.log");
    let flags = ["--carrier-delay", "10ms"];
    let mut server = Server::start(&program, &workplace.path().join("data"), &flags, &log)?;
    server.ready()?.context("the server ends at its start")?;
    let url = format!("http://{}", server.address()?);
    let mut closing = Vec::new();
    for language in LANGUAGES {
        let [needed, version] = language.needs;
        if is_there(needed, version) {
            let folder = workplace.path().join(language.name.to_lowercase());
            let site = Site { folder, document: &document, tools: &tools };
            language.try_out(&site, &url).with_context(|| format!("the {} client", language.name))?;
            closing.push(format!("{}: compiled, scenario A completed", language.name));
        } else {
            closing.push(format!("{}: skipped, there is no `{needed}` here", language.name));
        }
    }
    server.terminate().context("the server does not end well after it")?;
    workplace.remove()?;
    Ok(Verdict::Passed(closing))
}

fn is_there(program: &str, version: &str) -> bool {
    let asked = Command::new(program).arg(version).stdout(Stdio::null()).stderr(Stdio::null()).status();
    asked.is_ok_and(|status| status.success())
}

impl Language {
    fn try_out(&self, site: &Site, url: &str) -> Result<()> {
        fs::create_dir_all(&site.folder)?;
        for (name, content) in self.files {
            fs::write(site.folder.join(name), content)?;
        }
        for mut command in (self.commands)(site) {
            command.current_dir(&site.folder).env("OMNIFLOW_URL", url);
            run(command)?.success()?;
        }
        Ok(())
    }
}

fn command<const N: usize>(program: impl AsRef<std::ffi::OsStr>, args: [&str; N]) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

fn typescript(site: &Site) -> Vec<Command> {
    let installed = |name: &str| site.folder.join("node_modules/.bin").join(name);
    let mut generate = command(installed("openapi-typescript"), ["--output", "schema.d.ts"]);
    generate.arg(site.document);
    vec![
        command("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel", "error"]),
        generate,
        Command::new(installed("tsc")),
        command("node", ["scenario.js"]),
    ]
}

fn python(site: &Site) -> Vec<Command> {
    let mut generate = Command::new(site.tools.program("openapi-python-client"));
    generate.args(["generate", "--meta", "none", "--output-path", "omniflow_client", "--path"]);
    generate.arg(site.document);
    let interpreter = site.tools.program("python");
    vec![
        generate,
        command(&interpreter, ["-m", "compileall", "-q", "omniflow_client"]),
        command(&interpreter, ["scenario.py"]),
    ]
}

fn go(site: &Site) -> Vec<Command> {
    const GENERATOR: &str = "github.com/oapi-codegen/oapi-codegen/v2/cmd/oapi-codegen@v2.8.2";
    let home = site.tools.beside("go");
    let mut make_folder = command("mkdir", ["-p"]);
    make_folder.arg(site.folder.join("client"));
    let mut generate = command("go", ["run", GENERATOR, "--config", "generate.yaml"]);
    generate.arg(site.document);
    let mut commands = vec![make_folder, generate, command("go", ["vet", "."]), command("go", ["run", "."])];
    for command in &mut commands {
        // Nothing outside the build's own folder is written.
        command.env("GOPATH", home.join("path")).env("GOCACHE", home.join("cache"));
        command.env("GOFLAGS", "-mod=mod -modcacherw");
    }
    commands
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_is_there_only_if_it_answers() {
        assert!(is_there("true", "--version"));
        assert!(!is_there("false", "--version"));
        assert!(!is_there("omniflow-no-such-program", "--version"));
    }
}
