//! `loadline scaler`: the control loop and its HTTP interface.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use clap::Args;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use super::web::Listen;
use super::{CommandResult, block_on};
use crate::alerts;
use crate::config::{self, Config};
use crate::page::{self, Frame};
use crate::scaler::api::{self, Readable, Writable};
use crate::scaler::autoscale::{self, Evaluation};
use crate::scaler::gauges;
use crate::scaler::live::{Live, Order};
use crate::scaler::predict;
use crate::units::duration;
use crate::web::{Ready, WriteGuard, health, protected};

#[derive(Args)]
pub struct Arguments {
    /// Settings (see `loadline check config`)
    #[arg(long = "config.file", value_name = "FILE", default_value = "loadline.yml")]
    config_file: PathBuf,
    /// Save models even over a file that could not be used at the start
    #[arg(long)]
    force_save: bool,
    #[command(flatten)]
    listen: Listen<10102>,
}

impl Arguments {
    pub fn run(self) -> CommandResult {
        let config = config::load(&self.config_file)?;
        block_on(2, self.serve(config))
    }

    async fn serve(self, config: Config) -> CommandResult {
        for warning in config::warnings(&config) {
            tracing::warn!("{}: {warning}", self.config_file.display());
        }
        let ready = Ready::waiting_for("the first look at every target");
        let guard = Arc::new(WriteGuard::new(&config.web)?);
        let predictor = config.predict.model.as_deref().map(predict::load).transpose()?;
        let live = Live::new(self.config_file.clone(), config, self.force_save)?;
        let (orders, requested) = mpsc::channel(1);
        let mut router = router(&live, orders.clone(), guard, ready.clone());
        if let Some(predictor) = predictor {
            router = router.merge(predict::router(predictor));
        }
        let on_hangup = tokio::spawn(reload_on_hangup(signal(SignalKind::hangup())?, orders));

        // The loop ends after the server, so that no webhook is accepted that nobody would read.
        let (stop, stopped) = oneshot::channel::<()>();
        let serve = async {
            let served = self.listen.serve(router).await;
            drop(stop);
            served
        };
        let run = live.run(requested, || ready.set(), async {
            let _ = stopped.await;
        });
        let (served, ()) = tokio::join!(serve, run);
        on_hangup.abort();
        served
    }
}

fn router(
    live: &Live,
    orders: mpsc::Sender<Order>,
    guard: Arc<WriteGuard>,
    ready: Ready,
) -> Router {
    let shared = live.shared.clone();
    let mut registry = gauges::registry(&shared.metrics, shared.engine.clone());
    gauges::register_own_process(&mut registry);
    if shared.config().global.ml_metrics {
        gauges::register_seeds(&mut registry, &shared.metrics, shared.engine.clone());
    }
    let registry = Arc::new(registry);
    let for_page = shared.clone();
    let readable = api::readable(Readable {
        engine: shared.engine.clone(),
        metrics: Arc::new(move |format| api::registry_body(&registry, format)),
        page: Arc::new(move |engine| {
            let config = for_page.config();
            let notices = [format!(
                "Data from {}, looked at every {}.",
                config.prometheus.url,
                duration::format(config.global.evaluation_interval)
            )];
            page::render(
                engine,
                &Frame { title: "loadline scaler", notices: &notices, refresh_seconds: 5 },
            )
        }),
    });
    let engine = shared.engine.clone();
    let readable = readable.merge(autoscale::readable(engine.clone()));
    let evaluation = Evaluation { engine, orders: orders.clone() };
    let writable = api::writable(Writable { shared, orders })
        .merge(autoscale::writable(evaluation))
        .merge(alerts::router(live.intake.clone()));
    readable.merge(protected(writable, guard)).merge(health(ready))
}

async fn reload_on_hangup(mut hangup: tokio::signal::unix::Signal, orders: mpsc::Sender<Order>) {
    while hangup.recv().await.is_some() {
        let (answer, _) = oneshot::channel();
        if orders.send(Order::Reload(answer)).await.is_err() {
            return;
        }
    }
}
