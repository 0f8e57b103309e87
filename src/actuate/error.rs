//! What can go wrong on the way to a limit.

use crate::target::TargetId;

/// A limit that could not be read or written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{target}: {place}: {problem}; {advice}")]
pub struct ActuateError {
    /// Whose limit.
    pub target: TargetId,
    /// The file, or the API call.
    pub place: String,
    /// What was found, and what was expected.
    pub problem: String,
    /// What to do.
    pub advice: String,
    /// Trying again later may succeed without anyone changing a setting.
    pub recoverable: bool,
}

impl ActuateError {
    /// An error that trying again will not mend.
    pub(super) fn lasting(
        target: &TargetId,
        place: impl Into<String>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self {
            target: target.clone(),
            place: place.into(),
            problem: problem.into(),
            advice: advice.into(),
            recoverable: false,
        }
    }

    /// An error that time may mend.
    pub(super) fn passing(
        target: &TargetId,
        place: impl Into<String>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { recoverable: true, ..Self::lasting(target, place, problem, advice) }
    }
}

/// An actuator that was left out of this build.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this build has no actuator {0}: build loadline with the cargo feature {0}")]
pub struct Unsupported(pub(super) &'static str);
