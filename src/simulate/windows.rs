//! The scores in short, window by window: where one policy did worse than another.

use std::time::Duration;

use super::score::Step;

/// How long a window is.
pub const WINDOW: Duration = Duration::from_secs(6 * 3600);

/// One window of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Steps that were scored.
    pub steps: u64,
    /// Replicas that served, summed over the steps.
    pub replica_steps: u64,
    /// Steps in which the load was more than the replicas carry.
    pub under_steps: u64,
}

/// The windows of a run, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Windows {
    /// Steps a window.
    pub length: usize,
    /// Each.
    pub all: Vec<Window>,
}

impl Windows {
    /// Of a run of `steps` of this length.
    pub fn new(steps: usize, step: Duration) -> Self {
        let length = (WINDOW.as_millis() / step.as_millis().max(1)).max(1) as usize;
        Self { length, all: vec![Window::default(); steps.div_ceil(length)] }
    }

    /// Takes in step `index`.
    pub fn add(&mut self, index: usize, step: &Step) {
        let Some(window) = self.all.get_mut(index / self.length) else { return };
        window.steps += 1;
        window.replica_steps += u64::from(step.served);
        window.under_steps += u64::from(step.is_under());
    }
}

/// A window in which one run did worse than another.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Loss {
    /// The number of the window.
    pub window: usize,
    /// The run that did worse.
    pub own: Window,
    /// The other one.
    pub other: Window,
}

/// The windows in which `own` was short of capacity more often than `other`, or as often and dearer: the
/// worst first, which is the one with the most steps more that were short, then the dearest.
pub fn losses(own: &Windows, other: &Windows) -> Vec<Loss> {
    let pairs = own.all.iter().zip(&other.all).enumerate();
    let mut losses: Vec<Loss> = pairs
        .map(|(window, (own, other))| Loss { window, own: *own, other: *other })
        .filter(|Loss { own, other, .. }| {
            (own.under_steps, own.replica_steps) > (other.under_steps, other.replica_steps)
        })
        .collect();
    let excess = |loss: &Loss| {
        let dearer = loss.own.replica_steps as i64 - loss.other.replica_steps as i64;
        (loss.own.under_steps - loss.other.under_steps, dearer)
    };
    losses.sort_by_key(|loss| std::cmp::Reverse(excess(loss)));
    losses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_are_worst_first() {
        let windows = |all: &[(u64, u64)]| Windows {
            length: 1,
            all: all
                .iter()
                .map(|(replica_steps, under_steps)| Window {
                    steps: 1,
                    replica_steps: *replica_steps,
                    under_steps: *under_steps,
                })
                .collect(),
        };
        let own = windows(&[(5, 0), (6, 0), (1, 2), (9, 9), (9, 0)]);
        let other = windows(&[(5, 0), (5, 0), (9, 1), (1, 10), (1, 0)]);
        let found: Vec<usize> = losses(&own, &other).iter().map(|loss| loss.window).collect();
        assert_eq!(
            found,
            [2, 4, 1],
            "short first, then dear; the fourth is dearer and shorter less"
        );
    }
}
