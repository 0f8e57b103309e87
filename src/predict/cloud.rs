//! A model of how busy an instance will be in a minute.

use std::time::Duration;

use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use super::by_share;
use super::dataset::{DatasetError, FIT_SHARE, KNOWN_SHARE};
use super::early::boost;
use super::scores::Scores;
use crate::detect::forest::{Contamination, Forest, Parameters};
use crate::detect::{DetectError, file, same_schema};
use crate::features::cloud::{Extractor, PAST, Sample, schema};
use crate::features::{Features, Follows, OutOfOrder, Pace, Schema};
use crate::forecast::trees::Boosting;
use crate::units::Timestamp;

const KIND: &str = "cloud";

/// How far ahead the CPU is told.
const AHEAD: Duration = Duration::from_secs(60);

/// The share of the rows to fit on that count as anomalous.
const CONTAMINATION: f64 = 0.02;

/// What an anomalous row weighs more, by its deviation and by its isolation.
const EXTRA_WEIGHT: (f64, f64) = (0.5, 1.0);

/// Fewer rows than these teach nothing.
const FEWEST_ROWS: usize = 100;

/// Below this mean, in percent, the deviation is set against [`QUIET_SPREAD`] instead of the mean.
const QUIET_MEAN: f64 = 1.0;
/// In percent.
const QUIET_SPREAD: f64 = 50.0;

/// A model of the CPU to come, with everything that must travel with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudModel {
    features: Schema,
    isolation: Forest,
    boosting: Boosting,
    /// What it was fitted on.
    pub training: CloudTraining,
}

/// What a model of the CPU to come was fitted on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudTraining {
    /// How many rows it has learnt from, those that said when to stop among them.
    pub rows: usize,
    /// When the rows begin that it was judged by.
    pub test_from: Timestamp,
    /// How good it is on them, in percent of CPU.
    pub scores: Scores,
    /// How good it is on the same rows to expect the CPU of now.
    pub naive: Scores,
}

/// Rows of features with the CPU that came after each.
#[derive(Clone, Debug)]
pub struct CloudRows {
    rows: Array2<f64>,
    /// Moment, CPU now, CPU then, weight.
    examples: Vec<Example>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Example {
    at: Timestamp,
    /// When the label was measured.
    until: Timestamp,
    now: f64,
    label: f64,
    weight: f64,
}

/// Sorts `samples` by time and keeps the last of each moment; CPU and memory are capped at 100 %.
pub fn clean(samples: &mut Vec<Sample>) {
    samples.sort_by_key(|sample| sample.at);
    samples.reverse();
    samples.dedup_by_key(|sample| sample.at);
    samples.reverse();
    for sample in samples {
        let capped = |value: Option<f64>| value.map(|value| value.min(100.0));
        (sample.cpu, sample.ram) = (capped(sample.cpu), capped(sample.ram));
    }
}

impl CloudModel {
    /// Fits a model on cleaned samples: on the first 60 % by time, stopping by the next 20 %, judged by
    /// the last 20 %.
    ///
    /// # Errors
    /// Too few samples, or none that is complete.
    pub fn fit(samples: &[Sample], seed: u64) -> Result<Self, CloudError> {
        let early = &samples[..(FIT_SHARE * samples.len() as f64) as usize];
        let isolation = isolation(early, seed)?;
        let rows = CloudRows::new(samples, &isolation)?;
        if rows.examples.len() < FEWEST_ROWS {
            return Err(DatasetError::TooFewSamples { rows: rows.examples.len() }.into());
        }
        let from = |share: f64| rows.examples[(share * rows.examples.len() as f64) as usize].at;
        let (stop_from, test_from) = (from(FIT_SHARE), from(KNOWN_SHARE));
        let fit = rows.part(|example| example.until < stop_from);
        let stop = rows.part(|example| example.at >= stop_from && example.until < test_from);
        let test = rows.part(|example| example.at >= test_from);
        if fit.1.is_empty() || stop.1.is_empty() {
            return Err(DatasetError::NoTime.into());
        }
        let labels = |part: &[Example]| part.iter().map(|e| e.label).collect::<Vec<_>>();
        let weights: Vec<f64> = fit.1.iter().map(|example| example.weight).collect();
        let (fit_labels, stop_labels) = (labels(&fit.1), labels(&stop.1));
        let until = (stop.0.view(), stop_labels.as_slice());
        let boosting = boost(fit.0.view(), &fit_labels, Some(&weights), until, seed);
        let now: Vec<f64> = test.1.iter().map(|example| example.now).collect();
        let training = CloudTraining {
            rows: fit.1.len() + stop.1.len(),
            test_from,
            scores: score(&boosting, &test).ok_or(DatasetError::NoTime)?,
            naive: Scores::of(&now, &labels(&test.1)).ok_or(DatasetError::NoTime)?,
        };
        Ok(Self { features: (*schema()).clone(), isolation, boosting, training })
    }

