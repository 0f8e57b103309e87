//! Real servers scrape the exporter while cgroups of this host's kernel come and go under their eyes.

use std::fs;
use std::io;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::AbortHandle;

use super::served::Served;
use crate::support::cgroup::{folder, is_v2};
use crate::support::host::can_run;
use crate::support::{PATIENCE, Process, Victoria, free_port, http_get, loadline, wait_for};

/// How long a group is there, so that some are there in each scrape and the machine has other things to do.
const LIFE: Duration = Duration::from_millis(2);

/// Groups that a task makes and removes, until this is dropped.
struct Churn {
    births: Arc<AtomicU64>,
    task: AbortHandle,
    tops: Vec<PathBuf>,
}

impl Churn {
    fn start() -> Self {
        let path = format!("/loadline-test-churn-{}", std::process::id());
        let controllers: &[&str] = if is_v2() { &[""] } else { &["cpu", "memory", "pids"] };
        let tops: Vec<_> = controllers.iter().map(|c| folder(c, &path)).collect();
        tops.iter().for_each(|top| fs::create_dir_all(top).expect("a group can be made"));
        let births = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(come_and_go(tops.clone(), births.clone())).abort_handle();
        Self { births, task, tops }
    }
}

/// Makes and removes groups of the same names again and again, each time other cgroups.
async fn come_and_go(tops: Vec<PathBuf>, births: Arc<AtomicU64>) {
    loop {
        let name = format!("g{}", births.fetch_add(1, Ordering::Relaxed) % 7);
        for group in tops.iter().map(|top| top.join(&name)) {
            fs::create_dir_all(group.join("in")).expect("a group can be made");
        }
        tokio::time::sleep(LIFE).await;
        for group in tops.iter().map(|top| top.join(&name)) {
            remove(&group.join("in")).and_then(|()| remove(&group)).expect("removed");
        }
    }
}

/// The kernel may hold a group for a moment.
fn remove(group: &PathBuf) -> io::Result<()> {
    loop {
        match fs::remove_dir(group) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => std::thread::yield_now(),
            other => return other,
        }
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        // It runs on the thread of the test, which is here: it is between two steps.
        self.task.abort();
        for top in &self.tops {
            let inner = fs::read_dir(top).into_iter().flatten().flatten().map(|entry| entry.path());
            for group in inner.filter(|path| path.is_dir()) {
                let _ = fs::remove_dir(group.join("in"));
                let _ = fs::remove_dir(group);
            }
            let _ = fs::remove_dir(top);
        }
    }
}

/// Prometheus asks for OpenMetrics, VictoriaMetrics for the text format.
#[tokio::test]
async fn real_servers_see_no_fault_in_a_host_that_changes() {
    let test = "real_servers_see_no_fault_in_a_host_that_changes";
    if !can_run(test, &["prometheus", "victoria-metrics"]) {
        return;
    }
    let churn = Churn::start();
    let mut command = loadline();
    command.args(["exporter", "--web.listen-address=127.0.0.1:0", "--log.level=debug"]);
    let exporter = Served::run(command).await;
    let config = format!(
        "global: {{scrape_interval: 3s, scrape_timeout: 3s}}\nscrape_configs:\n\
         - job_name: loadline\n  static_configs: [{{targets: ['{}']}}]\n",
        exporter.address
    );
    let victoria = Victoria::start(&config).await;
    let data = tempfile::tempdir().expect("a folder");
    let settings = data.path().join("prometheus.yml");
    fs::write(&settings, &config).expect("written");
    let address = format!("127.0.0.1:{}", free_port());
    let mut command = Command::new("prometheus");
    command.args([
        format!("--config.file={}", settings.display()),
        format!("--storage.tsdb.path={}", data.path().join("data").display()),
        format!("--web.listen-address={address}"),
        "--log.level=debug".to_owned(),
    ]);
    let prometheus = Process::spawn("prometheus", command);

    let started = churn.births.load(Ordering::Relaxed);
    for url in [&format!("http://{address}"), &victoria.url] {
        let query = format!("{url}/api/v1/query?query=sum_over_time(up%5B1h%5D)%20%3E%203");
        wait_for("four good scrapes", 2 * PATIENCE, async || {
            let reply = http_get(&query).await?;
            let found = reply.text().contains("\"instance\"");
            if found { Ok(()) } else { Err(reply.text().to_owned()) }
        })
        .await;
    }
    // Between two requests on one connection too.
    for form in 0..20 {
        exporter.scrape(form).await;
    }
    assert!(churn.births.load(Ordering::Relaxed) > started + 100);
    drop(churn);

    let log = prometheus.stderr();
    let complaints: Vec<_> = log
        .lines()
        .filter(|line| {
            ["target=http", "level=error", "out-of-order", "duplicate"]
                .iter()
                .any(|w| line.contains(w))
        })
        // A scrape that a busy machine could not finish in time says nothing about what was scraped.
        .filter(|line| !line.contains("context deadline exceeded"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:#?}");
    let own = http_get(&format!("{}/metrics", victoria.url)).await.expect("an answer");
    let count = |counter: &str| {
        let line = own.text().lines().find_map(|line| line.strip_prefix(counter));
        line.expect(counter).trim().to_owned()
    };
    assert_eq!(count("vm_rows_invalid_total{type=\"prometheus\"}"), "0");
    let failed = count("vm_promscrape_scrapes_failed_total");
    assert_eq!(failed, count("vm_promscrape_scrapes_timed_out_total"));
    let told = exporter.log();
    let problems: Vec<_> = told.lines().filter(|line| line.contains("cannot read")).collect();
    let of_churn: Vec<_> = problems.iter().filter(|line| line.contains("test-churn")).collect();
    assert!(of_churn.is_empty(), "{of_churn:#?}");
}
