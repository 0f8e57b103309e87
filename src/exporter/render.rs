//! Writes the last collection family by family.

use std::io::{self, Write};

use super::family::Samples;
use super::write::{Lines, Number};
use super::{Collector, Entry, table};
use crate::web::Format;

/// Writes the whole exposition, a family at a time.
pub(super) fn render(collector: &Collector, format: Format, to: &mut dyn Write) -> io::Result<()> {
    let mut out = Vec::new();
    let entries: Vec<Entry> = collector.snapshot().entries().collect();
    for (set, family) in table::families() {
        let asked = set.is_none_or(|set| collector.sets.contains(set));
        if !asked || (is_of_host(family.name) && !collector.scope.has_host()) {
            continue;
        }
        let mut lines = Lines::new(family, format, &mut out);
        match family.samples {
            Samples::Group(value) => {
                for entry in &entries {
                    if let Some(value) = value(&collector.host, entry) {
                        lines.sample(entry.labels, b"", value);
                    }
                }
            }
            Samples::Labelled(samples) => {
                for entry in &entries {
                    for (labels, value) in samples {
                        if let Some(value) = value(entry) {
                            lines.sample(entry.labels, labels.as_bytes(), value);
                        }
                    }
                }
            }
            Samples::Device(samples) => {
                for entry in &entries {
                    devices(collector, entry, samples, &mut lines);
                }
            }
            Samples::Other(write) => write(collector, &mut lines),
        }
        to.write_all(&out)?;
        out.clear();
    }
    if format == Format::OpenMetrics {
        to.write_all(b"# EOF\n")?;
    }
    Ok(())
}

/// Whether a family tells of the machine or of ourselves, not of cgroups or of the scrape.
fn is_of_host(name: &str) -> bool {
    let starts = ["machine_", "process_", "loadline_build_", "cadvisor_"];
    starts.iter().any(|start| name.starts_with(start))
}

/// The samples of one cgroup for all its devices.
fn devices(
    collector: &Collector,
    entry: &Entry,
    samples: &[super::family::DeviceSample],
    lines: &mut Lines,
) {
    for device in &entry.reading.io {
        for (operation, value) in samples {
            let Some(value) = value(device) else { continue };
            let labels = collector.devices.labels(device, operation);
            lines.sample(entry.labels, labels, Number::Whole(value));
        }
    }
}