    /// How good it is on the samples from `from` on; `None` where there is nothing to judge by.
    pub fn judge(&self, samples: &[Sample], from: Timestamp) -> Option<Scores> {
        let rows = CloudRows::new(samples, &self.isolation).ok()?;
        score(&self.boosting, &rows.part(|example| example.at >= from))
    }

    /// How often each feature is asked about: shares of 1, the largest first.
    pub fn importances(&self) -> Vec<(String, f64)> {
        let shares = self.boosting.importances(self.features.len());
        by_share(self.features.names().to_vec(), shares)
    }

    /// The model as the bytes of a file: versioned, with a checksum.
    ///
    /// # Errors
    /// [`DetectError::Encoding`].
    pub fn save(&self) -> Result<Vec<u8>, DetectError> {
        file::seal(KIND, self)
    }

    /// Reads what [`CloudModel::save`] wrote.
    ///
    /// # Errors
    /// Another kind of file, another version, a wrong length, a wrong checksum, features that are not
    /// computed now.
    pub fn load(bytes: &[u8]) -> Result<Self, DetectError> {
        let model: Self = file::open(KIND, bytes)?;
        same_schema(&model.features, &schema())?;
        if !model.isolation.is_sound() || model.isolation.n_features() != 3 {
            let reason = "its parts do not fit together";
            return Err(DetectError::Damaged { kind: KIND, reason });
        }
        Ok(model)
    }
}

fn score(boosting: &Boosting, (rows, examples): &(Array2<f64>, Vec<Example>)) -> Option<Scores> {
    let said: Vec<f64> =
        rows.rows().into_iter().map(|row| boosting.predict(&row.to_vec())).collect();
    let actual: Vec<f64> = examples.iter().map(|example| example.label).collect();
    Scores::of(&said, &actual)
}

/// Why there is no model.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum CloudError {
    /// Of the rows.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// Of the forest that finds anomalies.
    #[error("complete rows of cpu, ram and disk: {0}")]
    Isolation(#[from] DetectError),
}

impl From<OutOfOrder> for CloudError {
    fn from(error: OutOfOrder) -> Self {
        Self::Dataset(error.into())
    }
}

/// A forest that knows the first samples as normal.
fn isolation(samples: &[Sample], seed: u64) -> Result<Forest, DetectError> {
    let complete: Vec<[f32; 3]> = samples
        .iter()
        .map(Sample::to_f32)
        .filter(|row| row.iter().all(|v| v.is_finite()))
        .collect();
    let parameters = Parameters {
        n_estimators: 100,
        max_samples: 256,
        contamination: Contamination::Share(CONTAMINATION),
        random_state: seed,
    };
    let flat: Vec<f32> = complete.iter().flatten().copied().collect();
    let rows = Array2::from_shape_vec((complete.len(), 3), flat).unwrap_or_default();
    Forest::fit(rows.view(), &parameters)
}

/// Whether the forest finds a sample anomalous; `None` of an incomplete one.
fn is_isolated(forest: &Forest, sample: &Sample) -> Option<bool> {
    let row = sample.to_f32();
    row.iter().all(|v| v.is_finite()).then(|| forest.score_row(&row) < forest.offset())
}

impl CloudRows {
    fn new(samples: &[Sample], isolation: &Forest) -> Result<Self, OutOfOrder> {
        let mut extractor = Extractor::default();
        let runs = runs(samples)?;
        let (mut flat, mut examples) = (Vec::new(), Vec::new());
        for (place, sample) in samples.iter().enumerate() {
            let features = extractor.push(*sample, is_isolated(isolation, sample))?;
            let later = samples[place..].iter().zip(&runs[place..]);
            let then = later
                .take_while(|(_, run)| **run == runs[place])
                .map(|(then, _)| then)
                .find(|then| then.at.since(sample.at) >= AHEAD);
            let measured = then.and_then(|then| Some((then.at, then.cpu?)));
            let Some(((features, now), (until, label))) = features.zip(sample.cpu).zip(measured)
            else {
                continue;
            };
            let weight = weight(&features);
            flat.extend(features.values().map(|value| value.unwrap_or(f64::NAN)));
            examples.push(Example { at: sample.at, until, now, label, weight });
        }
        let shape = (examples.len(), schema().len());
        let rows = Array2::from_shape_vec(shape, flat).unwrap_or_default();
        Ok(Self { rows, examples })
    }

