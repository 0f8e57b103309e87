//! The Docker Engine's API over its socket. The engine writes; where the container's cgroup is on this
//! host, the kernel's file has the last word on what was written.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use bollard::errors::Error as ApiError;
use bollard::models::{ContainerInspectResponse, ContainerUpdateBody, HostConfig};

use super::group::Group;
use super::limit::{GroupLimit, or_max};
use super::{Actuate, ActuateError, Saved, blocking};
use crate::config::{Actuators, CgroupActuator};
use crate::target::{Resource, Target, TargetId};
use crate::units::Limit;

/// The engine refuses less (`linuxMinMemory`).
const MIN_MEMORY_BYTES: f64 = (6 << 20) as f64;

/// The kernel's own number for "no limit": the engine takes no -1 here, and 0 changes nothing.
const NO_MEMORY_LIMIT_BYTES: i64 = i64::MAX - 4095;

/// The period that the engine and the kernel use where none was set.
const DEFAULT_PERIOD_US: i64 = 100_000;

/// Changes containers through the engine, so that its own record stays true.
#[derive(Debug)]
pub(super) struct Docker {
    socket: PathBuf,
    timeout: Duration,
    host: CgroupActuator,
}

/// What the engine and the kernel say of one container's limit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ContainerLimit {
    id: String,
    resource: Resource,
    /// The engine's record.
    record: Record,
    /// The kernel's; `None` where the container's group is not on this host.
    kernel: Option<GroupLimit>,
}

/// The fields of `HostConfig` that hold limits; 0 where none is set, as the engine has it.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Record {
    nano_cpus: i64,
    quota_us: i64,
    period_us: i64,
    memory_bytes: i64,
    /// Memory and swap together; -1: no limit.
    memory_swap_bytes: i64,
}

impl Record {
    fn new(config: &HostConfig) -> Self {
        Self {
            nano_cpus: config.nano_cpus.unwrap_or(0),
            quota_us: config.cpu_quota.unwrap_or(0),
            period_us: config.cpu_period.filter(|p| *p > 0).unwrap_or(DEFAULT_PERIOD_US),
            memory_bytes: config.memory.unwrap_or(0),
            memory_swap_bytes: config.memory_swap.unwrap_or(0),
        }
    }

    fn size(&self, resource: Resource) -> Limit<f64> {
        let above_zero = |n: f64| if n > 0.0 { Limit::At(n) } else { Limit::Max };
        match resource {
            Resource::Cpu if self.nano_cpus > 0 => Limit::At(self.nano_cpus as f64 / 1e9),
            Resource::Cpu => above_zero(self.quota_us as f64 / self.period_us as f64),
            Resource::Memory if self.memory_bytes == NO_MEMORY_LIMIT_BYTES => Limit::Max,
            Resource::Memory => above_zero(self.memory_bytes as f64),
        }
    }
}

impl Saved for ContainerLimit {
    fn size(&self) -> Limit<f64> {
        self.kernel.map_or_else(|| self.record.size(self.resource), |kernel| kernel.size())
    }

    fn grain(&self) -> f64 {
        match (self.kernel, self.resource) {
            (Some(kernel), _) => kernel.grain(),
            (None, Resource::Cpu) => 1.5 / self.record.period_us as f64,
            (None, Resource::Memory) => 1.0,
        }
    }
}

impl ContainerLimit {
    /// The request that gives the container the size `to`.
    fn update_to(&self, to: Limit<f64>) -> ContainerUpdateBody {
        match self.resource {
            Resource::Cpu => self.update_cpu(to),
            Resource::Memory => self.update_memory(to),
        }
    }

    /// The engine keeps either `--cpus` or a quota and refuses one where the other was set. A container
    /// with neither gets a quota: that can be taken back by -1, `--cpus` cannot.
    fn update_cpu(&self, to: Limit<f64>) -> ContainerUpdateBody {
        let quota = |cores: f64| (cores * self.record.period_us as f64).round() as i64;
        match to {
            // Whole microseconds of the engine's fixed period of 100 ms: what the kernel will have.
            Limit::At(cores) if self.record.nano_cpus > 0 => ContainerUpdateBody {
                nano_cpus: Some((cores * 1e5).round() as i64 * 10_000),
                ..Default::default()
            },
            to => ContainerUpdateBody {
                cpu_quota: Some(to.value().map_or(-1, quota)),
                cpu_period: Some(self.record.period_us),
                ..Default::default()
            },
        }
    }

