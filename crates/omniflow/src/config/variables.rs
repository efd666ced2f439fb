//! Which variables of the environment that begin with `OMNIFLOW_` there are. One that is none is refused by every
//! command that any of them is for: whoever misspelt it believes that it is set.

use super::environment::key_of_variable;
use super::keys::{self, KEYS, PREFIX, THRESHOLDS, variable};
use std::ffi::{OsStr, OsString};

/// Those that are flags of commands, and set no key.
const OF_COMMANDS: &[&str] = &["OMNIFLOW_CONFIG", "OMNIFLOW_KEY", "OMNIFLOW_SERVER"];

/// Those by which tests end this program, where it was built for that.
const OF_TESTS: &[&str] = if cfg!(feature = "crash-points") { &["OMNIFLOW_CRASH_AT"] } else { &[] };

/// How much a name must be like another one to be taken for it, misspelt.
const ALIKE: f64 = 0.8;

/// What to say of the variables that are none, one sentence each, by name.
pub(crate) fn faults(environment: impl Iterator<Item = (OsString, OsString)>) -> Vec<String> {
    let mut faults: Vec<String> = environment
        .filter_map(|(name, value)| {
            let name = name.to_str().filter(|name| name.starts_with(PREFIX))?;
            unknown(name, &value).map(|fault| format!("{name}: {fault}"))
        })
        .collect();
    faults.sort();
    faults
}

/// What to say of a variable that begins with [`PREFIX`], where it is none. Its value is not shown.
pub(super) fn unknown(name: &str, value: &OsStr) -> Option<String> {
    let known = [OF_COMMANDS, OF_TESTS].iter().any(|names| names.contains(&name));
    if known || key_of_variable(name).is_some() || is_of_a_service(name, value) {
        return None;
    }
    if keys::LATER.iter().any(|path| path.contains('.') && variable(path) == name) {
        return Some("comes with a later version; take it out".to_owned());
    }
    let candidates = of_keys().chain(OF_COMMANDS.iter().map(|name| name.to_string()));
    let nearest = candidates.max_by(|one, other| likeness(name, one).total_cmp(&likeness(name, other)));
    Some(match nearest.filter(|nearest| likeness(name, nearest) >= ALIKE) {
        Some(nearest) => {
            format!("there is no such variable; did you mean {nearest}? Correct it, or take it out")
        }
        None => "there is no such variable; take it out".to_owned(),
    })
}

/// A variable of each key that one may set; of those that are currencies, one.
fn of_keys() -> impl Iterator<Item = String> {
    KEYS.iter()
        .filter(|key| !key.is_of_the_file())
        .map(|key| key.variable() + if key.path == THRESHOLDS { "_USD" } else { "" })
}

/// Whether an orchestrator made it for a service whose name begins with `omniflow`, such as
/// `OMNIFLOW_SERVICE_HOST` and `OMNIFLOW_PORT_8000_TCP_ADDR`.
fn is_of_a_service(name: &str, value: &OsStr) -> bool {
    let has_protocol =
        |part: &str| ["TCP", "UDP", "SCTP"].iter().any(|protocol| part.split('_').nth(1) == Some(*protocol));
    let begins_with_number = |part: &str| part.starts_with(|digit: char| digit.is_ascii_digit());
    let mut after_port = name.split("_PORT_").skip(1);
    name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_")
        || (name.ends_with("_PORT") && value.to_string_lossy().contains("://"))
        || after_port.any(|part| begins_with_number(part) && has_protocol(part))
}

