//! A scrape over N Docker containers made of plain files: collecting, rendering, and below them the
//! floor, which is nothing but a `pread` of the same files on open descriptors.
//!
//! Plain files stand in for the kernel's, whose `memory.stat` alone costs about nine microseconds, so
//! these figures are for comparing one version with the next; `loadline_scrape_collector_duration_seconds`
//! tells those of a real host.

// A benchmark that cannot be set up has nothing better to do than to stop.
#![allow(clippy::expect_used)]

// The tests' hosts; not all of it serves here.
#[allow(dead_code)]
#[path = "../tests/exporter/fixture.rs"]
mod fixture;

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use divan::{Bencher, black_box};
use fixture::{Host, Layout, container_id};
use loadline::exporter::Collector;
use loadline::units::Timestamp;
use loadline::web::Format;

const SIZES: [u32; 3] = [10, 100, 1000];

fn main() {
    divan::main();
}

fn host(containers: u32) -> Host {
    let host = Host::new(Layout::V2);
    for n in 0..containers {
        let id = container_id(n);
        host.docker(&id, &format!("container-{n}"), "example/app:1", "");
        host.group(&format!("/system.slice/docker-{id}.scope"), u64::from(n) + 2);
    }
    host
}

fn collector(host: &Host) -> Collector {
    let mut collector = Collector::new(host.options()).expect("cgroups are there");
    collector.collect(Timestamp::default());
    collector
}

#[divan::bench(args = SIZES)]
fn collect(bencher: Bencher, containers: u32) {
    let host = host(containers);
    let mut collector = collector(&host);
    bencher.bench_local(|| {
        black_box(collector.collect(Timestamp::default()));
    });
}

#[divan::bench(args = SIZES)]
fn render_text(bencher: Bencher, containers: u32) {
    render(bencher, containers, Format::Text);
}

#[divan::bench(args = SIZES)]
fn render_openmetrics(bencher: Bencher, containers: u32) {
    render(bencher, containers, Format::OpenMetrics);
}

fn render(bencher: Bencher, containers: u32, format: Format) {
    let host = host(containers);
    let collector = collector(&host);
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        collector.render(format, &mut out).expect("in memory");
        black_box(out.len());
    });
}

#[divan::bench(args = SIZES)]
fn floor_of_preads(bencher: Bencher, containers: u32) {
    let host = host(containers);
    // A collector raises the limit of open files, which this needs too.
    drop(collector(&host));
    let mut files = Vec::new();
    open_all(&host.path("sys/fs/cgroup"), &mut files);
    let mut buffer = vec![0; 64 * 1024];
    bencher.bench_local(|| {
        for file in &files {
            black_box(file.read_at(&mut buffer, 0).expect("read"));
        }
    });
}

/// The files of all cgroups below `dir`, but those that are never read.
fn open_all(dir: &Path, files: &mut Vec<File>) {
    for entry in std::fs::read_dir(dir).expect("read_dir").map(|entry| entry.expect("entry")) {
        if entry.file_type().expect("type").is_dir() {
            open_all(&entry.path(), files);
        } else if entry.file_name() != "cgroup.controllers" {
            files.push(File::open(entry.path()).expect("open"));
        }
    }
}
