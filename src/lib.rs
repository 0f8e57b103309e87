//! loadline draws the line to which a container may safely be loaded: it measures every cgroup of a
//! host, learns what normal looks like, decides, and moves limits before the line goes under water.
//!
//! This page is the map of the house. Data walks down the list below once, top to bottom; a room uses
//! only rooms above it (`tests/architecture.rs` holds the exact arrows).
//!
//! Vocabulary
//! * [`units`]: instants, durations, amounts, limits.
//! * [`chart`]: lines, bars, bands and marks → a PNG picture.
//! * [`metric_set`]: the sets into which metrics are grouped.
//! * [`target`]: what is watched and moved: targets, signals, dimensions.
//! * [`config`]: `loadline.yml` → typed, validated settings.
//!
//! Measuring
//! * [`web`]: the one HTTP server: limits, authentication, negotiation, health.
//! * [`cgroup`]: what the kernel says: discovery, v1 and v2, one reading a cgroup.
//! * [`procfs`]: what `/proc` tells of a cgroup's processes: network, sockets, descriptors, scheduling.
//! * [`disk`]: room taken in file systems, by the host and by containers.
//! * [`identity`]: who a cgroup is: which runtime made it, and what that calls it.
//! * [`exporter`]: readings and identities → metric families.
//!
//! Deciding: pure, no clock, no randomness but a seeded one, no I/O below `window`
//! * [`promql`]: asking Prometheus: typed answers and their freshness.
//! * [`window`]: the last hours of every signal of a target, in columns.
//! * [`features`]: window → feature vector.
//! * [`detect`]: feature vectors → how unusual, and why: two detectors, model files.
//! * [`forecast`]: the past of a signal → quantiles of its future.
//! * [`predict`]: labelled records → how many replicas a service needs, how busy an instance will be.
//! * [`policy`]: signals, scores, forecasts and alerts → a proposal.
//! * [`guard`]: proposal → decision: bounds, steps, cooldowns, freshness, floors.
//!
//! Doing
//! * [`journal`]: write-ahead intents and the ledger: what survives `kill -9`.
//! * [`actuate`]: decision → changed world, read back and verified.
//! * [`alerts`]: Alertmanager's webhook → weighted, expiring signals.
//! * [`scaler`]: the loop that joins the rooms above; its gauges and its API.
//! * [`simulate`]: a recorded load before every policy: scores.
//! * [`page`]: the page a person looks at.
//! * [`workload`]: something to scale: a demo service and a load generator.
//! * [`cli`]: one file a command: arguments → wiring → run.

pub mod actuate;
pub mod alerts;
pub mod cgroup;
pub mod chart;
pub mod cli;
pub mod config;
pub mod detect;
pub mod disk;
pub mod exporter;
pub mod features;
pub mod forecast;
pub mod guard;
pub mod identity;
pub mod journal;
pub mod metric_set;
pub mod page;
pub mod policy;
pub mod predict;
pub mod procfs;
pub mod promql;
pub mod scaler;
pub mod simulate;
pub mod target;
pub mod units;
pub mod web;
pub mod window;
pub mod workload;
