//! The demo service, the load generator and the burner.

use std::fs;
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::post;
use loadline::web::Limits;
use loadline::workload::{Cost, Load, Pattern, Service, Shape, Summary, load};
use rustix::process::Signal;

use crate::support::{PATIENCE, Process, Running, client, http_get, loadline, wait_for};

const FREE: Cost = Cost {
    cpu_time: Duration::ZERO,
    cpu_spread: 1.0,
    memory_bytes: 0,
    memory_hold: Duration::ZERO,
    concurrency: 1,
    queue: 100,
    seed: 7,
};

async fn start(cost: Cost) -> Running {
    Running::start(Service::new(cost).router(), Limits::default()).await
}

async fn predict(server: &Running) -> (u16, String) {
    let response = client().post(server.url("/predict")).send().await.expect("an answer");
    (response.status().as_u16(), response.text().await.expect("text"))
}

/// Waits until `/metrics` has the line `sample`.
async fn wait_sample(server: &Running, sample: &str) {
    wait_for(sample, PATIENCE, async || {
        let reply = http_get(&server.url("/metrics")).await?;
        let found = reply.text().lines().any(|line| line == sample);
        if found { Ok(()) } else { Err(reply.text().to_owned()) }
    })
    .await;
}

#[tokio::test]
async fn predictions_repeat_with_their_seed() {
    let series = async |seed| {
        let server = start(Cost { cpu_time: Duration::from_millis(1), seed, ..FREE }).await;
        (predict(&server).await, predict(&server).await)
    };
    let (first, second) = series(7).await;
    assert_eq!(first.0, 200);
    assert!(first.1.contains("\"cpu_seconds\":0.0"), "{}", first.1);
    assert_ne!(first, second);
    assert_eq!(series(7).await, (first.clone(), second));
    assert_ne!(series(8).await.0, first);
}

#[tokio::test]
async fn a_full_queue_refuses_and_every_request_is_counted() {
    // Without a place to work, whoever comes first waits.
    let server = start(Cost { concurrency: 0, queue: 1, ..FREE }).await;
    let url = server.url("/predict");
    let waiting = tokio::spawn(async move { client().post(url).send().await });
    wait_sample(&server, "workload_requests_in_flight 1").await;
    let (status, text) = predict(&server).await;
    assert_eq!((status, text.contains("1 requests are waiting already")), (503, true), "{text}");
    wait_sample(&server, "workload_requests_total{code=\"503\"} 1").await;
    waiting.abort();
    wait_sample(&server, "workload_requests_total{code=\"499\"} 1").await;
    wait_sample(&server, "workload_requests_in_flight 0").await;
    wait_sample(&server, "workload_request_duration_seconds_count 2").await;
}

/// Ten requests within 0.1 s to `handler`.
async fn burst(handler: Router, concurrency: usize) -> Summary {
    let server = Running::start(handler, Limits::default()).await;
    let period = Duration::from_millis(100);
    let pattern = Pattern { shape: Shape::Constant, rate: 100.0, peak: 0.0, period, seed: 7 };
    let url = server.url("/").parse().expect("a URL");
    let timeout = Duration::from_millis(500);
    let plan = Load { url, pattern, duration: period, concurrency, timeout };
    load(&plan, &client(), std::future::pending()).await
}

#[tokio::test]
async fn a_summary_counts_what_was_due() {
    let fine = burst(Router::new().route("/", post(async || "fine")), 100).await;
    assert_eq!((fine.sent, fine.ok, fine.failed, fine.skipped), (10, 10, 0, 0), "{fine}");
    assert!(fine.latencies.quantile(0.99) >= fine.latencies.quantile(0.5));
    assert_eq!(fine.first_error, None);

    let teapot = post(async || (StatusCode::IM_A_TEAPOT, "short and stout"));
    let failed = burst(Router::new().route("/", teapot), 100).await;
    assert_eq!((failed.sent, failed.ok, failed.failed), (10, 0, 10), "{failed}");
    let error = failed.first_error.as_deref();
    assert_eq!(error, Some("status 418 I'm a teapot: short and stout"));
    assert_eq!(failed.latencies.quantile(0.5), None);

    let endless = post(async || std::future::pending::<()>().await);
    let stuck = burst(Router::new().route("/", endless), 2).await;
    assert_eq!((stuck.sent, stuck.failed, stuck.skipped), (2, 2, 8), "{stuck}");
}

#[tokio::test]
async fn the_programs_work_together() {
    let mut command = loadline();
    command.args(["workload", "serve", "--web.listen-address=127.0.0.1:0", "--cpu.time=1ms"]);
    let mut service = Process::spawn("service", command);
    let address = service.wait_address(PATIENCE).await;

    let mut command = loadline();
    command.args(["workload", "load", &format!("http://{address}/predict")]);
    command.args(["--rate=50", "--duration=400ms"]);
    let mut generator = Process::spawn("generator", command);
    assert!(generator.wait_exit(PATIENCE).await.success());
    let summary = generator.stdout();
    assert!(summary.starts_with("sent     20\nok       20\nfailed   0\n"), "{summary}");

    let metrics = http_get(&format!("http://{address}/metrics")).await.expect("an answer");
    assert!(metrics.text().contains("workload_requests_total{code=\"200\"} 20\n"));

    service.signal(Signal::TERM);
    assert!(service.wait_exit(PATIENCE).await.success());
}

#[tokio::test]
async fn a_load_on_nobody_fails() {
    let mut command = loadline();
    let url = format!("http://127.0.0.1:{}/", crate::support::free_port());
    command.args(["workload", "load", &url, "--duration=100ms"]);
    let mut generator = Process::spawn("generator", command);
    assert_eq!(generator.wait_exit(PATIENCE).await.code(), Some(1));
    generator.wait_line("no request succeeded: Connection refused", PATIENCE).await;
}

#[tokio::test]
async fn a_burner_holds_what_it_says_until_it_is_stopped() {
    let mut command = loadline();
    command.args(["workload", "burn", "--cpu.cores=0.5", "--memory.bytes=64MiB"]);
    let mut burner = Process::spawn("burner", command);
    burner.wait_line("burning", PATIENCE).await;
    let proc = |file: &str| {
        fs::read_to_string(format!("/proc/{}/{file}", burner.id())).expect("the process lives")
    };
    let status = proc("status");
    let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let kib: u64 = resident.trim_end_matches("kB").trim().parse().expect("a number");
    assert!(kib > 64 * 1024, "{kib} kB");
    wait_for("a tenth of a second of CPU time", PATIENCE, async || {
        let stat = proc("stat");
        // proc(5): fields 14 and 15, counted after the name in brackets, in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit(')').next().expect("a tail").split(' ').collect();
        let ticks: u64 = fields[12..14].iter().map(|f| f.parse::<u64>().expect("a number")).sum();
        if ticks >= 10 { Ok(()) } else { Err(stat) }
    })
    .await;
    burner.signal(Signal::TERM);
    assert!(burner.wait_exit(PATIENCE).await.success());
}
