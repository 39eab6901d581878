# SPDX-License-Identifier: GPL-3.0-or-later
"""Some DHT nodes and the peers among them, in one short temporary folder."""

import os
import random
import re
import shutil
import tempfile

from .node import DhtNode
from .peer import Peer

SANITIZER = re.compile(r"(ERROR|WARNING): \w+Sanitizer|runtime error: ")
ERRORS = "Error|Panic|Fatal"  # of Dovecot: no test may bring it to that


def stop_all(peers, nodes):
    # All told first, so that their ends overlap.
    for p in peers:
        p.tell_stop()
    for p in peers:
        p.stop()
    for n in nodes:
        n.kill9()


class Network:
    def __init__(self, nodes=5, settings=None, folder=None, host="127.0.0.1"):
        """settings: configuration for every peer, {"section.key": value}."""
        if os.geteuid() == 0:
            raise PermissionError("peers do not run as root: use scripts/stage.py -- COMMAND")
        self.id = random.randrange(1, 1 << 31)
        self.made = folder is None
        self.folder = folder or tempfile.mkdtemp(prefix="r", dir=os.environ.get("TMPDIR", "/tmp"))
        self.settings = dict(settings or {})
        self.host = host  # where nodes and peers listen
        self.hostile = False  # a test sends malformed datagrams
        self.nodes, self.peers = [], []
        try:
            for _ in range(nodes):
                self.node()
        except BaseException:
            self.close()
            raise

    def node(self, options=(), start=True):
        """One more node. One that is not started yet is named to the peers all the same."""
        n = DhtNode(os.path.join(self.folder, f"n{len(self.nodes)}"), self.id,
                    [self.nodes[0].address] if self.nodes else [], options, self.host)
        self.nodes.append(n)
        return n.start() if start else n

    def bootstraps(self):
        return [n.address for n in self.nodes[:3]]

    def peer(self, address, settings=None, start=True):
        """A new peer: init, and unless told otherwise started and ready."""
        p = Peer(self, address, {**self.settings, **(settings or {})})
        self.peers.append(p)
        p.init()
        if start:
            p.start()
            p.wait_ready()
        return p

    def malformed(self):
        """What the packet filters dropped: nothing of what our own programs send may be among it."""
        lines = []
        for log in [n.log for n in self.nodes] + [p.logs()[3] for p in self.peers]:
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as f:
                    lines += [f"{log}: {line}" for line in f if "malformed datagram" in line]
        return lines

    def reports(self):
        """What sanitizers wrote, in a build that has them (make sanitize, make tsan)."""
        found = []
        for log in [n.log for n in self.nodes] + [log for p in self.peers for log in p.logs()]:
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as f:
                    text = f.read()
                found += [f"{log}: {text[m.start():m.start() + 4000]}" for m in SANITIZER.finditer(text)]
        return found

    def close(self):
        stop_all(self.peers, self.nodes)
        reports = self.reports()
        malformed = [] if self.hostile else self.malformed()
        errors = [f"{p.home}: {line}" for p in self.peers for line in p.complaints(ERRORS)]
        if self.made and not os.environ.get("RESTANTE_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
        assert not reports, "\n".join(reports[:3])
        assert not malformed, malformed[:5]
        assert not errors, errors[:5]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
