# SPDX-License-Identifier: GPL-3.0-or-later
"""One restante-dht that only stores and forwards."""

import itertools
import os
import socket

from .process import Process, free_port, program
from .wait import Timeout, tail, wait_for

_made = itertools.count()


class DhtNode:
    """A node of a private network on one loopback address; its files are in a folder of its own."""

    def __init__(self, folder, network, bootstrap=(), options=(), host="127.0.0.1"):
        self.host = host
        self.folder = folder
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.port = free_port(socket.SOCK_DGRAM)
        self.socket = os.path.join(folder, "dht.sock")
        self.log = os.path.join(folder, "dht.log")
        self.network = network
        self.bootstrap = list(bootstrap)
        self.options = list(options)
        self.process = None
        # Of another OpenDHT, every second one, where there is such a program (scripts/test-debian).
        other = os.environ.get("RESTANTE_OTHER_DHT")
        self.program = other if other and next(_made) % 2 else program("restante-dht")

    @property
    def address(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def start(self):
        command = [self.program, "--socket", self.socket,
                   *(("--bind", "none", "--bind6", self.host) if ":" in self.host else
                     ("--bind", self.host, "--bind6", "none")), "--port", str(self.port), "--network", str(self.network),
                   "--state", os.path.join(self.folder, "state"),
                   # Many nodes share one address here.
                   "--requests", "200000", "--requests-per-peer", "100000"]
        for b in self.bootstrap:
            command += ["--bootstrap", b]
        self.process = Process(command + self.options, self.log)
        wait_for(self._listening, 10, f"restante-dht on port {self.port}", [self.log])
        return self

    def _listening(self):
        if not self.process.running():
            raise Timeout("restante-dht ended: " + tail(self.log, 3))
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
        return True

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process = None

    def kill9(self):
        if self.process:
            self.process.kill9()
            self.process = None
