//! What a person gets of a simulation: one table as CSV, pictures, and a page that explains both.

mod page;
mod pictures;
mod summary;
#[cfg(test)]
mod tests;

pub use page::page;
pub use pictures::{Picture, pictures};
pub use summary::{COLUMNS, record};

use super::Run;

/// The HPA's runs at other targets, the cheapest first.
fn front(runs: &[Run]) -> Vec<&Run> {
    let mut front: Vec<&Run> = runs.iter().filter(|run| run.is_of_front()).collect();
    front.sort_by(|a, b| a.figures.replica_hours.total_cmp(&b.figures.replica_hours));
    front
}

/// The run of `policy` that deviates least from the ideal.
fn best_of<'a>(runs: &'a [Run], policy: &str) -> Option<&'a Run> {
    let own = runs.iter().filter(|run| run.policy == policy);
    own.min_by(|a, b| a.figures.deviation().total_cmp(&b.figures.deviation()))
}

/// The best run of every policy, in their order; the front is left out.
fn best_of_each(runs: &[Run]) -> Vec<&Run> {
    let mut best: Vec<&Run> = Vec::new();
    for run in runs.iter().filter(|run| !run.is_of_front()) {
        if best.iter().all(|other| other.policy != run.policy) {
            best.extend(best_of(runs, &run.policy));
        }
    }
    best
}
