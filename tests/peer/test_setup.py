# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante setup`: one command per person, then mail; the ports it takes and names; what it asks;
running it again; what it leaves behind when it fails or is interrupted."""

import configparser
import fcntl
import json
import os
import pty
import random
import re
import select
import shlex
import signal
import socket
import subprocess
import time

import pytest

from env import program, wait_for
from env.mail import compose
from env.peer import QUICK, Peer

SETTINGS = [x for k, v in QUICK.items() for x in ("--set", f"{k}={v}")]


def environment(folder, **more):
    """A person's log-in without a service manager; HOME is a folder of the test's own."""
    env = {k: v for k, v in os.environ.items()
           if k not in ("RESTANTE_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS")}
    return {**env, "HOME": folder, "LC_ALL": "C.UTF-8", **more}


def stop(home):
    """Stops the peer and waits until it has gone."""
    done = subprocess.run([program("restante"), "--home", home, "stop"], capture_output=True,
                          timeout=60, check=False)
    with open(os.path.join(home, "run", "lock"), "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
    return done.returncode == 0


def run_setup(folder, *arguments, **options):
    return subprocess.run([program("restante"), "setup", *arguments], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120,
                          env=environment(folder), **options)


class Made(Peer):
    """A peer that setup made and started."""

    def __init__(self, home, address):
        self.network, self.address, self.home, self.process = None, address, home, None
        self.output = os.path.join(home, "log", "start.log")
        self.read_config()

    def read_config(self):
        self.config = configparser.ConfigParser(interpolation=None)
        self.config.read(os.path.join(self.home, "config"))
        self.imap_port = self.config.getint("mail", "imap_port")
        self.submission_port = self.config.getint("mail", "submission_port")
        self.dht_port = self.config.getint("network", "dht_port")
        self.http_port = self.config.getint("network", "http_port")

    def alive(self):
        return True

    def network_logs(self):
        return []


@pytest.fixture
def made(folder):
    """made(name, ARGUMENTS...): runs setup for a person of that name; stopped afterwards."""
    peers = []

    def make(name, *arguments):
        person = os.path.join(folder, name)
        os.makedirs(person, exist_ok=True)
        done = run_setup(person, *arguments, "--yes", "--mail-client", "none", *SETTINGS)
        assert done.returncode == 0, done.stdout + done.stderr
        home = re.search(r"kept in (\S+)/secret/password", done.stdout)[1]
        peers.append(Made(home, json.loads(subprocess.run(
            [program("restante"), "--home", home, "account", "--json"], capture_output=True,
            check=True).stdout)["address"]))
        return peers[-1], done.stdout
    yield make
    for p in peers:
        stop(p.home)


def address():
    """A loopback address that nobody else on this machine uses."""
    return f"127.{random.randrange(1, 255)}.{random.randrange(1, 255)}.{random.randrange(2, 255)}"


def first_free(host, kind, port):
    while True:
        with socket.socket(socket.AF_INET, kind) as s:
            try:
                s.bind((host, port))
                return port
            except OSError:
                port += 1


def test_two_people_set_up_and_exchange_mail(made):
    """Bob runs the line that alice's setup printed, with his name in it, and they exchange mail."""
    network = str(random.randrange(2, 1 << 31))
    alice, text = made("a", "alice@home", "--listen", "127.0.0.1", "--network", network)
    line = re.search(r"^  restante setup (NAME@home --bootstrap \S+ --network \d+)$", text, re.M)[1]
    bob, _ = made("b", *shlex.split(line.replace("NAME", "bob")), "--listen", "127.0.0.1")
    assert bob.config["network"]["bootstrap"] == f"127.0.0.1:{alice.dht_port}"
    for p in (alice, bob):
        p.wait_ready()
    data = compose("alice@home", "bob@home", "The first mail")
    alice.send(data, ["bob@home"])
    uid = bob.wait_message(data)
    with bob.imap() as box:
        assert b"Subject: The first mail" in box.open(uid)


def test_the_second_is_invited_by_the_first(made):
    """The invitation that alice's setup printed is all that bob's needs to know."""
    network = str(random.randrange(2, 1 << 31))
    alice, text = made("a", "alice@home", "--listen", "127.0.0.1", "--network", network)
    line = re.search(r"^(restante:\S+)$", text, re.M)[1]
    bob, _ = made("b", "bob@home", "--accept", line, "--listen", "127.0.0.1")
    assert bob.config["network"]["id"] == network
    for p, other in ((alice, "bob@home"), (bob, "alice@home")):
        wait_for(lambda p=p, other=other: [c["trust"] for c in json.loads(
            p.cli("contacts", "--json"))["contacts"] if c["address"] == other] == ["verified"], 30,
            f"{p.address} to have {other} verified", p.logs)