    /// The room for swap stays: a sum of memory and swap moves with the memory, and none stays none.
    /// The sum is always sent: the engine takes no memory above the sum it has, which may be 0 or -1.
    fn update_memory(&self, to: Limit<f64>) -> ContainerUpdateBody {
        let memory = to.value().map_or(NO_MEMORY_LIMIT_BYTES, |bytes| bytes.round() as i64);
        let old = &self.record;
        let swap = if old.memory_swap_bytes > 0 {
            memory.saturating_add((old.memory_swap_bytes - old.memory_bytes).max(0))
        } else {
            -1
        };
        ContainerUpdateBody { memory: Some(memory), memory_swap: Some(swap), ..Default::default() }
    }
}

impl Docker {
    pub(super) fn new(config: &Actuators) -> Self {
        Self {
            socket: config.docker.socket.clone(),
            timeout: config.docker.timeout,
            host: config.cgroup.clone(),
        }
    }

    /// Runs one call, connected at the version that client and engine share. The engine may have been
    /// replaced since the last call, so nothing of the connection is kept.
    async fn call<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        target: &TargetId,
        what: &str,
        call: impl FnOnce(bollard::Docker) -> F,
    ) -> Result<T, ActuateError> {
        // Our own timeout below is the exact one.
        let seconds = self.timeout.as_secs() + 1;
        let whole = async {
            let path = self.socket.to_string_lossy();
            let engine =
                bollard::Docker::connect_with_unix(&path, seconds, bollard::API_DEFAULT_VERSION)?;
            call(engine.negotiate_version().await?).await
        };
        let result = tokio::time::timeout(self.timeout, whole).await;
        let place = format!("Docker at {}: {what}", self.socket.display());
        match result {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(api_error(target, place, &error)),
            Err(_) => Err(ActuateError::passing(
                target,
                place,
                format!("no answer within {:?}; it may still take effect", self.timeout),
                "look at the engine's health, or raise actuators.docker.timeout",
            )),
        }
    }

    /// The running container that the labels mean: by its id where `id` ends in one, else by `name`.
    async fn inspect(&self, target: &Target) -> Result<ContainerInspectResponse, ActuateError> {
        let name = target.labels.get("name").map(String::as_str).filter(|n| !n.is_empty());
        let id = target.labels.get("id").and_then(|path| container_id(path));
        let Some(key) = id.or(name) else {
            return Err(ActuateError::lasting(
                &target.id,
                "labels id and name",
                "expected a container's id at the end of `id`, or its name in `name`",
                "keep one of the two labels in the rule's discover query",
            ));
        };
        // It becomes a part of a URL.
        let plain = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if !key.chars().all(plain) || key.starts_with(['.', '-']) {
            return Err(ActuateError::lasting(
                &target.id,
                "label name",
                format!("expected a container's name of letters, digits and _ . -, found {key:?}"),
                "correct the rule's discover query",
            ));
        }
        let what = format!("inspect {key}");
        let found =
            self.call(&target.id, &what, |engine| async move {
                engine.inspect_container(key, None).await
            })
            .await?;
        let mismatch = |problem: String| {
            ActuateError::passing(
                &target.id,
                format!("Docker at {}: {what}", self.socket.display()),
                problem,
                "the labels are older than the container: wait for the next discovery",
            )
        };
        let found_name = found.name.as_deref().unwrap_or_default().trim_start_matches('/');
        if let Some(name) = name.filter(|n| *n != found_name) {
            return Err(mismatch(format!(
                "expected a container named {name}, found {found_name:?}"
            )));
        }
        if found.state.as_ref().and_then(|s| s.running) != Some(true) {
            return Err(mismatch("the container is not running".to_owned()));
        }
        Ok(found)
    }

    /// The container's group on this host. The engine gives a process of it, the kernel gives that
    /// process's groups: so the engine's cgroup driver and parent need not be known.
    fn group(&self, target: &TargetId, id: &str, pid: i64, resource: Resource) -> Option<Group> {
        let groups =
            std::fs::read_to_string(self.host.procfs.join(format!("{pid}/cgroup"))).ok()?;
        let controller = resource.name();
        let path = ["0", controller].iter().rev().find_map(|wanted| {
            groups.lines().find_map(|line| {
                let (number, rest) = line.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                let matches = if *wanted == "0" {
                    number == "0"
                } else {
                    controllers.split(',').any(|c| c == *wanted)
                };
                matches.then(|| up_to_container(path, id)).flatten()
            })
        })?;
        Group::find(target, &self.host, path, resource).ok()
    }

    async fn update(
        &self,
        target: &TargetId,
        id: &str,
        body: ContainerUpdateBody,
    ) -> Result<(), ActuateError> {
        let what = format!("update {id}");
        self.call(target, &what, |engine| async move { engine.update_container(id, body).await })
            .await
    }
}

