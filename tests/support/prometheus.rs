//! Real servers of the query API, and something for them to scrape.

use std::process::Command;
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use super::{PATIENCE, Process, free_port, http_get, wait_for};

/// A running Prometheus with an empty storage of its own.
pub struct Prometheus {
    /// The base URL, without a slash at the end.
    pub url: String,
    // Ends before its folder goes.
    process: Process,
    _folder: TempDir,
}

impl Prometheus {
    /// Starts it with `config` as `prometheus.yml`, and `rules` as `rules.yml` beside it, which
    /// `config` has to name under `rule_files`. Ready when this returns.
    pub async fn start(config: &str, rules: &str) -> Self {
        Self::start_in(TempDir::new().expect("a folder"), config, rules, &[]).await
    }

    /// Starts it on samples of the past: OpenMetrics with timestamps, without the `# EOF`.
    pub async fn with_data(samples: &str, config: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let input = folder.path().join("samples.txt");
        std::fs::write(&input, format!("{samples}# EOF\n")).expect("written");
        let mut command = Command::new("promtool");
        command.args(["tsdb", "create-blocks-from", "openmetrics"]);
        command.arg(&input).arg(folder.path().join("data"));
        let mut promtool = Process::spawn("promtool", command);
        let status = promtool.wait_exit(PATIENCE).await;
        assert!(status.success(), "{}{}", promtool.stdout(), promtool.stderr());
        Self::start_in(folder, config, "", &[]).await
    }

    /// Starts it behind a password and TLS: `web` is a web configuration file, and what it names
    /// lies in `folder`.
    pub async fn behind(folder: TempDir, web: &str) -> Self {
        std::fs::write(folder.path().join("web.yml"), web).expect("written");
        let file = format!("--web.config.file={}", folder.path().join("web.yml").display());
        Self::start_in(folder, "", "", &[&file]).await
    }

    async fn start_in(folder: TempDir, config: &str, rules: &str, flags: &[&str]) -> Self {
        let port = free_port();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("prometheus.yml"), config).expect("written");
        std::fs::write(path("rules.yml"), rules).expect("written");
        let mut command = Command::new("prometheus");
        command.args([
            format!("--config.file={}", path("prometheus.yml")),
            format!("--storage.tsdb.path={}", path("data")),
            "--storage.tsdb.retention.time=100y".to_owned(),
            format!("--web.listen-address=127.0.0.1:{port}"),
        ]);
        command.args(flags);
        let mut process = Process::spawn("prometheus", command);
        process.wait_line("Server is ready", PATIENCE).await;
        let scheme = if flags.is_empty() { "http" } else { "https" };
        Self { url: format!("{scheme}://127.0.0.1:{port}"), process, _folder: folder }
    }

    /// Ends it, as an operator would.
    pub async fn stop(&mut self) {
        self.process.signal(rustix::process::Signal::TERM);
        self.process.wait_exit(PATIENCE).await;
    }
}

/// A running VictoriaMetrics with an empty storage of its own, and no flag that bears on queries.
pub struct Victoria {
    /// The base URL, without a slash at the end.
    pub url: String,
    // Ends before its folder goes.
    _process: Process,
    _folder: TempDir,
}

impl Victoria {
    /// Starts it with `config`, in the form of `prometheus.yml`. Ready when this returns.
    pub async fn start(config: &str) -> Self {
        let folder = TempDir::new().expect("a folder");
        let port = free_port();
        let path = |name: &str| folder.path().join(name).display().to_string();
        std::fs::write(path("scrape.yml"), config).expect("written");
        let mut command = Command::new("victoria-metrics");
        command.args([
            format!("-promscrape.config={}", path("scrape.yml")),
            format!("-storageDataPath={}", path("data")),
            "-retentionPeriod=100y".to_owned(),
            "-memory.allowedBytes=256MB".to_owned(),
            format!("-httpListenAddr=127.0.0.1:{port}"),
        ]);
        let process = Process::spawn("victoria-metrics", command);
        let url = format!("http://127.0.0.1:{port}");
        wait_for("VictoriaMetrics to be healthy", PATIENCE, async || {
            http_get(&format!("{url}/health")).await
        })
        .await;
        Self { url, _process: process, _folder: folder }
    }

    /// Starts it on samples of the past, in the form of [`Prometheus::with_data`]'s.
    pub async fn with_data(samples: &str) -> Self {
        let victoria = Self::start("").await;
        // Its own import wants milliseconds where OpenMetrics has seconds.
        let lines: Vec<String> = samples
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let (series, seconds) = line.rsplit_once(' ').expect("a timestamp");
                format!("{series} {}\n", seconds.parse::<f64>().expect("seconds") * 1000.0)
            })
            .collect();
        let import = format!("{}/api/v1/import/prometheus", victoria.url);
        let reply = super::client().post(import).body(lines.concat()).send().await;
        assert!(reply.expect("imported").status().is_success());
        let flush = format!("{}/internal/force_flush", victoria.url);
        let reply = http_get(&flush).await.expect("flushed");
        assert_eq!(reply.status, 200, "{}", reply.text());
        victoria
    }
}

/// A scrape target whose text the test decides. Gone when dropped.
pub struct Exporter {
    /// `127.0.0.1:PORT`.
    pub address: String,
    text: Arc<Mutex<String>>,
    server: AbortHandle,
}

impl Exporter {
    /// Serves `text` on `/metrics`.
    pub async fn start(text: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("bound").to_string();
        let text = Arc::new(Mutex::new(text.to_owned()));
        let served = text.clone();
        let metrics = move || {
            let body = served.lock().expect("never poisoned").clone();
            async move { ([("content-type", "text/plain; version=0.0.4")], body) }
        };
        let router = axum::Router::new().route("/metrics", axum::routing::get(metrics));
        let server = tokio::spawn(serve(listener, router)).abort_handle();
        Self { address, text, server }
    }

    /// Changes what is served from now on.
    pub fn set(&self, text: &str) {
        text.clone_into(&mut self.text.lock().expect("never poisoned"));
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// One connection a request, so that nothing is served once this task has ended.
async fn serve(listener: TcpListener, router: axum::Router) {
    use hyper_util::rt::TokioIo;
    use hyper_util::service::TowerToHyperService;
    loop {
        let (socket, _) = listener.accept().await.expect("a client");
        let service = TowerToHyperService::new(router.clone());
        // A client that goes away is its own business.
        let _ = hyper::server::conn::http1::Builder::new()
            .keep_alive(false)
            .serve_connection(TokioIo::new(socket), service)
            .await;
    }
}
