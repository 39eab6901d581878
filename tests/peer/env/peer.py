# SPDX-License-Identifier: GPL-3.0-or-later
"""One peer: its home, its restanted, and a user's doors into it (command line, SMTP, IMAP)."""

import configparser
import json
import os
import re
import shutil
import smtplib
import socket
import ssl
import subprocess

from .imap import Imap
from .mail import decoded, fields, message_id
from .process import Process, free_port, program
from .wait import Timeout, tail, wait_for

# Short periods: a test must not wait for a slow poll.
QUICK = {
    "timing.poll": "0.5", "timing.retry": "0.5", "timing.sweep": "0.5", "timing.reput": "60",
    "timing.decline_grace": "1", "timing.trash_grace": "3",
    "timing.cancel_grace": "1", "mail.sent_wait": "1",
    "mail.open_wait": "20", "peer.log": "debug",
}


class Peer:
    def __init__(self, network, address, settings=None):
        self.network = network
        self.address = address
        name = address.split("@")[0]
        self.home = os.path.join(network.folder, name)
        self.output = os.path.join(network.folder, name + ".out")
        self.settings = {**QUICK, **(settings or {})}
        self.http_port = free_port()
        self.process = None
        self.imap_port = self.submission_port = 0

    # Life

    def init(self, options=(), network=True, bootstrap=True):
        """network=False: its number and its nodes are not named; bootstrap=False: the nodes."""
        host = self.network.host
        url = f"[{host}]" if ":" in host else host
        command = ["init", self.address, *options, "--listen", host, "--http-port", str(self.http_port),
                   "--endpoint", f"http://{url}:{self.http_port}",
                   "--imap-port", str(free_port()), "--submission-port", str(free_port()),
                   "--dht-port", str(free_port(socket.SOCK_DGRAM))]
        if network:
            command += ["--network", str(self.network.id)]
        for b in self.network.bootstraps() if network and bootstrap else ():
            command += ["--bootstrap", b]
        for key, value in self.settings.items():
            command += ["--set", f"{key}={value}"]
        text = self.cli(*command)
        ini = configparser.ConfigParser(interpolation=None, strict=False)
        ini.read(os.path.join(self.home, "config"))
        self.imap_port = ini.getint("mail", "imap_port")
        self.submission_port = ini.getint("mail", "submission_port")
        return text

    def start(self, env=None):
        """Starts restanted; wait_ready() waits for it."""
        assert not self.process, f"{self.address} runs already"
        self.process = Process([program("restanted"), "--home", self.home], self.output, env)
        return self

    def wait_ready(self, seconds=30):
        return wait_for(lambda: self.alive() and self.status()["ready"], seconds,
                        f"{self.address} to be ready", self.logs)

    def wait_up(self, seconds=30):
        """Its doors are open, although the DHT may be out of reach."""
        return wait_for(lambda: self.alive() and self.status()["imap"]["running"], seconds,
                        f"{self.address} to be up", self.logs)

    def alive(self):
        if not self.process.running():
            raise Timeout("restanted ended: " + tail(self.output, 5))
        return True

    def tell_stop(self):
        """SIGTERM, without waiting."""
        if self.process and self.process.running():
            self.process.popen.terminate()

    def stop(self):
        """A clean stop; the exit status."""
        code = self.process.terminate(15) if self.process else None
        self.process = None
        return code

    def kill9(self):
        if self.process:
            self.process.kill9()
            self.process = None

    def restart(self):
        self.stop()
        self.start()
        self.wait_ready()

    def forget_caches(self):
        """Removes all that Dovecot remembers about messages, so that it computes it from the files."""
        self.stop()
        for folder, _, files in os.walk(os.path.join(self.home, "Maildir")):
            for name in files:
                if name.startswith("dovecot.index") or name == "dovecot.list.index":
                    os.remove(os.path.join(folder, name))
        shutil.rmtree(os.path.join(self.home, "dovecot", "tmp"), ignore_errors=True)
        self.start()
        self.wait_ready()

    def complaints(self, levels="Warning|Error|Panic|Fatal"):
        """Dovecot's own lines at warning level or above, but for those with which it notes that its
        peer stopped it, or was killed, perhaps while somebody was logging in."""
        return [line for line in self.log_text("dovecot.log").splitlines()
                if re.search(rf"({levels}):", line)
                and not re.search(r"master: Warning: Killed with signal 15 \(by pid=|"
                                  r"-login: Error: master\(\w+\): read\(\) failed: Remote closed",
                                  line)]

    def children(self, of=None):
        """{name: pid} of what restanted (or the process `of`) started: restante-dht, restante-mime, restante-launch and what
        that started, dovecot."""
        running = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    name, rest = f.read().split("(", 1)[1].rsplit(")", 1)
                if rest.split()[0] != "Z":
                    running.append((name, int(pid), int(rest.split()[1])))
            except (OSError, IndexError):
                pass  # it ended meanwhile
        names = {name: pid for name, pid, parent in running if parent == (of or self.process.pid)}
        launcher = names.get("restante-launch")
        names.update({name: pid for name, pid, parent in running if launcher and parent == launcher})
        return names

    def logs(self):
        return [self.output] + [os.path.join(self.home, "log", n)
                                for n in ("restanted.log", "dovecot.log", "dht.log")]

    def log_text(self, name="restanted.log"):
        try:
            with open(os.path.join(self.home, "log", name), encoding="utf-8",
                      errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def set_config(self, name, value):
        """Changes HOME/config for the next start ("timing.poll", "1")."""
        section, key = name.split(".")
        path = os.path.join(self.home, "config")
        ini = configparser.ConfigParser(interpolation=None, strict=False)
        ini.read(path)
        ini.set(section, key, value)
        with open(path, "w", encoding="utf-8") as f:
            ini.write(f)

    # Command line

    def run_cli(self, *arguments, seconds=60):
        return subprocess.run([program("restante"), "--home", self.home, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=seconds)

    def cli(self, *arguments, seconds=60):
        """restante ARGUMENTS; its output. Raises with its error text when it fails."""
        done = self.run_cli(*arguments, seconds=seconds)
        if done.returncode != 0:
            raise RuntimeError(f"restante {' '.join(arguments)}: status {done.returncode}: "
                               f"{done.stderr.strip()}")
        return done.stdout

    def status(self, *options):
        """Also of a peer that is not well: status 3."""
        done = self.run_cli("status", "--json", *options)
        if done.returncode not in (0, 3):
            raise RuntimeError(f"restante status: status {done.returncode}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def outbox(self):
        return json.loads(self.cli("outbox", "--json"))["messages"]

    def inbox(self):
        return json.loads(self.cli("inbox", "--json"))["messages"]

    def pull(self, nid):
        return self.cli("pull", nid)

    def decline(self, nid):
        return self.cli("decline", nid)

    def idle(self, last=None):
        """The status once nothing is under way, nothing waits and nothing lives in the DHT; `last` gets
        what matters of it in any case."""
        s = self.status("--check")
        if last is not None:
            last.update({k: s[k] for k in ("pending", "outbox", "inbox", "dht", "failed")})
        if s["pending"] == 0 and s["outbox"]["messages"] == 0 and s["dht"]["ns_live"] == 0 \
                and s["dht"]["nr_live"] == 0:
            return s
        return None

    def wait_idle(self, seconds=30):
        """Nothing pending, outbox empty, no live ns and no live nr in the DHT."""
        last = {}
        try:
            return wait_for(lambda: self.idle(last), seconds, f"{self.address} to have nothing left",
                            self.logs, every=0.2)
        except AssertionError as e:
            raise type(e)(f"{last}\n{e}") from None

    # Mail client

    @property
    def password(self):
        with open(os.path.join(self.home, "secret", "password"), encoding="ascii") as f:
            return f.read().strip()

    def tls(self):
        """Trusts this peer's private authority and nothing else."""
        return ssl.create_default_context(cafile=os.path.join(self.home, "tls", "ca.pem"))

    def smtp(self, login=True, seconds=60):
        s = smtplib.SMTP_SSL("127.0.0.1", self.submission_port, context=self.tls(),
                             timeout=seconds)
        if login:
            s.login(self.address, self.password)
        return s

    def send(self, message, to, sender=None, seconds=60):
        """Submits octets with CRLF (or an email.message); an SMTP error raises."""
        data = message if isinstance(message, bytes) else message.as_bytes(
            policy=message.policy.clone(linesep="\r\n"))
        s = self.smtp(seconds=seconds)
        try:
            return s.sendmail(sender or self.address, to, data, mail_options=["BODY=8BITMIME"])
        finally:
            s.close()

    def imap(self, mailbox="INBOX", readonly=False, client=None, before=()):
        """before: commands sent before the login."""
        box = Imap("127.0.0.1", self.imap_port, self.tls())
        for command in before:
            box.before_login(command)
        box.login(self.address, self.password)
        if client:
            box.identify(client)
        if mailbox:
            box.select(mailbox, readonly)
        return box

    def search(self, *criteria, mailbox="INBOX"):
        with self.imap(mailbox, readonly=True) as box:
            return box.uids(*criteria)

    def find(self, data, mailbox="INBOX"):
        """The UIDs of the messages with this one's Message-ID."""
        return self.search("HEADER", "MESSAGE-ID", f'"{message_id(data)}"', mailbox=mailbox)

    def wait_message(self, data, seconds=30, mailbox="INBOX"):
        """Waits until this message stands in the mailbox, once; its UID."""
        uids = wait_for(lambda: self.find(data, mailbox), seconds,
                        f"a message in {self.address}'s {mailbox}",
                        lambda: self.logs() + self.network_logs(), every=0.1)
        assert len(uids) == 1, f"{len(uids)} copies"
        return uids[0]

    def _entry(self, entries, data):
        subject = dict(fields(data)[0])[b"subject"].split(b":", 1)[1].strip().decode()
        found = [e for e in entries if e["subject"] in (subject, decoded(subject))]
        return found[0] if found else None

    def stub_of(self, data):
        """This message in `restante inbox`, found by its subject; None when it is not there."""
        return self._entry(self.inbox(), data)

    def outbox_of(self, data):
        """This message in `restante outbox`; None when it is not there."""
        return self._entry(self.outbox(), data)

    def waits(self, data):
        """Is there a receiver whose end is still open?"""
        entry = self.outbox_of(data)
        return bool(entry) and any(r["state"] in ("waiting", "sealed", "announced")
                                   for r in entry["receivers"])

    def uids(self, mailbox="INBOX"):
        with self.imap(mailbox, readonly=True) as box:
            return box.uids()

    def wait_stubs(self, count, seconds=30, mailbox="INBOX"):
        """Waits until the mailbox has that many messages; their UIDs."""
        def check():
            uids = self.uids(mailbox)
            return uids if len(uids) >= count else None
        return wait_for(check, seconds, f"{count} messages in {self.address}'s {mailbox}",
                        lambda: self.logs() + self.network_logs(), every=0.15)

    def network_logs(self):
        return [os.path.join(p.home, "log", "restanted.log") for p in self.network.peers
                if p is not self]
