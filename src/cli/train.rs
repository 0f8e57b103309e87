//! `loadline train`: fits a model, judges it on what came last, keeps the better one.

mod cloud;
mod importances;

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{ArgGroup, Args};
use serde::Serialize;

use super::CommandResult;
use super::output::write_atomically;
use super::progress;
use super::training::{Origin, Prepared, Source};
use crate::detect::DetectError;
use crate::forecast::Kind;
use crate::predict::dataset::Dataset;
use crate::predict::model::{ModelKind, ReplicaModel};
use crate::predict::scores::Scores;

/// Fit a model on what was measured, and judge it on the last fifth of the rows by time.
///
/// With --features kubernetes, the default, the model tells how many replicas a service needs; the rows have
/// the columns timestamp, service_name, cpu_usage_percent, ram_usage_percent and replica_count, and as many
/// of the others in docs/training.md as there are. With --features cloud it tells the CPU of an instance a
/// minute ahead; the rows have the columns timestamp, cpu, ram and disk.
///
/// The folder of --output then holds replicas.model or cloud.model, metrics.json, feature_importance.csv and
/// feature_importance.png. A model that is there already stays where it is better on the same rows.
#[derive(Args)]
#[command(group(ArgGroup::new("source").required(true).args(["data", "queries"])))]
pub struct Arguments {
    /// kubernetes or cloud
    #[arg(long, value_name = "NAME", default_value = "kubernetes", value_parser = feature_set)]
    features: FeatureSet,
    /// random_forest, boosting, lstm_cnn (in builds with the feature neural), or auto: whichever is best on
    /// the last rows. With --features cloud always boosting
    #[arg(long, value_name = "NAME", default_value = "auto", value_parser = models)]
    model: Models,
    /// The folder for the model and what is told of it
    #[arg(long, value_name = "FOLDER")]
    output: PathBuf,
    /// Save the new model even where the old one is better, or cannot be compared with it
    #[arg(long)]
    force_save: bool,
    /// The seed of what is drawn at random
    #[arg(long, value_name = "NUMBER", default_value_t = 42)]
    seed: u64,
    #[command(flatten)]
    source: Source,
}

type Failure = Box<dyn Error + Send + Sync>;

/// A named set of features, and with it what a model tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FeatureSet {
    Kubernetes,
    Cloud,
}

fn feature_set(name: &str) -> Result<FeatureSet, String> {
    match name {
        "kubernetes" => Ok(FeatureSet::Kubernetes),
        "cloud" => Ok(FeatureSet::Cloud),
        _ => Err("expected kubernetes or cloud".to_owned()),
    }
}

/// The models to fit.
#[derive(Clone, Debug)]
struct Models(Vec<ModelKind>);

fn models(name: &str) -> Result<Models, String> {
    if name == "auto" {
        return Ok(Models(ModelKind::ALL.to_vec()));
    }
    let names = ModelKind::ALL.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    let kind = ModelKind::from_name(name);
    // The other network forecasts one signal: no build has it here.
    let lacking = Kind::lacking(name).filter(|_| name == "lstm_cnn");
    kind.map(|kind| Models(vec![kind])).ok_or_else(|| match lacking {
        Some(feature) => format!("this build lacks {name}: build it with --features {feature}"),
        None => format!("expected auto or one of {names}"),
    })
}

/// What `metrics.json` holds.
#[derive(Serialize)]
struct Report<'a> {
    model: &'static str,
    /// Of the features, as `Schema::fingerprint` tells it.
    features: String,
    data: &'a Origin,
    scores: &'a Scores,
    fit_seconds: f64,
    saved: bool,
    verdict: String,
}

/// Why the new model is saved, or why not.
struct Verdict {
    save: bool,
    why: String,
}

impl Arguments {
    /// Runs the command.
    pub fn run(&self) -> CommandResult {
        fs::create_dir_all(&self.output)
            .map_err(|e| format!("{}: cannot make the folder: {e}", self.output.display()))?;
        match self.features {
            FeatureSet::Kubernetes => self.replicas(),
            FeatureSet::Cloud => cloud::run(self),
        }
    }

