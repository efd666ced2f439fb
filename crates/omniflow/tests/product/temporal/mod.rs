//! The same program with the Temporal engine: API and workers as processes, on a real Temporal server and a real
//! PostgreSQL, which `OMNIFLOW_TEST_TEMPORAL` and `OMNIFLOW_TEST_POSTGRES` name.

mod commands;
mod orders;
mod servers;
mod streams;

use crate::server::{Place, Server, omniflow, run};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

const NEEDS_SERVERS: &str = "`cargo xtask temporal` starts the servers, and runs this";

const CAPTURED: &str = r#"{"outcome":"captured"}"#;

static SHOPS: AtomicU32 = AtomicU32::new(0);

/// API and workers with tables and a task queue of their own.
struct Shop {
    place: Place,
    name: String,
}

fn named(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| panic!("{variable} names no server: {NEEDS_SERVERS}"))
}

impl Shop {
    fn open() -> Self {
        let number = SHOPS.fetch_add(1, Ordering::Relaxed);
        Self { place: Place::new(), name: format!("shop_{}_{number}", std::process::id()) }
    }

    fn file(&self) -> PathBuf {
        let name = &self.name;
        let text = format!(
            "engine = \"temporal\"\naccess = \"none\"\nlisten = \"127.0.0.1:0\"\ncarrier.kind = \"simulated\"\n\
             payments.kind = \"simulated\"\npostgres.schema = \"{name}\"\ntemporal.task_queue = \"{name}\"\n\
             worker.listen = \"127.0.0.1:0\"\npolicies.payment_window = \"1m\"\n"
        );
        let file = self.place.data().with_file_name("omniflow.toml");
        std::fs::write(&file, text).unwrap();
        file
    }

    /// A command on the servers of the test.
    fn command(&self, name: &str) -> Command {
        self.command_at(name, &named("OMNIFLOW_TEST_TEMPORAL"), &named("OMNIFLOW_TEST_POSTGRES"))
    }

    /// A command on servers at these addresses.
    fn command_at(&self, name: &str, temporal: &str, postgres: &str) -> Command {
        let mut command = omniflow([name, "--config"]);
        command.arg(self.file());
        command.env("TEMPORAL_ADDRESS", temporal).env("OMNIFLOW_POSTGRES_URL", postgres);
        command
    }

    /// A process on the servers of the test, with these settings in place of the file's.
    fn start(&self, name: &str, settings: &[&str]) -> Server {
        let mut command = self.command(name);
        command.args(settings.iter().flat_map(|setting| ["--set", *setting]));
        Server::start(command)
    }

    fn api(&self) -> Server {
        self.api_with(&[])
    }

    fn api_with(&self, settings: &[&str]) -> Server {
        let server = self.start("serve", settings);
        for sku in ["iPhone%2015", "Mac%20Pro"] {
            let set = server.client.put(&format!("/api/v1/inventory/{sku}"), r#"{"on_hand":100}"#);
            assert!(matches!(set.status, 200 | 201), "{set:?}");
        }
        server
    }

    fn worker(&self) -> Server {
        self.start("worker", &[])
    }

    /// Asserts that all in PostgreSQL holds, with so many orders.
    #[track_caller]
    fn assert_clean(&self, orders: usize) {
        let verified = run(self.command("verify"));
        let said = String::from_utf8_lossy(&verified.stdout).into_owned();
        assert!(verified.status.success() && said.ends_with("everything holds\n"), "{said}");
        assert!(said.starts_with(&format!("checked {orders} orders,")), "{said}");
    }
}
