//! The accept loop and the end of the server.

use crate::turn::{AnswerBody, Turn};
use crate::wire::Wire;
use crate::{Limits, Metrics, Shutdown, with_front};
use axum::Router;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use std::convert::Infallible;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tower::Service;

/// Serves a finished router, under the layer of [`with_front`], until `shutdown` begins; then stops accepting,
/// lets requests that were taken be answered, and returns when all connections have ended or
/// [`Limits::drain`] has passed, whichever is first. Handlers that wait must wait for [`Shutdown::begun`] too.
///
/// A handler whose client goes away is dropped where it waits.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: Limits,
    metrics: Metrics,
    shutdown: Shutdown,
) {
    let router = with_front(router, &metrics);
    let server = Arc::new(Server { http: http(&limits), router, limits, metrics, shutdown });
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    tokio::select! {
        () = server.shutdown.begun() => {}
        () = accept_all(&listener, &server, &graceful, &mut connections) => {}
    }
    drop(listener);
    if tokio::time::timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(connections = connections.len(), "connections were cut off at the end");
    }
    connections.shutdown().await;
}

/// What all connections share.
struct Server {
    http: http1::Builder,
    router: Router,
    limits: Limits,
    metrics: Metrics,
    shutdown: Shutdown,
}

/// The time-outs of the connection are its [`Wire`]'s. Answers are small, so that copying one behind its head
/// is cheaper than writing the two from where they are.
fn http(limits: &Limits) -> http1::Builder {
    let mut http = http1::Builder::new();
    http.writev(false).header_read_timeout(None).max_header_size(limits.header_bytes);
    http
}

async fn accept_all(
    listener: &TcpListener,
    server: &Arc<Server>,
    graceful: &GracefulShutdown,
    connections: &mut JoinSet<()>,
) {
    let places = Arc::new(Semaphore::new(server.limits.connections));
    while let Ok(place) = Arc::clone(&places).acquire_owned().await {
        let stream = accept(listener).await;
        while connections.try_join_next().is_some() {}
        let (server, watcher) = (Arc::clone(server), graceful.watcher());
        connections.spawn(async move {
            let _place = place;
            server.converse(stream, watcher).await;
        });
    }
}

/// The next connection. A system that has no more files or memory gives them back when connections end, so
/// that is waited for.
async fn accept(listener: &TcpListener) -> TcpStream {
    let mut pause = Duration::from_millis(5);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::warn!(%error, "no connection can be accepted now");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(1));
            }
        }
    }
}

fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}

impl Server {
    /// One connection, from its first request to its end.
    async fn converse(&self, stream: TcpStream, watcher: Watcher) {
        let _open = self.metrics.connection();
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection ended before it began");
            return;
        }
        let turn = Arc::new(Turn::default());
        let wire = TokioIo::new(Wire::new(stream, Arc::clone(&turn), self.limits));
        let service = service_fn(|request| self.answer(&turn, request));
        let connection = self.http.serve_connection(wire, service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%error, "a connection ended early");
        }
    }

    async fn answer(
        &self,
        turn: &Arc<Turn>,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<AnswerBody>, Infallible> {
        let answering = turn.begin_answer();
        let response = self.router.clone().call(request.map(|body| turn.body_of(body))).await?;
        Ok(answering.until_taken(response, self.shutdown.has_begun()))
    }
}