    fn part(&self, within: impl Fn(&Example) -> bool) -> (Array2<f64>, Vec<Example>) {
        let all = self.examples.iter().enumerate();
        let rows: Vec<usize> = all.filter(|(_, e)| within(e)).map(|(row, _)| row).collect();
        let examples = rows.iter().map(|row| self.examples[*row]).collect();
        (self.rows.select(Axis(0), &rows), examples)
    }
}

/// 1, and more for an anomalous row.
fn weight(features: &Features) -> f64 {
    let flag = |name| features.get(name).unwrap_or(0.0);
    let (by_deviation, by_isolation) = EXTRA_WEIGHT;
    1.0 + by_deviation * flag("is_anomaly_z") + by_isolation * flag("is_anomaly_iso")
}

/// For each sample the number of pauses before it.
fn runs(samples: &[Sample]) -> Result<Vec<usize>, OutOfOrder> {
    let (mut pace, mut run) = (Pace::default(), 0);
    let number = |sample: &Sample| {
        run += usize::from(pace.step(sample.at)? == Follows::Anew);
        Ok(run)
    };
    samples.iter().map(number).collect()
}

/// What is told of an instance after each sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CpuToCome {
    /// In percent, a minute from now.
    pub predicted_cpu: f64,
    /// How sure that is, 0–1.
    pub confidence: f64,
}

/// How sure a prediction of the CPU is, 0–1: 1 / (1 + the coefficient of variation of the last 60
/// samples); of a mean below 1 % the deviation is divided by 50 instead. `None` where mean or deviation
/// is missing.
fn confidence(mean: Option<f64>, deviation: Option<f64>) -> Option<f64> {
    let (mean, deviation) = mean.zip(deviation)?;
    let variation = deviation / if mean < QUIET_MEAN { QUIET_SPREAD } else { mean };
    Some((1.0 / (1.0 + variation)).clamp(0.0, 1.0))
}

/// A model beside the last samples of one instance.
pub struct CloudPredictor {
    model: CloudModel,
    extractor: Extractor,
}

impl CloudPredictor {
    /// Has seen nothing yet.
    pub fn new(model: CloudModel) -> Self {
        Self { model, extractor: Extractor::default() }
    }

