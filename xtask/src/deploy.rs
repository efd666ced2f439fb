//! What is under `deploy/` for the operators' own tools: their checkers say whether they would take it.

use crate::checkout::Checkout;
use crate::command::run;
use crate::stack::{COMPOSE, Compose};
use crate::steps::Verdict;
use crate::{promtool, python};
use anyhow::{Context, Result};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

/// The alert rules: of every engine, and of the Temporal engine alone.
const RULES: [&str; 2] =
    ["deploy/prometheus/omniflow.rules.yml", "deploy/prometheus/omniflow-temporal.rules.yml"];
/// What they are silent about, and what they tell.
const TESTS: &str = "deploy/prometheus/omniflow.test.yml";
/// What Prometheus reads, the rules among it.
const PROMETHEUS: &str = "deploy/prometheus/prometheus.yml";

/// Carries the schema of Compose files, so that nothing else is fetched.
const CHECKER: &str = "check-jsonschema";
const VERSION: &str = "0.39.0";

/// Asks for the Compose file whether it is one that can be built, and for the rules and Prometheus' configuration
/// Prometheus' own checker.
pub(crate) fn check(checkout: &Checkout) -> Result<Verdict> {
    Compose::read(checkout)?.each_image_is_built_once()?;
    let checker = checker(checkout)?;
    run(checkout.program(checker, ["--builtin-schema", "vendor.compose-spec", COMPOSE]))?.success()?;
    let Some(promtool) = promtool::find(checkout)? else {
        let why =
            "the Compose file is one; but Prometheus' checker is neither here nor in packages of Debian";
        return Ok(Verdict::NotReachable(why.to_owned()));
    };
    run(checkout.program(&promtool, ["check", "rules", RULES[0], RULES[1]]))?.success()?;
    run(checkout.program(&promtool, ["test", "rules", TESTS]))?.success()?;
    run(checkout.program(&promtool, ["check", "config", PROMETHEUS]))?.success()?;
    Ok(Verdict::Passed(vec![]))
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
    use serde_json::Value;

    fn text(path: &str) -> String {
        fs::read_to_string(Checkout::find().unwrap().root().join(path)).unwrap()
    }

    #[test]
    fn every_alert_says_when_it_is_one_and_what_to_do() {
        let files = RULES.map(|file| serde_saphyr::from_str::<Value>(&text(file)).unwrap());
        let groups = files.iter().flat_map(|file| file["groups"].as_array().unwrap());
        let rules: Vec<&Value> = groups.flat_map(|group| group["rules"].as_array().unwrap()).collect();
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
    fn every_rule_is_read_by_the_prometheus_of_the_compose_file() {
        let prometheus: Value = serde_saphyr::from_str(&text(PROMETHEUS)).unwrap();
        let read: Vec<_> =
            prometheus["rule_files"].as_array().unwrap().iter().map(|f| f.as_str().unwrap()).collect();
        assert_eq!(read, RULES.map(|file| file.rsplit('/').next().unwrap()));
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
