# SPDX-License-Identifier: GPL-3.0-or-later
"""Computers of a test: network namespaces inside a user namespace, made without being root, with
subnets and a router between them and a hosts file for each.

    @inside                       the test runs again, alone, in namespaces of its own
    def test_x(folder):
        with Router() as router:  this process's namespace
            a = router.host("a", "10.31.1.2")
            with a: ...           sockets made here, by this thread, belong to a
"""

import ctypes
import functools
import inspect
import os
import subprocess
import sys

import pytest

from .process import Process, program
from .peer import Peer

CLONE_NEWNET = 0x40000000
MARK = "RESTANTE_TEST_INSIDE"
ENTER = ("unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--mount", "--")
_libc = ctypes.CDLL(None, use_errno=True)


def inside(test):
    """Runs the test in a user, network and mount namespace. Where the kernel lets no ordinary user
    have one, it is skipped, and says so."""
    @functools.wraps(test)
    def run(*arguments, **named):
        if os.environ.get(MARK):
            return test(*arguments, **named)
        able = subprocess.run([*ENTER, "ip", "link", "set", "lo", "up"], capture_output=True,
                              text=True, check=False)
        if able.returncode != 0:
            pytest.skip(f"NOT TESTED, no network namespaces here: {able.stderr.strip()}")
        name = os.environ["PYTEST_CURRENT_TEST"].split("::", 1)[1].rsplit(" ", 1)[0]
        done = subprocess.run([*ENTER, sys.executable, "-m", "pytest", "-q", "-x", "-p",
                               "no:cacheprovider", f"{inspect.getfile(test)}::{name}"],
                              env={**os.environ, MARK: "1"}, capture_output=True, text=True,
                              timeout=300, check=False)
        assert done.returncode == 0 and "1 passed" in done.stdout, done.stdout + done.stderr
        return None
    return run


def _run(*command):
    subprocess.run(command, check=True)


class Router:
    """This process's network namespace: the first address of each /24 that a host is put into."""

    def __init__(self):
        _run("ip", "link", "set", "lo", "up")
        with open("/proc/sys/net/ipv4/ip_forward", "w", encoding="ascii") as f:
            f.write("1")
        self.hosts, self.bridges = [], {}

    def bridge(self, address):
        prefix = address.rsplit(".", 1)[0]
        if prefix not in self.bridges:
            name = self.bridges[prefix] = f"br{len(self.bridges)}"
            _run("ip", "link", "add", name, "type", "bridge")
            _run("ip", "addr", "add", f"{prefix}.1/24", "dev", name)
            _run("ip", "link", "set", name, "up")
        return self.bridges[prefix]

    def host(self, name, address, folder, names=None):
        """names: {host name: address}, its hosts file."""
        path = os.path.join(folder, name + ".hosts")
        with open(path, "w", encoding="ascii") as f:
            f.write("127.0.0.1 localhost\n")
            f.writelines(f"{ip} {n}\n" for n, ip in (names or {}).items())
        h = Host(name, address, path)
        self.hosts.append(h)
        link = f"v{len(self.hosts)}"
        _run("ip", "link", "add", link, "type", "veth", "peer", "name", "eth0", "netns", str(h.pid))
        _run("ip", "link", "set", link, "master", self.bridge(address), "up")
        h.link = link
        h.run("ip", "addr", "add", f"{address}/24", "dev", "eth0")
        h.run("ip", "link", "set", "eth0", "up")
        h.run("ip", "route", "add", "default", "via", address.rsplit(".", 1)[0] + ".1")
        return h

    def close(self):
        for h in self.hosts:
            h.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Host:
    """Held by one sleeping process."""

    def __init__(self, name, address, hosts):
        self.name, self.address = name, address
        script = ('ip link set lo up && mount --bind "$1" /etc/hosts && echo ready && '
                  'exec sleep 3600')
        self.holder = subprocess.Popen(["unshare", "--net", "--mount", "sh", "-c", script, "sh", hosts],
                                       stdout=subprocess.PIPE, text=True)
        assert self.holder.stdout.readline() == "ready\n"
        self.pid = self.holder.pid
        self.enter = ("nsenter", "-t", str(self.pid), "-n", "-m", "--")
        self.fd = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self.back = []

    def run(self, *command):
        _run(*self.enter, *command)

    def __enter__(self):
        self.back.append(os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC))
        self._set(self.fd)
        return self

    def __exit__(self, *_):
        back = self.back.pop()
        self._set(back)
        os.close(back)

    @staticmethod
    def _set(fd):
        if _libc.setns(fd, CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def close(self):
        self.holder.kill()
        self.holder.wait()
        self.holder.stdout.close()
        os.close(self.fd)


class HostPeer(Peer):
    """A peer on a host of its own. Its mail client is used inside `with peer.host:`."""

    def __init__(self, network, address, host, endpoint_host=None, settings=None):
        super().__init__(network, address, settings)
        self.host = host
        self.endpoint_host = endpoint_host or host.address
        self.dht_port = None
        network.peers.append(self)

    def init(self, bootstrap=()):
        text = super().init()
        self.set_config("network.http_bind", "0.0.0.0")
        self.set_config("network.dht_bind", "")
        self.set_config("network.dht_bind6", "none")
        self.set_config("network.endpoints", f"http://{self.endpoint_host}:{self.http_port}")
        self.set_config("network.dht_port", "4222")
        self.set_config("network.bootstrap", " ".join(bootstrap))
        return text

    def start(self, env=None):
        assert not self.process, f"{self.address} runs already"
        self.process = Process([*self.host.enter, program("restanted"), "--home", self.home],
                               self.output, env)
        return self

    def send(self, *arguments, **named):
        with self.host:
            return super().send(*arguments, **named)

    def imap(self, *arguments, **named):
        with self.host:
            return super().imap(*arguments, **named)
