//! What is under `deploy/` for the operators' own tools: their checkers say whether they would take it.

use crate::checkout::Checkout;
use crate::command::run;
use crate::steps::Verdict;
use anyhow::{Context, Result};
use std::io::ErrorKind;
use std::process::{Command, Stdio};

/// The alert rules.
const RULES: &str = "deploy/prometheus/omniflow.rules.yml";

/// Asks Prometheus' checker about the rules, every expression among them, where this machine has it.
pub(crate) fn check(checkout: &Checkout) -> Result<Verdict> {
    let found =
        Command::new("promtool").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    match found {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(Verdict::NotReachable("promtool, which comes with Prometheus, is not installed".to_owned()))
        }
        found => {
            found.context("cannot run promtool")?;
            run(checkout.program("promtool", ["check", "rules", RULES]))?.success()?;
            Ok(Verdict::Passed(vec![]))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::fs;

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
}
