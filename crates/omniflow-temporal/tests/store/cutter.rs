//! A connection that can be lost in the middle.

use crate::world::url;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Where a connection is cut.
pub(crate) const NOWHERE: u8 = 0;
pub(crate) const BEFORE_COMMIT: u8 = 1;
pub(crate) const AFTER_COMMIT: u8 = 2;
pub(crate) const AT_BEGIN: u8 = 3;

/// Stands between a store and the server, and cuts one connection where it is told to.
pub(crate) struct Cutter {
    pub(crate) at: Arc<AtomicU8>,
    pub(crate) url: String,
}

impl Cutter {
    pub(crate) async fn new() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let config: tokio_postgres::Config = url().parse().unwrap();
        let tokio_postgres::config::Host::Tcp(host) = &config.get_hosts()[0] else {
            panic!("the tests need an address with a port")
        };
        let server = format!("{host}:{}", config.get_ports().first().unwrap_or(&5432));
        let port = listener.local_addr().unwrap().port();
        let at = Arc::new(AtomicU8::new(NOWHERE));
        let cut = Arc::clone(&at);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(pass(client, server, Arc::clone(&cut)));
            }
        });
        Self { at, url: by_port(port) }
    }
}

/// The server's address, by another port of this machine.
pub(crate) fn by_port(port: u16) -> String {
    let config: tokio_postgres::Config = url().parse().unwrap();
    let user = config.get_user().unwrap_or("omniflow");
    let password = String::from_utf8_lossy(config.get_password().unwrap_or_default()).into_owned();
    let database = config.get_dbname().unwrap_or(user);
    format!("postgres://{user}:{password}@127.0.0.1:{port}/{database}")
}

async fn pass(mut client: TcpStream, mut server: TcpStream, cut: Arc<AtomicU8>) {
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let has = |text: &[u8]| asked[..read].windows(text.len()).any(|window| window == text);
                // What announces is not what is to be lost.
                let is_mine = !has(b"synchronous_commit");
                let cut_here = |at: u8| {
                    is_mine && cut.compare_exchange(at, NOWHERE, Ordering::SeqCst, Ordering::SeqCst).is_ok()
                };
                if has(b"BEGIN") && cut_here(AT_BEGIN) || has(b"COMMIT") && cut_here(BEFORE_COMMIT) {
                    return;
                }
                let is_last = has(b"COMMIT") && cut_here(AFTER_COMMIT);
                server.write_all(&asked[..read]).await.unwrap();
                if is_last {
                    // The server has answered the last of it: it is ready for more, in no transaction.
                    let mut all = vec![];
                    while !all.ends_with(b"Z\0\0\0\x05I") {
                        let read = server.read(&mut answered).await.unwrap();
                        all.extend_from_slice(&answered[..read]);
                    }
                    return;
                }
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
