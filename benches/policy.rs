//! What one decision about replicas costs: the policy `default` with every rule in shadow after a day of
//! minutes, and the HPA beside it.
//!
//! `cargo bench --bench policy`

// A benchmark that cannot be set up has nothing better to do than to stop.
#![allow(clippy::expect_used)]

use std::f64::consts::TAU;
use std::time::Duration;

use divan::{Bencher, black_box};
use loadline::config::Policy;
use loadline::policy::plant::Plant;
use loadline::policy::{self, PolicyState, Situation, Workload};
use loadline::units::{Limit, Timestamp};

const DELAY: Duration = Duration::from_secs(120);
const PAST: u32 = 8 * 1440;

fn main() {
    divan::main();
}

/// A service under a policy, minute after minute.
struct Service {
    policy: Policy,
    state: PolicyState,
    plant: Plant,
    minute: u32,
}

impl Service {
    fn new(name: &str) -> Self {
        let policy = Policy::named(name).expect("a policy");
        Self { policy, state: PolicyState::default(), plant: Plant::new(10), minute: 0 }
    }

    fn live(&mut self) {
        let at = Timestamp::default().plus(Duration::from_secs(60) * self.minute);
        let ready = self.plant.tick(at);
        let minute = f64::from(self.minute);
        // Something that looks like noise and needs no generator.
        let noise = ((minute * 12.9898).sin() * 43758.5453).fract();
        let ready = Some(f64::from(ready));
        let workload = Workload { ready, ..Workload::new(10.0, DELAY) };
        let load = 100.0 + 40.0 * (TAU * minute / 1440.0).sin() + 20.0 * noise;
        let current = Some(Limit::At(f64::from(self.plant.wanted())));
        let moment = Situation::of_load(at, "bench/service".into(), load, workload);
        let situation = Situation { current, ..moment };
        let proposal = policy::propose(&self.policy, &situation, &mut self.state);
        let size = black_box(&proposal).desired.expect("a size");
        self.plant.scale_to(size as u32, at, DELAY);
        self.minute += 1;
    }
}

#[divan::bench(args = ["default", "slo", "price", "hpa"])]
fn decide(bencher: Bencher<'_, '_>, name: &str) {
    let mut service = Service::new(name);
    for _ in 0..PAST {
        service.live();
    }
    bencher.bench_local(|| service.live());
}
