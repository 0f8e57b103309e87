//! Exporter, Prometheus, Alertmanager and scaler, wired as a user would.

use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::alertmanager::Alertmanager;

use crate::support::{
    PATIENCE, Process, Prometheus, client, free_port, http_get, loadline, wait_for,
};

/// The webhook's token.
pub const TOKEN: &str = "s3cret of the closed loop";

/// How long the loop may take for one of its rounds: scrape, rate over 20 s, alert, evaluation.
pub const ROUND: Duration = Duration::from_secs(120);

/// A running exporter that finds Docker's files where the test's engine keeps them.
pub struct Exporter {
    pub address: String,
    _process: Process,
    _root: TempDir,
}

impl Exporter {
    pub async fn start(docker_data_root: Option<&std::path::Path>) -> Self {
        let root = TempDir::new().expect("a folder");
        if let Some(data_root) = docker_data_root {
            let lib = root.path().join("var/lib");
            std::fs::create_dir_all(&lib).expect("made");
            std::os::unix::fs::symlink(data_root, lib.join("docker")).expect("linked");
        }
        let mut command = loadline();
        command.args(["exporter", "--web.listen-address=127.0.0.1:0"]);
        command.arg(format!("--path.rootfs={}", root.path().display()));
        let mut process = Process::spawn("exporter", command);
        let address = process.wait_address(PATIENCE).await;
        Self { address, _process: process, _root: root }
    }
}

/// What scrapes, alerts and decides.
pub struct Stage {
    pub prometheus: Prometheus,
    pub scaler: Scaler,
    _alertmanager: Alertmanager,
}

/// What a test says of its scaler.
pub struct Plan<'a> {
    pub mode: &'a str,
    pub actuator: &'a str,
    /// The `scale` and `guard` sections, and whatever else; YAML at the margin.
    pub settings: &'a str,
    pub evaluation_interval: &'a str,
}

impl Stage {
    /// Starts all of it for the container `name` of `exporter`. The rules and the route are the shipped
    /// ones, with shorter waits.
    pub async fn start(exporter: &Exporter, name: &str, plan: &Plan<'_>) -> Self {
        let port = free_port();
        let token = TempDir::new().expect("a folder");
        let token_file = token.path().join("token");
        std::fs::write(&token_file, TOKEN).expect("written");
        let alertmanager = Alertmanager::start(
            &include_str!("../../alertmanager/alertmanager.yml")
                .replace("scaler:10102", &format!("127.0.0.1:{port}"))
                .replace("/run/secrets/loadline_webhook_token", &token_file.display().to_string())
                .replace("group_interval: 30s", "group_interval: 1s"),
        )
        .await;
        let rules = include_str!("../../prometheus/rules/loadline.yml")
            .replace("for: 30s", "for: 5s")
            .replace("keep_firing_for: 1m", "keep_firing_for: 5s")
            .replace("[1m]", "[20s]");
        let prometheus = Prometheus::start(
            &format!(
                "global: {{scrape_interval: 5s, evaluation_interval: 5s}}\n\
                 rule_files: [rules.yml]\n\
                 alerting: {{alertmanagers: [{{static_configs: [{{targets: ['{}']}}]}}]}}\n\
                 scrape_configs:\n\
                 - {{job_name: loadline-exporter, static_configs: [{{targets: ['{}']}}]}}\n\
                 - {{job_name: loadline-scaler, static_configs: [{{targets: ['127.0.0.1:{port}']}}]}}\n",
                alertmanager.url.trim_start_matches("http://"),
                exporter.address,
            ),
            &rules,
        )
        .await;
        let scaler = Scaler::start(port, &prometheus.url, name, plan, &token_file).await;
        scaler.keep(token);
        Self { prometheus, scaler, _alertmanager: alertmanager }
    }
}

/// A scaler with a journal of its own, which outlives the process.
pub struct Scaler {
    pub url: String,
    pub folder: TempDir,
    process: Option<Process>,
    port: u16,
}

impl Scaler {
    pub async fn start(
        port: u16,
        prometheus: &str,
        name: &str,
        plan: &Plan<'_>,
        token_file: &std::path::Path,
    ) -> Self {
        let folder = TempDir::new().expect("a folder");
        let Plan { mode, actuator, settings, evaluation_interval } = plan;
        let history = if *evaluation_interval == "1h" { "10h" } else { "10m" };
        // A load that comes and goes within minutes is a new level each time: while it is anomalous,
        // nothing shrinks. And a score must be there within a round of waiting.
        let config = format!(
            "global: {{evaluation_interval: {evaluation_interval}, history: {history}}}\n\
             prometheus: {{url: '{prometheus}', rate_interval: 20s, max_sample_age: 20s}}\n\
             journal: {{path: '{journal}', suggestions_log: '{journal}/suggestions.json', recording: '{journal}/recording.jsonl'}}\n\
             web: {{bearer_token_file: '{token}'}}\n\
             detection: {{min_training_rows: 5, calibrated: {{adapt_after: 20s}}}}\n\
             targets:\n\
             - name: shop\n\
             \x20 discover: container_last_seen{{name=\"{name}\"}}\n\
             \x20 mode: {mode}\n\
             \x20 actuator: {actuator}\n\
             {settings}\n",
            journal = folder.path().display(),
            token = token_file.display(),
        );
        std::fs::write(folder.path().join("loadline.yml"), config).expect("written");
        let mut scaler =
            Self { url: format!("http://127.0.0.1:{port}"), folder, process: None, port };
        scaler.launch().await;
        scaler
    }

