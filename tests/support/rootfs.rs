//! A root file system of busybox, for containers that need no registry and no download.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::host::{find_program, output, try_output};

/// Fills the empty folder `root` with busybox under all its names and with `extra_files`: where each is
/// on this host, and its absolute path inside. The shared libraries of programs come along.
///
/// # Panics
/// Where a file cannot be read or written: a test cannot go on.
pub fn busybox_root(root: &Path, extra_files: &[(&Path, &str)]) {
    for folder in ["bin", "dev/pts", "etc", "proc", "root", "sbin", "sys", "tmp", "var"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    fs::set_permissions(root.join("tmp"), fs::Permissions::from_mode(0o1777)).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n").unwrap();
    fs::write(root.join("etc/group"), "root:x:0:\n").unwrap();
    let busybox = find_program("busybox").expect("busybox-static is installed");
    fs::copy(&busybox, root.join("bin/busybox")).unwrap();
    for name in output(&busybox, &["--list"]).lines().filter(|name| *name != "busybox") {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    for (file, inside) in extra_files {
        copy(file, root, inside);
        // ldd fails where the file is no program, or a static one.
        let libraries = try_output("ldd", &[file.to_str().unwrap()]).unwrap_or_default();
        for library in libraries.lines().filter_map(library) {
            copy(Path::new(library), root, library);
        }
    }
}

/// The file in a line of ldd: `libc.so.6 => /lib/libc.so.6 (0x…)`, `/lib64/ld-linux.so.2 (0x…)`.
fn library(line: &str) -> Option<&str> {
    line.split_whitespace().find(|word| word.starts_with('/'))
}

fn copy(file: &Path, root: &Path, inside: &str) {
    let to = root.join(inside.trim_start_matches('/'));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(file, &to).unwrap_or_else(|e| panic!("cannot copy {}: {e}", file.display()));
}
