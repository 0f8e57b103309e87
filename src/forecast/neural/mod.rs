//! Two neural networks, by candle: a feature of the build, since the library costs more than it gives
//! where boosting is at hand (`docs/forecasting.md` has the figures).
//!
//! A seed decides the first weights, the order of the examples and what is dropped: the same history gives
//! the same network. Between kinds of processors the last bits may differ, as the library chooses its
//! instructions by what the processor can do.

mod architecture;
mod forecaster;
mod regressor;
mod scale;
mod sequences;
#[cfg(test)]
mod tests;
mod training;
mod weights;

pub use architecture::Architecture;
pub use forecaster::Neural;
pub use regressor::{Kept, Lesson, Regressor, Trained};
pub use training::{Epoch, Loss, Patience, Training};

use super::ForecastError;

/// What the library says went wrong.
fn failed(error: candle_core::Error) -> ForecastError {
    ForecastError::Network(error.to_string())
}