def test_the_usual_ports_are_taken_and_named(folder, made):
    """4222 and 8080, so that people know what to tell each other; a second person on the computer
    gets the next ones, and is told."""
    host = address()
    dht, http = first_free(host, socket.SOCK_DGRAM, 4222), first_free(host, socket.SOCK_STREAM, 8080)
    alice, text = made("a", "alice@home", "--listen", host)
    assert (alice.dht_port, alice.http_port) == (dht, http)
    assert f"TCP port {http}" in text and f"UDP port {dht}" in text
    bob, text = made("b", "bob@home", "--listen", host, "--bootstrap", f"{host}:{dht}")
    assert bob.dht_port > dht and bob.http_port > http
    assert f"TCP port {bob.http_port}" in text and f"UDP port {bob.dht_port}" in text
    assert "These are not the usual ports" in text
    assert len({alice.imap_port, bob.imap_port, alice.submission_port, bob.submission_port}) == 4


def test_again_changes_nothing_and_starts_what_was_stopped(folder, made):
    host = address()
    alice, first = made("a", "alice@home", "--listen", host)
    with open(os.path.join(alice.home, "config"), "rb") as f:
        config = f.read()
    fingerprint = alice.cli("key", "fingerprint")
    _, second = made("a", "alice@home", "--listen", "127.0.0.1", "--http-port", "9999")
    assert "is in" in second and "already; its settings stay as they are" in second
    stop(alice.home)
    assert "The peer runs." in made("a")[1]  # not even the address is needed
    with open(os.path.join(alice.home, "config"), "rb") as f:
        assert f.read() == config
    assert alice.cli("key", "fingerprint") == fingerprint
    done = run_setup(os.path.join(folder, "a"), "other@home", "--yes")
    assert done.returncode == 1 and "is the home of alice@home, not of other@home" in done.stderr


def test_without_anybody_to_ask_the_address_is_needed(folder):
    done = run_setup(folder)
    assert done.returncode == 2 and "Say the address" in done.stderr
    assert os.listdir(folder) == []


@pytest.mark.parametrize("arguments, part", [
    (["Alice"], "is not an address"),
    (["a@b", "--wait", "0"], "--wait wants seconds"),
    (["a@b", "--wait", "5x"], "--wait wants seconds"),
    (["a@b", "--mail-client", "pine"], "--mail-client wants"),
    (["a@b", "--frobnicate"], "does not know the option"),
    (["a@b", "c@d"], "takes one address"),
])
def test_a_wrong_call_leaves_nothing(folder, arguments, part):
    done = run_setup(folder, "--yes", *arguments)
    assert done.returncode == 2 and part in done.stderr
    assert os.listdir(folder) == []


def test_a_peer_that_does_not_start_says_why(folder):
    """The HTTP port is taken between the making and the start."""
    host = address()
    done = subprocess.run([program("restante"), "--home", f"{folder}/.restante", "init", "a@b",
                           "--listen", host], capture_output=True, text=True, timeout=60,
                          env=environment(folder))
    assert done.returncode == 0
    config = configparser.ConfigParser(interpolation=None)
    config.read(f"{folder}/.restante/config")
    with socket.socket() as s:
        s.bind((host, config.getint("network", "http_port")))
        s.listen(1)
        done = run_setup(folder, "--yes", "--wait", "20")
    assert done.returncode == 1
    assert "The peer does not start: " in done.stderr and "is taken" in done.stderr


class Dialogue:
    """setup on a terminal."""

    def __init__(self, folder, *arguments, **more):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
            os.execve(program("restante"), ["restante", "setup", *arguments],
                      environment(folder, **more))
        self.text = ""

    def expect(self, part, seconds=60):
        end = time.monotonic() + seconds
        while part not in self.text:
            assert select.select([self.fd], [], [], max(0, end - time.monotonic()))[0], self.text
            self.text += os.read(self.fd, 4096).decode()
        self.text = self.text.split(part, 1)[1]

    def say(self, answer):
        os.write(self.fd, answer.encode() + b"\n")

    def end(self):
        try:
            while True:
                self.text += os.read(self.fd, 4096).decode()
        except OSError:
            pass
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def test_it_asks_what_it_does_not_know(folder):
    d = Dialogue(folder, "--listen", address(), "--mail-client", "none", USER="alice")
    try:
        d.expect("Your name in the address [alice]: ")
        d.say("")
        d.expect("The group: ")
        d.say("not a group")
        d.expect("is not an address")
        d.expect("Your name in the address [alice]: ")
        d.say("Ada")
        d.expect("The group: ")
        d.say("team.example")
        d.expect("nobody is yet): ")
        d.say("nonsense")
        d.expect("Cannot take that")
        d.expect("nobody is yet): ")
        d.say("")
        assert d.end() == 0, d.text
        assert "ada@team.example" in d.text and "The peer runs." in d.text
    finally:
        assert stop(f"{folder}/.restante")


