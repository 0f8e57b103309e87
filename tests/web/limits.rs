//! What a client may cost, and how the server ends.

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use loadline::web::{Bound, Limits, ListenAddress, Server, read_body};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, Semaphore};

use crate::support::{PATIENCE, Running, client, http_get, read_all};

const LIMIT: usize = 1000;

fn echo() -> Router {
    let route = post(async |body: Body| read_body(body, LIMIT, "test.limit").await);
    Router::new().route("/echo", route)
}

fn hello() -> Router {
    Router::new().route("/", get(async || "hello"))
}

#[tokio::test]
async fn bodies_are_read_up_to_the_limit() {
    let server = Running::start(echo(), Limits::default()).await;
    let send = async |bytes: usize| {
        let body = "x".repeat(bytes);
        let response = client().post(server.url("/echo")).body(body).send().await;
        let response = response.expect("an answer, not a reset connection");
        (response.status().as_u16(), response.text().await.expect("text"))
    };
    assert_eq!(send(LIMIT).await, (200, "x".repeat(LIMIT)));
    // 10 MB are far more than the sockets' buffers hold: the client is still sending.
    for bytes in [LIMIT + 1, 10_000_000] {
        let (status, text) = send(bytes).await;
        assert_eq!(status, 413, "{bytes} bytes: {text}");
        assert_eq!(
            text,
            r#"{"error":"the request body is larger than 1000 bytes: see test.limit","status":"error"}"#
        );
    }
}

#[tokio::test]
async fn a_client_that_only_listens_once_all_is_sent_hears_of_the_limit() {
    let server = Running::start(echo(), Limits::default()).await;
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 10000000";
    let reply = server.raw(&format!("{head}\r\n\r\n{}", "x".repeat(10_000_000))).await;
    assert!(reply.starts_with("HTTP/1.1 413 "), "{reply}");
}

#[tokio::test]
async fn a_chunked_body_is_limited_too() {
    let server = Running::start(echo(), Limits::default()).await;
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(0x3e8));
    let head = "POST /echo HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
                transfer-encoding: chunked\r\n\r\n";
    let fits = server.raw(&format!("{head}{chunk}0\r\n\r\n")).await;
    assert!(fits.starts_with("HTTP/1.1 200 "), "{fits}");
    let large = server.raw(&format!("{head}{chunk}{chunk}0\r\n\r\n")).await;
    assert!(large.starts_with("HTTP/1.1 413 "), "{large}");
}

#[tokio::test]
async fn a_body_that_breaks_off_is_no_request() {
    let (heard, hears) = tokio::sync::oneshot::channel();
    let heard = Arc::new(std::sync::Mutex::new(Some(heard)));
    let route = post(async move |body: Body| {
        let result = read_body(body, LIMIT, "test.limit").await;
        let heard = heard.lock().expect("never poisoned").take().expect("asked once");
        heard.send(result.clone()).expect("the test waits");
        result
    });
    let server = Running::start(Router::new().route("/", route), Limits::default()).await;
    let mut stream = server.connect().await;
    let request = "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nonly this";
    stream.write_all(request.as_bytes()).await.expect("sent");
    stream.shutdown().await.expect("closed");
    let error = hears.await.expect("the handler ran").expect_err("the body is not whole");
    assert_eq!(error.status.as_u16(), 400);
    assert!(error.message.starts_with("the request body broke off: "), "{}", error.message);
}

#[tokio::test]
async fn nonsense_is_refused() {
    let server = Running::start(hello(), Limits::default()).await;
    for (request, status) in [
        ("hello\r\n\r\n", 400),
        ("GET / HTTP/9.9\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nhost: x\r\nbad header\r\n\r\n", 400),
        (&format!("GET / HTTP/1.1\r\nhost: x\r\na: {}\r\n\r\n", "x".repeat(1 << 20)), 431),
        ("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n", 400),
    ] {
        let reply = server.raw(request).await;
        let start = request.chars().take(40).collect::<String>();
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{start:?}: {reply}");
    }
    assert_eq!(http_get(&server.url("/")).await.expect("still serves").text(), "hello");
}

