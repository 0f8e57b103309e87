//! The kernel's files: of cgroups, of processes, mount tables.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let [room, which, text @ ..] = data else { return };
    match room % 4 {
        0 => loadline::cgroup::fuzzing::file(*which, text),
        1 => loadline::procfs::fuzzing::file(*which, text),
        2 => loadline::disk::fuzzing::mounts(text),
        _ => loadline::cgroup::fuzzing::mounts(text),
    }
});
