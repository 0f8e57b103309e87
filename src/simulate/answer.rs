//! Load on replicas → how long an answer takes and how busy they are, by the formulas of predictive
//! autoscaling's demos.

/// How a replica fares under its share of the load.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Answer {
    /// How long an answer takes.
    pub latency_ms: f64,
    /// How busy the CPU is, 0–100: the formula is one of percentages.
    pub cpu_percent: f64,
}

impl Answer {
    /// The latency of a replica that is not overloaded.
    pub const BASE_MS: f64 = 40.0;

    /// Of `replicas` that carry `load` together and `capacity` each: `share` is the load of one,
    ///
    /// * up to the capacity 40 ms, and the CPU at `share / capacity · 70 %`;
    /// * above it `40 + 2 · (share − capacity)^1.5` ms, and the CPU at
    ///   `min(100, 70 + (share / capacity − 1) · 100) %`.
    pub fn of(load: f64, replicas: u32, capacity: f64) -> Self {
        let share = load / f64::from(replicas);
        if share <= capacity {
            Self { latency_ms: Self::BASE_MS, cpu_percent: share / capacity * 70.0 }
        } else {
            Self {
                latency_ms: Self::BASE_MS + 2.0 * (share - capacity).powf(1.5),
                cpu_percent: (70.0 + (share / capacity - 1.0) * 100.0).min(100.0),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_at_and_beside_the_capacity() {
        let at = |load, replicas| {
            let Answer { latency_ms, cpu_percent } = Answer::of(load, replicas, 25.0);
            (latency_ms, cpu_percent)
        };
        assert_eq!(at(0.0, 1), (40.0, 0.0));
        assert_eq!(at(50.0, 2), (40.0, 70.0));
        assert_eq!(at(29.0, 1), (56.0, 70.0 + (29.0 / 25.0 - 1.0) * 100.0));
        assert_eq!(at(250.0, 1).1, 100.0);
    }
}