impl Actuate for Docker {
    type Saved = ContainerLimit;

    async fn read(
        &self,
        target: &Target,
        resource: Resource,
    ) -> Result<ContainerLimit, ActuateError> {
        let found = self.inspect(target).await?;
        let id = found.id.unwrap_or_default();
        let pid = found.state.and_then(|s| s.pid).unwrap_or(0);
        let group = self.group(&target.id, &id, pid, resource);
        let kernel = match group {
            Some(group) => Some(blocking(&target.id, move || group.read()).await?),
            None => None,
        };
        let record = Record::new(&found.host_config.unwrap_or_default());
        Ok(ContainerLimit { id, resource, record, kernel })
    }

    async fn write(
        &self,
        target: &Target,
        before: &ContainerLimit,
        to: f64,
    ) -> Result<(), ActuateError> {
        let least = match before.resource {
            Resource::Cpu => 0.01,
            Resource::Memory => MIN_MEMORY_BYTES,
        };
        if !to.is_finite() || to < least {
            return Err(ActuateError::lasting(
                &target.id,
                format!("size {to}"),
                format!("Docker takes no {} below {least}", before.resource),
                format!("raise scale.{}.min", before.resource),
            ));
        }
        let found = self.inspect(target).await?;
        let pid = found.state.and_then(|s| s.pid).unwrap_or(0);
        let group = self.group(&target.id, &before.id, pid, before.resource);
        if let (Some(group), Resource::Memory) = (group, before.resource) {
            blocking(&target.id, move || group.refuse_to_kill(to as u64)).await?;
        }
        self.update(&target.id, &before.id, before.update_to(Limit::At(to))).await?;
        let recorded = Record::new(&self.inspect(target).await?.host_config.unwrap_or_default());
        match recorded.size(before.resource) {
            Limit::At(size) if (size - to).abs() <= before.grain() => Ok(()),
            other => Err(ActuateError::lasting(
                &target.id,
                format!("Docker at {}: inspect {}", self.socket.display(), before.id),
                format!(
                    "wrote the {} size {to}, the engine recorded {}",
                    before.resource,
                    or_max(other)
                ),
                "look at the engine's log for a discarded setting",
            )),
        }
    }

    async fn restore(&self, target: &Target, before: &ContainerLimit) -> Result<(), ActuateError> {
        self.update(&target.id, &before.id, before.update_to(before.size())).await
    }
}

/// The container's id at the end of a cgroup path, under either cgroup driver:
/// `/docker/<64 hex>`, `/system.slice/docker-<64 hex>.scope`.
fn container_id(path: &str) -> Option<&str> {
    let last = path.rsplit('/').next()?;
    let id = last.strip_suffix(".scope").map_or(last, |s| s.rsplit('-').next().unwrap_or(s));
    (id.len() == 64 && id.bytes().all(|b| b.is_ascii_hexdigit())).then_some(id)
}

