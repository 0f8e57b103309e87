//! How far an answer can be trusted.

use serde::{Deserialize, Serialize};

/// What is known of one signal of one target at one tick, from the best to the worst.
///
/// Growth may rest on anything that holds a number; a shrink needs [`Freshness::Fresh`].
/// An empty answer read as zero has shrunk whole fleets at their peak (KEDA #3065).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Freshness {
    /// A recent sample.
    Fresh,
    /// A recent sample of an answer that came with warnings, or with fewer series than before.
    Partial,
    /// The container restarted within the span that the answer covers.
    Reset,
    /// The newest sample is older than allowed.
    Stale,
    /// Not a number, or infinite.
    #[serde(rename = "nan")]
    NaN,
    /// No sample at all.
    Empty,
}

impl Freshness {
    /// Whether a limit may be lowered on it.
    pub fn allows_shrink(self) -> bool {
        self == Self::Fresh
    }

    /// Whether a limit may be raised on it.
    pub fn allows_growth(self) -> bool {
        matches!(self, Self::Fresh | Self::Partial | Self::Reset)
    }

    /// The name in labels and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Partial => "partial",
            Self::Reset => "reset",
            Self::Stale => "stale",
            Self::NaN => "nan",
            Self::Empty => "empty",
        }
    }
}
