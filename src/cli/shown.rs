//! Which cgroups are shown, and which labels they get.

use clap::{Args, ValueEnum};

use crate::exporter::{Choice, Filter, LabelsShown, Options, Pattern};
use crate::identity::Runtime;
use crate::metric_set::{MetricSet, MetricSets};

/// The flags.
#[derive(Args)]
#[command(next_help_heading = "What is shown")]
pub struct Shown {
    /// Show only cgroups whose whole path matches, such as /docker/.*; may be repeated
    #[arg(long = "cgroup.include", value_name = "REGEX")]
    cgroup_include: Vec<Pattern>,
    /// Leave out cgroups whose whole path matches, such as /system.slice(/.*)?; may be repeated
    #[arg(long = "cgroup.exclude", value_name = "REGEX")]
    cgroup_exclude: Vec<Pattern>,
    /// Show only containers whose whole name matches; may be repeated
    #[arg(long = "name.include", value_name = "REGEX")]
    name_include: Vec<Pattern>,
    /// Leave out containers whose whole name matches; may be repeated
    #[arg(long = "name.exclude", value_name = "REGEX")]
    name_exclude: Vec<Pattern>,
    /// Show only cgroups of these runtimes, such as docker,lxc; also systemd, and raw for the rest
    #[arg(long = "runtime.include", value_name = "NAMES", value_delimiter = ',')]
    runtime_include: Vec<Runtime>,
    /// Leave out cgroups of these runtimes
    #[arg(long = "runtime.exclude", value_name = "NAMES", value_delimiter = ',')]
    runtime_exclude: Vec<Runtime>,
    /// Show only containers, of any runtime, and the root
    #[arg(long)]
    docker_only: bool,
    /// With --docker-only, show cgroups too whose path begins so
    #[arg(long = "docker-only.also", value_name = "PREFIXES", value_delimiter = ',')]
    docker_only_also: Vec<String>,
    /// Labels of containers that every metric gets as container_label_NAME; * for all, "" for none.
    /// loadline_container_info has them all [default: those of Compose and Swarm]
    #[arg(long = "labels.allow", value_name = "NAMES")]
    labels_allow: Option<LabelsShown>,
    /// Print what this program would where loadline does not: see docs/metrics.md
    #[arg(long, value_name = "PROGRAM")]
    compat: Option<Compat>,
}

/// Whose expositions to follow.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Compat {
    Cadvisor,
}

impl Shown {
    /// The sets collected unless a flag says otherwise.
    pub fn default_sets(&self) -> MetricSets {
        let defaults = MetricSets::defaults();
        match self.compat {
            Some(Compat::Cadvisor) => defaults.with(MetricSet::PerCpu).with(MetricSet::Disk),
            None => defaults,
        }
    }

    /// What they say, on top of `options`.
    pub fn into_options(self, options: Options) -> Options {
        let compat = self.compat == Some(Compat::Cadvisor);
        let labels = if compat { LabelsShown::All } else { LabelsShown::default() };
        Options {
            compat,
            labels: self.labels_allow.unwrap_or(labels),
            filter: Filter {
                path: Choice { include: self.cgroup_include, exclude: self.cgroup_exclude },
                name: Choice { include: self.name_include, exclude: self.name_exclude },
                runtimes: self.runtime_include,
                runtimes_excluded: self.runtime_exclude,
                containers_only: self.docker_only,
                prefixes_too: self.docker_only_also,
            },
            ..options
        }
    }
}
