# SPDX-License-Identifier: GPL-3.0-or-later
"""The IMAP face alone: a real private Dovecot with our plugin, started by the daemon's own code
(run_dovecot), and a stand-in for the daemon that answers the plugin's questions as a test wants."""

import ctypes
import hashlib
import hmac
import os
import re
import socket
import ssl
import subprocess
import tempfile
import threading
import time

from .imap import Imap
from .process import free_port, program
from .wait import tail

ADDRESS, PASSWORD = "bob@demo", "correct-horse"
KEY = bytes(range(32))
_libc = ctypes.CDLL(None, use_errno=True)


def exchange(a, b):
    """renameat2(RENAME_EXCHANGE)."""
    if _libc.renameat2(-100, os.fsencode(a), -100, os.fsencode(b), 2) != 0:
        raise OSError(ctypes.get_errno(), "exchange", a, None, b)


def stub_bytes(nid, header, structure, key=KEY):
    mac = hmac.new(key, bytes.fromhex(nid) + header + structure, hashlib.sha256).hexdigest()
    return (b"X-Restante-Stub: 1 %s %d %d %s\r\n" % (nid.encode(), len(header), len(structure),
                                                   mac.encode()) + header + structure)


class StandIn:
    """Speaks the daemon's side of P-7. answer(nid, fields) returns a line, None for no answer, or
    raises Hangup; it runs in a thread of its own for every question."""

    class Hangup(Exception):
        pass

    def __init__(self, path):
        self.lines = []
        self.gone = 0  # connections that ended
        self.answer = lambda nid, fields: f"OK {nid}"
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(64)
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                c, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(c,), daemon=True).start()

    def _serve(self, c):
        try:
            with c.makefile("rb") as f:
                for raw in f:
                    line = raw.decode().rstrip("\n")
                    self.lines.append(line)
                    if line.startswith("PULL "):
                        threading.Thread(target=self._answer, args=(c, line), daemon=True).start()
        except OSError:
            pass
        self.gone += 1

    def _answer(self, c, line):
        words = line.split(" ")
        try:
            reply = self.answer(words[1], dict(w.split("=", 1) for w in words[2:]))
            if reply is not None:
                c.sendall(reply.encode() + b"\n")
        except StandIn.Hangup:
            c.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def of(self, word):
        return [line for line in self.lines if line.startswith(word + " ")]

    def close(self):
        self.server.close()


class Raw:
    """An IMAP connection whose commands may be pipelined."""

    def __init__(self, face, mailbox="INBOX", before=()):
        plain = socket.create_connection(("127.0.0.1", face.imap_port), 60)
        self.sock = face.tls().wrap_socket(plain, server_hostname="localhost")
        self.buffer = b""
        self.line()
        for command in before:
            self.run("b", command)
        self.run("l", f'LOGIN "{ADDRESS}" "{PASSWORD}"')
        if mailbox:
            self.run("s", f'SELECT "{mailbox}"')

    def send(self, text):
        self.sock.sendall(text.encode() + b"\r\n")

    def _more(self):
        piece = self.sock.recv(65536)
        if not piece:
            raise EOFError("the server closed the connection: " + repr(self.buffer[-200:]))
        self.buffer += piece

    def line(self):
        """One response; literals are taken in whole."""
        at = 0
        while True:
            end = self.buffer.find(b"\r\n", at)
            if end < 0:
                self._more()
                continue
            literal = re.search(rb"\{(\d+)\}$", self.buffer[at:end])
            if not literal:
                out, self.buffer = self.buffer[:end], self.buffer[end + 2:]
                return out
            at = end + 2 + int(literal.group(1))
            while len(self.buffer) < at:
                self._more()

    def until(self, tag):
        """Responses up to the tagged one: (tagged text, untagged)."""
        untagged = []
        while True:
            line = self.line()
            if line.startswith(tag.encode() + b" "):
                return line.decode("utf-8", "replace"), untagged
            untagged.append(line)

    def run(self, tag, text):
        self.send(f"{tag} {text}")
        return self.until(tag)

    def close(self):
        self.sock.close()


