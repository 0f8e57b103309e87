//! `loadline exporter` as a process of its own on a host made of files, and what it holds and does.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::process::Command;

use reqwest::header::{ACCEPT, ACCEPT_ENCODING};

use crate::exporter::fixture::Host;
use crate::support::{PATIENCE, Process, Reply, client, loadline};

/// `Accept` and `Accept-Encoding` of every form in which the metrics come.
pub const FORMS: [(&str, &str); 4] = [
    ("text/plain;version=0.0.4", "identity"),
    ("application/openmetrics-text;version=1.0.0", "identity"),
    ("text/plain;version=0.0.4", "gzip"),
    ("application/openmetrics-text;version=1.0.0", "gzip"),
];

/// A running exporter, and a client that keeps its connection.
pub struct Served {
    /// `127.0.0.1:PORT`.
    pub address: String,
    process: Process,
    client: reqwest::Client,
}

/// What a process holds of the kernel's things.
#[derive(Debug, PartialEq, Eq)]
pub struct Holdings {
    /// Open files, sockets and the like.
    pub descriptors: usize,
    /// Directories watched by inotify.
    pub watches: usize,
}

impl Served {
    /// Starts it on `host`.
    pub async fn start(host: &Host) -> Self {
        let mut command = loadline();
        // By default glibc has an arena for each thread, and which thread scrapes is chance.
        command.env("MALLOC_ARENA_MAX", "1");
        Self::arguments(&mut command, host);
        Self::run(command).await
    }

    /// Appends what makes `loadline` an exporter of `host`.
    pub fn arguments(command: &mut Command, host: &Host) {
        command.args(["exporter", "--web.listen-address=127.0.0.1:0"]);
        for (flag, path) in [("procfs", "proc"), ("sysfs", "sys"), ("rootfs", "")] {
            command.arg(format!("--path.{flag}={}", host.path(path).display()));
        }
    }

    /// Starts `command`, an exporter on a port of its own choice.
    pub async fn run(command: Command) -> Self {
        let mut process = Process::spawn("exporter", command);
        let address = process.wait_address(PATIENCE).await;
        Self { address, process, client: client() }
    }

    /// One scrape in the form number `form`, as text; it must be whole and well formed.
    pub async fn scrape(&self, form: usize) -> String {
        let (accept, encoding) = FORMS[form % FORMS.len()];
        let request = self.client.get(format!("http://{}/metrics", self.address));
        let request = request.header(ACCEPT, accept).header(ACCEPT_ENCODING, encoding);
        let reply = Reply::read(request.send().await.expect("an answer")).await.expect("a body");
        assert_eq!(reply.status, 200);
        let media_type = accept.split(';').next().expect("the first part");
        assert!(reply.header("content-type").starts_with(media_type));
        let mut text = String::new();
        if encoding == "gzip" {
            assert_eq!(reply.header("content-encoding"), "gzip");
            let mut decoder = flate2::read::GzDecoder::new(&reply.body[..]);
            decoder.read_to_string(&mut text).expect("gzip of text");
        } else {
            text = String::from_utf8(reply.body).expect("text");
        }
        assert_eq!(text.ends_with("# EOF\n"), accept.starts_with("application/"));
        no_series_comes_twice(&text);
        text
    }

    /// What it logged so far.
    pub fn log(&self) -> String {
        self.process.stderr()
    }

    /// What it holds now.
    pub fn holdings(&self) -> Holdings {
        let list = |folder: &str| -> Vec<_> {
            let entries = fs::read_dir(self.proc(folder)).expect("it runs");
            entries.map(|entry| entry.expect("an entry").path()).collect()
        };
        let watches = list("fdinfo").into_iter().map(|file| {
            // One that was closed meanwhile watches nothing.
            let text = fs::read_to_string(file).unwrap_or_default();
            text.lines().filter(|line| line.starts_with("inotify wd:")).count()
        });
        Holdings { descriptors: list("fd").len(), watches: watches.sum() }
    }

    /// Memory of its own: resident, and not of a file. In bytes.
    pub fn memory_bytes(&self) -> u64 {
        let status = fs::read_to_string(self.proc("status")).expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        let kibibytes = line.expect("Linux 4.5").trim().trim_end_matches(" kB");
        kibibytes.parse::<u64>().expect("a number") * 1024
    }

    /// How often each of its threads was put on a CPU, and the ticks that all used.
    pub fn activity(&self) -> (Vec<String>, Vec<String>) {
        let mut threads: Vec<_> = fs::read_dir(self.proc("task")).expect("it runs").collect();
        threads.sort_by_key(|entry| entry.as_ref().expect("an entry").file_name());
        let switches = threads.into_iter().filter_map(|thread| {
            let status = fs::read_to_string(thread.ok()?.path().join("status")).ok()?;
            Some(status.lines().filter(|line| line.contains("ctxt_switches")).collect())
        });
        let stat = fs::read_to_string(self.proc("stat")).expect("it runs");
        let after_name = stat.rsplit_once(") ").expect("a name in brackets").1;
        let ticks = after_name.split(' ').skip(11).take(2).map(str::to_owned);
        (switches.collect(), ticks.collect())
    }

    fn proc(&self, file: &str) -> String {
        format!("/proc/{}/{file}", self.process.id())
    }
}

fn no_series_comes_twice(exposition: &str) {
    let mut series = BTreeSet::new();
    for line in exposition.lines().filter(|line| !line.starts_with('#')) {
        let (name, _) = line.rsplit_once(' ').expect("a value");
        assert!(series.insert(name), "twice: {name}");
    }
}

/// The value of `label` in every sample of a family, in the order of the exposition, as written there.
pub fn labels<'a>(exposition: &'a str, family: &str, label: &str) -> Vec<&'a str> {
    let start = format!("{label}=\"");
    let samples =
        exposition.lines().filter_map(|line| line.strip_prefix(family)?.strip_prefix('{'));
    samples
        .filter_map(|labels| {
            let at = labels.find(&start)? + start.len();
            let end = labels[at..].find("\",").or_else(|| labels[at..].find("\"}"))?;
            Some(&labels[at..at + end])
        })
        .collect()
}
