//! Machines that register with systemd: systemd-nspawn's containers, libvirt's machines and containers.

use super::path::{base, unescape};
use super::{Identity, Runtime};

/// `systemd-nspawn@NAME.service` and `machine-NAME.scope`; libvirt calls its machines
/// `machine-qemu-N-NAME.scope` with systemd, and `qemu-N-NAME.libvirt-qemu` without.
pub(super) fn identify(path: &str) -> Option<Identity> {
    let base = base(path);
    if let Some(machine) = between(base, "systemd-nspawn@", ".service") {
        return named(Runtime::Nspawn, &unescape(machine));
    }
    if let Some(machine) = between(base, "machine-", ".scope") {
        let machine = unescape(machine);
        return match domain(&machine) {
            Some(domain) => named(Runtime::Libvirt, domain),
            None => named(Runtime::Nspawn, &machine),
        };
    }
    let machine =
        base.strip_suffix(".libvirt-qemu").or_else(|| base.strip_suffix(".libvirt-lxc"))?;
    named(Runtime::Libvirt, domain(machine).unwrap_or(machine))
}

fn named(runtime: Runtime, name: &str) -> Option<Identity> {
    if name.is_empty() {
        return None;
    }
    let mut identity = Identity::new(runtime, Some(name));
    identity.name = Some(name.to_owned());
    Some(identity)
}

/// The name in `DRIVER-NUMBER-NAME`.
fn domain(machine: &str) -> Option<&str> {
    let rest = machine.strip_prefix("qemu-").or_else(|| machine.strip_prefix("lxc-"))?;
    let (number, name) = rest.split_once('-')?;
    (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(name)
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.strip_prefix(before)?.strip_suffix(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn machines_are_named() {
        use Runtime::{Libvirt, Nspawn};
        for (path, runtime, name) in [
            ("/machine.slice/systemd-nspawn@deb.service", Nspawn, "deb"),
            (r"/machine.slice/systemd-nspawn@my\x2dbox.service", Nspawn, "my-box"),
            (r"/machine.slice/machine-my\x2dbox.scope", Nspawn, "my-box"),
            (r"/machine.slice/machine-qemu\x2d3\x2dweb\x2d1.scope", Libvirt, "web-1"),
            (r"/machine.slice/machine-lxc\x2d12\x2ddb.scope", Libvirt, "db"),
            (r"/machine.slice/machine-qemu\x2dx.scope", Nspawn, "qemu-x"),
            ("/machine/qemu-1-web.libvirt-qemu", Libvirt, "web"),
            ("/machine/old.libvirt-qemu", Libvirt, "old"),
        ] {
            let identity = identify(path).expect(path);
            let key = identity.key.as_deref();
            assert_eq!(
                (identity.runtime, identity.name.as_deref(), key),
                (runtime, Some(name), Some(name))
            );
        }
        for path in [
            "/machine.slice",
            "/machine.slice/machine-libpod_pod_aa.slice",
            "/machine.slice/machine-.scope",
            "/machine.slice/systemd-nspawn@deb.service/payload",
        ] {
            assert_eq!(identify(path), None, "{path}");
        }
    }

    proptest! {
        #[test]
        fn any_machine_is_read(name in r"(machine-|qemu|lxc|\\x2d|-|[0-9a-z]|\.scope|\.libvirt-qemu){0,8}") {
            if let Some(identity) = identify(&name) {
                prop_assert!(identity.name.is_some_and(|name| !name.is_empty()));
            }
        }
    }
}
