//! The server: its sockets, and what a client may cost.

use std::future::poll_fn;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::extract::{OriginalUri, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;

use super::connection::{self, Shared};
use super::listener::{Bound, Listener, Stream};
use super::{Error, Front, ListenAddress};

/// What a client may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections open at once. Further ones wait in the kernel's queue.
    pub connections: usize,
    /// How long a client may take over the TLS handshake, and then to send a request's head; also how
    /// long a kept connection may idle.
    pub header_timeout: Duration,
    /// How long a request may take from its head to the head of the answer. After it: 503.
    pub request_timeout: Duration,
    /// How long a client may leave what was sent to it unread.
    pub send_timeout: Duration,
    /// How long running requests may go on once the server is asked to end.
    pub shutdown_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 512,
            header_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(60),
            send_timeout: Duration::from_secs(30),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}

/// A socket that could not be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {source}")]
pub struct BindError {
    /// What was asked for.
    pub address: ListenAddress,
    /// Why not.
    pub source: io::Error,
}

/// Open sockets that nobody answers yet.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<Listener>,
    addresses: Vec<Bound>,
    limits: Limits,
    front: Option<Arc<Front>>,
}

impl Server {
    /// Opens a socket for each address.
    ///
    /// # Errors
    /// Names the first address that cannot be had.
    pub async fn bind(addresses: &[ListenAddress], limits: Limits) -> Result<Self, BindError> {
        let mut server = Self { listeners: Vec::new(), addresses: Vec::new(), limits, front: None };
        for address in addresses {
            let fail = |source| BindError { address: address.clone(), source };
            let listener = Listener::bind(address).await.map_err(fail)?;
            server.addresses.push(listener.address().map_err(fail)?);
            server.listeners.push(listener);
        }
        Ok(server)
    }

    /// Takes the sockets that systemd has opened for this process (`LISTEN_FDS`).
    ///
    /// # Errors
    /// A sentence that says which of them cannot be served, or that there are none.
    pub fn from_systemd(limits: Limits) -> Result<Self, String> {
        let listeners = Listener::from_systemd()?;
        let addresses: io::Result<Vec<Bound>> = listeners.iter().map(Listener::address).collect();
        let addresses = addresses.map_err(|e| format!("cannot use a socket of systemd's: {e}"))?;
        Ok(Self { listeners, addresses, limits, front: None })
    }

    /// Puts `front` before everything: TLS, rate limit, headers, passwords.
    pub fn behind(self, front: Option<Arc<Front>>) -> Self {
        Self { front, ..self }
    }

    /// Where the server listens, in the order asked for.
    pub fn addresses(&self) -> &[Bound] {
        &self.addresses
    }

    /// Answers requests by `router` until `shutdown` is ready, then lets running requests end.
    ///
    /// What the router does not know is answered with 404 or 405 and a hint.
    pub async fn serve(self, router: Router, shutdown: impl Future<Output = ()>) {
        let permits = Arc::new(Semaphore::new(self.limits.connections));
        let (end, ending) = watch::channel(());
        let router = with_defaults(router, self.front.clone(), self.limits.request_timeout);
        let shared =
            Shared { router, limits: self.limits.clone(), front: self.front.clone(), ending };
        let mut connections = JoinSet::new();
        let mut shutdown = pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                // Reaps what has ended: a set keeps every task until it is asked for.
                Some(_) = connections.join_next() => {}
                accepted = accept(&self.listeners, &permits) => {
                    // A pattern in the branch would switch it off on `None`, until a connection ends.
                    let Some((stream, permit)) = accepted else { continue };
                    let shared = shared.clone();
                    connections.spawn(async move {
                        connection::serve(stream, shared).await;
                        drop(permit);
                    });
                }
            }
        }
        drop(self.listeners);
        end.send_replace(());
        let finished = async { while connections.join_next().await.is_some() {} };
        if timeout(self.limits.shutdown_timeout, finished).await.is_err() {
            warn!(connections = connections.len(), "requests were cut off at the end");
        }
    }
}

/// The next connection of any listener, and its share of the connection limit. `None` where there was
/// none after all: ask again.
///
/// May be dropped at any point: a connection is taken only with the result.
async fn accept(
    listeners: &[Listener],
    permits: &Arc<Semaphore>,
) -> Option<(Stream, OwnedSemaphorePermit)> {
    // A permit first: a connection that nobody serves is better off in the kernel's queue.
    let permit = Arc::clone(permits).acquire_owned().await.ok()?;
    let next = poll_fn(|cx| {
        let ready = listeners.iter().find_map(|listener| match listener.poll_accept(cx) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        });
        ready.map_or(Poll::Pending, Poll::Ready)
    });
    match next.await {
        Ok(stream) => Some((stream, permit)),
        Err(error) if is_of_one_client(&error) => None,
        Err(error) => {
            // Out of descriptors, as a rule. The queue stays ready, so without a pause this loop
            // would take a whole core until somebody closes something.
            warn!(%error, "cannot accept connections");
            sleep(Duration::from_secs(1)).await;
            None
        }
    }
}

/// Whether only the connection about to be accepted was lost.
fn is_of_one_client(error: &io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// What holds for every route.
fn with_defaults(router: Router, front: Option<Arc<Front>>, request_timeout: Duration) -> Router {
    let router = router
        .fallback(async |OriginalUri(uri): OriginalUri| {
            let message = format!("nothing is at {}: see / for what there is", uri.path());
            Error::new(StatusCode::NOT_FOUND, message)
        })
        .method_not_allowed_fallback(async |method: Method, OriginalUri(uri): OriginalUri| {
            let message = format!("{} does not take {method}: see the header Allow", uri.path());
            Error::new(StatusCode::METHOD_NOT_ALLOWED, message)
        });
    let router = match front {
        Some(front) => front.before(router),
        None => router,
    };
    router.layer(middleware::from_fn(move |request: Request, next: Next| {
        within(request_timeout, request, next)
    }))
}

async fn within(limit: Duration, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let answer = timeout(limit, next.run(request)).await;
    answer.unwrap_or_else(|_| {
        warn!(path, "a request took too long");
        let message = format!("the request took longer than {} s", limit.as_secs_f64());
        Error::unavailable(message).into_response()
    })
}
