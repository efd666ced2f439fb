use super::keys::{KEYS, THRESHOLDS};
use super::*;

/// A file with what must be written, and a text after it.
fn with(text: &str) -> String {
    format!(
        "engine = \"embedded\"\naccess = \"none\"\ncarrier.kind = \"simulated\"\npayments.kind = \"simulated\"\n{text}"
    )
}

fn read(text: &str) -> Result<Config, String> {
    read_with(text, &[], &[])
}

fn read_with(text: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> Result<Config, String> {
    let environment = environment.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let flags: Vec<_> = flags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
    Config::read(text, environment, &flags).map_err(|mistakes| told(Path::new("omniflow.toml"), &mistakes))
}

fn defaults() -> Config {
    read(&with("")).unwrap()
}

/// Of every key that has a default, another value.
const OTHERS: &[(&str, &str)] = &[
    ("listen", "[::1]:9000"),
    ("allow_unauthenticated_remote", "true"),
    ("data_dir", "/srv/omniflow"),
    ("locale", "en"),
    ("implicit_capture", "true"),
    ("log", "info,omniflow_embedded=debug"),
    ("log_format", "json"),
    ("postgres.url", "postgres://shop@db/orders"),
    ("postgres.password_file", "/run/secrets/db"),
    ("postgres.schema", "orders"),
    ("postgres.connections", "9"),
    ("temporal.task_queue", "ORDERS"),
    ("worker.listen", "[::1]:9001"),
    ("worker.pollers", "10"),
    ("carrier.delay", "1500ms"),
    ("policies.payment_window", "15m"),
    ("policies.provider_deadline", "48h"),
    ("policies.review_thresholds.USD", "123.45"),
    ("policies.review_thresholds.JPY", "5000"),
    ("policies.forward.attempts", "11"),
    ("policies.forward.attempt_timeout", "12s"),
    ("policies.forward.backoff", "13ms"),
    ("policies.forward.backoff_max", "14h"),
    ("policies.compensation.attempts", "15"),
    ("policies.compensation.attempt_timeout", "16s"),
    ("policies.compensation.backoff", "17ms"),
    ("policies.compensation.backoff_max", "18h"),
    ("limits.connections", "19"),
    ("limits.header_bytes", "20000"),
    ("limits.body_bytes", "21000"),
    ("limits.dropped_body_bytes", "22000"),
    ("limits.queue_capacity", "23"),
    ("timeouts.idle", "24s"),
    ("timeouts.header", "25s"),
    ("timeouts.body", "26s"),
    ("timeouts.write", "27s"),
    ("timeouts.linger", "3s"),
    ("timeouts.drain", "4s"),
    ("idempotency.keep", "29h"),
];

#[test]
fn every_key_has_another_value_here() {
    let is_asked = |key: &&keys::Key| key.is_of_the_file() || key.path == "engine";
    for key in KEYS.iter().filter(|key| !is_asked(key)) {
        let is_amount = |path: &str| key.path == THRESHOLDS && path.starts_with(THRESHOLDS);
        let is_here = |(path, _): &(&str, &str)| *path == key.path || is_amount(path);
        assert!(OTHERS.iter().any(is_here), "{}", key.path);
    }
}

/// The printed file with the words that must be written.
fn printed(text: &str) -> String {
    text.replace("# engine = ", "engine = ")
        .replace("# access = ", "access = ")
        .replace("# kind = ", "kind = ")
}

#[test]
fn what_is_printed_reads_back_as_the_defaults() {
    assert_eq!(read(&printed(&print())), Ok(defaults()));
    assert_eq!(defaults().settings, Settings::default());
}

#[test]
fn each_key_is_its_own_setting_and_reads_back_from_file_environment_and_flags() {
    for other in OTHERS {
        let by_flag = read_with(&with(""), &[], &[*other]).unwrap();
        let changed = print::written(&mut by_flag.clone());
        let name = other.0.rsplit('.').next().unwrap();
        let differs: Vec<&str> =
            changed.lines().filter(|line| !print().lines().any(|old| old == *line)).collect();
        let [line] = &differs[..] else { panic!("{other:?} changes {differs:?}") };
        assert!(line.starts_with(&format!("{name} = ")), "{other:?} changes {line}");
        assert_eq!(read(&printed(&changed)), Ok(by_flag.clone()), "{other:?} in a file");
        let variable = format!("OMNIFLOW_{}", other.0.replace('.', "_").to_uppercase());
        assert_eq!(read_with(&with(""), &[(&variable, other.1)], &[]), Ok(by_flag), "{variable}");
    }
}

#[test]
fn flags_win_over_the_environment_and_that_over_the_file() {
    let file = with("listen = \"127.0.0.1:1\"");
    let port = |environment: &[(&str, &str)], flags: &[(&str, &str)]| {
        read_with(&file, environment, flags).unwrap().settings.listen.port()
    };
    let (variable, flag) = (("OMNIFLOW_LISTEN", "127.0.0.1:2"), ("listen", "127.0.0.1:3"));
    assert_eq!((port(&[], &[]), port(&[variable], &[]), port(&[variable], &[flag])), (1, 2, 3));
}

#[test]
fn keys_are_in_the_order_of_a_file_and_variables_are_different() {
    let mut tables = vec![];
    for key in KEYS {
        if tables.last() != Some(&key.table()) {
            assert!(!tables.contains(&key.table()), "{} is in a table that was left", key.path);
            tables.push(key.table());
        }
    }
    let variables: std::collections::BTreeSet<String> = KEYS.iter().map(keys::Key::variable).collect();
    assert_eq!(variables.len(), KEYS.len());
}

fn refusal(text: &str) -> String {
    read(&with(text)).unwrap_err()
}

#[test]
fn an_unknown_key_is_named_with_its_line_and_the_nearest() {
    insta::assert_snapshot!(refusal("[limits]\nbody_byte = 1"), @"omniflow.toml: line 6: there is no `limits.body_byte`; did you mean `limits.body_bytes`?");
    insta::assert_snapshot!(refusal("[limit]\nbody_bytes = 1"), @"omniflow.toml: line 5: there is no `limit`; did you mean `limits`?");
    insta::assert_snapshot!(refusal("body_bytes = 1"), @"omniflow.toml: line 5: there is no `body_bytes`; did you mean `limits.body_bytes`?");
    insta::assert_snapshot!(refusal("data-dir = \"x\""), @"omniflow.toml: line 5: there is no `data-dir`; did you mean `data_dir`?");
    insta::assert_snapshot!(refusal("[policies.forwards]\nattempts = 1"), @"omniflow.toml: line 5: there is no `policies.forwards`; did you mean `policies.forward`?");
    insta::assert_snapshot!(refusal("[timeouts]\nread = \"1s\""), @"omniflow.toml: line 6: there is no `timeouts.read`; did you mean `timeouts.header`?");
    insta::assert_snapshot!(refusal("[[keys]]\nname = \"till\""), @"omniflow.toml: line 5: `keys` comes with a later version; take it out");
    insta::assert_snapshot!(refusal("carrier.url = \"https://carrier.example\""), @"omniflow.toml: line 5: `carrier.url` comes with a later version; take it out");
}

#[test]
fn a_wrong_value_is_named_with_its_line_and_what_to_write() {
    insta::assert_snapshot!(refusal("locale = \"de\""), @r#"omniflow.toml: line 5: `locale` must be "zh-CN" or "en""#);
    insta::assert_snapshot!(refusal("listen = 8000"), @r#"omniflow.toml: line 5: `listen` must be an address and a port, such as "127.0.0.1:8000""#);
    insta::assert_snapshot!(refusal("implicit_capture = \"yes\""), @"omniflow.toml: line 5: `implicit_capture` must be true or false, without quotes");
    insta::assert_snapshot!(refusal("log = \"loud\""), @r#"omniflow.toml: line 5: `log` must be a level, such as "info", or levels by part, such as "info,omniflow_embedded=debug""#);
    insta::assert_snapshot!(refusal("limits = 5"), @"omniflow.toml: line 5: `limits` is a table: write [limits] and its keys below");
    insta::assert_snapshot!(refusal("[limits]\nbody_bytes = \"64k\""), @"omniflow.toml: line 6: `limits.body_bytes` must be a whole number, without quotes, from 1024 to 67108864");
    insta::assert_snapshot!(refusal("[limits]\nbody_bytes = -1"), @"omniflow.toml: line 6: `limits.body_bytes` must be a whole number, without quotes, from 1024 to 67108864");
    insta::assert_snapshot!(refusal("[policies]\npayment_window = 30"), @r#"omniflow.toml: line 6: `policies.payment_window` must be a duration in quotes, from "1s" to "720h""#);
    insta::assert_snapshot!(refusal("[policies]\npayment_window = \"721h\""), @r#"omniflow.toml: line 6: `policies.payment_window` must be a duration in quotes, from "1s" to "720h""#);
    insta::assert_snapshot!(refusal("[policies.review_thresholds]\nEURO = 1"), @"omniflow.toml: line 6: `policies.review_thresholds.EURO` is no currency: write the code of ISO 4217 in capitals, such as EUR = 9000");
    insta::assert_snapshot!(refusal("[policies.review_thresholds]\nJPY = 1.5"), @"omniflow.toml: line 6: `policies.review_thresholds.JPY` has more decimals than JPY, which has 0 of them");
    insta::assert_snapshot!(refusal("[policies.review_thresholds]\nUSD = -1"), @"omniflow.toml: line 6: `policies.review_thresholds.USD` must not be negative");
    insta::assert_snapshot!(refusal("listen = \"0.0.0.0:8000\""), @r#"omniflow.toml: `listen` is 0.0.0.0:8000, which others can reach, and access = "none" asks nobody who they are: write listen = "127.0.0.1:8000", or allow_unauthenticated_remote = true where the network is closed"#);
    insta::assert_snapshot!(refusal("carrier.delay = \"10s\""), @"omniflow.toml: `policies.forward.attempt_timeout` (10s) must be longer than `carrier.delay` (10s), or no shipment is ever answered in time");
    insta::assert_snapshot!(refusal("policies.forward.backoff = \"2m\""), @"omniflow.toml: `policies.forward.backoff_max` must not be shorter than `policies.forward.backoff`");
}

#[test]
fn a_file_that_is_no_toml_says_where() {
    insta::assert_snapshot!(refusal("[limits\nbody_bytes = 1"), @"omniflow.toml: line 5: unclosed table, expected `]`");
    insta::assert_snapshot!(refusal("locale = \"en\"\nlocale = \"zh-CN\""), @"omniflow.toml: line 6: `locale` is there already, on line 5: keep one of the two");
    insta::assert_snapshot!(refusal("[limits]\nbody_bytes = 1024\n\n[limits]\nconnections = 1"), @"omniflow.toml: line 8: `limits` is there already, on line 5: keep one of the two");
    insta::assert_snapshot!(refusal("[limits]\nbody_bytes = 1024\n# again\nbody_bytes = 2048"), @"omniflow.toml: line 8: `limits.body_bytes` is there already, on line 6: keep one of the two");
    insta::assert_snapshot!(refusal("policies.payment_window = \"1s\"\npolicies.payment_window = \"2s\""), @"omniflow.toml: line 6: `policies.payment_window` is there already, on line 5: keep one of the two");
    insta::assert_snapshot!(refusal("limits = { body_bytes = 1024, body_bytes = 2048 }"), @"omniflow.toml: line 5: `body_bytes` is there already: keep one of the two");
    insta::assert_snapshot!(refusal("[carrier]\ndelay = \"1s\""), @"omniflow.toml: line 5: `carrier` is there already, on line 3: keep one of the two");
}

/// A build without the engine refuses it, one with it wants to know where PostgreSQL is.
#[test]
fn the_temporal_engine_is_refused_where_it_cannot_run() {
    let temporal = |text: &str| with(text).replace("\"embedded\"", "\"temporal\"");
    let refusal = read(&temporal("")).unwrap_err();
    let named = read(&temporal("postgres.url = \"postgres://shop@db/orders\""));
    match cfg!(feature = "temporal") {
        true => {
            assert!(refusal.contains("set OMNIFLOW_POSTGRES_URL="), "{refusal}");
            assert_eq!(named.map(|config| config.settings.engine), Ok(EngineName::Temporal));
            let tls = "postgres.url = \"postgres://db/orders\"\npostgres.password_file = \"/no/such/file\"";
            let unread = read(&temporal(tls)).unwrap_err();
            assert!(unread.contains("`postgres.password_file`: /no/such/file cannot be read"), "{unread}");
        }
        false => {
            assert!(refusal.contains("needs a build with the feature `temporal`"), "{refusal}");
            assert_eq!(named, Err(refusal));
        }
    }
    let unknown = read(&with("").replace("\"embedded\"", "\"paper\"")).unwrap_err();
    assert_eq!(unknown, "omniflow.toml: line 1: `engine` must be \"embedded\" or \"temporal\"");
}

#[test]
fn every_mistake_is_told_at_once() {
    insta::assert_snapshot!(read("access = \"keys\"\nlocal = \"en\"\n[carrier]\nkind = \"http\"\n[limits]\nconnections = 0\n").unwrap_err(), @r#"
    omniflow.toml: 6 mistakes
      line 1: `access` must be "none": access keys come with a later version, and nobody is let in unasked unless this file says so
      line 2: there is no `local`; did you mean `locale`?
      line 4: `carrier.kind` must be "simulated": providers over HTTP come with a later version, and nothing is simulated unless this file says so
      line 6: `limits.connections` must be a whole number, without quotes, from 1 to 1000000
      `engine` is missing: write engine = "embedded"
      `payments.kind` is missing: write kind = "simulated" under [payments]
    "#);
}

#[test]
fn what_must_be_in_the_file_is_not_taken_from_elsewhere() {
    let file = with("").replace("access = \"none\"\n", "");
    insta::assert_snapshot!(read_with(&file, &[("OMNIFLOW_ACCESS", "none")], &[]).unwrap_err(), @r#"
    omniflow.toml: 2 mistakes
      OMNIFLOW_ACCESS: is taken only from the configuration file, so that it is written down
      `access` is missing: write access = "none"
    "#);
    insta::assert_snapshot!(read_with(&file, &[], &[("access", "none")]).unwrap_err(), @r#"
    omniflow.toml: 2 mistakes
      --set access: `access` is taken only from the configuration file, so that it is written down
      `access` is missing: write access = "none"
    "#);
    let file = with("").replace("engine = \"embedded\"\n", "");
    assert_eq!(read_with(&file, &[("OMNIFLOW_ENGINE", "embedded")], &[]), Ok(defaults()));
}

/// As somebody may write it wrong, wherever an address with a password can be written.
#[test]
fn no_mistake_shows_a_password() {
    const URL: &str = "postgres://shop:pa55word@db/orders";
    const FILES: [&str; 9] = [
        "postgres.ulr = \"URL\"",
        "postgres = \"URL\"",
        "postgres.url = [\"URL\"]",
        "postgres.url = URL",
        "postgres.url = \"URL",
        "postgres.url = 'URL\"",
        "postgres.url \"URL\"",
        "[postgres]\nurl = \"URL\"\nurl = \"URL\"",
        "postgres = { url = \"URL\", url = \"URL\" }",
    ];
    let mut told: Vec<_> = FILES.iter().map(|file| read(&with(&file.replace("URL", URL)))).collect();
    for key in
        ["postgres.ulr", "listen", "engine", "access", "limits.body_bytes", "policies.review_thresholds.USD"]
    {
        let variable = format!("OMNIFLOW_{}", key.replace('.', "_").to_uppercase());
        told.extend([
            read_with(&with(""), &[], &[(key, URL)]),
            read_with(&with(""), &[(&variable, URL)], &[]),
        ]);
    }
    if cfg!(feature = "temporal") {
        let temporal = with("").replace("\"embedded\"", "\"temporal\"");
        for url in [
            "mysql://shop:pa55word@db",
            "shop:pa55word@db/orders?sslmode=disable",
            "postgres://shop:pa55word@db:port/orders",
            "postgres://shop:pa55word@db/orders?sslmode=require",
            "postgres://shop:pa55word@db/orders?sslmod=disable",
            "host=db password=pa55word 'orders'",
        ] {
            let refusal = read_with(&temporal, &[("OMNIFLOW_POSTGRES_URL", url)], &[]);
            assert!(refusal.as_ref().unwrap_err().contains("`postgres.url`"), "{url}: {refusal:?}");
            told.push(refusal);
        }
    }
    for refusal in told {
        let refusal = refusal.unwrap_err();
        assert!(!refusal.contains("pa55") && !refusal.contains("shop"), "{refusal}");
    }
}

#[test]
fn wrong_variables_and_flags_are_named() {
    insta::assert_snapshot!(read_with(&with(""), &[("OMNIFLOW_LIMITS_BODY_BYTES", "64k")], &[]).unwrap_err(), @"omniflow.toml: OMNIFLOW_LIMITS_BODY_BYTES: must be a whole number, without quotes, from 1024 to 67108864");
    insta::assert_snapshot!(read_with(&with(""), &[], &[("limits.body", "1")]).unwrap_err(), @"omniflow.toml: --set limits.body: there is no `limits.body`; did you mean `limits.body_bytes`?");
    insta::assert_snapshot!(read_with(&with(""), &[], &[("timeouts.drain", "9s")]).unwrap_err(), @r#"omniflow.toml: --set timeouts.drain: `timeouts.drain` must be a duration in quotes, from "0s" to "8s""#);
    insta::assert_snapshot!(read_with(&with(""), &[("OMNIFLOW_LIMIT_BODY_BYTES", "1024"), ("OMNIFLOW_LISTEN_ADDRESS", "secret")], &[]).unwrap_err(), @r"
    omniflow.toml: 2 mistakes
      OMNIFLOW_LIMIT_BODY_BYTES: there is no such variable; did you mean OMNIFLOW_LIMITS_BODY_BYTES? Correct it, or take it out
      OMNIFLOW_LISTEN_ADDRESS: there is no such variable; did you mean OMNIFLOW_LISTEN? Correct it, or take it out
    ");
    // As an orchestrator makes them for a service of this name.
    let foreign = [("OMNIFLOW_SERVICE_HOST", "10.0.0.1"), ("OMNIFLOW_PORT", "tcp://10.0.0.1:8000")];
    assert_eq!(read_with(&with(""), &foreign, &[]), Ok(defaults()));
}
