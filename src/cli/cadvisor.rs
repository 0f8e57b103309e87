//! cAdvisor's flags on the command line of `loadline exporter`, so that the arguments of a Compose file or
//! a DaemonSet can stay when the image changes.
//!
//! They are written as Go's flags are: with one dash or two, `-name=value` or `-name value`.

use std::collections::VecDeque;
use std::ffi::OsString;

use crate::metric_set::MetricSet;

/// A flag of cAdvisor.
struct Flag {
    name: &'static str,
    /// Whether it stands for itself; else it wants a value.
    is_switch: bool,
    meaning: Meaning,
}

/// What we make of it.
#[derive(Clone, Copy)]
enum Meaning {
    ListenIp,
    Port,
    Endpoint,
    UrlPrefix,
    DockerOnly,
    WithoutRoot,
    CgroupPrefixes,
    StoreLabels,
    Labels,
    Disable,
    Enable,
    Version,
    /// Nothing; the text says what takes its place.
    Ignored(&'static str),
}

use Meaning::Ignored;

const fn value(name: &'static str, meaning: Meaning) -> Flag {
    Flag { name, is_switch: false, meaning }
}

const fn switch(name: &'static str, meaning: Meaning) -> Flag {
    Flag { name, is_switch: true, meaning }
}

const SCRAPE: Meaning =
    Ignored("files are read when Prometheus asks, as often as its scrape_interval says");
const STORAGE: Meaning = Ignored("nothing is stored here: Prometheus does that");
const LOG: Meaning = Ignored("use --log.level and --log.format");
const DAEMON: Meaning =
    Ignored("no daemon is asked: --path.rootfs says where the runtimes' files are");
const SECRETS: Meaning = Ignored("environment variables are never shown, as they hold secrets");
const APPLICATION: Meaning =
    Ignored("metrics of applications are not collected: let Prometheus scrape them");
const PASSWORD: Meaning =
    Ignored("it guarded cAdvisor's pages, never its metrics: see --web.config.file");
const HARDWARE: Meaning = Ignored("this is not collected");
const IDS: Meaning = Ignored("read below --path.procfs and --path.rootfs");

#[rustfmt::skip]
static FLAGS: &[Flag] = &[
    value("listen_ip", Meaning::ListenIp),
    value("port", Meaning::Port),
    value("prometheus_endpoint", Meaning::Endpoint),
    value("url_base_prefix", Meaning::UrlPrefix),
    switch("docker_only", Meaning::DockerOnly),
    switch("disable_root_cgroup_stats", Meaning::WithoutRoot),
    value("raw_cgroup_prefix_whitelist", Meaning::CgroupPrefixes),
    switch("store_container_labels", Meaning::StoreLabels),
    value("whitelisted_container_labels", Meaning::Labels),
    value("disable_metrics", Meaning::Disable),
    value("enable_metrics", Meaning::Enable),
    switch("version", Meaning::Version),
    value("housekeeping_interval", SCRAPE),
    value("max_housekeeping_interval", SCRAPE),
    value("global_housekeeping_interval", SCRAPE),
    switch("allow_dynamic_housekeeping", SCRAPE),
    value("update_machine_info_interval", SCRAPE),
    value("storage_duration", STORAGE),
    value("storage_driver", STORAGE),
    value("storage_driver_buffer_duration", STORAGE),
    value("storage_driver_db", STORAGE),
    value("storage_driver_host", STORAGE),
    value("storage_driver_password", STORAGE),
    switch("storage_driver_secure", STORAGE),
    value("storage_driver_table", STORAGE),
    value("storage_driver_user", STORAGE),
    value("event_storage_age_limit", STORAGE),
    value("event_storage_event_limit", STORAGE),
    switch("logtostderr", LOG),
    switch("alsologtostderr", LOG),
    value("stderrthreshold", LOG),
    value("log_backtrace_at", LOG),
    value("log_dir", LOG),
    value("log_file", LOG),
    value("log_file_max_size", LOG),
    switch("log_cadvisor_usage", LOG),
    switch("add_dir_header", LOG),
    switch("one_output", LOG),
    switch("skip_headers", LOG),
    switch("skip_log_headers", LOG),
    value("v", LOG),
    value("vmodule", LOG),
    value("docker", DAEMON),
    value("docker_root", DAEMON),
    switch("docker-tls", DAEMON),
    value("docker-tls-ca", DAEMON),
    value("docker-tls-cert", DAEMON),
    value("docker-tls-key", DAEMON),
    value("containerd", DAEMON),
    value("containerd-namespace", DAEMON),
    value("podman", DAEMON),
    value("env_metadata_whitelist", SECRETS),
    value("docker_env_metadata_whitelist", SECRETS),
    value("containerd_env_metadata_whitelist", SECRETS),
    value("application_metrics_count_limit", APPLICATION),
    value("collector_cert", APPLICATION),
    value("collector_key", APPLICATION),
    value("container_hints", APPLICATION),
    value("http_auth_file", PASSWORD),
    value("http_auth_realm", PASSWORD),
    value("http_digest_file", PASSWORD),
    value("http_digest_realm", PASSWORD),
    value("perf_events_config", HARDWARE),
    value("resctrl_interval", HARDWARE),
    value("referenced_reset_interval", HARDWARE),
    switch("enable_load_reader", HARDWARE),
    switch("profiling", HARDWARE),
    value("max_procs", Ignored("one thread reads at a time")),
    value("boot_id_file", IDS),
    value("machine_id_file", IDS),
];

/// cAdvisor's metric sets that we have not.
const NOT_OURS: [&str; 5] = ["app", "cpuLoad", "perf_event", "referenced_memory", "resctrl"];

/// The command line with cAdvisor's flags in our spelling, and a note for the log on each of them. Only
/// that of `loadline exporter` is changed; what is no flag of cAdvisor stays as it is.
///
/// # Errors
/// Where a flag of cAdvisor has a value that it would refuse itself.
pub fn translate(line: Vec<OsString>) -> Result<(Vec<OsString>, Vec<String>), String> {
    let Some(command) = command(&line).filter(|at| line[*at] == "exporter") else {
        return Ok((line, Vec::new()));
    };
    let mut rest: VecDeque<OsString> = line.into();
    let mut ours: Vec<OsString> = rest.drain(..=command).collect();
    let mut told = Told::default();
    while let Some(argument) = rest.pop_front() {
        let Some((flag, written)) = argument.to_str().and_then(find) else {
            ours.push(argument);
            continue;
        };
        let value = match (written, flag.is_switch) {
            (Some(value), _) => value.to_owned(),
            (None, true) => "true".to_owned(),
            (None, false) => rest
                .pop_front()
                .and_then(|next| next.into_string().ok())
                .ok_or_else(|| format!("cAdvisor's flag --{} wants a value", flag.name))?,
        };
        told.take(flag, &value)?;
    }
    let (more, notes) = told.finish();
    ours.extend(more.into_iter().map(OsString::from));
    Ok((ours, notes))
}

/// Where the command stands: the first argument that is neither a flag nor the value of a global one.
fn command(line: &[OsString]) -> Option<usize> {
    let is_flag = |argument: &OsString| argument.to_string_lossy().starts_with('-');
    let takes_next = |argument: &OsString| argument == "--log.level" || argument == "--log.format";
    (1..line.len()).find(|at| !is_flag(&line[*at]) && !takes_next(&line[*at - 1]))
}

/// The flag that an argument names, and the value written to it.
fn find(argument: &str) -> Option<(&'static Flag, Option<&str>)> {
    let text = argument.strip_prefix("--").or_else(|| argument.strip_prefix('-'))?;
    let (name, value) = text.split_once('=').map_or((text, None), |(n, v)| (n, Some(v)));
    Some((FLAGS.iter().find(|flag| flag.name == name)?, value))
}

/// What the flags say together.
#[derive(Default)]
struct Told {
    ip: Option<String>,
    port: Option<String>,
    endpoint: Option<String>,
    prefix: Option<String>,
    store_labels: Option<bool>,
    labels: Option<String>,
    disable: Vec<MetricSet>,
    enable: Option<Vec<MetricSet>>,
    /// Flags of ours.
    flags: Vec<String>,
    notes: Vec<String>,
}

impl Told {
    fn take(&mut self, flag: &Flag, value: &str) -> Result<(), String> {
        let name = flag.name;
        let text = || Some(value.to_owned());
        // As Go's strconv.ParseBool.
        let is_on = || match value {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
            _ => Err(format!("cAdvisor's flag --{name}: expected true or false, found {value:?}")),
        };
        match flag.meaning {
            Meaning::ListenIp => self.ip = text(),
            Meaning::Port => self.port = text(),
            Meaning::Endpoint => self.endpoint = text(),
            Meaning::UrlPrefix => self.prefix = text().filter(|prefix| !prefix.is_empty()),
            Meaning::DockerOnly if is_on()? => self.flags.push("--docker-only".to_owned()),
            Meaning::WithoutRoot if is_on()? => self.flags.push("--cgroup.exclude=/".to_owned()),
            Meaning::DockerOnly | Meaning::WithoutRoot => (),
            Meaning::CgroupPrefixes if value.is_empty() => (),
            Meaning::CgroupPrefixes => self.flags.push(format!("--docker-only.also={value}")),
            Meaning::StoreLabels => self.store_labels = Some(is_on()?),
            Meaning::Labels => self.labels = text(),
            Meaning::Disable => {
                let sets = self.sets(name, value)?;
                self.disable.extend(sets);
            }
            Meaning::Enable => {
                let sets = self.sets(name, value)?;
                self.enable.get_or_insert_default().extend(sets);
            }
            Meaning::Version => self.flags.push("--version".to_owned()),
            Meaning::Ignored(instead) => {
                self.notes.push(format!("cAdvisor's flag --{name} is ignored: {instead}"));
            }
        }
        Ok(())
    }

