//! How a network learns.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::{AdamW, Optimizer, ParamsAdamW, loss};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::sequences::Sequences;
use super::weights::Weights;

/// A network: (example, row, number) → (example, output).
pub trait Network {
    /// What it answers; with `dropped` as it learns, without as it serves.
    fn forward(&self, inputs: &Tensor, dropped: Option<&mut Dropout>) -> Result<Tensor>;
}

/// What an error costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// Its square.
    Squared,
    /// Its square while it is small, its size from 1 on.
    Huber,
}

/// When to give up, and when to go in smaller steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Epochs without a better validation after which training ends with the best weights.
    pub stop: usize,
    /// Epochs without a better validation after which the steps are halved.
    pub halve: usize,
}

/// How to train.
#[derive(Clone, Debug, PartialEq)]
pub struct Training {
    /// How often all examples are shown, at most.
    pub epochs: usize,
    /// How many at once.
    pub batch: usize,
    /// The step of Adam.
    pub learning_rate: f64,
    /// What is made small.
    pub loss: Loss,
    /// `None` shows all examples `epochs` times and keeps the last weights.
    pub patience: Option<Patience>,
    /// Of the order of the examples, and of what is dropped.
    pub seed: u64,
}

/// How training goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Epoch {
    /// Which one, from 1 on.
    pub number: usize,
    /// How many there will be at most.
    pub of: usize,
    /// The mean loss on what is learnt.
    pub loss: f64,
    /// The mean loss on what is kept apart.
    pub validation: f64,
}

/// Examples that are answered at once when nothing is learnt.
const ANSWERED_AT_ONCE: usize = 512;

/// Trains a network on the examples `learnt`, judging it by those of `apart`. Says how each epoch went.
pub fn train(
    network: &dyn Network,
    weights: &Weights,
    sequences: &Sequences,
    (learnt, apart): (&[usize], &[usize]),
    training: &Training,
    told: &mut dyn FnMut(&Epoch),
) -> Result<()> {
    let adam = ParamsAdamW { lr: training.learning_rate, weight_decay: 0.0, ..Default::default() };
    let mut optimizer = AdamW::new(weights.vars(), adam)?;
    let mut rng = ChaCha8Rng::seed_from_u64(training.seed);
    let mut order = learnt.to_vec();
    let mut best = (f64::INFINITY, weights.save()?);
    let (mut since_best, mut since_halved) = (0, 0);
    for number in 1..=training.epochs {
        order.shuffle(&mut rng);
        let mut sum = 0.0;
        for examples in order.chunks(training.batch) {
            let inputs = sequences.inputs(examples)?;
            let answers = network.forward(&inputs, Some(&mut Dropout(&mut rng)))?;
            let loss = training.loss.of(&answers, &sequences.targets(examples)?)?;
            optimizer.backward_step(&loss)?;
            sum += f64::from(loss.to_scalar::<f32>()?) * examples.len() as f64;
        }
        let validation = validate(network, sequences, apart, training.loss)?;
        let loss = sum / order.len().max(1) as f64;
        told(&Epoch { number, of: training.epochs, loss, validation });
        let Some(patience) = training.patience else { continue };
        if validation < best.0 {
            best = (validation, weights.save()?);
            (since_best, since_halved) = (0, 0);
        } else {
            since_best += 1;
            since_halved += 1;
        }
        if since_halved >= patience.halve {
            optimizer.set_learning_rate(optimizer.learning_rate() / 2.0);
            since_halved = 0;
        }
        if since_best >= patience.stop {
            break;
        }
    }
    if training.patience.is_some() && best.0.is_finite() {
        weights.restore(&best.1)?;
    }
    Ok(())
}

/// The answers to these examples, one row each.
pub fn answers(
    network: &dyn Network,
    sequences: &Sequences,
    examples: &[usize],
) -> Result<Vec<Vec<f32>>> {
    let mut answers = Vec::with_capacity(examples.len());
    for examples in examples.chunks(ANSWERED_AT_ONCE) {
        answers.extend(network.forward(&sequences.inputs(examples)?, None)?.to_vec2()?);
    }
    Ok(answers)
}

fn validate(
    network: &dyn Network,
    sequences: &Sequences,
    apart: &[usize],
    loss: Loss,
) -> Result<f64> {
    let mut sum = 0.0;
    for examples in apart.chunks(ANSWERED_AT_ONCE) {
        let answers = network.forward(&sequences.inputs(examples)?, None)?;
        let loss = loss.of(&answers, &sequences.targets(examples)?)?;
        sum += f64::from(loss.to_scalar::<f32>()?) * examples.len() as f64;
    }
    Ok(sum / apart.len().max(1) as f64)
}

impl Loss {
    fn of(self, answers: &Tensor, targets: &Tensor) -> Result<Tensor> {
        match self {
            Self::Squared => loss::mse(answers, targets),
            Self::Huber => loss::huber(answers, targets, 1.0),
        }
    }
}

/// Switches numbers off by chance while a network learns, so that it does not rely on single ones. The
/// library's own cannot be given a seed.
pub struct Dropout<'a>(&'a mut ChaCha8Rng);

impl Dropout<'_> {
    /// The values with this share of them 0, and the others as much larger.
    pub fn apply(&mut self, values: &Tensor, share: f64) -> Result<Tensor> {
        let kept = (1.0 / (1.0 - share)) as f32;
        let mask: Vec<f32> = (0..values.elem_count())
            .map(|_| if self.0.random_bool(share) { 0.0 } else { kept })
            .collect();
        values.mul(&Tensor::from_vec(mask, values.shape(), &Device::Cpu)?)
    }
}

/// The largest of each two neighbours along the last axis; an odd one at the end is left out.
pub fn halve(values: &Tensor) -> Result<Tensor> {
    let (examples, channels, length) = values.dims3()?;
    let pairs = values.narrow(2, 0, length / 2 * 2)?;
    pairs.contiguous()?.reshape((examples, channels, length / 2, 2))?.max(D::Minus1)
}
