//! A private Docker engine: its own socket, folders, containers and images; no bridge, no iptables.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use super::host::{find_program, try_output};
use super::rootfs::busybox_root;
use super::{PATIENCE, Process, block_on, cgroup, wait_for};

/// What a test with an engine needs of the host.
pub const PROGRAMS: [&str; 4] = ["dockerd", "docker", "busybox", "tar"];

/// The image that [`DockerEngine::import_busybox`] makes.
pub const IMAGE: &str = "loadline-test:1";

/// A running engine. Its containers end with it.
pub struct DockerEngine {
    process: Process,
    folder: TempDir,
}

/// A container of a [`DockerEngine`].
#[derive(Clone, Debug)]
pub struct Container {
    /// The name it was given.
    pub name: String,
    /// 64 hexadecimal digits.
    pub id: String,
}

impl Container {
    /// Its group's path below the mounts: the label `id` of its metrics.
    pub fn cgroup(&self) -> String {
        format!("/docker/{}", self.id)
    }

    /// Its CPU quota as the kernel has it, in cores; `None`: no limit.
    pub fn cpu_cores(&self) -> Option<f64> {
        cgroup::cpu_cores(&self.cgroup())
    }

    /// Its memory limit as the kernel has it, in bytes; `None`: no limit.
    pub fn memory_bytes(&self) -> Option<u64> {
        cgroup::memory_bytes(&self.cgroup())
    }
}

impl DockerEngine {
    /// Starts an engine and waits until it answers.
    pub async fn start() -> Self {
        let folder = TempDir::with_prefix("loadline-docker-").expect("a temporary folder");
        let config = folder.path().join("daemon.json");
        fs::write(&config, "{}").expect("a file");
        let mut command = Command::new(find_program("dockerd").expect("docker.io is installed"));
        command
            .arg("--config-file")
            .arg(config)
            .arg("--host")
            .arg(format!("unix://{}", folder.path().join("socket").display()))
            .arg("--data-root")
            .arg(folder.path().join("data"))
            .arg("--exec-root")
            .arg(folder.path().join("exec"))
            .arg("--pidfile")
            .arg(folder.path().join("pid"))
            .args(["--bridge=none", "--iptables=false", "--log-level=warn"])
            .args(["--exec-opt", "native.cgroupdriver=cgroupfs"])
            // Where the host runs a containerd, the engine uses that one.
            .args(["--containerd-namespace", "loadline-test"])
            .args(["--containerd-plugins-namespace", "loadline-test-plugins"]);
        let engine = Self { process: Process::spawn("dockerd", command), folder };
        wait_for("the engine to answer", PATIENCE, async || engine.try_docker(&["version"])).await;
        engine
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    /// Where it keeps containers (`containers/ID/config.v2.json`) and images.
    pub fn data_root(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs the client and gives its stdout.
    ///
    /// # Panics
    /// Where it fails.
    pub fn docker(&self, arguments: &[&str]) -> String {
        self.try_docker(arguments).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Runs the client: its stdout, or all that is to be said of the failure.
    pub fn try_docker(&self, arguments: &[&str]) -> Result<String, String> {
        let host = format!("unix://{}", self.socket().display());
        try_output("docker", &[&["--host", &host], arguments].concat())
    }

    /// Makes the image [`IMAGE`] of busybox and `extra_files` (on this host, absolute path inside);
    /// programs bring their shared libraries.
    pub fn import_busybox(&self, extra_files: &[(&Path, &str)]) {
        let root = TempDir::new().expect("a temporary folder");
        busybox_root(root.path(), extra_files);
        let tar = self.folder.path().join("image.tar");
        let (from, to) = (root.path().to_str().expect("a text"), tar.to_str().expect("a text"));
        try_output("tar", &["-C", from, "-cf", to, "."]).expect("tar writes the image");
        self.docker(&["import", "--change", "ENV PATH=/bin:/sbin", to, IMAGE]);
        fs::remove_file(tar).expect("the image is in the engine");
    }

    /// Starts a container without a network: options of `docker run`, then the command, which must end
    /// by itself some time, since a killed test leaves it behind.
    pub fn run(&self, name: &str, options: &[&str], command: &[&str]) -> Container {
        let start = ["run", "--detach", "--network=none", "--name", name];
        let id = self.docker(&[&start, options, &[IMAGE], command].concat());
        Container { name: name.to_owned(), id }
    }

    /// Stops and removes a container.
    pub fn remove(&self, container: &Container) {
        self.docker(&["rm", "--force", "--volumes", &container.id]);
    }

    /// Starts `script` in a container and leaves it running there.
    pub fn exec_detached(&self, container: &Container, script: &str) {
        self.docker(&["exec", "--detach", &container.id, "sh", "-c", script]);
    }

    /// Ends the engine, as an operator would; its socket stays until it is dropped.
    pub async fn stop(&mut self) {
        self.process.signal(Signal::TERM);
        self.process.wait_exit(Duration::from_secs(60)).await;
    }
}

impl Drop for DockerEngine {
    fn drop(&mut self) {
        // Killed at once it would leave its containers running.
        if let Ok(all) = self.try_docker(&["ps", "--all", "--quiet"]) {
            for id in all.lines() {
                let _ = self.try_docker(&["rm", "--force", "--volumes", id]);
            }
            block_on(async || self.stop().await);
        }
    }
}
