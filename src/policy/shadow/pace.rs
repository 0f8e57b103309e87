//! How much a sample counts.

use std::time::Duration;

/// The longest time that one sample stands for, in minutes: what was not watched has no weight.
pub(super) const LONGEST: f64 = 15.0;

/// Where a sample stands in time, in minutes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Since the sample before.
    pub(super) minutes: f64,
    /// Since the first one, this sample's own time with it.
    pub(super) elapsed: f64,
}

impl Pace {
    /// A sample that comes so long after the one before; `None`: the first, which stands for a minute.
    pub(super) fn new(since: Option<Duration>, elapsed: f64) -> Self {
        let minutes = since.map_or(1.0, minutes).min(LONGEST);
        Self { minutes, elapsed: elapsed + minutes }
    }

    /// The weight of the sample in a mean that forgets half within `half_life` minutes, and that is a
    /// plain mean while it is young.
    pub(super) fn weight(self, half_life: f64) -> f64 {
        let fading = 1.0 - (-self.minutes / half_life).exp2();
        fading.max(self.minutes / self.elapsed)
    }
}

/// A time in minutes.
pub(super) fn minutes(time: Duration) -> f64 {
    time.as_millis() as f64 / 60_000.0
}

/// Moves a mean towards a sample of this weight.
pub(super) fn blend(mean: &mut f64, sample: f64, weight: f64) {
    *mean += weight * (sample - *mean);
}