    /// Takes in the next sample and tells the CPU to come; `None` while there are fewer than 60 samples
    /// before it, or its own CPU is missing.
    ///
    /// # Errors
    /// A sample older than the one before it.
    pub fn push(&mut self, sample: Sample) -> Result<Option<CpuToCome>, OutOfOrder> {
        let isolated = is_isolated(&self.model.isolation, &sample);
        let features = self.extractor.push(sample, isolated)?;
        let Some(features) = features.filter(|_| sample.cpu.is_some()) else { return Ok(None) };
        let row: Vec<f64> = features.values().map(|value| value.unwrap_or(f64::NAN)).collect();
        let (mean, spread) =
            (features.get("cpu_roll_mean_long"), features.get("cpu_roll_std_past"));
        let predicted = self.model.boosting.predict(&row).clamp(0.0, 100.0);
        let told = |confidence| CpuToCome { predicted_cpu: predicted, confidence };
        Ok(confidence(mean, spread).map(told))
    }

    /// How many samples must come before the first answer.
    pub const fn warm_up() -> usize {
        PAST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A wave of four minutes, every five seconds, with a jump now and then.
    fn samples(count: i64) -> Vec<Sample> {
        let sample = |step: i64| {
            let wave = 50.0 + 30.0 * (step as f64 * 0.13).sin();
            let at = Timestamp::from_millis(step * 5_000);
            let cpu = Some(if step % 301 == 300 { 99.0 } else { wave });
            Sample { at, cpu, ram: Some(40.0), disk: Some(1000.0 + step as f64 % 7.0) }
        };
        (0..count).map(sample).collect()
    }

    #[test]
    fn learns_a_wave_that_the_present_does_not_tell() {
        let model = CloudModel::fit(&samples(2000), 42).expect("a model");
        let CloudTraining { scores, naive, rows, .. } = &model.training;
        assert!(scores.rmse < 0.5 * naive.rmse, "{scores:?} {naive:?}");
        assert!(*rows > 1400, "{rows}");
        let again = CloudModel::load(&model.save().expect("bytes")).expect("a file");
        assert_eq!(again, model);
        let mut bytes = model.save().expect("bytes");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        assert!(CloudModel::load(&bytes).is_err());
    }

    #[test]
    fn tells_the_cpu_to_come_once_it_has_seen_enough() {
        let samples = samples(1000);
        let mut predictor = CloudPredictor::new(CloudModel::fit(&samples, 42).expect("a model"));
        let told: Vec<_> =
            samples.iter().map(|sample| predictor.push(*sample).expect("in order")).collect();
        assert!(told[..CloudPredictor::warm_up()].iter().all(Option::is_none));
        for answer in &told[CloudPredictor::warm_up()..] {
            let CpuToCome { predicted_cpu, confidence } = answer.expect("an answer");
            assert!((0.0..=100.0).contains(&predicted_cpu) && (0.0..=1.0).contains(&confidence));
        }
        assert!(predictor.push(samples[0]).is_err());
    }

    #[test]
    fn anomalous_rows_weigh_more() {
        let with = |z: f64, iso: f64| {
            let names = schema();
            let value = |name: &String| match name.as_str() {
                "is_anomaly_z" => Some(z),
                "is_anomaly_iso" => Some(iso),
                _ => None,
            };
            let values: Vec<_> = names.names().iter().map(value).collect();
            weight(&Features::new(names, values))
        };
        assert_eq!(
            [with(0.0, 0.0), with(1.0, 0.0), with(0.0, 1.0), with(1.0, 1.0)],
            [1.0, 1.5, 2.0, 2.5]
        );
    }

    #[test]
    fn confidence_falls_with_variation() {
        let of = |mean, deviation| confidence(Some(mean), Some(deviation));
        assert_eq!(of(50.0, 0.0), Some(1.0));
        assert_eq!(of(50.0, 50.0), Some(0.5));
        assert_eq!(of(20.0, 5.0), Some(0.8));
        assert_eq!(of(0.5, 5.0), Some(1.0 / 1.1), "quiet: against 50");
        assert_eq!(confidence(None, Some(1.0)), None);
    }

    #[test]
    fn too_little_is_refused() {
        assert!(matches!(CloudModel::fit(&samples(100), 42), Err(CloudError::Dataset(_))));
        assert!(matches!(CloudModel::fit(&[], 42), Err(CloudError::Isolation(_))));
    }
}
