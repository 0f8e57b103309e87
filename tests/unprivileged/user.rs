//! As an ordinary user: which capability brings which detail. What root is told is all there is.

use std::collections::BTreeSet;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use super::{Labels, project_file, samples};
use crate::support::docker::{Container, DockerEngine};
use crate::support::host::can_run;
use crate::support::{PATIENCE, Process, http_get, wait_for};

/// What `setpriv` calls the capabilities, in the order of the columns of the table in docs/exporter.md.
const RIGHTS: [&[&str]; 4] =
    [&[], &["dac_read_search"], &["sys_ptrace"], &["dac_read_search", "sys_ptrace"]];

/// Whether a sample, by its family and labels, is of a kind.
type IsKind = fn(&str, &Labels) -> bool;

/// The table's rows that can be measured on any host: what is missing is known by what of root's answer is
/// not in another's.
const ROWS: [(&str, IsKind); 3] = [
    (
        "names, images, labels, state of containers: Docker, Podman, containerd, CRI-O",
        |_, labels| labels.contains_key("name"),
    ),
    ("`container_fs_limit_bytes`, `container_fs_usage_bytes` of layers (`disk`)", |family, _| {
        family.starts_with("container_fs_limit")
    }),
    ("`container_sockets` (`descriptors`)", |family, _| family == "container_sockets"),
];

/// Sets that are off by default and tell of a container on any host.
const MORE: [&str; 7] = ["percpu", "sched", "descriptors", "tcp", "udp", "advtcp", "disk"];

/// A Docker engine with one container, and the program where every user may run it.
struct Host {
    engine: DockerEngine,
    container: Container,
    folder: TempDir,
}

impl Host {
    async fn start() -> Self {
        let engine = DockerEngine::start().await;
        engine.import_busybox(&[]);
        let container =
            engine.run("shop", &["--label", "com.docker.compose.project=p"], &["sleep", "600"]);
        let folder = TempDir::new().expect("a folder");
        let all_may = |path: &Path| {
            let mode = std::fs::Permissions::from_mode(0o755);
            std::fs::set_permissions(path, mode).expect("opened");
        };
        all_may(folder.path());
        // What is closed shall be closed by Docker, not by the folder that it has in this test.
        let data = engine.data_root();
        all_may(data.parent().expect("a folder"));
        std::fs::copy(env!("CARGO_BIN_EXE_loadline"), folder.path().join("loadline"))
            .expect("copied");
        // A root in which the engine's files are both where Docker has them and where they really are.
        let root = folder.path().join("root");
        std::fs::create_dir_all(root.join("var/lib")).expect("made");
        symlink(&data, root.join("var/lib/docker")).expect("linked");
        let top: std::path::PathBuf = data.components().take(2).collect();
        symlink(&top, root.join(top.strip_prefix("/").expect("absolute"))).expect("linked");
        Self { engine, container, folder }
    }

    /// Runs the exporter as an ordinary user with these capabilities, or as root.
    fn exporter(&self, rights: Option<&[&str]>, arguments: &[&str]) -> Process {
        let program = self.folder.path().join("loadline");
        let mut command = match rights {
            None => Command::new(program),
            Some(rights) => {
                let mut command = Command::new("setpriv");
                command.args([
                    "--reuid=65534",
                    "--regid=65534",
                    "--clear-groups",
                    "--no-new-privs",
                ]);
                if !rights.is_empty() {
                    let list: Vec<String> =
                        rights.iter().map(|right| format!("+{right}")).collect();
                    command.arg(format!("--inh-caps={}", list.join(",")));
                    command.arg(format!("--ambient-caps={}", list.join(",")));
                }
                command.arg(program);
                command
            }
        };
        let root = self.folder.path().join("root");
        command.args(["exporter", "--web.listen-address=127.0.0.1:0"]).args(arguments);
        command.arg(format!("--path.rootfs={}", root.display()));
        Process::spawn("exporter", command)
    }

