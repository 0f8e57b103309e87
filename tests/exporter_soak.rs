//! The exporter over thousands of scrapes of a host where containers come and go.

mod churn;
mod oddities;
mod served;

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use crate::exporter::fixture::{Host, Layout, container_id};
use crate::support::wait_for;
use served::{Served, labels};

/// Scrapes of a soak; more by `LOADLINE_TEST_SCRAPES=10000`.
const SCRAPES: usize = 1_200;

/// After so many scrapes whatever is made once has been made, and the allocator has its room.
const WARM_UP: usize = 600;

/// Names of containers that come and go; each is given to many containers, one after the other.
const NAMES: u32 = 12;

/// How much higher the peak of memory may be in the soak than in the warm-up. What the allocator and the
/// stacks of the pool's threads hold differs by 0.7 MiB from one time to the next; 1.8 KiB kept of each scrape
/// would be more than this, and 215 bytes with 10 000 scrapes.
const TOLERANCE_BYTES: u64 = 2 * 1024 * 1024;

/// The containers of a host, of which some are born and some die at each step.
struct Fleet {
    host: Host,
    alive: BTreeSet<u32>,
    births: u64,
}

impl Fleet {
    /// A host with services that stay.
    fn new(layout: Layout) -> Self {
        let host = Host::new(layout);
        host.group("/system.slice", 2);
        for n in 3..8 {
            host.group(&format!("/system.slice/service-{n}.service"), n);
        }
        host.group("/docker", 20);
        Self { host, alive: BTreeSet::new(), births: 0 }
    }

    fn path(&self, n: u32) -> String {
        format!("/docker/{}", container_id(n))
    }

    /// A container with a cgroup below it; each third has a file that cannot be understood.
    fn bear(&mut self, n: u32) {
        self.births += 1;
        let id = container_id(n);
        let label = format!(r#""birth":"{}""#, self.births);
        self.host.docker(&id, &format!("name-{n}"), "image", &label);
        if self.births.is_multiple_of(3) {
            let file = format!("var/lib/docker/containers/{id}/config.v2.json");
            self.host.write(&file, "{\"Name\": 7}");
        }
        self.host.group(&self.path(n), self.births % 90 + 1);
        self.host.group(&format!("{}/init.scope", self.path(n)), 1);
        self.alive.insert(n);
    }

    fn kill(&mut self, n: u32) {
        self.host.remove_group(&self.path(n));
        let files = format!("var/lib/docker/containers/{}", container_id(n));
        fs::remove_dir_all(self.host.path(&files)).unwrap();
        self.alive.remove(&n);
    }

    /// What happens between two scrapes: one with a name of its own comes, for one step; one of the names
    /// comes or goes, or each fifth time goes and comes again.
    fn step(&mut self, round: usize) {
        let round = round as u32;
        if round > 0 && self.alive.contains(&(NAMES + round - 1)) {
            self.kill(NAMES + round - 1);
        }
        self.bear(NAMES + round);
        let n = round.wrapping_mul(7) % NAMES;
        let lived = self.alive.contains(&n);
        if lived {
            self.kill(n);
        }
        if !lived || round.is_multiple_of(5) {
            self.bear(n);
        }
    }

    fn all_die(&mut self) {
        for n in self.alive.clone() {
            self.kill(n);
        }
    }

    /// The containers that an exposition shows, by their numbers.
    fn shown(exposition: &str) -> BTreeSet<u32> {
        let ids = labels(exposition, "container_last_seen", "id");
        let names = ids.into_iter().filter_map(|id| id.strip_prefix("/docker/"));
        let containers = names.filter(|name| !name.contains('/'));
        containers.map(|id| u32::from_str_radix(&id[..8], 16).expect("a number")).collect()
    }
}

async fn soak(layout: Layout, scrapes: usize) {
    let mut fleet = Fleet::new(layout);
    let exporter = Served::start(&fleet.host).await;
    let mut rounds = 0..;
    let mut run = async |fleet: &mut Fleet, count: usize| {
        let mut peak = 0;
        for round in rounds.by_ref().take(count) {
            fleet.step(round);
            let text = exporter.scrape(round).await;
            assert_eq!(Fleet::shown(&text), fleet.alive, "scrape {round}");
            peak = peak.max(exporter.memory_bytes());
        }
        // Back to the host of the start, which each form then tells of.
        fleet.all_die();
        for form in 0..served::FORMS.len() {
            assert_eq!(Fleet::shown(&exporter.scrape(form).await), BTreeSet::new());
        }
        rest(&exporter).await;
        (exporter.holdings(), peak)
    };
    let (held, memory) = run(&mut fleet, WARM_UP).await;
    let (held_after, memory_after) = run(&mut fleet, scrapes).await;
    eprintln!("{held_after:?}, at most {memory} bytes in the warm-up, {memory_after} later");
    assert_eq!(held_after, held);
    assert!(
        memory_after <= memory + TOLERANCE_BYTES,
        "grown from {memory} to {memory_after} bytes in {scrapes} scrapes"
    );
}

/// Nobody scrapes for two seconds: not one of its threads runs, not a tick is used. The pool of threads lets
/// one go that had no work for ten seconds; so there is a second look, and a few more.
async fn rest(exporter: &Served) {
    let still = async || {
        let before = exporter.activity();
        // Nothing tells that nothing happens.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let after = exporter.activity();
        if before == after { Ok(()) } else { Err(format!("{before:?} then {after:?}")) }
    };
    wait_for("two seconds of rest", Duration::from_secs(14), still).await;
}

fn scrapes() -> usize {
    let asked = std::env::var("LOADLINE_TEST_SCRAPES");
    asked.map_or(SCRAPES, |text| text.parse().expect("LOADLINE_TEST_SCRAPES is a number"))
}

#[tokio::test]
async fn nothing_grows_on_a_v2_host() {
    soak(Layout::V2, scrapes()).await;
}

#[tokio::test]
async fn nothing_grows_on_a_hybrid_host() {
    soak(Layout::Hybrid, scrapes() / 5).await;
}
