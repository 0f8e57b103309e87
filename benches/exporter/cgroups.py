"""Cgroups for the benchmark: as many as wanted, shaped like Docker's, each with one sleeping process."""

import hashlib
import os
import signal
import time

TOP = "/sys/fs/cgroup"
IS_V2 = os.path.exists(TOP + "/cgroup.controllers")
V1 = ["cpu", "cpuacct", "memory", "pids", "blkio"]


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def hierarchies():
    """The folders under which one cgroup has its directories; each once, where controllers share one."""
    if IS_V2:
        return [TOP]
    mounted = [f"{TOP}/{name}" for name in V1 if os.path.isdir(f"{TOP}/{name}")]
    return sorted({os.path.realpath(folder) for folder in mounted})


def make(path):
    """Makes a cgroup in all hierarchies."""
    for top in hierarchies():
        os.makedirs(f"{top}/{path}", exist_ok=True)


def enter(path, pid):
    for top in hierarchies():
        write(f"{top}/{path}/cgroup.procs", str(pid))


def processes(path):
    found = set()
    for top in hierarchies():
        try:
            with open(f"{top}/{path}/cgroup.procs") as file:
                found.update(int(line) for line in file)
        except (FileNotFoundError, OSError):
            pass
    return found


def remove(path):
    """Ends what runs in a cgroup and removes it; what is not there is as good."""
    for pid in processes(path):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for top in hierarchies():
        for _ in range(200):
            try:
                os.rmdir(f"{top}/{path}")
                break
            except FileNotFoundError:
                break
            except OSError:
                # Not empty before its processes are reaped.
                reap()
                time.sleep(0.02)
        else:
            print(f"cannot remove {top}/{path}")


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


class Fleet:
    """`parent` with its cgroups. Limits are set in each, as counting throttled periods needs a quota."""

    def __init__(self, parent):
        self.parent = parent
        self.pids = []
        self.made_parent = not any(os.path.isdir(f"{top}/{parent}") for top in hierarchies())
        make(parent)
        if IS_V2:
            for folder in (TOP, f"{TOP}/{parent}"):
                for name in ("cpu", "memory", "pids", "io"):
                    try:
                        write(f"{folder}/cgroup.subtree_control", "+" + name)
                    except OSError as error:
                        print(f"no controller {name} in {folder}: {error}")

    def name(self, number):
        text = f"{self.parent}/{hashlib.sha256(f'loadline-test-{number}'.encode()).hexdigest()}"
        return text

    def grow(self, count):
        """Makes cgroups until there are `count`."""
        for number in range(len(self.pids), count):
            path = self.name(number)
            make(path)
            if IS_V2:
                write(f"{TOP}/{path}/cpu.max", "50000 100000")
                write(f"{TOP}/{path}/memory.max", str(256 << 20))
            else:
                write(f"{TOP}/cpu/{path}/cpu.cfs_quota_us", "50000")
                write(f"{TOP}/memory/{path}/memory.limit_in_bytes", str(256 << 20))
            pid = os.posix_spawnp("sleep", ["sleep", "100000"], {"PATH": os.environ["PATH"]})
            self.pids.append(pid)
            enter(path, pid)

    def folders(self):
        return [f"{top}/{self.parent}" for top in hierarchies()]

    def wake(self):
        """Gives every process a little to do: it wakes up and goes to sleep again."""
        for pid in self.pids:
            os.kill(pid, signal.SIGCONT)

    def close(self):
        for pid in self.pids:
            os.kill(pid, signal.SIGKILL)
        for number in range(len(self.pids)):
            remove(self.name(number))
        if self.made_parent:
            remove(self.parent)
