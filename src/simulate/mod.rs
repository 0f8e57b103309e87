//! A recorded load, played before every policy with every forecaster by the functions that decide: what
//! each would have cost, and where it would have failed.
//!
//! * [`Setting`]: the load, the service, the protocol; the same for all.
//! * [`Contestant`]: a policy behind its guard, or the oracle. [`Source`]: where forecasts come from.
//! * [`run`]: all of them, each a `Runner` that moves the [`Plant`](crate::policy::plant::Plant) as the
//!   scaler moves the world: `policy::propose`, `guard::decide`, and the change is confirmed.
//! * [`Figures`]: the scores. `Answer` and `Queue` say how latency comes about.
//! * [`vertical`]: the same for the limits of one container.

mod answer;
mod contest;
mod contestant;
mod html;
mod learner;
mod outlook;
mod queue;
pub mod report;
mod rows;
mod runner;
mod score;
mod setting;
mod tally;
#[cfg(test)]
mod tests;
mod trail;
pub mod vertical;
mod windows;

pub use contest::{NO_FORECASTER, Progress, run, size};
pub use contestant::{Chooser, Contestant, Role};
pub use outlook::{ByTime, Source};
pub use rows::Sink;
pub use runner::Run;
pub use score::{Figures, Spread};
pub use setting::{Net, Setting};
pub use tally::quantile;
pub use trail::Trail;
pub use windows::{Loss, WINDOW, Window, Windows, losses};
