//! What `omniflow verify` is asked to check: by what is typed, or else by the environment.

use crate::scenarios::ORDER;
use crate::serve::{ASKED, configured};
use crate::server::{Place, omniflow, run};
use std::path::Path;
use std::process::{Command, Output};

/// A data directory that holds so many orders.
fn holding(orders: usize) -> Place {
    let place = Place::new();
    let server = place.start(&[]);
    for _ in 0..orders {
        server.client.place(ORDER);
    }
    assert!(server.terminate().success());
    place
}

/// `verify` with flags that name paths, and variables that do.
fn verify(flags: &[(&str, &Path)], variables: &[(&str, &Path)]) -> Command {
    let mut command = omniflow(["verify"]);
    for (flag, path) in flags {
        command.arg(flag).arg(path);
    }
    command.envs(variables.iter().copied());
    command
}

/// Asserts that so many orders were checked.
#[track_caller]
fn checks(command: Command, orders: usize) {
    let output = run(command);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && said.starts_with(&format!("checked {orders} orders,")), "{output:?}");
}

#[track_caller]
fn refused(output: &Output, says: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(2) && errors.contains(says), "{output:?}");
}

#[test]
fn what_is_typed_is_checked_or_else_what_serve_would_use() {
    let (served, typed, other) = (holding(1), holding(2), holding(3));
    let (file, typed, other) = (configured(&served, ASKED), typed.data(), other.data());
    let copy = served.data().with_file_name("orders.backup");
    let mut backup = omniflow(["backup", "--data-dir"]);
    assert!(
        run({
            backup.arg(&typed).arg("--to").arg(&copy);
            backup
        })
        .status
        .success()
    );
    let in_config = ("OMNIFLOW_CONFIG", &*file);
    checks(verify(&[], &[in_config]), 1);
    checks(verify(&[("--config", &file)], &[]), 1);
    checks(verify(&[("--data-dir", &typed)], &[in_config]), 2);
    checks(verify(&[("--file", &copy)], &[in_config]), 2);
    let in_directory = ("OMNIFLOW_DATA_DIR", &*other);
    checks(verify(&[], &[in_directory]), 3);
    checks(verify(&[("--data-dir", &typed)], &[in_directory]), 2);
    // As `serve` does: the variable wins over the key in the file.
    checks(verify(&[], &[in_config, in_directory]), 3);
    checks(verify(&[("--config", &file)], &[in_directory]), 3);
}

#[test]
fn with_nothing_named_it_is_the_directory_where_dev_keeps_its_data() {
    let place = Place::new();
    let data = place.data().with_file_name("omniflow-data");
    let mut dev = omniflow(["dev", "--listen", "127.0.0.1:0"]);
    dev.current_dir(data.parent().unwrap());
    let server = crate::server::Server::start(dev);
    server.client.place(ORDER);
    assert!(server.terminate().success());
    let mut command = verify(&[], &[]);
    command.current_dir(data.parent().unwrap());
    checks(command, 1);
}

#[test]
fn two_things_typed_are_refused_and_a_configuration_that_is_none_is_not_passed_over() {
    let (place, nowhere) = (holding(0), Path::new("/no/such/omniflow.toml"));
    let data = place.data();
    for two in [["--data-dir", "--config"], ["--data-dir", "--file"], ["--file", "--config"]] {
        refused(&run(verify(&two.map(|flag| (flag, &*data)), &[])), "cannot be used with");
    }
    let mut command = verify(&[], &[("OMNIFLOW_CONFIG", nowhere), ("OMNIFLOW_DATA_DIR", &data)]);
    command.current_dir(data.parent().unwrap());
    refused(&run(command), "/no/such/omniflow.toml");
}