    fn replicas(&self) -> CommandResult {
        let path = self.output.join("replicas.model");
        // What cannot be compared with is told before the long work.
        let old = self.old(&path, ReplicaModel::load)?;
        let prepared = Prepared::read(&self.source)?;
        let mut out = io::stdout().lock();
        writeln!(out, "{}", prepared.origin.summary())?;
        let (model, fit_seconds) = self.best(&prepared)?;
        let Some(training) = model.training() else { return Err(nothing_to_judge_by()) };
        let verdict = self.verdict(old.as_ref(), &training.scores, &prepared);
        let report = Report {
            model: model.kind().name(),
            features: model.inputs().features().fingerprint(),
            data: &prepared.origin,
            scores: &training.scores,
            fit_seconds,
            saved: verdict.save,
            verdict: verdict.why.clone(),
        };
        let json = serde_json::to_string_pretty(&report)?;
        write_text(&self.output.join("metrics.json"), &(json + "\n"))?;
        if verdict.save {
            let bytes = model.save()?;
            write_atomically(&path, |file| file.write_all(&bytes))?;
            let importances = model.importances();
            if !importances.is_empty() {
                importances::write(&self.output, model.kind().name(), &importances)?;
            }
        }
        let scores = &training.scores;
        writeln!(
            out,
            "{}: RMSE {:.3}, MAE {:.3}, right {:.1} %, within one {:.1} %, fitted in {fit_seconds:.2} s",
            model.kind().name(),
            scores.rmse,
            scores.mae,
            100.0 * scores.exact_accuracy,
            100.0 * scores.within_1_accuracy
        )?;
        writeln!(out, "{}: {}", path.display(), verdict.why)?;
        Ok(())
    }

    /// The model that is there already. One that cannot be read stops everything unless it may be
    /// overwritten: it may be the only copy of something.
    fn old<T>(
        &self,
        path: &Path,
        load: impl FnOnce(&[u8]) -> Result<T, DetectError>,
    ) -> Result<Option<T>, Failure> {
        let bytes = match fs::read(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(format!("{}: cannot read: {error}", path.display()).into()),
            Ok(bytes) => bytes,
        };
        match load(&bytes) {
            Ok(model) => Ok(Some(model)),
            Err(_) if self.force_save => Ok(None),
            Err(error) => {
                let path = path.display();
                Err(format!("{path}: {error}; give --force-save to overwrite it").into())
            }
        }
    }

    /// The best of the models on the test part, and how long its fit took.
    fn best(&self, prepared: &Prepared) -> Result<(ReplicaModel, f64), Failure> {
        let Prepared { data, split, .. } = prepared;
        let bar = progress::bar("fitting", self.model.0.len() as u64);
        let mut fitted: Vec<(f64, ReplicaModel, f64)> = Vec::new();
        for kind in &self.model.0 {
            let begun = Instant::now();
            let model = match ReplicaModel::fit(*kind, data, split, self.seed) {
                Ok(model) => model,
                Err(error) if self.model.0.len() == 1 => return Err(error.into()),
                Err(error) => {
                    bar.suspend(|| tracing::warn!("{} is left out: {error}", kind.name()));
                    continue;
                }
            };
            let seconds = begun.elapsed().as_secs_f64();
            let model = model.judged(data, split).ok_or_else(nothing_to_judge_by)?;
            let rmse = model.training().map_or(f64::INFINITY, |training| training.scores.rmse);
            fitted.push((rmse, model, seconds));
            bar.inc(1);
        }
        bar.finish_and_clear();
        let best = fitted.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
        best.map(|(_, model, seconds)| (model, seconds)).ok_or_else(nothing_to_judge_by)
    }

    fn verdict(&self, old: Option<&ReplicaModel>, new: &Scores, prepared: &Prepared) -> Verdict {
        let saved = |why: &str| Verdict { save: true, why: format!("saved: {why}") };
        let kept = |why: String| Verdict { save: false, why: format!("kept: {why}") };
        let Some(old) = old else { return saved("there was no model that can be read") };
        if self.force_save {
            return saved("--force-save");
        }
        let services = prepared.data.inputs.services();
        let stranger = services.iter().find(|service| !old.inputs().services().contains(service));
        if let Some(service) = stranger {
            return saved(&format!("the old model does not know the service {service:?}"));
        }
        if old.training().is_none_or(|training| training.until >= prepared.split.test_from) {
            return kept(
                "the old model has learnt from rows that the new one is judged by, so they cannot be \
                 compared; give --force-save to replace it"
                    .to_owned(),
            );
        }
        let test = &prepared.split.test;
        let seen = Dataset::with_inputs(&prepared.records, old.inputs().clone()).ok();
        let said = seen.map(|seen| old.predict_rows(&seen, test));
        match said.and_then(|said| Scores::of(&said, &prepared.data.labels(test))) {
            Some(scores) if scores.rmse <= new.rmse => kept(format!(
                "the old model is as good or better on the same rows: RMSE {:.3} against {:.3}",
                scores.rmse, new.rmse
            )),
            Some(scores) => saved(&format!(
                "better than the old model on the same rows: RMSE {:.3} against {:.3}",
                new.rmse, scores.rmse
            )),
            None => saved("the old model says nothing of these rows"),
        }
    }
}

fn nothing_to_judge_by() -> Failure {
    "there is no row to judge the model by".into()
}

/// Writes `text` to `path`, whole or not at all.
fn write_text(path: &Path, text: &str) -> io::Result<()> {
    write_atomically(path, |file| file.write_all(text.as_bytes()))
}
