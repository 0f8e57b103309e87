//! What paths tell, and that a name is a container's.

use super::*;
use proptest::prelude::*;

#[test]
fn paths_tell_the_runtime() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut names = Names::new(dir.path());
    let hex = "0123456789abcdef".repeat(4);
    let short = &hex[1..];
    let pod = "kubepods.slice/kubepods-pod0123abcd_0000_1111_2222_333344445555.slice";
    let cases = [
        (format!("/docker/{hex}"), Runtime::Docker, Some(hex.clone())),
        (format!("/ecs/0a1b/{hex}"), Runtime::Docker, Some(hex.clone())),
        (format!("/system.slice/docker-{hex}.scope"), Runtime::Docker, Some(hex.clone())),
        (format!("/{pod}/docker-{hex}.scope"), Runtime::Docker, Some(hex.clone())),
        (
            format!("/system.slice/docker-{short}.scope"),
            Runtime::Systemd,
            Some(format!("docker-{short}.scope")),
        ),
        (format!("/docker/{hex}/init.scope"), Runtime::Systemd, Some("init.scope".into())),
        (format!("/elsewhere/{hex}"), Runtime::Raw, None),
        ("/docker".into(), Runtime::Raw, None),
        (format!("/machine.slice/libpod-{hex}.scope"), Runtime::Podman, Some(hex.clone())),
        (format!("/machine.slice/libpod-{hex}.scope/container"), Runtime::Raw, None),
        (format!("/libpod_parent/libpod-{hex}"), Runtime::Podman, Some(hex.clone())),
        (format!("/libpod_parent/{hex}"), Runtime::Raw, None),
        (
            format!("/system.slice/w.service/libpod-payload-{hex}"),
            Runtime::Podman,
            Some(hex.clone()),
        ),
        (format!("/user.slice/podman-7.scope/{hex}"), Runtime::Podman, Some(hex.clone())),
        (format!("/system.slice/nerdctl-{hex}.scope"), Runtime::Containerd, Some(hex.clone())),
        (format!("/{pod}/cri-containerd-{hex}.scope"), Runtime::Containerd, Some(hex.clone())),
        (format!("/{pod}/{hex}"), Runtime::Containerd, Some(hex.clone())),
        (
            format!("/system.slice/containerd.service/kubepods-podx.slice:cri-containerd:{hex}"),
            Runtime::Containerd,
            Some(hex.clone()),
        ),
        (format!("/{pod}/crio-{hex}.scope"), Runtime::Crio, Some(hex.clone())),
        (
            format!("/{pod}"),
            Runtime::Kubernetes,
            Some("0123abcd-0000-1111-2222-333344445555".into()),
        ),
        ("/kubepods.slice".into(), Runtime::Systemd, Some("kubepods.slice".into())),
        ("/lxc.payload.web".into(), Runtime::Lxc, Some("web".into())),
        ("/lxc.payload/web".into(), Runtime::Lxc, Some("web".into())),
        ("/lxc/101".into(), Runtime::Lxc, Some("101".into())),
        ("/lxc/101/ns".into(), Runtime::Raw, None),
        ("/lxc".into(), Runtime::Raw, None),
        ("/lxc.payload.".into(), Runtime::Raw, None),
        ("/qemu.slice/101.scope".into(), Runtime::Proxmox, Some("101".into())),
        ("/qemu.slice/x.scope".into(), Runtime::Systemd, Some("x.scope".into())),
        ("/slurm/uid_1/job_7".into(), Runtime::Slurm, Some("7".into())),
        ("/system.slice/ssh.service".into(), Runtime::Systemd, Some("ssh.service".into())),
        ("/user.slice".into(), Runtime::Systemd, Some("user.slice".into())),
        ("/".into(), Runtime::Raw, None),
    ];
    for (path, runtime, key) in cases {
        let identity = names.identify(&path);
        assert_eq!((identity.runtime, identity.key), (runtime, key), "{path}");
    }
}

#[test]
fn only_containers_have_names() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut names = Names::new(dir.path());
    assert_eq!(names.identify("/lxc.payload.web").name.as_deref(), Some("web"));
    for path in ["/", "/system.slice", "/system.slice/ssh.service", "/loadline"] {
        let identity = names.identify(path);
        assert_eq!((identity.name, identity.image), (None, None), "{path}");
        assert!(!identity.runtime.is_container(), "{path}");
    }
}

#[test]
fn what_is_no_workload_is_ignored() {
    for path in [
        "/lxc.monitor.web",
        "/lxc.monitor",
        "/lxc.pivot",
        "/system.slice/dev-hugepages.mount",
        "/machine.slice/libpod-conmon-aa.scope",
        "/libpod_parent/conmon",
        "/kubepods.slice/crio-conmon-aa.scope",
    ] {
        assert!(is_ignored(path), "{path}");
    }
    for path in ["/", "/lxc.payload.web", "/system.slice", "/docker", "/mount", "/conmon"] {
        assert!(!is_ignored(path), "{path}");
    }
}

#[test]
fn what_does_not_come_is_not_looked_for_for_ever() {
    let dir = tempfile::tempdir().expect("tempdir");
    let mut names = Names::new(dir.path());
    let hex = "0123456789abcdef".repeat(4);
    for path in [
        format!("/machine.slice/libpod-{hex}.scope"),
        format!("/kubepods/pod{}/{hex}", &hex[..32]),
        format!("/kubepods/pod{}", &hex[..32]),
        format!("/x/crio-{hex}"),
    ] {
        let mut identity = names.identify(&path);
        for _ in 0..ATTEMPTS {
            names.begin_scrape();
            assert!(!names.refresh(&mut identity), "{path}");
        }
        assert_eq!(identity.attempts, 0, "{path}");
    }
}

proptest! {
    #[test]
    fn any_path_is_somebody(path in "(/.{0,70}){0,4}") {
        let mut names = Names::new(Path::new("/nonexistent"));
        let mut identity = names.identify(&path);
        let _ = (is_ignored(&path), names.refresh(&mut identity));
        let may_have_a_name = identity.runtime.is_container() || identity.runtime == Runtime::Slurm;
        prop_assert!(may_have_a_name || identity.name.is_none());
    }
}