#[tokio::test]
async fn a_client_that_dawdles_over_its_head_is_dropped() {
    let limits = Limits { header_timeout: Duration::from_millis(100), ..Limits::default() };
    let server = Running::start(hello(), limits).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: ").await.expect("sent");
    let reply = tokio::time::timeout(PATIENCE, read_all(&mut stream)).await;
    let reply = reply.expect("the server closes by itself");
    assert!(!reply.contains("200"), "{reply}");
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_dropped() {
    // Far more than both sockets' buffers hold.
    let flood = Router::new().route("/", get(async || vec![0u8; 64 << 20]));
    let limits =
        Limits { connections: 1, send_timeout: Duration::from_millis(200), ..Limits::default() };
    let server = Running::start(flood, limits).await;
    let mut deaf = server.connect().await;
    deaf.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    // The one connection there may be is free again only once the deaf one is gone.
    let reply = http_get(&server.url("/nothing")).await.expect("the place was freed");
    assert_eq!(reply.status, 404);
    drop(deaf);
}

#[tokio::test]
async fn a_request_that_takes_too_long_is_given_up() {
    let endless = get(async || std::future::pending::<&str>().await);
    let limits = Limits { request_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = Running::start(Router::new().route("/", endless), limits).await;
    let reply = http_get(&server.url("/")).await.expect("an answer");
    assert_eq!(reply.status, 503);
    assert!(reply.text().contains("the request took longer than 0.05 s"), "{}", reply.text());
}

#[tokio::test]
async fn connections_beyond_the_limit_wait() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let server = Running::start(hello(), limits).await;
    let mut first = server.connect().await;
    let mut ask = async || {
        first.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut reply = vec![0; 1024];
        let read = first.read(&mut reply).await.expect("an answer");
        assert!(reply[..read].starts_with(b"HTTP/1.1 200 "));
    };
    ask().await;
    let url = server.url("/");
    let second = tokio::spawn(async move { http_get(&url).await });
    // Time enough for the second, if it were served.
    for _ in 0..200 {
        ask().await;
    }
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.await.expect("ran").expect("an answer").status, 200);
}

/// A route that says when it was entered, and waits to be let go.
fn gate() -> (Router, Arc<Notify>, Arc<Semaphore>) {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (enter, wait) = (Arc::clone(&entered), Arc::clone(&release));
    let route = get(async move || {
        enter.notify_one();
        let _permit = wait.acquire().await.expect("never closed");
        "finished"
    });
    (Router::new().route("/", route), entered, release)
}

#[tokio::test]
async fn an_ending_server_finishes_what_it_has_begun() {
    let (router, entered, release) = gate();
    let server = Running::start(router, Limits::default()).await;
    let idle = server.connect().await;
    let (url, address) = (server.url("/"), server.address.clone());
    let request = tokio::spawn(async move { http_get(&url).await });
    entered.notified().await;
    server.stop.send(()).expect("the server runs");
    // It listens no more, yet has not ended.
    crate::support::wait_for("the socket to close", PATIENCE, async || {
        match tokio::net::TcpStream::connect(&address).await {
            Ok(_) => Err("connected".to_owned()),
            Err(_) => Ok(()),
        }
    })
    .await;
    assert!(!server.ended.is_finished());
    release.add_permits(1);
    let reply = request.await.expect("ran").expect("an answer, not a reset connection");
    assert_eq!((reply.status, reply.text()), (200, "finished"));
    // Neither the connection that never asked nor the one kept alive holds it up.
    tokio::time::timeout(Limits::default().shutdown_timeout / 2, server.ended)
        .await
        .expect("ended at once")
        .expect("without a panic");
    drop(idle);
}

#[tokio::test]
async fn an_ending_server_does_not_wait_for_ever() {
    let (router, entered, _release) = gate();
    let limits = Limits { shutdown_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = Running::start(router, limits).await;
    let url = server.url("/");
    let request = tokio::spawn(async move { http_get(&url).await });
    entered.notified().await;
    server.stop.send(()).expect("the server runs");
    server.ended.await.expect("ended");
    request.await.expect("ran").expect_err("cut off");
}

#[tokio::test]
async fn each_address_is_served() {
    let any = [ListenAddress::loopback(0), ListenAddress::any(0)];
    let server = Server::bind(&any, Limits::default()).await.expect("two ports");
    let port = |address: &Bound| match address {
        Bound::Tcp(address) => address.port(),
        Bound::Unix(path) => panic!("{} is no port", path.display()),
    };
    let ports: Vec<u16> = server.addresses().iter().map(port).collect();
    tokio::spawn(server.serve(hello(), std::future::pending()));
    for port in ports {
        let reply = http_get(&format!("http://127.0.0.1:{port}/")).await.expect("an answer");
        assert_eq!(reply.text(), "hello");
    }
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let server = Running::start(hello(), Limits::default()).await;
    let taken = server.address.parse().expect("an address");
    let error = Server::bind(&[taken], Limits::default()).await.expect_err("taken");
    let expected =
        format!("cannot listen on {}: Address already in use (os error 98)", server.address);
    assert_eq!(error.to_string(), expected);
}
