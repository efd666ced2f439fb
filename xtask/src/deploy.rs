//! What is under `deploy/` for the operators' own tools: their checkers say whether they would take it.

use crate::checkout::Checkout;
use crate::command::run;
use crate::python;
use crate::stack::COMPOSE;
use crate::steps::Verdict;
use anyhow::{Context, Result};
use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// The alert rules.
const RULES: &str = "deploy/prometheus/omniflow.rules.yml";
/// What Prometheus reads, the rules among it.
const PROMETHEUS: &str = "deploy/prometheus/prometheus.yml";

/// Carries the schema of Compose files, so that nothing else is fetched.
const CHECKER: &str = "check-jsonschema";
const VERSION: &str = "0.39.0";

/// Asks for the Compose file whether it is one, and for the rules and Prometheus' configuration Prometheus' own
/// checker, where this machine has it.
pub(crate) fn check(checkout: &Checkout) -> Result<Verdict> {
    let checker = checker(checkout)?;
    run(checkout.program(checker, ["--builtin-schema", "vendor.compose-spec", COMPOSE]))?.success()?;
    let found =
        Command::new("promtool").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Verdict::NotReachable(
            "the Compose file is one; but promtool, which comes with Prometheus, is not installed".to_owned(),
        )),
        found => {
            found.context("cannot run promtool")?;
            run(checkout.program("promtool", ["check", "rules", RULES]))?.success()?;
            run(checkout.program("promtool", ["check", "config", PROMETHEUS]))?.success()?;
            Ok(Verdict::Passed(vec![]))
        }
    }
}

/// The path of the schema's checker; installs it first where this version is not there yet.
fn checker(checkout: &Checkout) -> Result<PathBuf> {
    let home = checkout.tools().join(format!("{CHECKER}-{VERSION}"));
    let whole = home.join("installed");
    if !whole.exists() {
        fs::create_dir_all(checkout.tools())?;
        let mut pip = Command::new(python::environment(&home)?);
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]);
        pip.arg(format!("{CHECKER}=={VERSION}"));
        run(pip)?.success().with_context(|| format!("cannot install {CHECKER}"))?;
        fs::write(whole, "")?;
    }
    Ok(home.join("bin").join(CHECKER))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::servers::TEMPORAL_VERSION;
    use crate::stack::Compose;
    use serde_json::Value;

    fn text(path: &str) -> String {
        fs::read_to_string(Checkout::find().unwrap().root().join(path)).unwrap()
    }

    #[test]
    fn every_alert_says_when_it_is_one_and_what_to_do() {
        let rules: Value = serde_saphyr::from_str(&text(RULES)).unwrap();
        let groups = rules["groups"].as_array().unwrap();
        let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().unwrap()).collect();
        assert!(rules.len() > 5);
        for rule in rules {
            for part in ["/alert", "/expr", "/labels/severity", "/annotations/summary", "/annotations/action"]
            {
                let said = rule.pointer(part).and_then(Value::as_str);
                assert!(said.is_some_and(|said| !said.trim().is_empty()), "{part} is missing in {rule}");
            }
        }
    }

    #[test]
    fn every_panel_of_the_board_asks_for_something() {
        let board: Value = serde_json::from_str(&text("deploy/grafana/omniflow.json")).unwrap();
        let panels = board["panels"].as_array().unwrap();
        assert!(panels.len() > 5);
        for panel in panels.iter().filter(|panel| panel["type"] != "row") {
            let targets = panel["targets"].as_array().unwrap();
            let asks = |target: &Value| target["expr"].as_str().is_some_and(|expr| !expr.is_empty());
            assert!(!targets.is_empty() && targets.iter().all(asks), "{panel}");
        }
    }

    #[test]
    fn every_image_is_pinned_and_temporal_is_the_one_that_is_measured() {
        let compose = Compose::read(&Checkout::find().unwrap()).unwrap();
        for name in compose.names() {
            let (_, tag) = compose.image(name).unwrap().rsplit_once(':').unwrap();
            let numbers = tag.trim_start_matches('v').split('.').filter(|part| part.parse::<u32>().is_ok());
            assert!(numbers.count() >= 2, "{name} is not pinned: {tag}");
        }
        let temporal = compose.image("temporal").unwrap();
        assert!(temporal.ends_with(TEMPORAL_VERSION.trim_start_matches('v')), "{temporal}");
    }

    #[test]
    fn nothing_is_published_beyond_this_machine() {
        let compose: Value = serde_saphyr::from_str(&text(COMPOSE)).unwrap();
        let services = compose["services"].as_object().unwrap();
        let ports = services.values().flat_map(|service| service["ports"].as_array().into_iter().flatten());
        let ports: Vec<_> = ports.map(|port| port.as_str().unwrap()).collect();
        assert_eq!(ports.len(), 3);
        assert!(ports.iter().all(|port| port.starts_with("127.0.0.1:")), "{ports:?}");
    }

    #[test]
    fn the_image_is_built_by_a_pinned_compiler_that_is_new_enough_and_runs_as_nobody_special() {
        let dockerfile = text("deploy/Dockerfile");
        let words = |start: &str| -> Vec<String> {
            let lines = dockerfile.lines().filter_map(|line| line.strip_prefix(start));
            lines.map(str::to_owned).collect()
        };
        let images = words("FROM ");
        assert_eq!(images.len(), 2);
        let manifest = text("Cargo.toml");
        let oldest = manifest.split_once("rust-version = \"").unwrap().1.split('"').next().unwrap();
        assert!(images[0].starts_with(&format!("rust:{oldest}.")), "{}", images[0]);
        assert_eq!(words("USER "), ["10001:10001"]);
        assert!(dockerfile.contains("--locked --package omniflow --features temporal"));
    }
}