def test_ctrl_c_at_a_question_leaves_nothing(folder):
    d = Dialogue(folder, USER="alice")
    d.expect("Your name in the address")
    d.say("")
    d.expect("The group: ")
    os.write(d.fd, b"\x03")
    assert d.end() == -signal.SIGINT
    assert os.listdir(folder) == []


def test_ctrl_c_while_the_home_is_made_leaves_a_whole_one_or_none(folder):
    for i in range(6):
        home = os.path.join(folder, f"h{i}")
        p = subprocess.Popen([program("restante"), "--home", home, "init", "a@b", "--listen",
                              address()], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(0.03 * i)
        p.send_signal(signal.SIGINT)
        p.wait(30)
        assert not [n for n in os.listdir(folder) if ".new-" in n]
        assert not os.path.exists(home) or os.path.exists(os.path.join(home, "config"))


def test_the_background_peer_outlives_the_terminal(folder):
    """What setup started does not belong to the session that it was started from."""
    d = Dialogue(folder, "alice@home", "--yes", "--listen", address(), "--mail-client", "none")
    assert d.end() == 0, d.text
    assert "@reboot " in d.text
    os.close(d.fd)  # the terminal is closed: SIGHUP to all that hang on it
    try:
        time.sleep(1)
        done = subprocess.run([program("restante"), "--home", f"{folder}/.restante", "outbox"],
                              capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
    finally:
        assert stop(f"{folder}/.restante")


def test_mutt_is_set_up_once(folder):
    """The settings file is written; a file that is there stays."""
    host = address()
    try:
        for text in ("neomutt -F", "was left alone"):
            done = run_setup(folder, "a@b", "--yes", "--listen", host, "--mail-client", "mutt")
            assert done.returncode == 0, done.stderr
            assert text.split()[0] in done.stdout or "mutt -F" in done.stdout
        assert "was left alone" in done.stdout
        assert os.path.exists(f"{folder}/.muttrc-restante")
    finally:
        assert stop(f"{folder}/.restante")


SYSTEMCTL = """#!/bin/sh
# A user's service manager, as far as setup sees it: it writes down what it is asked for, and "enable"
# starts the peer of the home that the drop-in names.
echo "$@" >> "$HOME/asked"
case "$*" in
*show-environment*) exit 0 ;;
*daemon-reload*) exit 0 ;;
*is-enabled*) exit 1 ;;
*cat*) [ -e "$HOME/unit" ] ;;
*show*) echo "Environment=RESTANTE_HOME=$HOME/.restante" ;;
*enable*) dropin="$HOME/.config/systemd/user/restante.service.d/home.conf"
    [ -e "$dropin" ] && . "$HOME/env" || home="$HOME/.restante"
    setsid "$PROGRAM" --home "$home" >/dev/null 2>&1 </dev/null & ;;
esac
"""


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_setup_asks_of_systemd(folder, elsewhere):
    """Which calls are made, that no unit is written, and that a home elsewhere gets a drop-in. The real
    manager runs in the tests of the installed unit."""
    home = os.path.join(folder, "elsewhere" if elsewhere else ".restante")
    os.mkdir(os.path.join(folder, "bin"))
    for name, text in (("systemctl", SYSTEMCTL), ("loginctl", "#!/bin/sh\necho \"$@\" >> $HOME/asked\n")):
        path = os.path.join(folder, "bin", name)
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        os.chmod(path, 0o755)
    for name, text in (("unit", ""), ("env", f"home={home}\n")):
        with open(os.path.join(folder, name), "w", encoding="ascii") as f:
            f.write(text)
    env = environment(folder, PROGRAM=program("restanted"),
                      PATH=os.path.join(folder, "bin") + ":" + os.environ["PATH"])
    done = subprocess.run([program("restante"), "--home", home, "setup", "a@b", "--yes", "--linger",
                           "--listen", address(), "--mail-client", "none"], capture_output=True,
                          text=True, timeout=120, env=env, stdin=subprocess.DEVNULL)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        with open(os.path.join(folder, "asked"), encoding="utf-8") as f:
            asked = f.read()
        assert "--user enable --now restante.service" in asked
        assert "enable-linger" in asked
        assert "The service restante.service runs the peer" in done.stdout
        dropin = os.path.join(folder, ".config/systemd/user/restante.service.d/home.conf")
        assert os.path.exists(dropin) == elsewhere
        if elsewhere:
            with open(dropin, encoding="utf-8") as f:
                assert f.read() == f'[Service]\nEnvironment="RESTANTE_HOME={home}"\n'
            assert "daemon-reload" in asked
    finally:
        wait_for(lambda: stop(home), 20, "the end")
