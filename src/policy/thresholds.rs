//! One replica more where any sign is high, one less where all are low: seed 3's thresholds.

use super::service::{current, hold, replicas, toward, unknown};
use super::size::{percent, short};
use super::{Proposal, Situation, known};
use crate::config::Thresholds;

pub(super) fn propose(policy: &Thresholds, situation: &Situation) -> Proposal {
    let Some(workload) = &situation.workload else {
        return unknown("nothing is known of the service");
    };
    let Some(current) = current(situation) else {
        return unknown("the present count is not known");
    };
    let ms = |seconds: f64| format!("{} ms", short(seconds * 1000.0, 0));
    let ratio = |name, measured, up, down| Sign { name, measured, up, down, words: percent };
    let signs = [
        ratio("CPU", workload.cpu_ratio, policy.cpu_up_ratio, policy.cpu_down_ratio),
        ratio("memory", workload.memory_ratio, policy.memory_up_ratio, policy.memory_down_ratio),
        Sign {
            name: "latency",
            measured: workload.latency_seconds,
            up: policy.latency_up_seconds,
            down: policy.latency_down_seconds,
            words: ms,
        },
        ratio("error", workload.error_ratio, policy.error_up_ratio, policy.error_up_ratio),
    ];
    let high: Vec<String> = signs.iter().filter(|sign| sign.is_high()).map(Sign::high).collect();
    if !high.is_empty() {
        let count = (current + 1.0).min(f64::from(policy.max_replicas)).max(current);
        return toward(situation, count, format!("one more: {}", high.join(", ")));
    }
    if let Some(sign) = signs[..2].iter().find(|sign| known(sign.measured).is_none()) {
        return unknown(format!("the {} is not known, so nothing is taken", sign.name));
    }
    // Latency and errors count where they are measured.
    match signs.iter().find(|sign| sign.measured.is_some() && !sign.is_low()) {
        Some(sign) => hold(situation, format!("the {} is not low", sign.name)),
        None => {
            let count = (current - 1.0).max(f64::from(policy.min_replicas)).min(current);
            let reason = format!("one less than {}: every sign is low", replicas(current));
            toward(situation, count, reason)
        }
    }
}

/// One sign of a service.
struct Sign {
    name: &'static str,
    measured: Option<f64>,
    up: f64,
    down: f64,
    words: fn(f64) -> String,
}

impl Sign {
    fn is_high(&self) -> bool {
        known(self.measured).is_some_and(|value| value > self.up)
    }

    fn is_low(&self) -> bool {
        known(self.measured).is_some_and(|value| value < self.down)
    }

    fn high(&self) -> String {
        let value = known(self.measured).map(self.words).unwrap_or_default();
        format!("{} {value} above {}", self.name, (self.words)(self.up))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Action;
    use super::super::fixtures::replicas;
    use super::*;

    /// CPU, memory, latency and errors of a service with five replicas.
    fn of(cpu: f64, memory: f64, latency: Option<f64>, errors: Option<f64>) -> Situation {
        let mut situation = replicas(5.0, 10.0);
        let workload = situation.workload.as_mut().expect("there");
        workload.cpu_ratio = Some(cpu);
        workload.memory_ratio = Some(memory);
        workload.latency_seconds = latency;
        workload.error_ratio = errors;
        situation
    }

    fn desired(situation: &Situation) -> f64 {
        propose(&Thresholds::default(), situation).desired.expect("a count")
    }

    fn names_no_count(situation: &Situation) -> bool {
        propose(&Thresholds::default(), situation).desired.is_none()
    }

    #[test]
    fn any_high_sign_adds_one() {
        assert_eq!(desired(&of(0.70, 0.75, Some(0.5), Some(0.05))), 5.0, "at the limits");
        assert_eq!(desired(&of(0.71, 0.1, None, None)), 6.0);
        assert_eq!(desired(&of(0.1, 0.76, None, None)), 6.0);
        assert_eq!(desired(&of(0.1, 0.1, Some(0.51), None)), 6.0);
        assert_eq!(desired(&of(0.1, 0.1, None, Some(0.06))), 6.0);
        let proposal = propose(&Thresholds::default(), &of(0.8, 0.9, Some(0.6), Some(0.1)));
        assert_eq!(
            proposal.reasons,
            [
                "one more: CPU 80 % above 70 %, memory 90 % above 75 %, latency 600 ms above 500 ms, \
              error 10 % above 5 %"
            ]
        );
    }

    #[test]
    fn all_low_signs_take_one() {
        assert_eq!(desired(&of(0.29, 0.34, None, None)), 4.0);
        assert_eq!(desired(&of(0.30, 0.34, None, None)), 5.0);
        assert_eq!(desired(&of(0.29, 0.35, None, None)), 5.0);
        assert_eq!(desired(&of(0.29, 0.34, Some(0.1), None)), 5.0, "answers are not that fast");
        assert_eq!(desired(&of(0.29, 0.34, Some(0.09), Some(0.0))), 4.0);
    }

    #[test]
    fn it_ends_at_one_and_at_ten() {
        let with = |count: f64, cpu| {
            let current = Some(crate::units::Limit::At(count));
            desired(&Situation { current, ..of(cpu, 0.1, None, None) })
        };
        assert_eq!((with(10.0, 0.9), with(9.0, 0.9)), (10.0, 10.0));
        assert_eq!((with(1.0, 0.1), with(2.0, 0.1)), (1.0, 1.0));
        assert_eq!((with(12.0, 0.9), with(12.0, 0.1)), (12.0, 11.0), "it does not jump back");
    }

    #[test]
    fn what_is_not_known_takes_nothing_and_hides_nothing() {
        let mut situation = of(0.1, 0.1, None, None);
        situation.workload.as_mut().expect("there").memory_ratio = None;
        assert!(names_no_count(&situation));
        situation.workload.as_mut().expect("there").cpu_ratio = Some(0.9);
        assert_eq!(desired(&situation), 6.0);
        let mut situation = of(0.1, 0.1, Some(f64::NAN), None);
        assert_eq!(propose(&Thresholds::default(), &situation).action, Action::NoScaling);
        situation.workload = None;
        assert!(names_no_count(&situation));
    }
}