    /// The sets of a list; those that only cAdvisor has are noted.
    fn sets(&mut self, flag: &str, list: &str) -> Result<Vec<MetricSet>, String> {
        let mut sets = Vec::new();
        for name in list.split(',').filter(|name| !name.is_empty()) {
            if NOT_OURS.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                self.notes
                    .push(format!("cAdvisor's flag --{flag}: there is no collector {name} here"));
                continue;
            }
            let set: MetricSet =
                name.parse().map_err(|error| format!("cAdvisor's flag --{flag}: {error}"))?;
            sets.push(set);
            // There it counts open files too.
            if set == MetricSet::Process {
                sets.push(MetricSet::Descriptors);
            }
        }
        Ok(sets)
    }

    /// Our flags for all of them, with notes.
    fn finish(mut self) -> (Vec<String>, Vec<String>) {
        if self.ip.is_some() || self.port.is_some() {
            let ip = self.ip.take().unwrap_or_default();
            let ip = if ip.contains(':') { format!("[{ip}]") } else { ip };
            let port = self.port.take().unwrap_or_else(|| "8080".to_owned());
            self.flags.push(format!("--web.listen-address={ip}:{port}"));
        }
        if self.endpoint.is_some() || self.prefix.is_some() {
            let endpoint = self.endpoint.take().unwrap_or_else(|| "/metrics".to_owned());
            let prefix = self.prefix.take().unwrap_or_default();
            self.flags.push(format!("--web.telemetry-path={prefix}{endpoint}"));
        }
        match (self.store_labels, self.labels.take()) {
            (None, None) => (),
            (Some(true), _) => self.flags.push("--labels.allow=*".to_owned()),
            (_, labels) => {
                self.flags.push(format!("--labels.allow={}", labels.unwrap_or_default()));
            }
        }
        if let Some(sets) = self.enable.take().filter(|sets| !sets.is_empty()) {
            // Limits are always there in cAdvisor.
            self.flags.push("--collector.disable-defaults".to_owned());
            let sets = sets.into_iter().chain([MetricSet::Spec]);
            self.flags.extend(sets.map(|set| format!("--collector.{set}")));
        } else {
            let off = self.disable.iter().map(|set| format!("--no-collector.{set}"));
            self.flags.extend(off);
        }
        if !self.flags.is_empty() {
            let flags = self.flags.join(" ");
            self.notes
                .push(format!("flags of cAdvisor were given; in loadline's spelling: {flags}"));
        }
        (self.flags, self.notes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(text: &str) -> Vec<OsString> {
        text.split(' ').map(OsString::from).collect()
    }

    fn translated(text: &str) -> (String, Vec<String>) {
        let (ours, notes) = translate(line(text)).expect("translates");
        let ours: Vec<_> = ours.iter().map(|argument| argument.to_string_lossy()).collect();
        (ours.join(" "), notes)
    }

    fn ours(text: &str) -> String {
        let (ours, _) = translated(&format!("loadline exporter {text}"));
        ours.strip_prefix("loadline exporter ").unwrap_or_default().to_owned()
    }

    #[test]
    fn flags_are_said_in_our_words() {
        for (theirs, expected) in [
            ("-port=9999", "--web.listen-address=:9999"),
            ("--listen_ip 127.0.0.1", "--web.listen-address=127.0.0.1:8080"),
            ("-listen_ip=::1 -port 1", "--web.listen-address=[::1]:1"),
            ("--prometheus_endpoint=/m", "--web.telemetry-path=/m"),
            ("--url_base_prefix=/c", "--web.telemetry-path=/c/metrics"),
            ("-docker_only", "--docker-only"),
            ("--docker_only=false", ""),
            (
                "--docker_only --raw_cgroup_prefix_whitelist=/a,/b",
                "--docker-only --docker-only.also=/a,/b",
            ),
            ("--disable_root_cgroup_stats=true", "--cgroup.exclude=/"),
            ("--store_container_labels=false", "--labels.allow="),
            (
                "--store_container_labels=false --whitelisted_container_labels=a,b",
                "--labels.allow=a,b",
            ),
            ("--store_container_labels", "--labels.allow=*"),
            ("--disable_metrics=percpu,diskIO,app", "--no-collector.percpu --no-collector.diskio"),
            ("--disable_metrics=process", "--no-collector.process --no-collector.descriptors"),
            (
                "--enable_metrics=cpu,memory --disable_metrics=cpu",
                "--collector.disable-defaults --collector.cpu --collector.memory --collector.spec",
            ),
            ("-version", "--version"),
            (
                "--housekeeping_interval=30s --v 2 -logtostderr --web.config.file=x",
                "--web.config.file=x",
            ),
            ("--unknown_flag=1 -x", "--unknown_flag=1 -x"),
        ] {
            assert_eq!(ours(theirs), expected, "{theirs}");
        }
    }

    #[test]
    fn each_is_noted_with_what_takes_its_place() {
        let (_, notes) = translated("loadline exporter --housekeeping_interval=30s -port=1");
        assert!(
            notes[0].contains("--housekeeping_interval is ignored")
                && notes[0].contains("scrape_interval")
        );
        assert!(notes[1].ends_with("--web.listen-address=:1"), "{notes:?}");
        assert_eq!(translated("loadline exporter --web.listen-address=:1").1, Vec::<String>::new());
    }

    #[test]
    fn bad_values_are_refused() {
        for (bad, part) in [
            ("--port", "wants a value"),
            ("--docker_only=perhaps", "expected true or false"),
            ("--disable_metrics=disc", "no such collector"),
        ] {
            let error = translate(line(&format!("loadline exporter {bad}"))).expect_err("refused");
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn other_commands_are_left_alone() {
        for text in [
            "loadline",
            "loadline scaler --port=1",
            "loadline up -docker_only",
            "loadline workload exporter --port=1",
        ] {
            assert_eq!(translated(text), (text.to_owned(), vec![]));
        }
        let global = "loadline --log.level debug exporter -docker_only";
        assert!(translated(global).0.ends_with("exporter --docker-only"));
    }

    proptest! {
        #[test]
        fn any_line_is_survived(words in prop::collection::vec("-{0,2}[a-z_.=,]{0,12}", 0..8)) {
            let words = ["loadline".to_owned(), "exporter".to_owned()].into_iter().chain(words);
            let _ = translate(words.map(OsString::from).collect());
        }
    }
}
