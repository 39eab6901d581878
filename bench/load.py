# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients that cost little: messages through several SMTP sessions at once, and an eye on mailboxes.

The submitter is a process of its own outside the measured control groups. Run as a program it reads a
JSON job from standard input and prints, as JSON, when each message was offered and when the server said
250; times are CLOCK_MONOTONIC, which all processes of a machine share.
"""

import base64
import json
import os
import pickle
import selectors
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time


class Session:
    """One SMTP session with TLS from the first octet; a message is sent in two round trips."""

    def __init__(self, door):
        context = ssl.create_default_context(cafile=door["ca"])
        plain = socket.create_connection((door["host"], door["port"]), 300)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = context.wrap_socket(plain, server_hostname="localhost")
        self.file = self.sock.makefile("rb")
        self.reply("2")
        self.ask(b"EHLO bench", "2")
        if door["user"]:
            secret = base64.b64encode(f"\0{door['user']}\0{door['password']}".encode())
            self.ask(b"AUTH PLAIN " + secret, "2")

    def reply(self, want):
        while True:
            line = self.file.readline()
            if not line:
                raise ConnectionError("the server closed the connection")
            if line[3:4] != b"-":
                break
        if line[:1].decode() != want:
            raise RuntimeError(line.decode("utf-8", "replace"))

    def ask(self, line, want):
        self.sock.sendall(line + b"\r\n")
        self.reply(want)

    def send(self, sender, to, stuffed):
        """stuffed ends with the final dot. Returns the time of the 250."""
        self.sock.sendall(b"MAIL FROM:<%s> BODY=8BITMIME\r\n" % sender.encode()
                          + b"".join(b"RCPT TO:<%s>\r\n" % t.encode() for t in to) + b"DATA\r\n")
        for _ in range(1 + len(to)):
            self.reply("2")
        self.reply("3")
        self.sock.sendall(stuffed)
        self.reply("2")
        return time.monotonic()

    def close(self):
        try:
            self.sock.sendall(b"QUIT\r\n")
            self.reply("2")
        finally:
            self.sock.close()


def stuff(data):
    data = data.replace(b"\r\n.", b"\r\n..")
    if data[:1] == b".":
        data = b"." + data
    return data + (b"" if data.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def work(job):
    """{started, offered: [...], accepted: [...]} in the order of the messages."""
    with open(job["messages"], "rb") as f:
        messages = [(s, to, stuff(d)) for s, to, d in pickle.load(f)]
    times = [None] * len(messages)
    todo = iter(range(len(messages)))
    lock, errors = threading.Lock(), []
    sessions = [Session(job["door"]) for _ in range(job["sessions"])]
    started = time.monotonic()

    def run(session):
        try:
            while True:
                with lock:
                    i = next(todo, None)
                if i is None:
                    return session.close()
                offered = time.monotonic()
                times[i] = (offered, session.send(*messages[i]))
        except Exception as e:  # told to the parent
            errors.append(repr(e))

    threads = [threading.Thread(target=run, args=(s,)) for s in sessions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise RuntimeError("; ".join(errors[:3]))
    return {"started": started, "offered": [t[0] for t in times], "accepted": [t[1] for t in times]}


class Submission:
    """A submitter under way on this host. messages: [(sender, [receivers], octets)]."""

    def __init__(self, host, door, messages, sessions=8):
        self.file = tempfile.NamedTemporaryFile(suffix=".messages")
        pickle.dump(messages, self.file)
        self.file.flush()
        with host:
            self.process = subprocess.Popen(["/usr/bin/python3", os.path.abspath(__file__)],
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(json.dumps({"door": door, "sessions": min(sessions, len(messages)),
                                             "messages": self.file.name}))
        self.process.stdin.close()

    def result(self, seconds=900):
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        text = self.process.stdout.read()
        code = self.process.wait()
        timer.cancel()
        self.file.close()
        if code != 0:
            raise RuntimeError("the submitter failed")
        return json.loads(text)


class Watch:
    """IMAP IDLE on several mailboxes of one host; when did each show how many messages?"""

    def __init__(self, host, boxes):
        self.selector = selectors.DefaultSelector()
        self.counts, self.buffers, self.socks = {}, {}, []
        self.times = []  # one for each message that came after the start
        for name, box in boxes.items():
            context = ssl.create_default_context(cafile=box["ca"])
            with host:
                plain = socket.create_connection((box["host"], box["port"]), 60)
            sock = context.wrap_socket(plain, server_hostname="localhost")
            sock.settimeout(60)
            f = sock.makefile("rb", buffering=0)
            f.readline()
            self.counts[name] = 0
            for command in (f'LOGIN "{box["user"]}" "{box["password"]}"', 'SELECT INBOX'):
                sock.sendall(b"a " + command.encode() + b"\r\n")
                while True:
                    line = f.readline()
                    if b" EXISTS" in line:
                        self.counts[name] = int(line.split()[1])
                    if not line or line.startswith(b"a "):
                        break
                if not line.startswith(b"a OK"):
                    raise RuntimeError(repr(line))
            sock.sendall(b"i IDLE\r\n")
            sock.setblocking(False)
            self.buffers[name] = b""
            self.selector.register(sock, selectors.EVENT_READ, name)
            self.socks.append(sock)

    def add(self, other):
        """Takes another host's mailboxes in."""
        self.counts.update(other.counts)
        self.buffers.update(other.buffers)
        for key in list(other.selector.get_map().values()):
            self.selector.register(key.fileobj, selectors.EVENT_READ, key.data)
        self.socks += other.socks
        other.selector.close()

    def wait(self, count, seconds):
        """Until so many more messages stand there than at the start; the times when they did."""
        end = time.monotonic() + seconds
        while len(self.times) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(self.times)} of {count} messages became visible")
            for key, _ in self.selector.select(1):
                self._read(key.fileobj, key.data)
        return self.times[:count]

    def _read(self, sock, name):
        while True:
            try:
                piece = sock.recv(65536)
            except (ssl.SSLWantReadError, BlockingIOError):
                return
            if not piece:
                raise ConnectionError(f"{name}: the server closed the connection")
            now = time.monotonic()
            lines = (self.buffers[name] + piece).split(b"\r\n")
            self.buffers[name] = lines.pop()
            for line in lines:
                if line.endswith(b" EXISTS"):
                    n = int(line.split()[1])
                    self.times += [now] * (n - self.counts[name])
                    self.counts[name] = n

    def close(self):
        for s in self.socks:
            s.close()
        self.selector.close()


if __name__ == "__main__":
    json.dump(work(json.load(sys.stdin)), sys.stdout)
