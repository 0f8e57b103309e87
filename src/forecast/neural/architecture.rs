//! The two networks.

use candle_core::{Error, Result, Tensor};
use candle_nn::rnn::{LSTM, LSTMConfig, LSTMState, RNN};
use candle_nn::{
    BatchNorm, BatchNormConfig, Conv1d, Conv1dConfig, Init, Linear, Module, ModuleT, VarBuilder,
    batch_norm, conv1d, linear, lstm,
};
use serde::{Deserialize, Serialize};

use super::training::{Dropout, Loss, Network, Patience, Training, halve};
use super::weights::Weights;

/// A network by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Architecture {
    /// A long short-term memory of the last 60 rows.
    Lstm,
    /// Two branches over the last 12 rows, waves and memory, that meet at the end.
    LstmCnn,
}

impl Architecture {
    /// The name, as that of the model.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lstm => "lstm",
            Self::LstmCnn => "lstm_cnn",
        }
    }

    /// How many rows it is shown.
    pub const fn length(self) -> usize {
        match self {
            Self::Lstm => 60,
            Self::LstmCnn => 12,
        }
    }

    /// How it is trained.
    pub const fn training(self, seed: u64) -> Training {
        let learning_rate = 1e-3;
        match self {
            Self::Lstm => Training {
                epochs: 10,
                batch: 128,
                learning_rate,
                loss: Loss::Squared,
                patience: None,
                seed,
            },
            Self::LstmCnn => Training {
                epochs: 100,
                batch: 64,
                learning_rate,
                loss: Loss::Huber,
                patience: Some(Patience { stop: 15, halve: 5 }),
                seed,
            },
        }
    }

    /// The network, for rows of this width.
    pub fn network(
        self,
        weights: &Weights,
        width: usize,
        outputs: usize,
    ) -> Result<Box<dyn Network + Send + Sync>> {
        let builder = weights.builder();
        Ok(match self {
            Self::Lstm => Box::new(Lstm::new(&builder, width, outputs)?),
            Self::LstmCnn => Box::new(LstmCnn::new(&builder, width, self.length(), outputs)?),
        })
    }
}

/// A layer of memory.
fn memory(width: usize, hidden: usize, builder: VarBuilder<'_>) -> Result<LSTM> {
    // The library's own start is meant for layers that cut off what is negative: too wide for these.
    let bound = 1.0 / (hidden as f64).sqrt();
    let drawn = Init::Uniform { lo: -bound, up: bound };
    let config = LSTMConfig { w_ih_init: drawn, w_hh_init: drawn, ..LSTMConfig::default() };
    lstm(width, hidden, config, builder)
}

fn last(states: &[LSTMState]) -> Result<&Tensor> {
    states.last().map(LSTMState::h).ok_or_else(|| Error::Msg("an example without rows".into()))
}

/// Memory of 64, dense 32, outputs.
struct Lstm {
    memory: LSTM,
    dense: Linear,
    output: Linear,
}

impl Lstm {
    fn new(builder: &VarBuilder<'_>, width: usize, outputs: usize) -> Result<Self> {
        Ok(Self {
            memory: memory(width, 64, builder.pp("memory"))?,
            dense: linear(64, 32, builder.pp("dense"))?,
            output: linear(32, outputs, builder.pp("output"))?,
        })
    }
}

impl Network for Lstm {
    fn forward(&self, inputs: &Tensor, _: Option<&mut Dropout<'_>>) -> Result<Tensor> {
        let states = self.memory.seq(inputs)?;
        let dense = self.dense.forward(last(&states)?)?.relu()?;
        self.output.forward(&dense)
    }
}

/// The share that is switched off after most layers, and after the last.
const DROPPED: f64 = 0.3;
const DROPPED_LAST: f64 = 0.15;

/// Waves: convolutions of 64 and 128 over three rows each. Memory: of 128, then of 64. Both meet in dense
/// 64, dense 32, outputs.
struct LstmCnn {
    wave: [Conv1d; 2],
    wave_norm: [BatchNorm; 2],
    memory: [LSTM; 2],
    memory_norm: [BatchNorm; 2],
    meet: Linear,
    meet_norm: BatchNorm,
    dense: Linear,
    output: Linear,
}

impl LstmCnn {
    fn new(b: &VarBuilder<'_>, width: usize, length: usize, outputs: usize) -> Result<Self> {
        let norm = |size, name| batch_norm(size, BatchNormConfig::default(), b.pp(name));
        let same = Conv1dConfig { padding: 1, ..Conv1dConfig::default() };
        Ok(Self {
            wave: [
                conv1d(width, 64, 3, same, b.pp("wave_1"))?,
                conv1d(64, 128, 3, same, b.pp("wave_2"))?,
            ],
            wave_norm: [norm(64, "wave_norm_1")?, norm(128, "wave_norm_2")?],
            memory: [memory(width, 128, b.pp("memory_1"))?, memory(128, 64, b.pp("memory_2"))?],
            memory_norm: [norm(128, "memory_norm_1")?, norm(64, "memory_norm_2")?],
            meet: linear(128 * (length / 2) + 64, 64, b.pp("meet"))?,
            meet_norm: norm(64, "meet_norm")?,
            dense: linear(64, 32, b.pp("dense"))?,
            output: linear(32, outputs, b.pp("output"))?,
        })
    }
}

/// Normalises what a layer answers over the examples, and drops some of it; while it learns only.
fn settle(
    norm: &BatchNorm,
    values: &Tensor,
    dropped: &mut Option<&mut Dropout<'_>>,
) -> Result<Tensor> {
    let values = norm.forward_t(values, dropped.is_some())?;
    drop_some(&values, DROPPED, dropped)
}

fn drop_some(
    values: &Tensor,
    share: f64,
    dropped: &mut Option<&mut Dropout<'_>>,
) -> Result<Tensor> {
    match dropped {
        Some(dropped) => dropped.apply(values, share),
        None => Ok(values.clone()),
    }
}

impl Network for LstmCnn {
    fn forward(&self, inputs: &Tensor, mut dropped: Option<&mut Dropout<'_>>) -> Result<Tensor> {
        let dropped = &mut dropped;
        // (example, row, number) → (example, number, row)
        let mut waves = inputs.transpose(1, 2)?.contiguous()?;
        waves = settle(&self.wave_norm[0], &self.wave[0].forward(&waves)?.relu()?, dropped)?;
        waves = self.wave[1].forward(&waves.contiguous()?)?.relu()?;
        waves = self.wave_norm[1].forward_t(&waves, dropped.is_some())?;
        waves = drop_some(&halve(&waves)?, DROPPED, dropped)?;

        let states = self.memory[0].seq(inputs)?;
        let states = self.memory[0].states_to_tensor(&states)?.transpose(1, 2)?;
        let states = settle(&self.memory_norm[0], &states, dropped)?.transpose(1, 2)?;
        let states = self.memory[1].seq(&states.contiguous()?)?;
        let memory = settle(&self.memory_norm[1], last(&states)?, dropped)?;

        let both = Tensor::cat(&[waves.flatten_from(1)?, memory], 1)?;
        let met = settle(&self.meet_norm, &self.meet.forward(&both)?.relu()?, dropped)?;
        let dense = drop_some(&self.dense.forward(&met)?.relu()?, DROPPED_LAST, dropped)?;
        self.output.forward(&dense)
    }
}
