//! A real server of the S3 protocol: moto, in the folder that `tests/run.sh` puts it into.

use std::path::Path;
use std::process::Command;

use super::{PATIENCE, Process, free_port, http_get, wait_for};

/// Where `tests/run.sh` installs it.
const PROGRAM: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/target/test-tools/moto/bin/moto_server");

/// A running server without any bucket.
pub struct Moto {
    /// The base URL, without a slash at the end.
    pub url: String,
    _process: Process,
}

impl Moto {
    /// Starts it; `None`, said on stderr, where it is not installed. Where tests must not be skipped that
    /// is a failure.
    pub async fn start(test: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            let all = std::env::var_os("LOADLINE_TEST_REQUIRE_ALL").is_some_and(|v| v == "1");
            assert!(!all, "{test} cannot run here: tests/run.sh installs moto");
            eprintln!("\nSKIPPED: {test} cannot run here: tests/run.sh installs moto\n");
            return None;
        }
        let port = free_port();
        let mut command = Command::new(PROGRAM);
        command.args(["--host", "127.0.0.1", "--port", &port.to_string()]);
        let process = Process::spawn("moto", command);
        let url = format!("http://127.0.0.1:{port}");
        // Starting takes Python some seconds on a busy machine.
        wait_for("moto to answer", 4 * PATIENCE, async || {
            http_get(&format!("{url}/moto-api/")).await
        })
        .await;
        Some(Self { url, _process: process })
    }

    /// Writes `body` to the path of the URL: `/bucket` makes a bucket, `/bucket/key` an object.
    pub async fn put(&self, path: &str, body: impl Into<reqwest::Body>) {
        // Moto looks at the form of the authorization only.
        let authorization = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/s3/aws4_request, \
                             SignedHeaders=host, Signature=0";
        let request = super::client()
            .put(format!("{}{path}", self.url))
            .header("Authorization", authorization)
            .body(body);
        let answer = request.send().await.expect("an answer");
        assert!(answer.status().is_success(), "PUT {path}: {}", answer.status());
    }
}
