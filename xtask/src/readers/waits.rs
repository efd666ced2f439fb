//! Clients that wait for an order's next change, each on its own connection.

use crate::product::http::{Connection, read_from};
use crate::product::server::Server;
use crate::product::usage;
use anyhow::{Context, Result, ensure};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::fmt;
use std::io::{ErrorKind, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// How long nothing happens while what they cost is measured; they wait for 30 s.
const WINDOW: Duration = Duration::from_secs(10);
/// CPU time that the server may then take in the window: a tenth of one core, where it takes next to nothing.
const MOST_CPU: Duration = Duration::from_secs(1);
/// Memory that one of them may cost, where it is 20 to 30 with what the allocator keeps.
const MOST_KB_EACH: u64 = 40;
/// How soon all of them must be connected, one after the other: none may find the server's door shut for a second.
const LONGEST_CONNECTING: Duration = Duration::from_secs(10);
/// How soon all of them must be answered.
const LONGEST_ANSWER: Duration = Duration::from_secs(5);
/// Files that this process has open beside its connections.
const OTHER_FILES: u64 = 64;

/// What they cost.
pub(super) struct Waited {
    waiting: u64,
    connected: Duration,
    kb_before: u64,
    kb_waiting: u64,
    cpu: Duration,
    answered: Duration,
}

/// Raises this process's limit of open files to what so many connections need.
pub(super) fn raise_limit(connections: u64) -> Result<()> {
    let needed = connections + OTHER_FILES;
    let mut limit = getrlimit(Resource::Nofile);
    ensure!(
        limit.maximum.is_none_or(|most| most >= needed),
        "{connections} connections need a hard limit of {needed} open files, and it is {:?}: raise it (`ulimit -Hn`), \
         or let fewer wait (--waiting)",
        limit.maximum
    );
    limit.current = limit.current.map(|current| current.max(needed));
    setrlimit(Resource::Nofile, limit).context("the limit of open files cannot be raised")
}

/// Lets so many wait for one order, looks at the server while nothing happens, and then pays the order.
pub(super) fn measure(server: &Server, waiting: u64) -> Result<Waited> {
    let mut connection = Connection::new(server.address()?);
    let order = r#"{"amount":5,"items":["HomePod"],"payment_window_seconds":3600}"#;
    let placed = connection.ask("POST", "/api/v1/orders", "", Some(order))?;
    ensure!(placed.status == 201, "an order is not taken: {placed:?}");
    let path = format!("/api/v1/orders/{}", placed.body["order_id"].as_str().context("no id")?);
    let version = placed.body["version"].as_u64().context("no version")?;

    let kb_before = usage::resident_kb(server.pid())?;
    let request =
        format!("GET {path} HTTP/1.1\r\nhost: x\r\nif-none-match: \"{version}\"\r\nprefer: wait=30\r\n\r\n");
    let (mut clients, began) = (vec![], Instant::now());
    for client in 0..waiting {
        let connected = TcpStream::connect(server.address()?).and_then(|mut stream| {
            stream.write_all(request.as_bytes())?;
            Ok(stream)
        });
        clients.push(connected.with_context(|| format!("after {client} clients"))?);
    }
    let connected = began.elapsed();
    ensure!(
        connected < LONGEST_CONNECTING,
        "{waiting} clients were connected after {connected:?}, not within {LONGEST_CONNECTING:?}"
    );
    let cpu_before = usage::cpu(server.pid())?;
    pass(WINDOW);
    let cpu = usage::cpu(server.pid())?.saturating_sub(cpu_before);
    let kb_waiting = usage::resident_kb(server.pid())?;
    let early = clients.iter().filter(|client| !is_waiting(client)).count();
    ensure!(early == 0, "{early} of {waiting} clients were answered before anything had changed");
    check_open(&mut connection, waiting)?;

    let asked = Instant::now();
    let paid = connection.ask("POST", &format!("{path}/pay"), "", None)?;
    ensure!(paid.status == 200, "the order cannot be paid: {paid:?}");
    for client in &clients {
        check_answer(client, version)?;
    }
    Ok(Waited { waiting, connected, kb_before, kb_waiting, cpu, answered: asked.elapsed() })
}

/// Lets time pass.
#[expect(clippy::disallowed_methods, reason = "what is measured is what happens while nothing happens")]
fn pass(time: Duration) {
    std::thread::sleep(time);
}

/// Whether nothing has come, and the connection is open.
fn is_waiting(client: &TcpStream) -> bool {
    let nothing = client.set_nonblocking(true).and_then(|()| client.peek(&mut [0]));
    let waits = matches!(nothing, Err(error) if error.kind() == ErrorKind::WouldBlock);
    client.set_nonblocking(false).is_ok() && waits
}

/// That the server has them all, and none is left in the system's queue.
fn check_open(connection: &mut Connection, waiting: u64) -> Result<()> {
    let metrics = String::from_utf8(connection.get("/metrics")?.bytes)?;
    let open = metrics.lines().find_map(|line| line.strip_prefix("omniflow_http_connections "));
    let open: u64 = open.and_then(|count| count.parse().ok()).context("/metrics tells no connections")?;
    ensure!(open > waiting, "the server has taken {open} connections, not {waiting} and this one");
    Ok(())
}

/// That a client is told of the change.
fn check_answer(client: &TcpStream, version: u64) -> Result<()> {
    client.set_read_timeout(Some(LONGEST_ANSWER))?;
    let answer = read_from(client)?;
    let told = answer.body["version"].as_u64();
    ensure!(
        answer.status == 200 && told.is_some_and(|told| told > version),
        "who waited is answered {answer:?}, not with another version than {version}"
    );
    Ok(())
}

impl Waited {
    fn kb_each(&self) -> u64 {
        self.kb_waiting.saturating_sub(self.kb_before) / self.waiting
    }

    /// Fails where they cost too much.
    pub(super) fn judge(&self) -> Result<()> {
        let each = self.kb_each();
        ensure!(each < MOST_KB_EACH, "a waiting client costs {each} kB, not less than {MOST_KB_EACH}");
        ensure!(
            self.cpu < MOST_CPU,
            "waiting took {:?} of CPU in {WINDOW:?}, not less than {MOST_CPU:?}",
            self.cpu
        );
        let answered = self.answered;
        ensure!(
            answered < LONGEST_ANSWER,
            "all were answered after {answered:?}, not within {LONGEST_ANSWER:?}"
        );
        Ok(())
    }
}

impl fmt::Display for Waited {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, connected, kb_before, kb_waiting, cpu, answered } = self;
        write!(
            out,
            "{waiting} clients that wait, connected in {:.1} s: {} MB resident, {} MB before, {} kB each; {:.2} s of CPU in {} s; all \
             answered {:.2} s after the change",
            connected.as_secs_f64(),
            kb_waiting / 1_000,
            kb_before / 1_000,
            self.kb_each(),
            cpu.as_secs_f64(),
            WINDOW.as_secs(),
            answered.as_secs_f64(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const WAITED: Waited = Waited {
        waiting: 10,
        connected: Duration::from_secs(1),
        kb_before: 100,
        kb_waiting: 300,
        cpu: Duration::from_millis(20),
        answered: Duration::from_millis(200),
    };

    #[test]
    fn each_cost_is_judged() {
        assert!(WAITED.judge().is_ok());
        let told = |waited: Waited| waited.judge().unwrap_err().to_string();
        assert!(told(Waited { kb_waiting: 500, ..WAITED }).contains("40 kB"));
        assert!(told(Waited { cpu: MOST_CPU, ..WAITED }).contains("of CPU"));
        assert!(told(Waited { answered: LONGEST_ANSWER, ..WAITED }).contains("answered after"));
    }

    #[test]
    fn who_is_answered_does_not_wait() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let mut server = listener.accept().unwrap().0;
        assert!(is_waiting(&client));
        server.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 13\r\n\r\n{\"version\":2}").unwrap();
        client.peek(&mut [0]).unwrap();
        assert!(!is_waiting(&client));
        assert!(check_answer(&client, 1).is_ok());
        server.write_all(b"HTTP/1.1 304 Not Modified\r\n\r\n").unwrap();
        assert!(check_answer(&client, 1).is_err());
        drop(server);
        assert!(!is_waiting(&client), "its connection has ended");
    }
}
