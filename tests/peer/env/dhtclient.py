# SPDX-License-Identifier: GPL-3.0-or-later
"""A second implementation of the frames of restante-dht's socket (P-8), blocking and small.
Needs python3-cbor2."""

import hashlib
import socket
import struct
import time

import cbor2

PUT, DEL, LIST, GET, LOOK, LISTEN, STATUS, ADD, WARM, DROP = range(1, 11)
DONE, IDS, VALUE, PRESENCE, HEARD, STATE, LINK = range(16, 23)
ABSENT, PRESENT, DELETED = range(3)


class DhtClient:
    def __init__(self, path, seconds=30):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(seconds)
        self.sock.connect(path)
        self.buffer = b""
        self.request = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def ask(self, verb, *fields):
        """Sends a request; its number."""
        self.request += 1
        data = cbor2.dumps([verb, self.request, *fields], canonical=True)
        self.sock.sendall(struct.pack(">I", len(data)) + data)
        return self.request

    def frame(self):
        """The next frame as a list."""
        def need(n):
            while len(self.buffer) < n:
                more = self.sock.recv(65536)
                if not more:
                    raise ConnectionError("restante-dht closed the connection")
                self.buffer += more
        need(4)
        size = struct.unpack(">I", self.buffer[:4])[0]
        need(4 + size)
        data, self.buffer = self.buffer[4:4 + size], self.buffer[4 + size:]
        return cbor2.loads(data)

    def answer(self, request):
        while True:
            f = self.frame()
            if f[1] == request:
                return f

    def put(self, key, value, life=600, lock=None):
        """(ok, why). The lock is a hash nobody knows a token of unless one is given."""
        lock = lock or hashlib.sha256(b"nobody" + value).digest()
        return tuple(self.answer(self.ask(PUT, key, value, int(time.time()) + life, lock))[2:])

    def many(self, requests, window=64):
        """Asks many (verb, *fields), a window of them at a time; for each, in order, the answers from
        the first to the one that is the last."""
        answers, open_, done = [], {}, 0
        for request in requests:
            while len(open_) - done >= window:
                done += self._take(open_, answers)
            open_[self.ask(*request)] = len(answers)
            answers.append([])
        while done < len(open_):
            done += self._take(open_, answers)
        return answers

    def _take(self, open_, answers):
        """Keeps one answer; was it the last to its request?"""
        f = self.frame()
        if f[1] not in open_:
            return False
        answers[open_[f[1]]].append(f)
        return f[0] == DONE or (f[0] == IDS and not f[3])

    def put_all(self, entries):
        """Puts many (key, value, expiry, lock); every one must be taken."""
        for (f,) in self.many((PUT, *e) for e in entries):
            if not f[2]:
                raise LookupError(f"a put was refused: {f[3]}")

    def get_all(self, keys):
        """{key: [(id, lock, expiry, value)]} of the live entries under many keys."""
        keys, ids = list(keys), {}
        for key, frames in zip(keys, self.many((LIST, k) for k in keys)):
            if not all(f[2] for f in frames):
                raise LookupError(key)
            ids[key] = b"".join(f[4] for f in frames)
        held = [k for k in keys if ids[k]]
        got = dict(zip(held, self.many((GET, k, ids[k]) for k in held)))
        return {k: [tuple(f[2:]) for f in got.get(k, ()) if f[0] == VALUE] for k in keys}

    def delete(self, key, value_hash, token, verb=DEL):
        return tuple(self.answer(self.ask(verb, key, value_hash, token))[2:])

    def list(self, key):
        """The ids of the live entries."""
        request, ids = self.ask(LIST, key), []
        while True:
            _, _, ok, more, some = self.answer(request)
            if not ok:
                raise LookupError(key)
            ids += [some[i:i + 8] for i in range(0, len(some), 8)]
            if not more:
                return ids

    def get(self, key):
        """[(id, lock, expiry, value)] of every live entry."""
        ids = self.list(key)
        request, out = self.ask(GET, key, b"".join(ids)), []
        while ids:
            f = self.answer(request)
            if f[0] == DONE:
                break
            out.append(tuple(f[2:]))
        return out
