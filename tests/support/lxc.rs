//! A real LXC container of busybox: no template, no network, its own lxcpath.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::cgroup;
use super::host::{output, try_output};
use super::rootfs::busybox_root;

/// What a test with such a container needs of the host.
pub const PROGRAMS: [&str; 5] = ["lxc-start", "lxc-stop", "lxc-attach", "lxc-wait", "busybox"];

/// Reaps children and ends on the signals of `lxc-stop`.
const INIT: &str =
    "#!/bin/sh\ntrap 'exit 0' PWR TERM INT 37\nwhile :; do sleep 1 & wait $!; done\n";

/// A running container, stopped and removed when this is dropped.
pub struct LxcContainer {
    name: String,
    folder: TempDir,
}

impl LxcContainer {
    /// Makes and starts a container; `settings` are further lines of its configuration.
    pub fn start(name: &str, settings: &str) -> Self {
        let folder = TempDir::with_prefix("loadline-lxc-").expect("a temporary folder");
        let container = Self { name: name.to_owned(), folder };
        let root = container.folder.path().join(name).join("rootfs");
        busybox_root(&root, &[]);
        fs::write(root.join("sbin/init"), INIT).unwrap();
        fs::set_permissions(root.join("sbin/init"), fs::Permissions::from_mode(0o755)).unwrap();
        let config = format!(
            "# made for a test\nlxc.uts.name = {name}\nlxc.rootfs.path = dir:{}\n\
             lxc.init.cmd = /sbin/init\nlxc.net.0.type = empty\nlxc.mount.auto = proc:mixed sys:ro\n\
             lxc.apparmor.profile = unconfined\nlxc.pty.max = 16\nlxc.tty.max = 0\n{settings}",
            root.display()
        );
        fs::write(container.config_file(), config).unwrap();
        container.boot();
        container
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The folder of its folder: `actuators.lxc.path`.
    pub fn lxcpath(&self) -> &Path {
        self.folder.path()
    }

    /// Its configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.lxcpath().join(&self.name).join("config")
    }

    /// Its own group's path below the mounts: the label `id` of its metrics.
    pub fn cgroup(&self) -> String {
        format!("/lxc.payload.{}", self.name)
    }

    /// Its CPU quota as the kernel has it, in cores; `None`: no limit.
    pub fn cpu_cores(&self) -> Option<f64> {
        cgroup::cpu_cores(&self.cgroup())
    }

    /// Its memory limit as the kernel has it, in bytes; `None`: no limit.
    pub fn memory_bytes(&self) -> Option<u64> {
        cgroup::memory_bytes(&self.cgroup())
    }

    /// Runs a shell script inside to its end and gives its stdout. What it leaves running stays.
    pub fn run(&self, script: &str) -> String {
        let [option, path, name_option, name] = self.which();
        output(
            "lxc-attach",
            &[option, path, name_option, name, "--clear-env", "--", "sh", "-c", script],
        )
    }

    /// Stops it and starts it again, from its configuration file.
    pub fn restart(&self) {
        output("lxc-stop", &[&self.which()[..], &["--kill"]].concat());
        output("lxc-wait", &[&self.which()[..], &["--state=STOPPED", "--timeout=20"]].concat());
        self.boot();
    }

    fn boot(&self) {
        let log = self.lxcpath().join("log");
        let log_options = ["--daemon", "--logpriority=INFO", "--logfile", log.to_str().unwrap()];
        try_output("lxc-start", &[&self.which()[..], &log_options].concat()).unwrap_or_else(|e| {
            panic!("{e}\n{}", fs::read_to_string(&log).unwrap_or_default());
        });
        output("lxc-wait", &[&self.which()[..], &["--state=RUNNING", "--timeout=20"]].concat());
    }

    fn which(&self) -> [&str; 4] {
        ["--lxcpath", self.lxcpath().to_str().unwrap(), "--name", &self.name]
    }
}

impl Drop for LxcContainer {
    fn drop(&mut self) {
        // Its folder goes with the TempDir; only a running container needs help.
        let _ = try_output("lxc-stop", &[&self.which()[..], &["--kill"]].concat());
    }
}
