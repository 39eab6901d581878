# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante move`, `restante passwd`, and when `restante status` asks for a backup."""

import os
import smtplib
import subprocess
import time

import pytest

from env import Network, program, wait_for
from env.peer import Peer
from test_cli import home, ok, refused  # noqa: F401
from test_restore import instance, read, send
from test_setup import environment, stop


def move_from(peer, file, name, *options):
    """`move --from FILE` at the new computer: the peer that it starts."""
    p = Peer(peer.network, peer.address)
    p.home = os.path.join(peer.network.folder, name)
    done = subprocess.run([program("restante"), "--home", p.home, "move", "--from", file, *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120,
                          env=environment(peer.network.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The peer runs." in done.stdout
    p.imap_port, p.submission_port = peer.imap_port, peer.submission_port
    p.alive = lambda: True
    return p


def test_a_peer_moves_with_one_command_at_each_end(folder):
    """While mail is under way in both directions. The old home does not start; nobody has to say
    takeover at the new one; nothing is lost or there twice."""
    with Network(nodes=4) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        there, out = send(bob, alice, "Read before"), send(alice, bob, "Waits at alice")
        read(alice, there)
        stub = send(bob, alice, "Unopened")
        uid = alice.wait_message(stub)
        bob.wait_message(out)
        before = instance(alice)
        file = os.path.join(folder, "moving")
        text = alice.cli("move", "--to", file)
        assert "restante move --from moving" in text
        alice.process.wait(20)
        alice.process = None
        done = subprocess.run([program("restanted"), "--home", alice.home], capture_output=True,
                              text=True, timeout=30)
        assert done.returncode == 1 and "was moved with" in done.stderr
        assert "was moved with" in refused(1, "--home", alice.home, "setup", "--yes")
        assert "was moved with" in refused(1, "--home", alice.home, "move", "--to", file + "2")
        during = send(bob, alice, "Sent meanwhile")
        new = move_from(alice, file, "new")
        try:
            new.wait_ready()
            assert os.path.exists(os.path.join(new.home, "dht", "state"))  # the nodes that it knows
            assert instance(new) != before and not os.path.exists(os.path.join(new.home, "moved"))
            assert new.find(stub) == [uid]
            for data in (there, stub, during):
                read(new, data)
            read(bob, out)
            new.wait_idle()
            read(bob, send(new, bob, "From the new computer"))
            assert all(len(new.find(d)) == 1 for d in (there, stub, during))
        finally:
            stop(new.home)


def test_an_encrypted_move(folder, home):  # noqa: F811
    ok("--home", home, "fsck")
    secret = os.path.join(folder, "p")
    with open(secret, "w", encoding="utf-8") as f:
        f.write("a passphrase of its own\n")
    file = os.path.join(folder, "m")
    ok("--home", home, "move", "--to", file, "--passphrase-file", secret)
    with open(file, "rb") as f:
        assert f.read(2) != b"\x1f\x8b"


def test_a_move_that_fails_leaves_the_peer_usable(alice):
    """The file cannot be written: the peer is stopped, but not marked as moved."""
    done = alice.run_cli("move", "--to", os.path.join(alice.home, "no", "such", "folder"))
    assert done.returncode == 1 and "Cannot make the file" in done.stderr
    alice.process.wait(20)
    alice.process = None
    alice.start()
    alice.wait_ready()


def test_takeover_takes_the_mark_away(folder, home):  # noqa: F811
    ok("--home", home, "fsck")
    ok("--home", home, "move", "--to", os.path.join(folder, "m"))
    assert "may run here again" in ok("--home", home, "takeover")
    assert not os.path.exists(os.path.join(home, "moved"))


@pytest.mark.parametrize("arguments", [[], ["--to", "a", "--from", "b"], ["--to", "a", "x"]])
def test_a_wrong_call(home, arguments):  # noqa: F811
    assert "Say either --to FILE" in refused(2, "--home", home, "move", *arguments)


# passwd

def login(peer, password):
    with smtplib.SMTP_SSL("127.0.0.1", peer.submission_port, context=peer.tls(), timeout=30) as s:
        s.login(peer.address, password)


def test_a_new_password_holds_at_once_and_after_a_restart(folder, alice):
    old = alice.password
    text = alice.cli("passwd")
    assert alice.password != old and alice.password in text
    login(alice, alice.password)
    with pytest.raises(smtplib.SMTPAuthenticationError):
        login(alice, old)
    own = os.path.join(folder, "p")
    with open(own, "w", encoding="utf-8") as f:
        f.write("My-own;{password}'1\n")
    alice.cli("passwd", "--password-file", own)
    login(alice, "My-own;{password}'1")
    alice.restart()
    login(alice, "My-own;{password}'1")
    with alice.imap() as box:
        assert box.uids("ALL") is not None


@pytest.mark.parametrize("text", ["short\n", "", "with a space in it\n", "x" * 61, "tab\tinside-it!\n",
                                  "gr\u00fc\u00dfe-aus-der-ferne\n"])
def test_a_bad_password_changes_nothing(folder, home, text):  # noqa: F811
    own = os.path.join(folder, "p")
    with open(own, "w", encoding="utf-8") as f:
        f.write(text)
    with open(os.path.join(home, "secret", "password"), encoding="ascii") as f:
        before = f.read()
    assert "Nothing was changed" in refused(1, "--home", home, "passwd", "--password-file", own)
    with open(os.path.join(home, "secret", "password"), encoding="ascii") as f:
        assert f.read() == before


# the reminder

def test_status_asks_for_a_backup_when_there_is_something_to_lose(folder):
    with Network(nodes=3) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        assert "backup" not in alice.cli("status")
        read(bob, send(alice, bob, "Now alice has a contact"))
        wait_for(lambda: "none was made" in alice.cli("status"), 10, "the reminder")
        assert "backup" not in alice.status()
        alice.cli("backup", os.path.join(folder, "b"))
        assert "backup  " not in alice.cli("status")
        month = time.time() - 31 * 86400
        os.utime(os.path.join(alice.home, "last-backup"), (month, month))
        assert "the last one is 31 d old" in alice.cli("status")
