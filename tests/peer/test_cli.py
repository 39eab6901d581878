# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: which home it takes, what every command says when no daemon runs, and how answers are
shown (by a scripted daemon, so that they can be hostile)."""

import configparser
import fcntl
import json
import os
import pty
import re
import socket
import subprocess
import threading
import time

import pytest

from env import program

INIT = ("--listen", "127.0.0.1", "--bootstrap", "127.0.0.1:4000")


def restante(*arguments, env=None, **options):
    variables = {**os.environ, "LC_ALL": "C.UTF-8", **(env or {})}
    return subprocess.run([program("restante"), *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, env=variables, **options)


def ok(*arguments, **options):
    done = restante(*arguments, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout


def refused(status, *arguments, **options):
    """One sentence on stderr, nothing on stdout."""
    done = restante(*arguments, **options)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert done.stdout == ""
    lines = done.stderr.splitlines()
    assert lines[0].startswith("restante: ") and lines[0][-1] in ".?", done.stderr
    assert len(lines) == (1 if status == 1 else 2), done.stderr
    return done.stderr


def settings(home):
    ini = configparser.ConfigParser(interpolation=None)
    ini.read(os.path.join(home, "config"))
    return ini


@pytest.fixture
def home(folder):
    path = os.path.join(folder, "h")
    ok("init", "alice@demo", "--home", path, *INIT)
    return path


# Which home

def test_home_is_found(folder, home):
    fingerprint = ok("--home", home, "key", "fingerprint")
    assert ok("key", "--home", home, "fingerprint") == fingerprint
    assert ok("key", "fingerprint", env={"RESTANTE_HOME": home}) == fingerprint
    os.symlink("h", os.path.join(folder, ".restante"))
    env = {"HOME": folder, "RESTANTE_HOME": ""}
    assert ok("key", "fingerprint", env=env) == fingerprint
    assert ok("key", "fingerprint", cwd=folder, env={"RESTANTE_HOME": "./h"}) == fingerprint


def test_home_must_be_one_and_closed(folder, home):
    assert "There is no Restante home at" in refused(1, "--home", folder, "status")
    assert "restante init" in refused(1, "--home", os.path.join(folder, "none"), "account")
    os.chmod(home, 0o750)
    assert f"chmod 700 {home}" in refused(1, "--home", home, "status")
    os.chmod(home, 0o700)
    os.chmod(os.path.join(home, "secret/key.pgp"), 0o644)
    assert "chmod 600" in refused(1, "--home", home, "key", "export", "--secret")


def test_bad_configuration_names_the_line(home):
    with open(os.path.join(home, "config"), "a", encoding="ascii") as f:
        f.write("colour = blue\n")
    count = open(os.path.join(home, "config"), encoding="ascii").read().count("\n")
    text = refused(1, "--home", home, "account")
    assert f"{home}/config, line {count}: there is no setting \"colour\" in [" in text


# No daemon

@pytest.mark.parametrize("command", [["status"], ["status", "--json"], ["outbox"], ["inbox"],
                                     ["pull", "abcd"], ["decline", "abcd"], ["stop"], ["takeover"]])
def test_no_daemon(home, command):
    text = refused(1, "--home", home, *command)
    assert f"restanted is not running for this home ({home}); start it with `restante" in text
    text = refused(1, *command, env={"RESTANTE_HOME": home})
    assert "start it with `restante run`." in text


def test_dead_socket_is_no_daemon(home):
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(os.path.join(home, "run/control.sock"))
    assert "is not running" in refused(1, "--home", home, "status")


@pytest.mark.parametrize("arguments", [
    [], ["frob"], ["--frob"], ["status", "more"], ["outbox", "--secret"], ["pull"],
    ["pull", "abc"], ["pull", "xyzw"], ["pull", "abcd", "abcd"], ["decline", "a" * 65], ["key"],
    ["key", "burn"], ["key", "fingerprint", "--secret"], ["--home"], ["help", "frob"]])
def test_wrong_calls(arguments):
    refused(2, *arguments)


def test_help_and_version():
    text = ok("--help")
    assert re.fullmatch(r"restante \d+\.\d+\.\d+", ok("--version").splitlines()[0])
    commands = re.findall(r"^  ([a-z]+) ", text, re.M)
    assert set(commands) == {"retire", "backup", "restore", "move", "passwd", "config", "setup",
                             "init", "run", "stop", "account", "status", "doctor", "outbox",
                             "inbox", "pull", "decline", "key", "takeover", "group", "cancel", "contacts", "policy",
                             "mua", "fsck", "restart", "invite", "accept", "trace"}
    for c in commands:
        assert ok(c, "--help").startswith(f"Usage: restante [--home DIR] {c}")
        assert ok("help", c) == ok(c, "--help")


def test_a_full_disk_is_noticed():
    with open("/dev/full", "w", encoding="ascii") as full:
        done = subprocess.run([program("restante"), "--help"], stdout=full, stderr=subprocess.PIPE,
                              text=True, check=False)
    assert done.returncode == 1 and "could not be written" in done.stderr


# Keys

def test_key_is_for_gpg_too(folder, home):
    ring = os.path.join(folder, "g")
    os.mkdir(ring, 0o700)
    gpg = ["gpg", "--homedir", ring, "--batch", "--with-colons"]
    armor = ok("--home", home, "key", "export")
    assert armor.startswith("-----BEGIN PGP PUBLIC KEY BLOCK-----\n")
    shown = subprocess.run([*gpg, "--show-keys"], input=armor, capture_output=True, text=True,
                           check=True).stdout
    fingerprint = ok("--home", home, "key", "fingerprint").strip()
    assert re.fullmatch(r"[0-9A-F]{40}", fingerprint)
    assert f"fpr:::::::::{fingerprint}:" in shown
    assert "<alice@demo>" in shown
    secret = restante("--home", home, "key", "export", "--secret")
    assert secret.returncode == 0 and "SECRET" in secret.stderr
    assert secret.stdout.startswith("-----BEGIN PGP PRIVATE KEY BLOCK-----\n")


# A scripted daemon

class Script:
    """Answers each request line with the octets that answers[cmd] holds; "stop" closes all."""

    def __init__(self, home, answers):
        self.requests = []
        self.answers = answers
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(os.path.join(home, "run/control.sock"))
        self.socket.listen(4)
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                c, _ = self.socket.accept()
            except OSError:
                return
            with c, c.makefile("rb") as lines:
                for line in lines:
                    request = json.loads(line)
                    self.requests.append(request)
                    for piece in self.answers[request["cmd"]]:
                        if isinstance(piece, float):
                            time.sleep(piece)
                        else:
                            c.sendall(piece)
                    if request["cmd"] in ("stop", "status"):
                        break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join(5)


def line(o):
    return json.dumps(o, ensure_ascii=False).encode() + b"\n"


NOW = int(time.time() * 1000)
STATUS = {
    "ok": True, "address": "alice@demo", "fingerprint": "ab" * 20, "version": "1.2.3",
    "home": "/h", "uptime_s": 7500, "ready": True,
    "ports": {"imap": 1, "submission": 2, "http": 3, "dht": 4},
    "dht": {"link": "connected", "good_nodes": 5, "ns_live": 1, "nr_live": None,
            "identity": "posted", "descriptor": "pending"},
    "imap": {"running": True}, "outbox": {"messages": 3, "bytes": 123456789,
                                          "receivers_pending": 1},
    "inbox": {"stubs": 1, "pulling": 0, "receipts_pending": 2}, "pending": 4,
    "failed": [{"id": "cd" * 16, "to": "bob@demo", "at": NOW, "why": "No\x1b[2J key."}]}
HOSTILE = "=?utf-8?Q?Gr=C3=BC=C3=9Fe?=\u202e\x1b]0;x\x07\x9b31m\r\n\u200bend"
OUTBOX = {"ok": True, "messages": [
    {"id": "0123456789abcdef" * 2, "subject": HOSTILE, "date_ms": NOW - 7200000, "size": 4200,
     "state": "published", "hash": None, "receivers": [
         {"to": "bob@demo", "state": "announced", "at_ms": NOW - 60000, "why": None},
         {"to": "carol@demo", "state": "failed", "at_ms": NOW, "why": "No key.\x1b[0m"}]},
    {"id": "0123456799abcdef" * 2, "subject": "", "date_ms": NOW, "size": 0, "state": "submitted",
     "hash": None, "receivers": []}]}
INBOX = {"ok": True, "messages": [
    {"id": "fe" * 32, "from": "bob@demo", "subject": "x", "date_ms": NOW, "size": 2 * 10**9,
     "state": "pulling", "done": 9 * 10**8, "why": None}]}


def test_tables(home):
    with Script(home, {"status": [line(STATUS)], "outbox": [line(OUTBOX)],
                       "inbox": [line(INBOX)]}):
        text = ok("--home", home, "status")
        for part in ("ready       alice@demo, up 2 h 5 min, version 1.2.3", "ABAB ABAB",
                     "connected, 5 nodes", "descriptor pending", "1 notification and an unknown",
                     "3 messages, 123 MB; 1 recipient has yet to pull", "4 steps", "cdcdcdcd",
                     "No?[2J key."):
            assert part in text, (part, text)
        text = ok("--home", home, "outbox")
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e\u200b]", text), repr(text)
        rows = text.splitlines()
        # As many digits of the id as tell the two apart; columns stand below their headings.
        assert rows[1].startswith("012345678  Gr\u00fc\u00dfe??]0;x??31m  ?end")
        assert [r[rows[0].index("TO"):].split()[0] for r in rows[1:3]] == ["bob@demo", "carol@demo"]
        assert rows[3] == "    No key.?[0m"
        assert "(no subject)" in rows[4] and "submitted" in rows[4]
        assert re.search(r" 2\.0 GB +\w+( s| min)?  pulling 45 %\n", ok("--home", home, "inbox"))
        # For scripts: the same data, all of it, in ASCII.
        raw = ok("--home", home, "outbox", "--json")
        assert raw.isascii() and "\x1b" not in raw
        subject = "Gr\u00fc\u00dfe" + HOSTILE.split("?=")[1]  # decoded, and nothing else of it changed
        assert json.loads(raw) == {**OUTBOX, "messages": [{**OUTBOX["messages"][0], "subject": subject},
                                                          OUTBOX["messages"][1]]}
        assert json.loads(ok("--home", home, "status", "--json")) == STATUS


def test_answers_in_a_plain_locale(home):
    with Script(home, {"outbox": [line(OUTBOX)]}):
        text = ok("--home", home, "outbox", env={"LC_ALL": "C"})
        assert text.isascii() and "Gr??e" in text


def test_empty_lists(home):
    none = line({"ok": True, "messages": []})
    with Script(home, {"outbox": [none], "inbox": [none]}):
        assert "empty" in ok("--home", home, "outbox")
        assert "Nothing waits" in ok("--home", home, "inbox")


def test_actions(home):
    with Script(home, {"pull": [line({"progress": {"done": 1, "size": 2}}),
                                line({"ok": True, "id": "fe" * 32})],
                       "decline": [line({"ok": False, "error": "No such\x1b message."})],
                       "stop": [line({"ok": True})]}) as script:
        assert ok("--home", home, "pull", "FEFE") == f"Pulled {'fe' * 32}.\n"
        assert refused(1, "--home", home, "decline", "abcd") == "restante: No such? message.\n"
        started = time.monotonic()
        lock = open(os.path.join(home, "run/lock"), "wb")  # what the daemon holds until its end
        fcntl.flock(lock, fcntl.LOCK_EX)
        threading.Timer(0.4, lock.close).start()
        assert "has stopped" in ok("--home", home, "stop")
        assert time.monotonic() - started > 0.25  # it waits for the end
        assert script.requests == [{"cmd": "pull", "id": "fefe"}, {"cmd": "decline", "id": "abcd"},
                                   {"cmd": "stop"}]


def test_pull_shows_progress_on_a_terminal(home):
    pieces = []
    for done in range(0, 101, 25):
        pieces += [line({"progress": {"done": done * 10**6, "size": 10**8}}), 0.12]
    with Script(home, {"pull": pieces + [line({"ok": True, "id": "fe" * 32})]}):
        mine, theirs = pty.openpty()
        p = subprocess.run([program("restante"), "--home", home, "pull", "fefe"], stderr=theirs,
                           stdout=subprocess.PIPE, text=True, timeout=30, check=True)
        os.close(theirs)
        shown = ""
        try:
            while piece := os.read(mine, 65536):  # a terminal gives what it has, piece by piece
                shown += piece.decode()
        except OSError:
            pass  # EIO: the other side is closed and everything was read
        os.close(mine)
    assert " 50 %  50.0 MB of 100 MB" in shown and "MB/s" in shown
    assert shown.endswith("\r\x1b[K")
    assert p.stdout.startswith("Pulled ")


@pytest.mark.parametrize("answer, part", [
    ([b""], "ended while it was answering"),
    ([b"nonsense\n"], "is not understood"),
    ([b'{"ok":1}\n'], "is not understood"),
    ([b'{"ok":true,"ok":true}\n'], "is not understood"),
    ([b'\xff\xfe\n'], "is not understood"),
    ([b"[" * 100000 + b"\n"], "is not understood"),
    ([b'{"ok":true'], "ended while it was answering"),
    ([b'{"ok":false}\n'], "refused without a reason"),
])
def test_a_daemon_that_talks_nonsense(home, answer, part):
    with Script(home, {"status": answer}):
        assert part in refused(1, "--home", home, "status")


def test_wrong_kinds_in_an_answer(home):
    odd = {"ok": True, "dht": [], "ports": 7, "failed": [1, {"id": None, "at": "x"}],
           "outbox": {"bytes": -5}, "uptime_s": -1}
    lists = {"ok": True, "messages": [7, {"id": 1, "receivers": "x"}, {"size": -1}, None]}
    with Script(home, {"status": [line(odd)], "outbox": [line(lists)], "inbox": [line(lists)]}):
        unwell = restante("--home", home, "status")
        assert unwell.returncode == 3 and unwell.stdout.startswith("starting")
        ok("--home", home, "outbox")
        ok("--home", home, "inbox")


def test_output_through_a_pipe(home):
    """Rows of a pipe fit a page, whatever the subject; a reader that has seen enough is no error."""
    box = {"ok": True, "messages": [dict(OUTBOX["messages"][0], subject="long " * 100)] * 3000}
    with Script(home, {"outbox": [line(box)]}):
        assert max(map(len, ok("--home", home, "outbox").splitlines())) <= 120
        done = subprocess.run(f"set -o pipefail; {program('restante')} --home {home} outbox | head -1",
                              shell=True, executable="/bin/bash", capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0 and done.stderr == "" and done.stdout.startswith("ID")


def test_limits_of_times_are_readable(folder):
    text = refused(2, "--home", os.path.join(folder, "h"), "init", "alice@demo", *INIT,
                   "--set", "timing.poll=99999999999")
    assert "e+0" not in text and re.search(r"a time from [0-9.]+[smhd] to [0-9]+[smhd]", text), text
