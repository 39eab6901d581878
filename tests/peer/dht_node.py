# SPDX-License-Identifier: GPL-3.0-or-later
"""A restante-dht process and a connection to its socket (P-8), for the tests."""
import hashlib
import os
import signal
import socket
import struct
import subprocess
import time

import cbor2

PUT, DEL, LIST, GET, LOOK, LISTEN, STATUS = range(1, 8)
DONE, IDS, VALUE, PRESENCE, HEARD, STATE, LINK = range(16, 23)
ABSENT, PRESENT, DELETED = range(3)
ALONE, CONNECTED = 1, 2
WEEK = 7 * 86400


def program():
    build = os.environ.get("RESTANTE_BUILD", os.path.join(os.path.dirname(__file__), "../../build"))
    return os.path.join(build, "dhtd", "restante-dht")


def lock_of(token):
    return hashlib.sha256(b"restante-lock" + token).digest()


def id_of(key, lock, value):
    text = b"restante-id" + hashlib.sha1(key.encode()).digest() + lock + hashlib.sha256(value).digest()
    return hashlib.sha256(text).digest()[:8]


class Client:
    """One connection; requests are answered in the order in which they are waited for."""

    def __init__(self, path, timeout=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.data = b""
        self.next = 0
        self.link = None
        self.heard = []
        self.early = []

    def close(self):
        self.sock.close()

    def send(self, verb, *fields):
        self.next += 1
        body = cbor2.dumps([verb, self.next, *fields], canonical=True)
        self.sock.sendall(struct.pack(">I", len(body)) + body)
        return self.next

    def frame(self):
        while True:
            if len(self.data) >= 4:
                size = struct.unpack(">I", self.data[:4])[0]
                if len(self.data) >= 4 + size:
                    body, self.data = self.data[4 : 4 + size], self.data[4 + size :]
                    return cbor2.loads(body)
            more = self.sock.recv(1 << 20)
            if not more:
                raise ConnectionError("restante-dht closed the connection")
            self.data += more

    def answer(self, request):
        """The next frame for this request; link changes and heard values are kept aside."""
        for i, f in enumerate(self.early):
            if f[1] == request:
                return self.early.pop(i)
        while True:
            f = self.frame()
            if f[0] == LINK:
                self.link = f[2]
            elif f[0] == HEARD:
                self.heard.append(f)
            elif f[1] == request:
                return f
            else:
                self.early.append(f)

    def wait_heard(self, seconds):
        end = time.monotonic() + seconds
        while not self.heard and time.monotonic() < end:
            self.sock.settimeout(max(0.01, end - time.monotonic()))
            try:
                f = self.frame()
            except (TimeoutError, socket.timeout):
                break
            if f[0] == HEARD:
                self.heard.append(f)
        self.sock.settimeout(30)
        return self.heard.pop(0) if self.heard else None

    def put(self, key, value, token=b"t" * 32, life=3600):
        f = self.answer(self.send(PUT, key, value, int(time.time()) + life, lock_of(token)))
        return f[2], f[3]

    def delete(self, key, value, token=b"t" * 32):
        f = self.answer(self.send(DEL, key, hashlib.sha256(value).digest(), token))
        return f[2], f[3]

    def list(self, key):
        request, ids = self.send(LIST, key), []
        while True:
            _, _, ok, more, some = self.answer(request)
            ids += [some[i : i + 8] for i in range(0, len(some), 8)]
            if not more:
                return ok, ids

    def get(self, key, ids):
        request, values = self.send(GET, key, b"".join(ids)), []
        while True:
            f = self.answer(request)
            if f[0] == DONE:
                return f[2], values
            values.append(f[5])

    def values(self, key):
        ok, ids = self.list(key)
        assert ok
        ok, values = self.get(key, ids)
        assert ok
        return sorted(values)

    def look(self, key, value, token=b"t" * 32):
        f = self.answer(self.send(LOOK, key, id_of(key, lock_of(token), value)))
        return f[2], f[3]

    def listen(self, key):
        f = self.answer(self.send(LISTEN, key))
        assert f[2], f[3]

    def status(self):
        f = self.answer(self.send(STATUS))
        names = "link good dubious values bytes bad refused_puts refused_edits deletions port4 port6 node"
        return dict(zip(names.split(), f[2:]))


class Node:
    def __init__(self, folder, name, *options, bootstrap=None, network=77, socket_too=True):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.path = os.path.join(folder, name + ".sock") if socket_too else None
        self.log = os.path.join(folder, name + ".log")
        args = [program(), "--bind", "127.0.0.1", "--bind6", "none", "--port", "0", "--network", str(network)]
        args += ["--log", self.log, "--verbose"]
        if socket_too:
            args += ["--socket", self.path]
        for port in bootstrap or []:
            args += ["--bootstrap", "127.0.0.1:%d" % port]
        self.process = subprocess.Popen(args + list(options), stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        assert line.startswith("restante-dht: ready on "), line
        self.port = int(line.split()[-1])
        self.connection = None

    @property
    def c(self):
        if self.connection is None:
            self.connection = Client(self.path)
        return self.connection

    def stop(self, how=signal.SIGTERM):
        if self.connection:
            self.connection.close()
            self.connection = None
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(timeout=10)

    def alive(self):
        return self.process.poll() is None


def network(folder, count, *options, **kw):
    """This many nodes, all connected."""
    first = Node(folder, "n0", *options, **kw)
    nodes = [first]
    for i in range(1, count):
        nodes.append(Node(folder, "n%d" % i, *options, bootstrap=[first.port], **kw))
    wait_connected(nodes)
    return nodes


def wait_connected(nodes, good=1, seconds=20):
    end = time.monotonic() + seconds
    for n in nodes:
        while True:
            s = n.c.status()
            if s["link"] == CONNECTED and s["good"] >= good:
                break
            assert time.monotonic() < end, (n.port, s)
            time.sleep(0.05)
