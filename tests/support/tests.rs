//! The helpers themselves.

use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, test_kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn shell(script: &str) -> Process {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    Process::spawn("sh", command)
}

#[tokio::test]
async fn a_dropped_process_is_gone() {
    let mut process = shell("echo up >&2; exec sleep 1000");
    process.wait_line("up", PATIENCE).await;
    let pid = Pid::from_raw(process.id() as i32).expect("a process id");
    assert!(test_kill_process(pid).is_ok());
    drop(process);
    assert!(test_kill_process(pid).is_err(), "{pid} still exists");
}

#[tokio::test]
async fn a_process_outlives_the_thread_that_asked_for_it() {
    let mut process =
        std::thread::spawn(|| shell("exec sleep 1000")).join().expect("the thread ends");
    process.signal(Signal::TERM);
    let status = process.wait_exit(PATIENCE).await;
    assert_eq!(status.to_string(), "signal: 15 (SIGTERM)", "killed with its thread");
}

#[tokio::test]
async fn output_is_kept() {
    let mut process = shell("echo out; echo msg=listening address=127.0.0.1:1 >&2");
    assert!(process.wait_exit(PATIENCE).await.success());
    assert_eq!(process.stdout(), "out\n");
    assert_eq!(process.wait_address(PATIENCE).await, "127.0.0.1:1");
}

#[tokio::test]
#[should_panic(expected = "for the moon, last seen: clouds")]
async fn a_vain_wait_says_what_was_seen() {
    wait_for("the moon", Duration::ZERO, async || Err::<(), _>("clouds".to_owned())).await;
}

#[tokio::test]
async fn replies_are_whole_and_raw() {
    let port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
    let server = tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.expect("a client");
        let mut request = vec![0; 1024];
        let n = socket.read(&mut request).await.expect("a request");
        let reply = "HTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 2\r\n\r\nhi";
        socket.write_all(reply.as_bytes()).await.expect("sent");
        String::from_utf8_lossy(&request[..n]).into_owned()
    });
    let url = format!("http://127.0.0.1:{port}/a");
    let reply: Reply = http_get_with(&url, &[("x-test", "yes")]).await.expect("a reply");
    assert_eq!((reply.status, reply.text(), reply.header("location")), (302, "hi", "/x"));
    assert!(server.await.expect("served").contains("x-test: yes"));
    assert!(http_get(&url).await.expect_err("nobody listens").starts_with("GET http://"));
}

#[tokio::test]
async fn a_client_speaks_any_method() {
    let error = client().delete(format!("http://127.0.0.1:{}", free_port())).send().await;
    assert!(error.expect_err("nobody listens").is_connect());
}

#[tokio::test]
async fn the_program_is_the_one_just_built() {
    let mut command = loadline();
    command.arg("--version");
    let mut process = Process::spawn("loadline", command);
    assert!(process.wait_exit(PATIENCE).await.success());
    assert_eq!(process.stdout(), format!("loadline {}\n", env!("CARGO_PKG_VERSION")));
}