/// The part of a process's cgroup path that ends in the container's own group: the process may sit in
/// a group of its own making below.
fn up_to_container<'a>(path: &'a str, id: &str) -> Option<&'a str> {
    let at = path.find(id).filter(|_| !id.is_empty())?;
    let end = path[at..].find('/').map_or(path.len(), |slash| at + slash);
    Some(&path[..end])
}

fn api_error(target: &TargetId, place: String, error: &ApiError) -> ActuateError {
    match error {
        ApiError::DockerResponseServerError { status_code, message } => {
            let problem = format!("answer {status_code}: {message}");
            match *status_code {
                404 => ActuateError::passing(
                    target,
                    place,
                    problem,
                    "the container is gone; one of the same name is another container until the \
                     next discovery finds it",
                ),
                409 | 500.. => {
                    ActuateError::passing(target, place, problem, "look at the engine's log")
                }
                _ => ActuateError::lasting(
                    target,
                    place,
                    problem,
                    "the engine does not take this: correct the bounds in scale",
                ),
            }
        }
        other => ActuateError::passing(
            target,
            place,
            causes(other),
            "look whether the engine runs, whether actuators.docker.socket is its socket, and whether \
             loadline may open it",
        ),
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "70ccf9c0e33a2091deddb094053327d76ba9dca28b6606b1c809e4ddcefee1cf";

    #[test]
    fn a_container_is_found_in_paths_of_both_drivers() {
        assert_eq!(container_id(&format!("/docker/{ID}")), Some(ID));
        assert_eq!(container_id(&format!("/system.slice/docker-{ID}.scope")), Some(ID));
        for path in ["/docker/abc", "", "/", &format!("/docker/{ID}/init"), &format!("/x/{ID}0")] {
            assert_eq!(container_id(path), None, "{path}");
        }
    }

    #[test]
    fn a_process_may_sit_below_its_container() {
        let scope = format!("/system.slice/docker-{ID}.scope");
        assert_eq!(up_to_container(&format!("{scope}/init.scope"), ID), Some(scope.as_str()));
        assert_eq!(up_to_container(&scope, ID), Some(scope.as_str()));
        assert_eq!(up_to_container("/docker/other", ID), None);
        assert_eq!(up_to_container("/docker/other", ""), None);
    }

    fn limit(resource: Resource, record: Record) -> ContainerLimit {
        ContainerLimit { id: ID.to_owned(), resource, record, kernel: None }
    }

    const NONE: Record = Record {
        nano_cpus: 0,
        quota_us: 0,
        period_us: DEFAULT_PERIOD_US,
        memory_bytes: 0,
        memory_swap_bytes: 0,
    };

    #[test]
    fn a_record_says_its_size() {
        let size = |resource, record| limit(resource, record).size();
        assert_eq!(size(Resource::Cpu, NONE), Limit::Max);
        assert_eq!(size(Resource::Memory, NONE), Limit::Max);
        assert_eq!(size(Resource::Cpu, Record { quota_us: -1, ..NONE }), Limit::Max);
        let cpus = Record { nano_cpus: 1_500_000_000, ..NONE };
        assert_eq!(size(Resource::Cpu, cpus), Limit::At(1.5));
        let quota = Record { quota_us: 10_000, period_us: 20_000, ..NONE };
        assert_eq!(size(Resource::Cpu, quota), Limit::At(0.5));
        let lifted = Record { memory_bytes: NO_MEMORY_LIMIT_BYTES, ..NONE };
        assert_eq!(size(Resource::Memory, lifted), Limit::Max);
    }

    #[test]
    fn the_missing_limit_can_be_put_back() {
        let cpu = limit(Resource::Cpu, NONE).update_to(Limit::Max);
        assert_eq!((cpu.cpu_quota, cpu.nano_cpus), (Some(-1), None));
        let memory = limit(Resource::Memory, NONE).update_to(Limit::Max);
        assert_eq!((memory.memory, memory.memory_swap), (Some(NO_MEMORY_LIMIT_BYTES), Some(-1)));
    }
}
