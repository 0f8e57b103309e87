//! A host whose files hold anything: each line of what is exported is well formed, and no series comes twice.

#![no_main]

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use libfuzzer_sys::fuzz_target;
use loadline::exporter::{Collector, LabelsShown, Options};
use loadline::units::Timestamp;
use loadline::web::Format;

/// Files of a cgroup, each with a text that fits.
const FILES: [(&str, &str); 10] = [
    ("memory.stat", "anon 5\nfile 7\ninactive_file 3\npgfault 9\n"),
    ("memory.current", "12\n"),
    ("cpu.stat", "usage_usec 7\nnr_periods 3\nnr_throttled 1\n"),
    ("cpu.pressure", "some avg10=0.00 total=5\nfull avg10=0.00 total=2\n"),
    ("io.stat", "8:0 rbytes=1 wbytes=2 rios=3 wios=4\n"),
    ("memory.events", "max 1\noom_kill 2\n"),
    ("cpu.max", "10000 100000\n"),
    ("cpu.weight", "100\n"),
    ("memory.max", "max\n"),
    ("cgroup.procs", "7\n"),
];

// The text is cut at zero bytes: the names of two cgroups, then texts of the first one's files. What is
// missing is as the kernel would write it.
fuzz_target!(|data: &[u8]| {
    let host = tempfile::tempdir_in("/dev/shm").expect("a folder");
    let cgroups = host.path().join("sys/fs/cgroup");
    fs::create_dir_all(&cgroups).expect("made");
    fs::write(cgroups.join("cgroup.controllers"), "cpu memory\n").expect("written");
    let mut texts = data.split(|byte| *byte == 0);
    let mut groups = Vec::new();
    for _ in 0..2 {
        let name = OsStr::from_bytes(texts.next().unwrap_or(b"a"));
        let group = cgroups.join(Path::new(name).file_name().unwrap_or(OsStr::new("a")));
        // Too long a name is refused.
        if fs::create_dir_all(&group).is_err() {
            return;
        }
        for (file, text) in FILES {
            fs::write(group.join(file), text).expect("written");
        }
        groups.push(group);
    }
    for ((file, _), text) in FILES.iter().zip(texts) {
        fs::write(groups[0].join(file), text).expect("written");
    }
    let below = |path: &str| host.path().join(path);
    let options = Options {
        procfs: below("proc"),
        sysfs: below("sys"),
        rootfs: host.path().to_owned(),
        labels: LabelsShown::All,
        ..Options::default()
    };
    let mut collector = Collector::new(options).expect("a hierarchy");
    collector.collect(Timestamp::from_millis(1_767_312_000_250));
    for format in [Format::Text, Format::OpenMetrics] {
        let mut out = Vec::new();
        collector.render(format, &mut out).expect("in memory");
        check(&String::from_utf8(out).expect("UTF-8"));
    }
});

fn check(exposition: &str) {
    let mut series = BTreeSet::new();
    // A carriage return is part of a value.
    for line in exposition.split_terminator('\n').filter(|line| !line.starts_with("# ")) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no value: {line:?}"));
        assert!(value.parse::<f64>().is_ok(), "no number: {line:?}");
        assert!(labels_are_well_formed(name), "no series: {line:?}");
        assert!(series.insert(name), "twice: {line:?}");
    }
}

/// `name` or `name{label="value",…}`.
fn labels_are_well_formed(series: &str) -> bool {
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    let Some((name, rest)) = series.split_once('{') else { return word(series) };
    let Some(mut rest) = rest.strip_suffix('}') else { return false };
    while !rest.is_empty() {
        let Some((label, value)) = rest.split_once("=\"") else { return false };
        let mut end = None;
        let mut escaped = false;
        for (at, byte) in value.bytes().enumerate() {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    end = Some(at);
                    break;
                }
                _ => (),
            }
        }
        let Some(end) = end else { return false };
        rest = &value[end + 1..];
        rest = rest.strip_prefix(',').unwrap_or(rest);
        if !word(label) {
            return false;
        }
    }
    word(name)
}
