//! A real Alertmanager.

use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, Process, client, free_port, http_get, wait_for};

/// A running Alertmanager on a port of its own, alone in its cluster.
pub struct Alertmanager {
    /// Where it listens, as in `http://127.0.0.1:4711`.
    pub url: String,
    _process: Process,
    _folder: TempDir,
}

impl Alertmanager {
    /// Starts Alertmanager with `config`, the text of an `alertmanager.yml`, and waits until it is ready.
    pub async fn start(config: &str) -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("alertmanager.yml");
        std::fs::write(&file, config).expect("the configuration is written");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = Command::new("prometheus-alertmanager");
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={address}"))
            .arg("--cluster.listen-address=");
        let process = Process::spawn("alertmanager", command);
        let url = format!("http://{address}");
        let ready = format!("{url}/-/ready");
        wait_for("alertmanager to be ready", PATIENCE, async || {
            match http_get(&ready).await?.status {
                200 => Ok(()),
                status => Err(format!("status {status}")),
            }
        })
        .await;
        Self { url, _process: process, _folder: folder }
    }

    /// Sends `alerts` as Prometheus does: each with `labels`, `startsAt` and, where it is over, `endsAt`.
    pub async fn post_alerts(&self, alerts: Value) {
        let url = format!("{}/api/v2/alerts", self.url);
        let reply = client().post(url).json(&alerts).send().await.expect("alertmanager answers");
        let status = reply.status();
        assert!(status.is_success(), "{status}: {:?}", reply.text().await);
    }
}
