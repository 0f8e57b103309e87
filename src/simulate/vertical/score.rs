//! The scores of a limit.

/// Counts while a limit is played.
#[derive(Clone, Debug, Default)]
pub struct Score {
    samples: u64,
    usage: f64,
    limit: f64,
    most: f64,
    above: u64,
    events: u64,
    changes: u64,
    was_above: bool,
}

impl Score {
    /// A sample: what was used, and the limit in force.
    pub fn add(&mut self, usage: f64, limit: f64) {
        let above = usage > limit;
        self.samples += 1;
        self.usage += usage;
        self.limit += limit;
        self.most = self.most.max(usage);
        self.above += u64::from(above);
        self.events += u64::from(above && !self.was_above);
        self.was_above = above;
    }

    /// The limit was changed.
    pub fn change(&mut self) {
        self.changes += 1;
    }

    /// What comes of it, a sample standing for `step_days`.
    pub fn figures(&self, step_days: f64) -> Figures {
        let samples = self.samples as f64;
        let days = samples * step_days;
        let share = |part: f64, whole: f64| if whole > 0.0 { part / whole } else { 0.0 };
        Figures {
            mean_limit: share(self.limit, samples),
            slack_percent: 100.0 * share(self.limit - self.usage, self.limit),
            above_limit_percent: 100.0 * share(self.above as f64, samples),
            above_events: self.events,
            above_events_per_day: share(self.events as f64, days),
            changes: self.changes,
            changes_per_day: share(self.changes as f64, days),
            clairvoyant_limit: self.most,
            clairvoyant_slack_percent: 100.0
                * share(self.most * samples - self.usage, self.most * samples),
        }
    }
}

/// The scores of one policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Figures {
    /// The mean limit, in cores or bytes.
    pub mean_limit: f64,
    /// The share of the limit that was not used, over all samples together.
    pub slack_percent: f64,
    /// The share of samples above the limit: throttled, or killed.
    pub above_limit_percent: f64,
    /// How often the use rose above the limit: of memory, OOM kills.
    pub above_events: u64,
    /// The same a day.
    pub above_events_per_day: f64,
    /// How often the limit was changed.
    pub changes: u64,
    /// The same a day.
    pub changes_per_day: f64,
    /// The least constant limit that nothing is above.
    pub clairvoyant_limit: f64,
    /// Its slack.
    pub clairvoyant_slack_percent: f64,
}
