#!/bin/bash
# A machine with a real kernel, pure cgroup v2 and PSI, for hosts that have neither:
#
#   cgroup2.sh prepare
#   cgroup2.sh run FILE... -- COMMAND
#
# `run` boots, runs COMMAND (a line for sh) and ends with its output and exit code. Each FILE lies inside
# at its own absolute path; programs bring their shared libraries. There is busybox, /proc, /sys, /tmp,
# a loopback network, and every controller is enabled for children of the root group.
#
# The machine is emulated by QEMU, so no virtualisation is needed. QEMU (where it is not installed) and
# the kernel come from Debian's packages, unpacked into a cache and not installed.
#
#   CGROUP2_CACHE    where they are kept (default: target/cgroup2 of this repository)
#   CGROUP2_TIMEOUT  seconds after which the machine is ended (default 300)
#
# Exit codes of its own: 2 wrong usage, 124 timed out, 125 the machine failed.
set -euo pipefail

here=$(cd "$(dirname "$0")/../.." && pwd)
cache=${CGROUP2_CACHE:-$here/target/cgroup2}
packages=$cache/packages

say() { echo "cgroup2.sh: $*" >&2; }
fail() { say "$*"; exit 125; }

# The candidate of a package's dependency, by apt's lists; they are fetched where there are none.
kernel_package() {
    apt-cache depends linux-image-amd64 2>/dev/null | awk '/Depends: linux-image/ {print $2; exit}'
}

# Downloads and unpacks packages into the folder $1.
unpack() {
    local into=$1 deb
    shift
    mkdir -p "$into/debs"
    (cd "$into/debs" && apt-get download -qq -o APT::Sandbox::User=root "$@") || fail "cannot download: $*"
    for deb in "$into"/debs/*.deb; do dpkg-deb --extract "$deb" "$into"; done
    rm -r "$into/debs"
}

# QEMU with the libraries that are not installed. `qemu-utils-`: another version of it may be installed
# and stand in the way of an installation, but not of unpacking.
prepare_qemu() {
    if command -v qemu-system-x86_64 >/dev/null || [ -e "$packages/qemu/ready" ]; then return; fi
    say "unpacking QEMU"
    local names
    names=$(apt-get -s install --no-install-recommends qemu-system-x86 qemu-utils- | awk '/^Inst/ {print $2}')
    rm -rf "$packages/qemu"
    # shellcheck disable=SC2086 # one word a package
    unpack "$packages/qemu" $names
    touch "$packages/qemu/ready"
}

# An uncompressed kernel: an emulated machine is slow at unpacking one.
prepare_kernel() {
    [ ! -e "$cache/vmlinux" ] || return 0
    say "unpacking the kernel"
    rm -rf "$packages/kernel"
    unpack "$packages/kernel" "$(kernel_package)"
    local image offset
    image=$(echo "$packages"/kernel/boot/vmlinuz-*)
    offset=$(LC_ALL=C grep -abPo '\xFD7zXZ\x00' "$image" | head -n 1 | cut -d: -f1)
    # What follows the compressed part of the image is no error.
    tail -c "+$((offset + 1))" "$image" | xz -dc --single-stream >"$cache/vmlinux.new" 2>/dev/null || true
    [ "$(stat -c %s "$cache/vmlinux.new")" -gt 20000000 ] || fail "cannot unpack $image"
    rm -rf "$packages/kernel"
    mv "$cache/vmlinux.new" "$cache/vmlinux"
}

prepare() {
    [ "$(uname -m)" = x86_64 ] || fail "made for x86_64 hosts, this is $(uname -m)"
    mkdir -p "$cache"
    exec 9>"$cache/lock"
    flock 9
    [ -n "$(kernel_package)" ] || apt-get update -qq
    prepare_qemu
    prepare_kernel
    flock -u 9
}

# Sets `qemu` to the command.
find_qemu() {
    qemu=(qemu-system-x86_64)
    command -v "${qemu[0]}" >/dev/null && return
    local root=$packages/qemu lib=lib/x86_64-linux-gnu
    qemu=(env "LD_LIBRARY_PATH=$root/usr/$lib:$root/$lib" "QEMU_MODULE_DIR=$root/usr/$lib/qemu"
        "$root/usr/bin/qemu-system-x86_64" -L "$root/usr/share/qemu" -L "$root/usr/share/seabios")
}

# Fills the root file system $1; the other arguments are the files to take along.
fill_root() {
    local root=$1 file
    shift
    mkdir -p "$root"/{bin,dev,proc,sys,tmp,etc}
    cp "$(command -v busybox)" "$root/bin/busybox"
    echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"
    for file in "$@"; do
        # ldd fails for what is no program, or a static one.
        for file in "$file" $( (ldd "$file" 2>/dev/null || true) | grep -o '/[^ ]*'); do
            mkdir -p "$root$(dirname "$file")"
            cp -L "$file" "$root$file"
        done
    done
    cat >"$root/init" <<'INIT'
#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin HOME=/
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mkdir /dev/shm
mount -t tmpfs shm /dev/shm
mount -t cgroup2 cgroup2 /sys/fs/cgroup
echo '+cpu +memory +io +pids' >/sys/fs/cgroup/cgroup.subtree_control
ip link set lo up
stty -F /dev/ttyS1 raw
sh /command </dev/null >/dev/ttyS1 2>&1
echo $? >/dev/ttyS2
poweroff -f
INIT
    chmod +x "$root/init"
}

run() {
    local files=() work status=0
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        [ -f "$1" ] || fail "no such file: $1"
        files+=("$(realpath -s "$1")")
        shift
    done
    [ $# = 2 ] || usage
    prepare
    work=$(mktemp -d "${TMPDIR:-/tmp}/cgroup2.XXXXXX")
    # shellcheck disable=SC2064 # the folder of now
    trap "rm -rf '$work'" EXIT
    mkdir "$work/root"
    fill_root "$work/root" "${files[@]}"
    echo "$2" >"$work/root/command"
    (cd "$work/root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initrd"
    find_qemu
    # Three serial ports: the kernel's messages, the command's output, its exit code.
    # Whoever kills this script ends the machine too.
    local bound=(setpriv --pdeathsig KILL)
    "${bound[@]}" timeout --signal=KILL "${CGROUP2_TIMEOUT:-300}" "${bound[@]}" "${qemu[@]}" \
        -nodefaults -no-user-config -display none -no-reboot -M pc,usb=off -accel tcg,thread=multi \
        -cpu Nehalem -smp 2 -m 1024 -kernel "$cache/vmlinux" -initrd "$work/initrd" \
        -append 'console=ttyS0 quiet panic=-1 psi=1 cgroup_no_v1=all mitigations=off nokaslr random.trust_cpu=on' \
        -serial "file:$work/console" -serial "file:$work/output" -serial "file:$work/code" \
        </dev/null || status=$?
    cat "$work/output" 2>/dev/null || true
    [ "$status" != 137 ] || { say "timed out"; exit 124; }
    local code
    code=$(tr -cd 0-9 <"$work/code" 2>/dev/null || true)
    [ -n "$code" ] || { tail -n 20 "$work/console" >&2; fail "the machine ended without an exit code"; }
    exit "$code"
}

usage() {
    sed -n '2,19s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

case ${1:-} in
    prepare) prepare ;;
    run) shift && run "$@" ;;
    *) usage ;;
esac
