//! Hosts of every runtime but Kubernetes.

use crate::exporter::fixture::{Host, Layout, container_id};

/// A host with the cgroups of `paths`.
pub fn host(layout: Layout, paths: &[String]) -> Host {
    let host = Host::new(layout);
    for (n, path) in (2..).zip(paths) {
        host.group(path, n);
    }
    host
}

pub const ADA: &str = "/user.slice/user-1000.slice/user@1000.service";
const BO: &str = "/user.slice/user-1001.slice/user@1001.service";

/// Gives the host the users ada and bo.
pub fn users(host: &Host) {
    let text = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\nbo:x:1001:1001::/srv/homes/bo:/bin/sh\n";
    host.write("etc/passwd", text);
}

/// Docker's file of a container below the data root `root`.
fn docker(host: &Host, root: &str, id: &str, name: &str, more_state: &str) {
    let text = format!(
        r#"{{"StreamConfig":{{}},"State":{{"Running":true,"Pid":4711,"StartedAt":"2026-01-01T12:00:00.5Z"{more_state}}},
        "ID":"{id}","Created":"2026-01-01T11:59:59Z","Image":"sha256:00ff","Name":"/{name}","RestartCount":2,
        "Config":{{"Image":"{name}:1","Env":["SECRET=1"],"Labels":{{"tier":"front"}}}}}}"#
    );
    host.write(&format!("{root}/containers/{id}/config.v2.json"), &text);
}

