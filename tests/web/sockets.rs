//! Sockets in the file system and of systemd, and how many scrapes there may be at once.

use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use loadline::web::{Bound, Limits, ListenAddress, Server, max_requests};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::{Notify, Semaphore};

use crate::support::{PATIENCE, Process, Running, free_port, http_get, loadline, wait_for};

async fn ask(path: &std::path::Path) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path).await?;
    stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    Ok(reply)
}

#[tokio::test]
async fn a_socket_in_the_file_system() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("web.sock");
    // What a server that was killed leaves behind.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("bound"));
    assert!(path.exists());
    let addresses = [ListenAddress::Unix(path.clone()), ListenAddress::loopback(0)];
    let server = Server::bind(&addresses, Limits::default()).await.expect("both");
    assert_eq!(server.addresses()[0], Bound::Unix(path.clone()));
    let taken = Server::bind(&addresses[..1], Limits::default()).await.expect_err("taken");
    let expected = format!("cannot listen on unix:{}: Address already in use", path.display());
    assert!(taken.to_string().starts_with(&expected), "{taken}");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let router = Router::new().route("/", get(async || "hello"));
    let served = tokio::spawn(server.serve(router, async { stopped.await.expect("sent") }));
    let reply = ask(&path).await.expect("an answer");
    assert!(reply.starts_with("HTTP/1.1 200 ") && reply.ends_with("hello"), "{reply}");
    stop.send(()).expect("the server runs");
    served.await.expect("ended");
    assert!(!path.exists(), "the socket's file is removed");
}

#[tokio::test]
async fn other_files_are_left_alone() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("precious");
    std::fs::write(&path, "precious").expect("written");
    let address = [ListenAddress::Unix(path.clone())];
    Server::bind(&address, Limits::default()).await.expect_err("a file is there");
    assert_eq!(std::fs::read_to_string(&path).expect("still there"), "precious");
}

#[tokio::test]
async fn sockets_of_systemd() {
    let folder = TempDir::new().expect("a folder");
    let path = folder.path().join("web.sock");
    let port = free_port();
    let mut command = Command::new("systemd-socket-activate");
    command.arg(format!("--listen=127.0.0.1:{port}")).arg(format!("--listen={}", path.display()));
    command.args([env!("CARGO_BIN_EXE_loadline"), "exporter", "--web.systemd-socket"]);
    // It replaces itself by the exporter at the first connection.
    let mut exporter = Process::spawn("exporter", command);
    exporter.wait_line("Listening on", PATIENCE).await;
    let reply = wait_for("the exporter", PATIENCE, async || {
        http_get(&format!("http://127.0.0.1:{port}/healthz")).await
    })
    .await;
    assert_eq!(reply.text(), "ok");
    let reply = ask(&path).await.expect("an answer");
    assert!(reply.starts_with("HTTP/1.1 200 "), "{reply}");
    exporter.wait_line(&format!("unix:{}", path.display()), PATIENCE).await;
}

#[test]
fn each_command_has_a_port_of_its_own() {
    for (command, port) in [
        (&["exporter"][..], 10101),
        (&["scaler"], 10102),
        (&["up"], 10102),
        (&["workload", "serve"], 8080),
    ] {
        let output = loadline().args(command).arg("--help").output().expect("ran");
        let help = String::from_utf8(output.stdout).expect("text");
        assert!(help.contains(&format!("[default: :{port}]")), "{command:?}: {help}");
    }
}

#[test]
fn without_sockets_of_systemd_it_does_not_start() {
    let mut command = loadline();
    command.args(["exporter", "--web.systemd-socket"]).env_remove("LISTEN_FDS");
    let output = command.output().expect("ran");
    assert_eq!(output.status.code(), Some(1));
    let stderr = String::from_utf8(output.stderr).expect("text");
    assert!(stderr.contains("systemd has passed no socket to this process"), "{stderr}");

    let mut command = loadline();
    command.args(["exporter", "--web.systemd-socket", "--web.listen-address=:1"]);
    let output = command.output().expect("ran");
    assert_eq!(output.status.code(), Some(2), "they exclude each other");
}

#[tokio::test]
async fn a_descriptor_that_is_no_socket_is_named() {
    let mut command = Command::new("sh");
    let script = "LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" exporter --web.systemd-socket 3</dev/null";
    command.args(["-c", script, env!("CARGO_BIN_EXE_loadline")]);
    let mut exporter = Process::spawn("exporter", command);
    assert_eq!(exporter.wait_exit(PATIENCE).await.code(), Some(1));
    let stderr = exporter.stderr();
    assert!(stderr.contains("cannot listen on descriptor 3, which systemd has passed"), "{stderr}");
}

#[tokio::test]
async fn further_scrapes_are_refused() {
    let (entered, release) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (enter, wait) = (Arc::clone(&entered), Arc::clone(&release));
    let slow = get(async move || {
        enter.notify_one();
        let _permit = wait.acquire().await.expect("never closed");
        "done"
    });
    let router = max_requests(Router::new().route("/metrics", slow), 2);
    let router = router.route("/healthz", get(async || "ok"));
    let server = Running::start(router, Limits::default()).await;
    let mut scrapes = tokio::task::JoinSet::new();
    for _ in 0..2 {
        let url = server.url("/metrics");
        scrapes.spawn(async move { http_get(&url).await.expect("an answer").status });
        entered.notified().await;
    }
    let refused = http_get(&server.url("/metrics")).await.expect("an answer");
    assert_eq!(refused.status, 503);
    assert!(refused.text().contains("see --web.max-requests"), "{}", refused.text());
    assert_eq!(http_get(&server.url("/healthz")).await.expect("an answer").status, 200);
    release.add_permits(3);
    while let Some(status) = scrapes.join_next().await {
        assert_eq!(status.expect("ran"), 200);
    }
    assert_eq!(http_get(&server.url("/metrics")).await.expect("an answer").status, 200);
}
