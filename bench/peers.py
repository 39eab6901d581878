# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers and DHT nodes of tests/peer/env, each on a host of its own and with the default settings but for those
given."""

import contextlib
import os
import random
import sqlite3

from env.network import stop_all
from env.node import DhtNode
from env.peer import Peer
from env.wait import wait_for

ANNOUNCED, PULLED = 4, 5  # RCV_ANNOUNCED, RCV_PULLED of store/outgoing.h


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

    # `restante status` looks into the DHT, which would be counted: the store is read instead

    def ask_store(self, sql):
        with contextlib.closing(sqlite3.connect(
                f"file:{self.home}/state.db?mode=ro", uri=True, timeout=30)) as db:
            return db.execute(sql).fetchone()[0]

    def sends(self):
        """What the sender has still to do: receivers without an end, receipts and blobs to remove."""
        return self.ask_store(
            "SELECT (SELECT count(*) FROM receiver WHERE state<5 OR state=11 OR clean=1) +"
            " (SELECT count(*) FROM message WHERE state<2) +"
            " (SELECT count(*) FROM blob WHERE state IN (1,2,4))")

    def introduce(self, addresses):
        """Keeps their keys, as after a first message to each."""
        with self.smtp() as smtp:
            smtp.mail(self.address)
            for a in addresses:
                wait_for(lambda a=a: smtp.rcpt(a)[0] == 250, 120, f"{self.address} to know {a}", self.logs,
                         every=0.5)

    def pulled(self):
        return self.ask_store(f"SELECT count(*) FROM receiver WHERE state={PULLED}")

    def announces(self):
        """Receivers whose notification does not stand in the DHT yet."""
        return self.ask_store(f"SELECT count(*) FROM receiver WHERE state<{ANNOUNCED}")

    def seals(self):
        """Messages that are not sealed for all, or wait for their copy in Sent."""
        return self.ask_store("SELECT count(*) FROM message WHERE state<2")

    def receives(self):
        """Messages whose pull or receipt is under way; stubs are not."""
        return self.ask_store("SELECT count(*) FROM incoming WHERE state IN (1,3,4,5)")

    def wait_done(self, seconds=180):
        wait_for(lambda: self.sends() + self.receives() == 0, seconds,
                 f"{self.address} to have nothing left", self.logs, every=0.1)

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

    def start_peers(self, addresses, settings=None, at_once=10):
        """Many peers; so many of them start at once."""
        made = [self.peer(a, settings, start=False) for a in addresses]
        for first in range(0, len(made), at_once):
            for p in made[first:first + at_once]:
                p.start()
            for p in made[first:first + at_once]:
                p.wait_ready(180)
        return made

    def close(self):
        stop_all(self.peers, self.nodes)


def own(path):
    """Gives a folder that root made to the user the peers run as."""
    os.chown(path, int(os.environ["BENCH_UID"]), int(os.environ["BENCH_GID"]))
