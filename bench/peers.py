# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers and DHT nodes of tests/peer/env, each on a host of its own and with the default settings but for those
given."""

import os
import random

from env.node import DhtNode
from env.peer import Peer
from env.wait import wait_for


class Place:
    """What a peer of the tests asks its network for, with the host's address."""

    def __init__(self, system, host):
        self.system, self.host = system, host.address
        self.id, self.folder = system.id, system.folder
        self.peers = system.peers

    def bootstraps(self):
        return [n.address for n in self.system.nodes[:3]]


class BenchPeer(Peer):
    def __init__(self, system, host, address, settings):
        super().__init__(Place(system, host), address)
        self.machine = host
        self.settings = dict(settings)  # the tests' short periods are not wanted here

    def init(self):
        with self.machine:
            return super().init()

    def start(self, env=None):
        with self.machine:
            return super().start({"BENCH_CGROUP": self.machine.cgroup, **(env or {})})

    def smtp(self, login=True, seconds=60):
        with self.machine:
            return super().smtp(login, seconds)

    def imap(self, mailbox="INBOX", readonly=False, client=None):
        with self.machine:
            return super().imap(mailbox, readonly, client)

    # What bench/load.py needs

    def door(self):
        return {"host": "127.0.0.1", "port": self.submission_port, "user": self.address,
                "password": self.password, "ca": os.path.join(self.home, "tls", "ca.pem")}

    def box(self):
        return {**self.door(), "port": self.imap_port}


class Restante:
    """Nodes and peers, each on its own host of the network given."""

    name = "restante"

    def __init__(self, net, folder, nodes=8, settings=None):
        self.net, self.folder = net, folder
        self.id = random.randrange(1, 1 << 31)
        self.settings = dict(settings or {})
        self.nodes, self.node_hosts, self.peers = [], [], []
        for _ in range(nodes):
            self.node()

    def node(self, options=()):
        n = len(self.nodes)
        host = self.net.host(f"n{n}")
        node = DhtNode(os.path.join(self.folder, f"n{n}"), self.id,
                       [self.nodes[0].address] if self.nodes else [], options, host.address)
        own(node.folder)
        self.nodes.append(node)
        self.node_hosts.append(host)
        self.start_node(n)
        return node

    def start_node(self, n):
        os.environ["BENCH_CGROUP"] = self.node_hosts[n].cgroup
        try:
            with self.node_hosts[n]:
                self.nodes[n].start()
        finally:
            del os.environ["BENCH_CGROUP"]

    def peer(self, address, settings=None, start=True):
        p = BenchPeer(self, self.net.host(address.split("@")[0]), address,
                      {**self.settings, **(settings or {})})
        self.peers.append(p)
        p.init()
        if start:
            p.start()
            p.wait_ready(60)
        return p

    def settle(self, *peers, seconds=120):
        """Waits until these peers have nothing under way."""
        for p in peers:
            wait_for(lambda p=p: p.status()["pending"] == 0, seconds, f"{p.address} to settle",
                     p.logs, every=0.2)

    def close(self):
        for p in self.peers:
            p.tell_stop()
        for p in self.peers:
            p.stop()
        for n in self.nodes:
            n.kill9()


def own(path):
    """Gives a folder that root made to the user the peers run as."""
    os.chown(path, int(os.environ["BENCH_UID"]), int(os.environ["BENCH_GID"]))
