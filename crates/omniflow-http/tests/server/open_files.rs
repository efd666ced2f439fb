//! A system that has no more file descriptors for the server.

use crate::shop::{Shop, patient};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The server alone, in a process of its own, until its standard input ends.
#[tokio::test]
#[ignore = "a part of the test below, which starts it with few file descriptors"]
async fn serve_alone() {
    tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::WARN).init();
    let shop = Shop::open(patient()).await;
    println!("\nlistening on {}", shop.address);
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut vec![])).await.expect("no panic").ok();
    shop.shutdown.begin();
    shop.closed().await;
}

#[test]
fn running_out_of_file_descriptors_is_survived() {
    let mut server = with_few_files();
    let mut output =
        BufReader::new(server.stdout.take().expect("a pipe")).lines().map(|line| line.expect("text"));
    let address: SocketAddr =
        output.find_map(|line| line.strip_prefix("listening on ")?.parse().ok()).expect("the server starts");

    let crowd: Vec<_> = (0..40).map(|_| TcpStream::connect(address).expect("the system queues it")).collect();
    assert!(output.any(|line| line.contains("no connection can be accepted now")), "it runs out");
    drop(crowd);

    let mut client = TcpStream::connect(address).expect("connects");
    client.set_read_timeout(Some(Duration::from_secs(20))).expect("a time-out");
    client.write_all(b"GET /healthz HTTP/1.0\r\n\r\n").expect("sends");
    let mut answer = String::new();
    client.read_to_string(&mut answer).expect("reads");
    assert!(answer.starts_with("HTTP/1.0 200 OK"), "{answer}");
    drop(server.stdin.take());
    assert!(server.wait().expect("ends").success());
}

fn with_few_files() -> Child {
    Command::new("sh")
        .args(["-c", "ulimit -n 32 && exec \"$0\" --exact open_files::serve_alone --ignored --nocapture"])
        .arg(std::env::current_exe().expect("this program"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts")
}
