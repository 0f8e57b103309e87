#!/bin/bash
# Everything that must hold before a change is merged: format, lints, all tests against real servers.
# The servers are Debian packages; missing ones are installed, and none is started or left running.
set -euo pipefail
cd "$(dirname "$0")/.."

# Each line: a file that the tests need, and the package that brings it.
needed() {
    cat <<'LIST'
/usr/bin/cc                        gcc
/usr/share/doc/libc6-dev           libc6-dev
/etc/ssl/certs/ca-certificates.crt ca-certificates
/usr/bin/xz                        xz-utils
/usr/bin/prometheus                prometheus
/usr/bin/promtool                  prometheus
/usr/bin/prometheus-alertmanager   prometheus-alertmanager
/usr/bin/amtool                    prometheus-alertmanager
/usr/bin/victoria-metrics          victoria-metrics
/usr/sbin/dockerd                  docker.io
/usr/sbin/iptables                 iptables
/usr/bin/lxc-start                 lxc
/usr/bin/systemd-analyze           systemd
/usr/share/doc/python3-venv        python3-venv
LIST
}

missing_packages() {
    local file package
    while read -r file package; do
        [ -e "$file" ] || echo "$package"
    done < <(needed)
    # Containers in the tests have this one file for a root: it must not need a libc.
    busybox_is_static || echo busybox-static
}

busybox_is_static() {
    dpkg-query -W -f '${Status}' busybox-static 2>/dev/null | grep -q 'ok installed'
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_missing() {
    local packages
    packages=$(missing_packages | sort -u | tr '\n' ' ')
    [ -n "$packages" ] || return 0
    echo "tests/run.sh: installing $packages"
    # The tests start their own servers; a package that starts one would take the port.
    local policy=/usr/sbin/policy-rc.d made=
    if [ ! -e "$policy" ]; then
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
        made=1
    fi
    local status=0
    as_root apt-get update -qq || status=$?
    # shellcheck disable=SC2086 # one word a package
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq -o Dpkg::Use-Pty=0 --no-install-recommends $packages || status=$?
    [ -z "$made" ] || as_root rm -f "$policy"
    [ "$status" = 0 ] || {
        echo "tests/run.sh: apt-get failed; install these by hand: $packages" >&2
        return 1
    }
}

# A server of the S3 protocol, from Python's package index: Debian has none.
MOTO=5.2.5
install_moto() {
    local folder=target/test-tools/moto
    [ "$("$folder/bin/python" -c 'import flask, flask_cors, moto; print(moto.__version__)' 2>/dev/null)" != "$MOTO" ] || return 0
    echo "tests/run.sh: installing moto $MOTO into $folder"
    rm -rf "$folder"
    /usr/bin/python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check "moto[s3]==$MOTO" flask flask-cors
}

if [ "${LOADLINE_TEST_INSTALL:-1}" != 0 ]; then
    install_missing
    install_moto
fi

cargo fmt --check
cargo clippy --locked --all-targets -- -D warnings
# The networks are tested by `make test-neural`: training takes minutes.
cargo clippy --locked --all-targets --features neural -- -D warnings
# A test that lacks what it needs fails instead of being skipped.
export LOADLINE_TEST_REQUIRE_ALL=${LOADLINE_TEST_REQUIRE_ALL:-1}
output=$(mktemp)
trap 'rm -f "$output"' EXIT
status=0
cargo test --locked --no-fail-fast 2>&1 | tee "$output" || status=$?
# One line for all of cargo's test binaries, whose last one is that of the documentation's examples.
awk '/^test result:/ { passed += $4; failed += $6; skipped += $8 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$output"
exit "$status"
