//! One connection: from its first byte, by TLS where that is spoken, to its last answer.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::{http1, http2};
use hyper::service::{HttpService, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::debug;

use super::listener::Stream;
use super::{Front, Limits};

/// How large the head of a request may be.
const MAX_HEAD_BYTES: u32 = 64 << 10;
/// How many requests one HTTP/2 connection may make at once.
const MAX_STREAMS: u32 = 8;
/// The first byte of every TLS connection: a handshake record (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

trait Transport: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Transport for T {}

/// What all connections of a server share.
#[derive(Clone)]
pub(super) struct Shared {
    pub router: Router,
    pub limits: Limits,
    pub front: Option<Arc<Front>>,
    /// Changes when the server ends.
    pub ending: watch::Receiver<()>,
}

/// Serves `stream` until either side ends it.
pub(super) async fn serve(stream: Stream, mut shared: Shared) {
    stream.prepare(shared.limits.send_timeout);
    let limit = shared.limits.header_timeout;
    let opened = tokio::select! {
        opened = timeout(limit, open(stream, shared.front.as_ref())) => opened,
        // There is nothing yet that could be finished.
        _ = shared.ending.changed() => return,
    };
    let served = match opened {
        Ok(Ok(Some(channel))) if channel.is_http_2 => http_2(channel, shared).await,
        Ok(Ok(Some(channel))) => http_1(channel, shared).await,
        Ok(Ok(None)) => Ok(()),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err("the TLS handshake took too long".into()),
    };
    if let Err(error) = served {
        debug!(error, "a connection broke");
    }
}

/// What requests come through.
struct Channel {
    transport: Box<dyn Transport>,
    is_http_2: bool,
    /// Changes when other settings than those it was opened by come into force.
    changes: Option<watch::Receiver<()>>,
}

/// `None`: the client does not speak as it must.
async fn open(stream: Stream, front: Option<&Arc<Front>>) -> io::Result<Option<Channel>> {
    let plain = |stream, changes| Channel { transport: boxed(stream), is_http_2: false, changes };
    let Some(front) = front else {
        return Ok(Some(plain(stream, None)));
    };
    let (tls, changes) = front.tls().await;
    let Some(config) = tls else {
        return Ok(Some(plain(stream, Some(changes))));
    };
    match stream.first_byte().await? {
        Some(HANDSHAKE) => {}
        // Methods are letters. Go's servers answer so too.
        Some(byte) if byte.is_ascii_alphabetic() => {
            refuse_plain_http(boxed(stream)).await?;
            return Ok(None);
        }
        _ => return Ok(None),
    }
    let stream = TlsAcceptor::from(config).accept(boxed(stream)).await?;
    let is_http_2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    Ok(Some(Channel { transport: Box::new(stream), is_http_2, changes: Some(changes) }))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn boxed(stream: Stream) -> Box<dyn Transport> {
    match stream {
        Stream::Tcp(stream) => Box::new(stream),
        Stream::Unix(stream) => Box::new(stream),
    }
}

async fn refuse_plain_http(mut stream: Box<dyn Transport>) -> io::Result<()> {
    let body = "{\"error\":\"this port speaks HTTPS: use https://\",\"status\":\"error\"}";
    let head =
        "HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\n";
    let length = body.len();
    let reply = format!("{head}content-length: {length}\r\n\r\n{body}");
    // Unread bytes would reset the connection under the answer.
    let mut request = [0; 4096];
    if stream.read(&mut request).await? > 0 {
        stream.write_all(reply.as_bytes()).await?;
    }
    stream.shutdown().await
}

async fn http_1(channel: Channel, shared: Shared) -> Result<(), Failure> {
    let (begun, begins) = watch::channel(false);
    let connection = http1::Builder::new()
        // Without a timer the header timeout does nothing.
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES as usize)
        .serve_connection(TokioIo::new(channel.transport), service(shared.router, begun));
    drive(connection, shared.ending, channel.changes, begins).await
}

async fn http_2(channel: Channel, shared: Shared) -> Result<(), Failure> {
    let (begun, begins) = watch::channel(false);
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD_BYTES)
        .serve_connection(TokioIo::new(channel.transport), service(shared.router, begun));
    // No request that is honest takes longer than this, so a connection that has begun none for so
    // long is idle, or its client reads nothing.
    let longest = shared.limits.request_timeout + shared.limits.send_timeout;
    tokio::select! {
        () = quiet(begins.clone(), longest) => Ok(()),
        result = drive(connection, shared.ending, channel.changes, begins) => result,
    }
}

/// `router`, which says each time that a request has begun.
fn service(
    router: Router,
    begun: watch::Sender<bool>,
) -> impl HttpService<Incoming, ResBody = Body, Error = Infallible, Future: Send> {
    service_fn(move |request| {
        begun.send_replace(true);
        tower::Service::call(&mut router.clone(), request)
    })
}

/// Ready once nothing has begun for `longest`.
async fn quiet(mut begins: watch::Receiver<bool>, longest: Duration) {
    while let Ok(Ok(())) = timeout(longest, begins.changed()).await {}
}

/// Runs `connection`. When the server ends it finishes what it has begun and closes; so it does when new
/// settings come into force, but not before a first request: a client that has just come is owed an
/// answer.
async fn drive<C, E>(
    connection: C,
    mut ending: watch::Receiver<()>,
    changes: Option<watch::Receiver<()>>,
    mut begins: watch::Receiver<bool>,
) -> Result<(), Failure>
where
    C: GracefulConnection<Error = E> + Future<Output = Result<(), E>>,
    Failure: From<E>,
{
    let mut connection: Pin<&mut C> = pin!(connection);
    let changed = async {
        match changes {
            Some(mut changes) => changes.changed().await.is_ok(),
            None => std::future::pending().await,
        };
        begins.wait_for(|begun| *begun).await.is_ok()
    };
    tokio::select! {
        result = connection.as_mut() => return Ok(result?),
        _ = ending.changed() => {}
        _ = changed => {}
    }
    connection.as_mut().graceful_shutdown();
    Ok(connection.await?)
}
