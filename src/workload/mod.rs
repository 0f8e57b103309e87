//! Something to scale: a demo service, a load generator, and a plain burner of CPU and memory.
//!
//! * [`Pattern`]: how much load there is at a moment.
//! * [`load`]: sends requests by a pattern, sums up what came back.
//! * [`Service`]: `POST /predict` costs CPU time and memory.
//! * [`Burner`], [`Held`]: the costs themselves.

mod burn;
mod latency;
mod load;
mod pattern;
mod service;

pub use burn::{Burner, Held, spin};
pub use latency::Latencies;
pub use load::{Load, Summary, load};
pub use pattern::{Daily, Minute, Pattern, Shape};
pub use service::{Cost, Service};

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The random numbers of step `index` of a series: the same for the same `seed`, whichever steps were
/// asked for before.
fn random_at(seed: u64, index: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(index);
    random
}
