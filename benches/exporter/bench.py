#!/usr/bin/env python3
"""What a scrape of the exporter costs over N cgroups, beside the floor and a peer of your own.

Needs root, Python 3.8 and the programs that `make bench-exporter` builds. Makes cgroups of its own under
`--parent` and removes them in the end. Exporter, floor and peer take turns, so that all see the same machine.
"""

import argparse
import contextlib
import http.client
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
import urllib.parse

import cgroups

# The most files that the floor opens of a cgroup.
FLOOR_FILES = 13
EXPORTER_GROUP = f"loadline-test-exporter-{os.getpid()}"


class Server:
    """An exporter that is asked over one connection that stays open, as Prometheus does."""

    def __init__(self, name, url, pid):
        self.name, self.pid = name, pid
        parts = urllib.parse.urlsplit(url)
        self.path = parts.path or "/metrics"
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=60)

    def scrape(self, gzip):
        """The body and the seconds until its end."""
        headers = {"Accept": "text/plain;version=0.0.4"}
        if gzip:
            headers["Accept-Encoding"] = "gzip"
        started = time.perf_counter()
        self.connection.request("GET", self.path, headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        took = time.perf_counter() - started
        if answer.status != 200:
            sys.exit(f"{self.name}: status {answer.status}: {body[:200]!r}")
        return body, took

    def cpu_seconds(self):
        """CPU time of the process since its start, to a hundredth of a second."""
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cgroup_bytes(self):
        return None

    def resident_bytes(self):
        with open(f"/proc/{self.pid}/status") as file:
            line = next(line for line in file if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


class Exporter(Server):
    """loadline in a cgroup of its own, which counts its CPU time and memory exactly."""

    def __init__(self, program, arguments):
        cgroups.make(EXPORTER_GROUP)
        command = [program, "exporter", "--web.listen-address=127.0.0.1:0", *arguments]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: cgroups.enter(EXPORTER_GROUP, os.getpid()))
        for line in self.process.stderr:
            if "address=" in line:
                address = line.split("address=")[1].split()[0].strip('"')
                break
        else:
            sys.exit(f"{' '.join(command)} has ended")
        super().__init__("loadline", f"http://{address}/metrics", self.process.pid)

    def file(self, controller, name):
        folder = cgroups.TOP if cgroups.IS_V2 else f"{cgroups.TOP}/{controller}"
        with open(f"{folder}/{EXPORTER_GROUP}/{name}") as file:
            return file.read()

    def cpu_seconds(self):
        if cgroups.IS_V2:
            return int(self.file("cpu", "cpu.stat").split()[1]) / 1e6
        return int(self.file("cpuacct", "cpuacct.usage")) / 1e9

    def cgroup_bytes(self):
        name = "memory.current" if cgroups.IS_V2 else "memory.usage_in_bytes"
        return int(self.file("memory", name))

    def close(self):
        self.process.terminate()
        self.process.wait()
        cgroups.remove(EXPORTER_GROUP)


class Floor:
    """The loop of preads over the same cgroups; over some of them where its descriptors do not reach, and
    the figures are scaled."""

    def __init__(self, program, fleet):
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        most = min(len(fleet.pids), (limit - 50) // FLOOR_FILES)
        self.scale = len(fleet.pids) / most
        self.process = subprocess.Popen(
            [program, str(most), *fleet.folders()], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/schedstat") as file:
            return int(file.read().split()[0]) / 1e9

    def run(self):
        """Seconds of CPU and of wall time of one pass, files, bytes."""
        before = self.cpu_seconds()
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        wall, files, size = map(int, self.process.stdout.readline().split())
        come_to_rest()
        cpu = self.cpu_seconds() - before
        return cpu * self.scale, wall / 1e9 * self.scale, files, size * self.scale

    def close(self):
        self.process.kill()
        self.process.wait()


class Costs:
    """What was measured of one server in one state of the cgroups."""

    def __init__(self, server):
        self.server = server
        self.cpu = {False: [], True: []}
        self.took = []
        self.size = {}
        self.series = 0
        self.collectors = {}

    def take(self, gzip):
        before = self.server.cpu_seconds()
        body, took = self.server.scrape(gzip)
        come_to_rest()
        self.cpu[gzip].append(self.server.cpu_seconds() - before)
        self.size[gzip] = len(body)
        if not gzip:
            self.took.append(took)
            lines = body.split(b"\n")
            self.series = sum(1 for line in lines if line and not line.startswith(b"#"))
            for line in lines:
                if line.startswith(b"loadline_scrape_collector_duration_seconds{"):
                    name, seconds = line.decode().split('"')[1], float(line.split()[-1])
                    self.collectors.setdefault(name, []).append(seconds)

    def cpu_ms(self, gzip):
        # What is counted in hundredths of a second has no median worth the name.
        middle = statistics.median if self.server.cgroup_bytes() else statistics.mean
        return middle(self.cpu[gzip]) * 1e3


def come_to_rest():
    """The kernel brings a thread's CPU time up to date when it goes to sleep."""
    time.sleep(0.02)


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def find_pid(url):
    """The process that listens on the port of `url`."""
    port = urllib.parse.urlsplit(url).port or 80
    sockets = set()
    for table in ("tcp", "tcp6"):
        with open(f"/proc/net/{table}") as file:
            for row in map(str.split, file.readlines()[1:]):
                if row[3] == "0A" and int(row[1].rsplit(":")[-1], 16) == port:
                    sockets.add(f"socket:[{row[9]}]")
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for name in os.listdir(f"/proc/{pid}/fd"):
                if os.readlink(f"/proc/{pid}/fd/{name}") in sockets:
                    return int(pid)
        except OSError:
            continue
    sys.exit(f"no process listens on port {port} in this network namespace: name it by --peer-pid")


def table_row(count, state, cells):
    print("| " + " | ".join([str(count), state, *cells]) + " |", flush=True)


def measure(fleet, servers, floor, state, scrapes):
    """Takes turns, so that what disturbs one disturbs all. Prints a row for each."""
    def settle():
        if state == "busy":
            fleet.wake()
            time.sleep(0.1)

    costs = [Costs(server) for server in servers]
    passes = []
    for _ in range(scrapes):
        settle()
        passes.append(floor.run())
        for cost in costs:
            for gzip in (False, True):
                settle()
                cost.take(gzip)
    floor_ms = statistics.median(cpu for cpu, *_ in passes) * 1e3
    walls = [wall * 1e3 for _, wall, *_ in passes]
    count = len(fleet.pids)
    table_row(count, state, ["floor", f"{floor_ms:.1f}", "", "1.0", f"{percentile(walls, .5):.1f}",
                             f"{percentile(walls, .99):.1f}", f"{passes[-1][3] / 1e6:.2f}", "",
                             "", "", "", str(passes[-1][2])])
    for cost in costs:
        took = [seconds * 1e3 for seconds in cost.took]
        group = cost.server.cgroup_bytes()
        table_row(count, state, [
            cost.server.name, f"{cost.cpu_ms(False):.1f}", f"{cost.cpu_ms(True):.1f}",
            f"{cost.cpu_ms(False) / floor_ms:.1f}",
            f"{percentile(took, .5):.1f}", f"{percentile(took, .99):.1f}",
            f"{cost.size[False] / 1e6:.2f}", f"{cost.size[True] / 1e6:.2f}", str(cost.series),
            f"{cost.server.resident_bytes() / 1e6:.0f}", f"{group / 1e6:.0f}" if group else "",
            str(cost.server.descriptors())])
    return costs[0].collectors


def print_collectors(count, states):
    """Where loadline's time goes: the medians of what it says itself."""
    print(f"\n| collector, {count} cgroups | " + " | ".join(f"{state} ms" for state in states) + " |")
    print("|---" * (len(states) + 1) + "|")
    for name in next(iter(states.values())):
        cells = [f"{statistics.median(found[name]) * 1e3:.2f}" for found in states.values()]
        print(f"| `{name}` | " + " | ".join(cells) + " |")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loadline", required=True, help="the program, as built for release")
    parser.add_argument("--floor", required=True, help="floor.rs, as built by rustc -O")
    parser.add_argument("--n", default="50,300,1000", help="numbers of cgroups, growing")
    parser.add_argument("--scrapes", type=int, default=20, help="of each kind in each state")
    parser.add_argument("--peer", help="URL of another exporter's metrics on this host")
    parser.add_argument("--peer-pid", type=int, help="its process; else found by its port")
    parser.add_argument("--parent", default="loadline-test-bench", help="the cgroup to make them in")
    return parser.parse_known_args()


def main():
    given, exporter_arguments = arguments()
    if os.geteuid() != 0:
        sys.exit("cgroups can only be made by root: run it with sudo")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    # The cgroups are removed whatever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    peers = []
    if given.peer:
        peers = [Server("peer", given.peer, given.peer_pid or find_pid(given.peer))]
    print("| cgroups | state | program | CPU ms a scrape | with gzip | CPU ÷ floor | ms p50 | ms p99 "
          "| MB | gzip MB | series | resident MB | own cgroup MB | open files |")
    print("|---" * 14 + "|")
    fleet = cgroups.Fleet(given.parent)
    try:
        for count in map(int, given.n.split(",")):
            fleet.grow(count)
            with contextlib.closing(Exporter(given.loadline, exporter_arguments)) as exporter, \
                    contextlib.closing(Floor(given.floor, fleet)) as floor:
                servers = [exporter, *peers]
                for server in servers:
                    # The first scrapes find and open.
                    for _ in range(6):
                        server.scrape(False)
                states = {state: measure(fleet, servers, floor, state, given.scrapes)
                          for state in ("idle", "busy")}
        print_collectors(count, states)
    finally:
        fleet.close()


if __name__ == "__main__":
    main()