pub fn docker_cgroupfs() -> Host {
    let [web, db, mine, task, old] = [1, 2, 3, 4, 5].map(container_id);
    let host = host(
        Layout::Hybrid,
        &[
            "/docker".to_owned(),
            format!("/docker/{web}"),
            format!("/docker/{db}"),
            "/mine".to_owned(),
            format!("/mine/{mine}"),
            format!("/ecs/0a1b/{task}"),
            format!("/docker/{old}"),
        ],
    );
    let root = "var/lib/docker";
    docker(
        &host,
        root,
        &web,
        "web",
        r#","Health":{"Status":"healthy","FailingStreak":0,"Log":[]}"#,
    );
    docker(&host, root, &db, "db", r#","Health":{"Status":"starting"}"#);
    docker(&host, root, &mine, "mine", "");
    docker(&host, root, &task, "task", "");
    // Docker writes the year 1 for a container that never ran.
    let text = r#"{"Name":"/old","State":{"Pid":0,"StartedAt":"0001-01-01T00:00:00Z"},"Config":{"Image":"","Labels":null}}"#;
    host.write(&format!("{root}/containers/{old}/config.v2.json"), text);
    host
}

pub fn docker_systemd() -> Host {
    let [web, ada, bo] = [1, 2, 3].map(container_id);
    let host = host(
        Layout::V2,
        &[
            "/system.slice".to_owned(),
            format!("/system.slice/docker-{web}.scope"),
            format!("{ADA}/user.slice/docker-{ada}.scope"),
            format!("{BO}/app.slice/docker-{bo}.scope"),
        ],
    );
    users(&host);
    docker(&host, "var/lib/docker", &web, "web", "");
    docker(&host, "home/ada/.local/share/docker", &ada, "of-ada", "");
    host.write("srv/homes/bo/.config/docker/daemon.json", r#"{"data-root":"/data/bo"}"#);
    docker(&host, "data/bo", &bo, "of-bo", "");
    host
}

/// One entry of a list of containers, as Podman writes it.
pub fn podman_entry(id: &str, name: &str) -> String {
    format!(
        r#"{{"id":"{id}","names":["{name}"],"image":"9f81","layer":"aea5","metadata":"{{\"image-name\":\"localhost/{name}:1\",\"image-id\":\"9f81\",\"name\":\"{name}\",\"created-at\":1795313719}}","created":"2026-01-01T11:59:59.655265515Z","flags":{{"MountLabel":"","ProcessLabel":""}}}}"#
    )
}

pub fn podman() -> Host {
    let [web, in_pod, quadlet, plain, sudo, ada, ada_old, bo] =
        [1, 2, 3, 4, 5, 6, 7, 8].map(container_id);
    let pod = format!("/machine.slice/machine-libpod_pod_{}.slice", container_id(9));
    let host = host(
        Layout::V2,
        &[
            format!("/machine.slice/libpod-{web}.scope"),
            format!("/machine.slice/libpod-{web}.scope/container"),
            format!("/machine.slice/libpod-conmon-{web}.scope"),
            pod.clone(),
            format!("{pod}/libpod-{in_pod}.scope"),
            format!("/system.slice/web.service/libpod-payload-{quadlet}"),
            "/system.slice/web.service/runtime".to_owned(),
            format!("/libpod_parent/libpod-{plain}"),
            "/libpod_parent/conmon".to_owned(),
            format!("{ADA}/user.slice/libpod-{sudo}.scope"),
            format!("{ADA}/user.slice/libpod-{ada}.scope"),
            format!("{ADA}/user.slice/libpod-{ada}.scope/container"),
            format!("{ADA}/user.slice/podman-77.scope/{ada_old}"),
            format!("{BO}/app.slice/app-web.service/libpod-payload-{bo}"),
        ],
    );
    users(&host);
    let list = |path: &str, entries: &[(&String, &str)]| {
        let entries: Vec<String> =
            entries.iter().map(|(id, name)| podman_entry(id, name)).collect();
        host.write(path, &format!("[{}]", entries.join(",")));
    };
    let storage = "var/lib/containers/storage/overlay-containers";
    list(
        &format!("{storage}/containers.json"),
        &[(&web, "web"), (&in_pod, "in-pod"), (&plain, "plain"), (&sudo, "by-sudo")],
    );
    list(&format!("{storage}/volatile-containers.json"), &[(&quadlet, "systemd-web")]);
    host.write(
        &format!("run/containers/storage/overlay-containers/{web}/userdata/pidfile"),
        "4711",
    );
    let storage = "home/ada/.local/share/containers/storage/overlay-containers";
    list(&format!("{storage}/containers.json"), &[(&ada, "of-ada"), (&ada_old, "old")]);
    host.write(
        "srv/homes/bo/.config/containers/storage.conf",
        "[storage]\ndriver = \"vfs\"\ngraphroot = \"$HOME/pods\"\n",
    );
    host.write("srv/homes/bo/pods/vfs-containers/containers.json", "");
    // A transient store keeps its list in the run root.
    let run = "run/user/1001/containers/vfs-containers";
    list(&format!("{run}/volatile-containers.json"), &[(&bo, "of-bo")]);
    host.write(&format!("{run}/{bo}/userdata/pidfile"), "4712\n");
    host
}

pub fn containerd() -> Host {
    let [nerd, scope] = [1, 2].map(container_id);
    let host = host(
        Layout::V2,
        &[
            "/default".to_owned(),
            "/default/redis".to_owned(),
            format!("/default/{nerd}"),
            format!("/system.slice/nerdctl-{scope}.scope"),
            "/default/no-container".to_owned(),
        ],
    );
    let tasks = "srv/containerd/io.containerd.runtime.v2.task/default";
    host.write("etc/containerd/config.toml", "version = 2\nstate = \"/srv/containerd\"\n");
    for (id, annotations) in [
        ("redis", "null".to_owned()),
        (&nerd, r#"{"nerdctl/name":"web","nerdctl/namespace":"default"}"#.to_owned()),
        (&scope, r#"{"nerdctl/name":"db"}"#.to_owned()),
    ] {
        let spec = format!(r#"{{"ociVersion":"1.0.2","annotations":{annotations},"linux":{{}}}}"#);
        host.write(&format!("{tasks}/{id}/config.json"), &spec);
        host.write(&format!("{tasks}/{id}/init.pid"), "4711");
    }
    host
}

pub fn lxc() -> Host {
    let host = host(
        Layout::Hybrid,
        &[
            "/lxc.payload.web".to_owned(),
            "/lxc.payload.web/system.slice/ssh.service".to_owned(),
            "/lxc.monitor.web".to_owned(),
            "/lxc.payload.under_score".to_owned(),
            "/lxc.payload.c1".to_owned(),
            "/lxc.payload.lab_c1".to_owned(),
            "/lxc.payload.old".to_owned(),
            "/lxc/ancient".to_owned(),
        ],
    );
    for container in ["incus/containers/c1", "incus/containers/lab_c1", "lxd/containers/old"] {
        host.write(&format!("var/lib/{container}/backup.yaml"), "");
    }
    host
}

pub fn proxmox() -> Host {
    let host = host(
        Layout::V2,
        &[
            "/lxc".to_owned(),
            "/lxc/101".to_owned(),
            "/lxc/101/ns".to_owned(),
            "/lxc.monitor/101".to_owned(),
            "/lxc/102".to_owned(),
            "/qemu.slice".to_owned(),
            "/qemu.slice/200.scope".to_owned(),
            "/qemu.slice/201.scope".to_owned(),
        ],
    );
    let snapshot = "\n[before]\nhostname: before\nname: before\n";
    let files = [
        ("lxc/101", format!("#the web\narch: amd64\nhostname: web.example\n{snapshot}")),
        ("qemu-server/200", format!("boot: order=scsi0\nname: desktop\n{snapshot}")),
        ("qemu-server/201", format!("boot: order=scsi0\n{snapshot}")),
    ];
    for (path, text) in files {
        host.write(&format!("etc/pve/{path}.conf"), &text);
    }
    host
}

pub fn machines() -> Host {
    host(
        Layout::V2,
        &[
            "/machine.slice".to_owned(),
            "/machine.slice/systemd-nspawn@deb.service".to_owned(),
            "/machine.slice/systemd-nspawn@deb.service/payload".to_owned(),
            r"/machine.slice/machine-my\x2dbox.scope".to_owned(),
            r"/machine.slice/machine-qemu\x2d3\x2dweb\x2d1.scope".to_owned(),
            r"/machine.slice/machine-qemu\x2d3\x2dweb\x2d1.scope/libvirt/vcpu0".to_owned(),
            r"/machine.slice/machine-lxc\x2d12\x2ddb.scope".to_owned(),
        ],
    )
}

pub fn slurm_v1() -> Host {
    let [job, node] = ["/slurm/uid_1000/job_7", "/slurm_n1/uid_1001/job_8"];
    host(
        Layout::Hybrid,
        &[
            job.to_owned(),
            format!("{job}/step_0"),
            format!("{job}/step_0/task_0"),
            node.to_owned(),
            format!("{node}/step_batch"),
        ],
    )
}

pub fn slurm_v2() -> Host {
    let [one, many] = ["slurmstepd.scope/job_7", "n1_slurmstepd.scope/job_8"];
    host(
        Layout::V2,
        &[
            "/system.slice/slurmstepd.scope/system".to_owned(),
            format!("/system.slice/{one}"),
            format!("/system.slice/{one}/step_extern"),
            format!("/system.slice/{one}/step_0/user/task_0"),
            format!("/system.slice/{many}"),
        ],
    )
}