/// How much two names are alike, also where one leaves out the table that the other names. Of equals, the
/// shorter.
fn likeness(wrong: &str, right: &str) -> f64 {
    let (wrong, right) = (&wrong[PREFIX.len()..], &right[PREFIX.len()..]);
    let tails = right.match_indices('_').map(|(at, _)| &right[at + 1..]);
    let by_tail = tails.map(|tail| strsim::jaro_winkler(wrong, tail) - 0.01);
    let alike = by_tail.fold(strsim::jaro_winkler(wrong, right), f64::max);
    alike - right.len() as f64 / 10_000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn told(name: &str, value: &str) -> Option<String> {
        faults([(OsString::from(name), OsString::from(value))].into_iter()).pop()
    }

    fn nearest(wrong: &str) -> String {
        let fault = told(wrong, "x").unwrap_or_else(|| panic!("{wrong} is taken"));
        fault.split_once("did you mean ").unwrap().1.split_once('?').unwrap().0.to_owned()
    }

    #[test]
    fn a_misspelt_one_is_told_with_the_nearest_and_without_its_value() {
        let fault = told("OMNIFLOW_SERVR", "http://secret@shop").unwrap();
        assert_eq!(
            fault,
            "OMNIFLOW_SERVR: there is no such variable; did you mean OMNIFLOW_SERVER? Correct it, or take it out"
        );
        for (wrong, right) in [
            ("OMNIFLOW_DATADIR", "OMNIFLOW_DATA_DIR"),
            ("OMNIFLOW_LIMITS_BODY_BYTE", "OMNIFLOW_LIMITS_BODY_BYTES"),
            ("OMNIFLOW_BODY_BYTES", "OMNIFLOW_LIMITS_BODY_BYTES"),
            ("OMNIFLOW_PAYMENT_WINDOW", "OMNIFLOW_POLICIES_PAYMENT_WINDOW"),
            ("OMNIFLOW_KEYS", "OMNIFLOW_KEY"),
            ("OMNIFLOW_LOGS", "OMNIFLOW_LOG"),
        ] {
            assert_eq!(nearest(wrong), right);
        }
        assert_eq!(
            told("OMNIFLOW_CARRIER_SECRET", "x").unwrap(),
            "OMNIFLOW_CARRIER_SECRET: comes with a later version; take it out"
        );
        assert!(told("OMNIFLOW_PORT", "8000").is_some(), "somebody means the port to listen on");
        assert!(told("OMNIFLOW_", "").is_some());
    }

    #[test]
    fn nothing_is_named_that_is_not_like_it_or_would_be_refused_itself() {
        for name in ["OMNIFLOW_VERSION", "OMNIFLOW_HOME", "OMNIFLOW_", "OMNIFLOW_SEED"] {
            assert_eq!(told(name, "1").unwrap(), format!("{name}: there is no such variable; take it out"));
        }
        for name in ["OMNIFLOW_CARRIER_KINDS", "OMNIFLOW_ACESS", "OMNIFLOW_PAYMENTS_KID"] {
            let fault = told(name, "simulated").unwrap();
            for refused in ["OMNIFLOW_CARRIER_KIND?", "OMNIFLOW_ACCESS?", "OMNIFLOW_PAYMENTS_KIND?"] {
                assert!(!fault.contains(refused), "{fault}");
            }
        }
    }

    #[test]
    fn those_of_a_service_of_this_name_are_left_alone() {
        for name in [
            "OMNIFLOW_SERVICE_HOST",
            "OMNIFLOW_SERVICE_PORT",
            "OMNIFLOW_SERVICE_PORT_HTTP",
            "OMNIFLOW_PORT",
            "OMNIFLOW_PORT_8000_TCP",
            "OMNIFLOW_PORT_8000_TCP_ADDR",
            "OMNIFLOW_POSTGRES_PORT_5432_TCP_PROTO",
            "OMNIFLOW_POSTGRES_SERVICE_HOST",
        ] {
            assert_eq!(told(name, "tcp://10.0.0.1:8000"), None, "{name}");
        }
    }

    #[test]
    fn every_variable_of_a_command_is_known() {
        fn check(command: &clap::Command) {
            for variable in command.get_arguments().filter_map(|argument| argument.get_env()) {
                let name = variable.to_str().unwrap();
                assert!(!name.starts_with(PREFIX) || told(name, "x").is_none(), "{name}");
            }
            command.get_subcommands().for_each(check);
        }
        check(&crate::cli::Cli::command());
        for key in of_keys() {
            assert_eq!(told(&key, "x"), None, "{key}");
        }
    }
}