    /// What the exporter tells of the container, and what it has logged by then.
    async fn told(
        &self,
        rights: Option<&[&str]>,
        arguments: &[&str],
    ) -> (Vec<(String, Labels)>, String) {
        let mut exporter = self.exporter(rights, arguments);
        let address = exporter.wait_address(PATIENCE).await;
        let url = format!("http://{address}/metrics");
        let id = self.container.cgroup();
        let told = wait_for("the container", PATIENCE, async || {
            let told = samples(http_get(&url).await?.text(), "id", &id);
            if told.is_empty() { Err("nothing of it".to_owned()) } else { Ok(told) }
        })
        .await;
        (told, exporter.stderr())
    }
}

/// Families with the labels that tell their series apart: not those of the container's name.
fn figures(told: &[(String, Labels)]) -> BTreeSet<String> {
    let is_name =
        |label: &str| ["name", "image"].contains(&label) || label.starts_with("container_label_");
    told.iter()
        .map(|(family, labels)| {
            let own: Labels = labels
                .iter()
                .filter(|(l, _)| !is_name(l))
                .map(|(l, v)| (l.clone(), v.clone()))
                .collect();
            format!("{family}{own:?}")
        })
        .collect()
}

/// Families that come from a runtime's files alone.
fn is_of_runtime(figure: &str) -> bool {
    figure.starts_with("loadline_container_") || figure.starts_with("container_health_state")
}

#[tokio::test]
async fn an_ordinary_user_gets_every_figure_of_the_default_sets() {
    if !can_run("default sets as an ordinary user", &["setpriv", "dockerd", "docker"]) {
        return;
    }
    let host = Host::start().await;
    let (root, _) = host.told(None, &[]).await;
    let (user, said) = host.told(Some(&[]), &[]).await;
    let missing: Vec<String> =
        figures(&root).difference(&figures(&user)).filter(|f| !is_of_runtime(f)).cloned().collect();
    assert_eq!(missing, Vec::<String>::new());
    assert!(figures(&user).iter().any(|f| f.starts_with("container_memory_working_set_bytes")));
    assert!(root.iter().all(|(_, labels)| labels["name"] == "shop"));
    assert!(user.iter().all(|(_, labels)| !labels.contains_key("name")));
    assert!(
        said.contains("config.v2.json: permission denied; needs CAP_DAC_READ_SEARCH"),
        "{said}"
    );
    drop(host.engine);
}

#[tokio::test]
async fn each_detail_comes_with_the_capability_that_the_table_names() {
    if !can_run("capabilities", &["setpriv", "dockerd", "docker"]) {
        return;
    }
    let host = Host::start().await;
    let sets: Vec<String> = MORE.iter().map(|set| format!("--collector.{set}")).collect();
    let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
    let (root, _) = host.told(None, &sets).await;
    let mut there = Vec::new();
    for rights in RIGHTS {
        let (told, _) = host.told(Some(rights), &sets).await;
        there
            .push(ROWS.map(|(_, is_it)| told.iter().any(|(family, labels)| is_it(family, labels))));
        let all = figures(&root);
        let missing: BTreeSet<_> = all.difference(&figures(&told)).cloned().collect();
        if rights == RIGHTS[3] {
            assert_eq!(missing, BTreeSet::new(), "with both nothing is missing");
        }
        // What the table does not name is never missing.
        let told_of = |figure: &&String| {
            !is_of_runtime(figure)
                && !figure.starts_with("container_fs_")
                && !figure.starts_with("container_sockets")
        };
        assert_eq!(missing.iter().find(told_of), None, "{rights:?}");
    }
    let page = project_file("docs/exporter.md");
    for (row, (detail, _)) in ROWS.iter().enumerate() {
        let cells: Vec<&str> = there.iter().map(|c| if c[row] { "yes" } else { "–" }).collect();
        let line = format!("| {detail} | {} |", cells.join(" | "));
        assert!(page.contains(&line), "docs/exporter.md lacks what was measured: {line}");
    }
    drop(host.engine);
}