    /// Starts the process, again after [`Scaler::kill`].
    pub async fn launch(&mut self) {
        let mut command: Command = loadline();
        command.arg("scaler").arg("--config.file").arg(self.folder.path().join("loadline.yml"));
        command.arg(format!("--web.listen-address=127.0.0.1:{}", self.port));
        let mut process = Process::spawn("scaler", command);
        process.wait_address(PATIENCE).await;
        self.process = Some(process);
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Sends it `signal`.
    pub fn signal(&self, signal: rustix::process::Signal) {
        self.process.as_ref().expect("running").signal(signal);
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        self.process.as_ref().map(Process::stderr).unwrap_or_default()
    }

    /// Keeps a folder as long as the test's other folders.
    fn keep(&self, folder: TempDir) {
        let _ = folder.keep();
    }

    /// One of its own metrics: the value of the first series that holds every one of `labels`.
    pub async fn metric(&self, name: &str, labels: &[&str]) -> Result<f64, String> {
        let reply = http_get(&format!("{}/metrics", self.url)).await?;
        let line = reply.text().lines().find(|line| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))
                && labels.iter().all(|label| line.contains(label))
        });
        let line = line.ok_or_else(|| format!("no {name} with {labels:?}"))?;
        let value = line.rsplit(' ').next().unwrap_or_default();
        value.parse().map_err(|_| format!("not a number: {line}"))
    }

    /// Waits until `metric` is more than `least`.
    pub async fn wait_above(&self, name: &str, labels: &[&str], least: f64) -> f64 {
        wait_for(&format!("{name} above {least}"), ROUND, async || {
            match self.metric(name, labels).await? {
                value if value > least => Ok(value),
                value => Err(format!("{value}; log: {}", self.log())),
            }
        })
        .await
    }

    /// Waits until every target was decided on `rounds` more times.
    pub async fn wait_ticks(&self, rounds: u32) {
        let decided = async || -> Result<f64, String> {
            let mut sum = 0.0;
            for action in ["hold", "scale_up", "scale_down"] {
                let label = format!("action=\"{action}\"");
                sum += self.metric("loadline_decisions_total", &[&label]).await.unwrap_or(0.0);
            }
            Ok(sum)
        };
        let before = decided().await.expect("readable");
        wait_for("further decisions", ROUND, async || match decided().await? {
            now if now >= before + f64::from(rounds) => Ok(()),
            now => Err(format!("{now} after {before}")),
        })
        .await;
    }

    /// Kills it and replays what it has recorded: the same must be decided, byte for byte, and every
    /// decision of the journal must be among it.
    pub fn prove(&mut self) {
        self.kill();
        let folder = self.folder.path();
        let mut replay = loadline();
        replay.arg("replay").arg("--recording").arg(folder.join("recording.jsonl"));
        let output = replay.arg("--journal").arg(folder).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let ticks = said.split(' ').next().and_then(|count| count.parse().ok()).unwrap_or(0);
        let journalled = said.lines().nth(1).and_then(|line| line.split(' ').next());
        assert!(ticks > 0 && journalled.is_some_and(|count| count != "0"), "{said}");
    }

    /// The intents and outcomes of its journal.
    pub fn journal(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.folder.path().join("journal.jsonl"));
        let lines = text.unwrap_or_default();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }
}

/// What Prometheus says of `query`, where it says one thing.
pub async fn ask(prometheus: &Prometheus, query: &str) -> Result<f64, String> {
    let reply = answer(prometheus, query).await?;
    let value = reply["data"]["result"][0]["value"][1].as_str();
    value.and_then(|v| v.parse().ok()).ok_or_else(|| format!("no value: {reply}"))
}

/// How many series `query` returns.
pub async fn series(prometheus: &Prometheus, query: &str) -> Result<usize, String> {
    let reply = answer(prometheus, query).await?;
    let result = reply["data"]["result"].as_array();
    result.map(Vec::len).ok_or_else(|| format!("no answer: {reply}"))
}

async fn answer(prometheus: &Prometheus, query: &str) -> Result<serde_json::Value, String> {
    let url = format!("{}/api/v1/query", prometheus.url);
    let reply = client().get(url).query(&[("query", query)]).send().await;
    reply.map_err(|e| e.to_string())?.json().await.map_err(|e| e.to_string())
}
