//! `doctor`: each thing that can be wrong.

use super::{Told, ask, ask_at, command, create, told, url};
use crate::server::{Place, Server, still};
use serde_json::Value;

fn examined(server: &Server, args: &[&str]) -> Told {
    ask(server, &[&["doctor"], args].concat())
}

/// The verdict on one thing that was looked at.
#[track_caller]
fn verdict(told: &Told, check: &str) -> String {
    let report: Value = serde_json::from_str(&told.out).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    let found = report["findings"].as_array().unwrap().iter().find(|finding| finding["check"] == check);
    found.unwrap_or_else(|| panic!("{check} in {report}"))["verdict"].as_str().unwrap().to_owned()
}

#[test]
fn a_healthy_server_and_its_directory_are_well() {
    let (place, server) = still();
    let data = place.data();
    let told = examined(&server, &["--data-dir", data.to_str().unwrap()]);
    assert_eq!(told.code, Some(0), "{told:?}");
    for line in [
        format!("ok       server          {} answers in ", url(&server)),
        "ok       ready           it takes orders\n".to_owned(),
        format!("ok       version         {}, as this program\n", env!("CARGO_PKG_VERSION")),
        "ok       access          orders can be read without an access key\n".to_owned(),
        "ok       clock           the server's and this machine's agree\n".to_owned(),
        "ok       attention       no order needs a person\n".to_owned(),
        format!("ok       lock            a server has it, process {}\n", server.pid()),
        " are free\n".to_owned(),
        "fdatasync p50 ".to_owned(),
    ] {
        assert!(told.out.contains(&line), "{line:?} in {}", told.out);
    }
    drop(server);
    assert!(
        ask_at("http://127.0.0.1:1", &["doctor", "--data-dir", data.to_str().unwrap()])
            .out
            .contains("free: no server has it")
    );
    place.assert_clean();
    let left = std::fs::read_dir(&data)
        .unwrap()
        .filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("tmp"));
    assert_eq!(left.count(), 0);
}

#[test]
fn it_starts_no_race_for_the_lock() {
    let place = Place::new();
    let server = place.start(&[]);
    let data = place.data();
    assert_eq!(examined(&server, &["--data-dir", data.to_str().unwrap()]).code, Some(0));
    assert_eq!(server.terminate().code(), Some(0));
    let server = place.start(&[]);
    assert_eq!(examined(&server, &["--data-dir", data.to_str().unwrap()]).code, Some(0));
}

#[test]
fn a_server_that_is_away_is_exit_code_3_and_the_rest_is_still_looked_at() {
    let place = Place::new();
    let told =
        ask_at("http://127.0.0.1:1", &["doctor", "--json", "--data-dir", place.data().to_str().unwrap()]);
    assert_eq!(told.code, Some(3), "{told:?}");
    assert_eq!(
        (verdict(&told, "server"), verdict(&told, "data directory")),
        ("missing".to_owned(), "missing".to_owned())
    );
    let text = ask_at("http://127.0.0.1:1", &["doctor"]).out;
    assert!(text.contains("→ start one, for example with `omniflow dev`"), "{text}");
}

#[test]
fn a_directory_that_is_not_there_is_exit_code_1() {
    let (_place, server) = still();
    let told = examined(&server, &["--data-dir", "/nowhere/at/all"]);
    assert!(
        told.code == Some(1)
            && told.out.contains("MISSING  data directory  there is none at /nowhere/at/all"),
        "{told:?}"
    );
}

#[test]
fn orders_that_need_a_person_are_a_warning() {
    let (_place, server) = still();
    server.client.put("/api/v1/dev/providers/carrier", r#"{"script":[{"do":"fail","times":4}]}"#);
    let id = create(&server, &["HomePod", "--amount", "5"]);
    server.client.act(&id, "pay", "");
    server.client.advance("PT60S");
    let told = examined(&server, &[]);
    assert!(told.code == Some(0) && told.out.contains("1 order needs a person"), "{told:?}");
    assert!(told.out.ends_with("it works; see the warnings\n"), "{told:?}");
}

#[test]
fn a_clock_that_goes_wrong_is_a_warning() {
    let live = super::fake::answer("200 OK", "date: Tue, 06 Jan 2026 10:00:00 GMT\r\n", "{}");
    let fake = super::fake::Fake::answering(&[&live]);
    let told = ask_at(&fake.url(), &["doctor", "--json"]);
    assert_eq!(
        (verdict(&told, "server"), verdict(&told, "clock")),
        ("well".to_owned(), "warning".to_owned())
    );
}

#[test]
fn a_configuration_is_checked_and_its_directory_taken() {
    let (place, server) = still();
    let file = place.data().with_file_name("omniflow.toml");
    let data = place.data();
    let text = format!(
        "engine = \"embedded\"\naccess = \"none\"\ndata_dir = {data:?}\n[carrier]\nkind = \"simulated\"\n\
         [payments]\nkind = \"simulated\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let args = ["doctor", "--json", "--config", file.to_str().unwrap()];
    let sound = ask(&server, &args);
    std::fs::write(&file, "lisen = \"127.0.0.1:1\"\n").unwrap();
    let wrong = ask(&server, &args);
    assert_eq!((wrong.code, verdict(&wrong, "configuration")), (Some(1), "missing".to_owned()), "{wrong:?}");
    assert!(wrong.out.contains("lisen") && wrong.out.contains("line 1"), "{wrong:?}");
    assert_eq!((sound.code, verdict(&sound, "configuration")), (Some(0), "well".to_owned()), "{sound:?}");
    assert!(sound.out.contains("holds a database"), "{sound:?}");
}

#[test]
fn an_access_key_is_never_shown() {
    let (_place, server) = still();
    let mut asking = command(&["doctor", "--server", &url(&server)]);
    asking.env("OMNIFLOW_KEY", "sesame-4711");
    let told = told(asking);
    assert!(
        told.out.contains("with the access key given") && !format!("{told:?}").contains("4711"),
        "{told:?}"
    );
}
