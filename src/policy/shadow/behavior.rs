//! How a service is moved towards what its rule asks for.

/// When a growth and a shrink are made, and how large they are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Behavior {
    name: &'static str,
    /// Over which of [`WINDOWS`] a shrink looks back for the highest need.
    pub(super) window: usize,
    /// How much more than the present size must be needed before it grows, as a share of it.
    pub(super) tolerance: f64,
    /// The smallest growth, as a share of the present size.
    pub(super) least_growth: f64,
    /// The smallest shrink that is made at once, as a share of the present size.
    pub(super) least_shrink: f64,
    /// After how many minutes the smallest shrink is made too.
    pub(super) patience: f64,
}

/// The windows in minutes, rising.
pub(super) const WINDOWS: [f64; 4] = [1.0, 3.0, 5.0, 8.0];
const ONE: usize = 0;
const THREE: usize = 1;
const FIVE: usize = 2;
const EIGHT: usize = 3;

/// Grows at once, and looks back over one minute, three or eight.
const QUICK: [Behavior; 3] = [quick("1m", ONE), quick("3m", THREE), quick("8m", EIGHT)];

/// Grows and shrinks in large steps: some seven changes where a quick one makes twenty.
const STEPS: Behavior = Behavior {
    name: "8m-steps",
    least_growth: 0.1,
    least_shrink: 0.2,
    patience: 120.0,
    ..quick("", EIGHT)
};

/// Lets a small excess be, as an HPA does.
const TOLERANT: Behavior =
    Behavior { name: "5m-tolerant", tolerance: 0.05, patience: 120.0, ..quick("", FIVE) };

/// Shrinks in larger steps.
const fn coarse(name: &'static str, window: usize) -> Behavior {
    Behavior { least_shrink: 0.2, ..quick(name, window) }
}

const fn quick(name: &'static str, window: usize) -> Behavior {
    Behavior { name, window, tolerance: 0.0, least_growth: 0.0, least_shrink: 0.12, patience: 15.0 }
}

/// Shrinks in smaller steps.
const fn fine(name: &'static str, window: usize, least_shrink: f64) -> Behavior {
    Behavior { least_shrink, ..quick(name, window) }
}

/// Where the reference's changes count: those of a rule that says how much the load varies, ...
pub(super) const OF_LEVEL: [Behavior; 4] = [QUICK[0], QUICK[1], QUICK[2], STEPS];
/// ... of a rule about the load at a time, ...
pub(super) const OF_TIME: [Behavior; 3] = QUICK;
/// ... of a rule that leaves room at every load, ...
pub(super) const OF_RATIO: [Behavior; 4] = [QUICK[0], QUICK[1], QUICK[2], TOLERANT];
/// ... and of a rule that follows a forecast, which moves more.
pub(super) const OF_FORECAST: [Behavior; 5] =
    [QUICK[0], coarse("1m-coarse", ONE), QUICK[1], coarse("3m-coarse", THREE), QUICK[2]];

/// Where they do not: those of any rule but one that follows a forecast, ...
pub(super) const FINE: [Behavior; 4] = [
    fine("1m-fine", ONE, 0.08),
    fine("3m-fine", THREE, 0.08),
    fine("5m-fine", FIVE, 0.08),
    fine("8m-fine", EIGHT, 0.08),
];
/// ... and of one that does.
pub(super) const FINE_OF_FORECAST: [Behavior; 5] = [
    fine("1m-fine", ONE, 0.05),
    QUICK[0],
    fine("3m-fine", THREE, 0.05),
    QUICK[1],
    fine("8m-fine", EIGHT, 0.08),
];

impl Behavior {
    /// Its window in minutes, and what is special.
    pub(super) fn name(self) -> &'static str {
        self.name
    }
}
