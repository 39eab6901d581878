# SPDX-License-Identifier: GPL-3.0-or-later
"""Machines of the benchmark: a network namespace with one interface, whose octets are counted by the
kernel, and a control group, whose processor time is counted by the kernel.

    lan = Lan()
    a = lan.host("sender")
    with a:                      sockets and processes made here, by this thread, belong to a
        ...
    before = a.usage(); ...; a.usage() - before

Octets are those of whole Ethernet frames, both directions, on the host's only interface besides its
loopback. Segmentation offload is off, so that every segment carries the headers it has on a cable.
"""

import ctypes
import os
import signal
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)
_state = threading.local()


def _setns(fd):
    if _libc.setns(fd, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def ip(*arguments, ns=None):
    subprocess.run(["ip", *(("-n", ns) if ns else ()), *arguments], check=True)


def without_ipv6(ns):
    """Its neighbour discovery would be counted as traffic of the systems measured."""
    for scope in ("all", "default"):
        subprocess.run(["ip", "netns", "exec", ns, "sh", "-c",
                        f"echo 1 >/proc/sys/net/ipv6/conf/{scope}/disable_ipv6"], check=True)


def cgroup_root():
    """Where control groups of version 2 are; their cpu.stat needs no controller."""
    for path in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(os.path.join(path, "cgroup.procs")) and \
                os.path.exists(os.path.join(path, "cgroup.controllers")):
            return path
    raise RuntimeError("no control groups of version 2 are mounted")


class Usage:
    """What a host has used: octets and packets on its interface, seconds of processor."""

    def __init__(self, octets=0, packets=0, cpu=0.0):
        self.octets, self.packets, self.cpu = octets, packets, cpu

    def __sub__(self, other):
        return Usage(self.octets - other.octets, self.packets - other.packets, self.cpu - other.cpu)

    def __add__(self, other):
        return Usage(self.octets + other.octets, self.packets + other.packets, self.cpu + other.cpu)


class Host:
    """One namespace; the interface eth0 is given by the network it is made by."""

    def __init__(self, tag, name, address):
        self.name, self.address = name, address
        self.ns = f"{tag}-{name}"
        ip("netns", "add", self.ns)
        self.fd = os.open(f"/run/netns/{self.ns}", os.O_RDONLY | os.O_CLOEXEC)
        without_ipv6(self.ns)
        ip("link", "set", "lo", "up", ns=self.ns)
        self.cgroup = os.path.join(cgroup_root(), self.ns)
        os.makedirs(self.cgroup, exist_ok=True)

    def __enter__(self):
        """Nests; belongs to the calling thread alone."""
        stack = _state.__dict__.setdefault("stack", [])
        stack.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        _setns(self.fd)
        return self

    def __exit__(self, *_):
        back = _state.stack.pop()
        _setns(back)
        os.close(back)

    def usage(self):
        with self:
            with open("/proc/thread-self/net/dev", encoding="ascii") as f:
                line = next(x for x in f if x.strip().startswith("eth0:"))
        n = [int(x) for x in line.split(":")[1].split()]
        with open(os.path.join(self.cgroup, "cpu.stat"), encoding="ascii") as f:
            micro = int(next(x for x in f if x.startswith("usage_usec")).split()[1])
        return Usage(n[0] + n[8], n[1] + n[9], micro / 1e6)

    def popen(self, command, **how):
        """A process of this host, in its control group."""
        with self:
            return subprocess.Popen(["/bin/sh", "-c", 'echo $$ >"$0" && exec "$@"',
                                     os.path.join(self.cgroup, "cgroup.procs"), *command], **how)

    def run(self, *command, **how):
        """A command to its end, in this namespace and outside the control group."""
        with self:
            return subprocess.run(command, check=True, **how)

    def processes(self):
        try:
            with open(os.path.join(self.cgroup, "cgroup.procs"), encoding="ascii") as f:
                return [int(x) for x in f.read().split()]
        except FileNotFoundError:
            return []

    def memory(self):
        """{(command, pid): highest resident kilobytes} of the processes that run now."""
        out = {}
        for pid in self.processes():
            try:
                with open(f"/proc/{pid}/status", encoding="utf-8") as f:
                    fields = dict(line.split(":", 1) for line in f if ":" in line)
            except OSError:
                continue
            if "VmHWM" in fields:
                out[(fields["Name"].strip(), pid)] = int(fields["VmHWM"].split()[0])
        return out

    def close(self):
        """Ends what still runs here, each by its own id, and removes the host."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            end = time.monotonic() + 5
            for pid in self.processes():
                try:
                    os.kill(pid, number)
                except ProcessLookupError:
                    pass
            while self.processes() and time.monotonic() < end:
                time.sleep(0.05)
                while _reap():
                    pass
        os.close(self.fd)
        subprocess.run(["ip", "netns", "del", self.ns], check=False)
        try:
            os.rmdir(self.cgroup)
        except OSError:
            pass


def _reap():
    """Takes the status of one orphan that ended; True if there was one."""
    try:
        return os.waitpid(-1, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return False


class Lan:
    """Hosts on one bridge, without delay or loss: what limits is the machine itself."""

    count = 0

    def __init__(self):
        Lan.count += 1
        self.tag = f"rb{os.getpid()}-{Lan.count}"
        self.hosts = []
        self.bridge = f"{self.tag}-lan"
        ip("netns", "add", self.bridge)
        without_ipv6(self.bridge)
        ip("link", "add", "br0", "type", "bridge", "mcast_snooping", "0", ns=self.bridge)
        ip("link", "set", "br0", "up", ns=self.bridge)

    def host(self, name):
        n = len(self.hosts) + 1
        h = Host(self.tag, name, f"10.77.{n // 250}.{n % 250 + 1}")
        self.hosts.append(h)
        ip("link", "add", f"p{n}", "type", "veth", "peer", "name", "eth0", "netns", h.ns,
           ns=self.bridge)
        for ns, device in ((self.bridge, f"p{n}"), (h.ns, "eth0")):
            subprocess.run(["ip", "netns", "exec", ns, "ethtool", "-K", device, "tso", "off", "gso",
                            "off", "gro", "off", "tx", "off"], check=True, stdout=subprocess.DEVNULL)
        ip("link", "set", f"p{n}", "master", "br0", "up", ns=self.bridge)
        ip("addr", "add", f"{h.address}/16", "dev", "eth0", ns=h.ns)
        ip("link", "set", "eth0", "up", ns=h.ns)
        return h

    def close(self):
        for h in self.hosts:
            h.close()
        subprocess.run(["ip", "netns", "del", self.bridge], check=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
