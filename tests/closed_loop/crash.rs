//! `kill -9` between intent and outcome: the change is neither lost nor made twice.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Notify, watch};

use super::stage::{Exporter, Plan, ROUND, Stage};
use super::{BURN, HOST, PROGRAMS, quota_above, with_docker};
use crate::support::docker::DockerEngine;
use crate::support::host::can_run;
use crate::support::wait_for;

/// What happens to an order to change a container.
#[derive(Clone, Copy, PartialEq)]
enum Orders {
    /// It passes.
    Pass,
    /// It never reaches the engine.
    Lose,
    /// It reaches the engine, whose answer never comes back.
    Silence,
}

/// Stands between scaler and engine: the fault point is outside the program under test.
struct Gate {
    folder: TempDir,
    orders: watch::Sender<Orders>,
    /// Told of each order.
    ordered: Arc<Notify>,
    /// Orders that reached the engine.
    passed: Arc<AtomicU32>,
}

impl Gate {
    fn start(engine: PathBuf, orders: Orders) -> Self {
        let folder = TempDir::new().expect("a folder");
        let listener = UnixListener::bind(folder.path().join("socket")).expect("a socket");
        let gate = Self {
            folder,
            orders: watch::Sender::new(orders),
            ordered: Arc::default(),
            passed: Arc::default(),
        };
        let (orders, ordered, passed) =
            (gate.orders.subscribe(), gate.ordered.clone(), gate.passed.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (orders, engine) = (*orders.borrow(), engine.clone());
                let (ordered, passed) = (ordered.clone(), passed.clone());
                tokio::spawn(async move {
                    // A client that was killed leaves a broken connection; that is the point.
                    let _ = serve(client, engine, orders, &ordered, &passed).await;
                });
            }
        });
        gate
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }
}

async fn serve(
    client: UnixStream,
    engine: PathBuf,
    orders: Orders,
    ordered: &Notify,
    passed: &AtomicU32,
) -> std::io::Result<()> {
    let engine = UnixStream::connect(engine).await?;
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_engine, mut to_engine) = engine.into_split();
    let (silence, silent) = watch::channel(false);
    let requests = async move {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = from_client.read(&mut buffer).await?;
            if n == 0 {
                return Ok::<_, std::io::Error>(());
            }
            let is_order = buffer[..n].windows(8).any(|w| w == b"/update ");
            if is_order && orders == Orders::Lose {
                ordered.notify_one();
                std::future::pending::<()>().await;
            }
            if is_order {
                silence.send_replace(orders == Orders::Silence);
                passed.fetch_add(1, Ordering::SeqCst);
            }
            to_engine.write_all(&buffer[..n]).await?;
        }
    };
    let answers = async move {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let n = from_engine.read(&mut buffer).await?;
            if n == 0 {
                return Ok(());
            }
            if *silent.borrow() {
                // The engine has answered: the change is made.
                ordered.notify_one();
                std::future::pending::<()>().await;
            }
            to_client.write_all(&buffer[..n]).await?;
        }
    };
    tokio::try_join!(requests, answers)?;
    Ok(())
}

const SETTINGS: &str = "  scale:
    cpu: {min: 0.5, max: 1.5}
guard: {cooldown_up: 1h, cooldown_down: 1h}";

async fn killed_in_the_middle(orders: Orders) {
    let engine = DockerEngine::start().await;
    engine.import_busybox(&[]);
    let shop = engine.run("shop", &["--cpus", "0.5"], &["sleep", "900"]);
    let exporter = Exporter::start(Some(&engine.data_root())).await;
    let gate = Gate::start(engine.socket(), orders);
    // The engine's answer is waited for longer than the test takes.
    let settings = with_docker(SETTINGS, &gate.socket());
    let plan = Plan {
        mode: "enforce",
        actuator: "docker",
        settings: &settings,
        evaluation_interval: "2s",
    };
    let mut stage = Stage::start(&exporter, "shop", &plan).await;

    engine.exec_detached(&shop, BURN);
    tokio::time::timeout(ROUND, gate.ordered.notified()).await.expect("an order");
    stage.scaler.kill();
    let made = orders == Orders::Silence;
    assert_eq!(shop.cpu_cores() > Some(0.5), made, "{:?}", shop.cpu_cores());
    let open = stage.scaler.journal();
    let (intents, outcomes) = (count(&open, "intent"), count(&open, "outcome"));
    assert_eq!((intents, outcomes), (1, 0), "{open:?}");

    gate.orders.send_replace(Orders::Pass);
    stage.scaler.launch().await;
    let raised = quota_above(0.5, || shop.cpu_cores(), &stage).await;
    wait_for("the outcome", ROUND, async || match count(&stage.scaler.journal(), "outcome") {
        1 => Ok(()),
        n => Err(format!("{n} outcomes; the scaler says: {}", stage.scaler.log())),
    })
    .await;
    // The cooldown of the change has survived, too: nothing more happens, though the load goes on.
    stage.scaler.wait_ticks(5).await;
    assert_eq!(gate.passed.load(Ordering::SeqCst), 1, "{}", stage.scaler.log());
    assert_eq!(shop.cpu_cores(), Some(raised));
    assert_eq!(count(&stage.scaler.journal(), "intent"), 1, "{}", stage.scaler.log());
    stage.scaler.prove();
}

/// How many records of this kind the journal holds.
fn count(journal: &[serde_json::Value], kind: &str) -> usize {
    journal.iter().filter(|record| record["record"] == kind).count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_lost_is_made_good() {
    if can_run("the lost order", &PROGRAMS) {
        let _alone = HOST.lock().await;
        killed_in_the_middle(Orders::Lose).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_was_carried_out_is_not_repeated() {
    if can_run("the repeated order", &PROGRAMS) {
        let _alone = HOST.lock().await;
        killed_in_the_middle(Orders::Silence).await;
    }
}