class Face:
    def __init__(self, folder=None, wait=20):
        self.home = folder or tempfile.mkdtemp(prefix="f")
        for name in ("secret", "run", "log", "tls", "dovecot", "Maildir", "full"):
            os.makedirs(os.path.join(self.home, name), mode=0o700, exist_ok=True)
        self._write("secret/password", PASSWORD.encode() + b"\n")
        self._write("secret/stub.key", KEY)
        self.wait = wait
        self.imap_port, self.submission_port, self.relay_port = (free_port() for _ in range(3))
        self.standin = StandIn(os.path.join(self.home, "run/plugin.sock"))
        self.standin.answer = self.fill
        self.process = None
        self.count = 0
        self.files = {}  # nid: path of the full message

    def _write(self, name, data):
        with open(os.path.join(self.home, name), "wb") as f:
            f.write(data)

    def log_path(self):
        return os.path.join(self.home, "log", "dovecot.log")

    def start(self):
        self.process = subprocess.Popen(
            [program("run_dovecot"), self.home, ADDRESS, str(self.imap_port),
             str(self.submission_port), str(self.relay_port), os.environ["RESTANTE_PLUGIN_DIR"],
             str(self.wait)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.master = self.expect("ready")
        return self

    def expect(self, word, skip=None):
        """The number in the next line of run_dovecot, which must begin with this word; lines that
        say `skip` may come before it."""
        line = self.process.stdout.readline().strip()
        while skip and line.startswith(skip):
            line = self.process.stdout.readline().strip()
        assert line.startswith(word), line + "\n" + tail(self.log_path())
        return int(line.split()[1]) if " " in line else 0

    def stop(self):
        self.process.stdin.close()
        return self.process.wait(20)

    def close(self):
        if self.process and self.process.poll() is None:
            self.stop()
        self.standin.close()

    def complaints(self):
        """Dovecot's own lines at warning level or above."""
        with open(self.log_path(), encoding="utf-8", errors="replace") as f:
            return [line for line in f if re.search(r"(Warning|Error|Panic|Fatal):", line)]

    def tls(self):
        return ssl.create_default_context(cafile=os.path.join(self.home, "tls", "ca.pem"))

    def imap(self, mailbox="INBOX", client=None):
        box = Imap("127.0.0.1", self.imap_port, self.tls())
        box.login(ADDRESS, PASSWORD)
        if client:
            box.identify(client)
        if mailbox:
            box.select(mailbox)
        return box

    def raw(self, mailbox="INBOX", before=()):
        """before: commands sent before the login."""
        return Raw(self, mailbox, before)

    # Stubs

    def structure(self, data):
        """What Dovecot itself says of the full message."""
        raw = self.raw(None)
        try:
            raw.run("c", "CREATE Scratch")
            raw.send(f"a APPEND Scratch {{{len(data)}+}}")
            raw.sock.sendall(data + b"\r\n")
            raw.until("a")
            raw.run("s", "SELECT Scratch")
            _, lines = raw.run("f", "FETCH * BODYSTRUCTURE")
            line = next(part for part in lines if b"BODYSTRUCTURE (" in part)
            return line[line.index(b"BODYSTRUCTURE (") + 15:-2]
        finally:
            raw.close()

    def add(self, data, structure=None, nid=None, key=KEY, when=None):
        """Puts the stub of this message into the inbox; its notification id."""
        self.count += 1
        nid = nid or hashlib.sha256(b"%d" % self.count + data).hexdigest()
        header = data[:data.index(b"\r\n\r\n") + 4]
        structure = self.structure(data) if structure is None else structure
        path = os.path.join(self.home, "full", nid)
        with open(path, "wb") as f:
            f.write(data)
        self.files[nid] = path
        name = f"{int(time.time())}.M{self.count}P1.here,S={len(data)},W={len(data)}"
        for sub in ("tmp", "new", "cur"):
            os.makedirs(os.path.join(self.home, "Maildir", sub), exist_ok=True)
        tmp = os.path.join(self.home, "Maildir/tmp", name)
        with open(tmp, "wb") as f:
            f.write(stub_bytes(nid, header, structure, key))
        when = when or int(time.time()) - 86400
        os.utime(tmp, (when, when))
        os.rename(tmp, os.path.join(self.home, "Maildir/new", name))
        return nid

    def fill(self, nid, _fields=None):
        """What the daemon does: the message takes the stub's place in every folder. Clients rename
        files meanwhile (flags, MOVE), so look until a whole round finds no stub."""
        while self._fill_round(b"X-Restante-Stub: 1 " + nid.encode(), nid):
            pass
        return f"OK {nid}"

    def _fill_round(self, magic, nid):
        found = False
        for folder, _, names in os.walk(os.path.join(self.home, "Maildir")):
            if os.path.basename(folder) not in ("cur", "new"):
                continue
            for name in names:
                try:
                    found |= self._fill_one(os.path.join(folder, name), magic, nid)
                except FileNotFoundError:
                    found = True
        return found

    def _fill_one(self, path, magic, nid):
        with open(path, "rb") as f:
            if f.read(len(magic)) != magic:
                return False
            mtime = os.fstat(f.fileno()).st_mtime_ns
        tmp = os.path.join(self.home, "Maildir/tmp", f"{nid}.{threading.get_ident()}")
        with open(self.files[nid], "rb") as src, open(tmp, "wb") as dst:
            dst.write(src.read())
        os.utime(tmp, ns=(mtime, mtime))
        try:
            exchange(tmp, path)
        finally:
            os.unlink(tmp)
        return True
