//! The way of a run, coarse enough to be kept whatever its length.

/// As many stretches as a picture has columns.
const STRETCHES: usize = 1500;

/// The least and the most of several values over stretches of equal length.
#[derive(Clone, Debug)]
pub struct Trail<const N: usize> {
    length: usize,
    stretches: Vec<[Option<(f64, f64)>; N]>,
}

impl<const N: usize> Trail<N> {
    /// Of a run of `steps`.
    pub fn new(steps: usize) -> Self {
        let length = steps.div_ceil(STRETCHES).max(1);
        Self { length, stretches: vec![[None; N]; steps.div_ceil(length)] }
    }

    /// Takes in the values of step `index`.
    pub fn add(&mut self, index: usize, values: [Option<f64>; N]) {
        let Some(stretch) = self.stretches.get_mut(index / self.length) else { return };
        for (range, value) in stretch.iter_mut().zip(values) {
            if let Some(value) = value {
                let (least, most) = range.unwrap_or((value, value));
                *range = Some((least.min(value), most.max(value)));
            }
        }
    }

    /// A line through the least and the most of value `which` in every stretch: where each stretch
    /// begins, in steps, and what it holds.
    pub fn line(&self, which: usize) -> impl Iterator<Item = (f64, Option<f64>)> {
        let length = self.length as f64;
        self.stretches.iter().enumerate().flat_map(move |(place, stretch)| {
            let at = place as f64 * length;
            let range = stretch.get(which).copied().flatten();
            let ends = match range {
                Some((least, most)) if least < most => [Some(least), Some(most)],
                Some((least, _)) => [Some(least), None],
                None => [None, None],
            };
            let [first, second] = ends;
            let second = second.map(|value| (at + length / 2.0, Some(value)));
            std::iter::once((at, first)).chain(second)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_runs_are_kept_whole_and_long_ones_keep_their_peaks() {
        let mut trail = Trail::<1>::new(3);
        trail.add(0, [Some(1.0)]);
        trail.add(2, [Some(3.0)]);
        let line: Vec<_> = trail.line(0).collect();
        assert_eq!(line, [(0.0, Some(1.0)), (1.0, None), (2.0, Some(3.0))]);

        let mut trail = Trail::<1>::new(1_000_000);
        for index in 0..1_000_000 {
            trail.add(index, [Some(if index == 777_777 { 9.0 } else { 1.0 })]);
        }
        let line: Vec<_> = trail.line(0).collect();
        assert!(line.len() <= STRETCHES + 1, "{}", line.len());
        let peak = line.iter().find(|(_, value)| *value == Some(9.0)).expect("kept");
        assert!((peak.0 - 777_777.0).abs() < 1000.0, "{peak:?}");
    }
}
