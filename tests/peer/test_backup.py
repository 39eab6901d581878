# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante backup` of running peers and `restante restore`: what comes back, and what is refused."""

import os
import shutil
import sqlite3
import stat
import subprocess
import tarfile
import threading

import pytest

from env import Network, program, wait_for
from env.peer import Peer
from test_cli import home, ok, refused  # noqa: F401
from test_restore import instance, read, send

PASSPHRASE = "correct horse battery"


@pytest.fixture
def secret(folder):
    path = os.path.join(folder, "passphrase")
    with open(path, "w", encoding="utf-8") as f:
        f.write(PASSPHRASE + "\n")
    return path


def restored(peer, file, name, *options):
    """The peer of a backup, in a home of its own, not started."""
    p = Peer(peer.network, peer.address)
    p.home = os.path.join(peer.network.folder, name)
    p.output = p.home + ".out"
    text = ok("--home", p.home, "restore", file, *options)
    assert f"The home of {peer.address} is restored" in text
    p.imap_port, p.submission_port = peer.imap_port, peer.submission_port
    peer.network.peers.append(p)
    return p


def tree(path):
    """{path below: octets} of a home's mail and secrets."""
    files = {}
    for sub in ("secret", "Maildir", "inbox", "outbox", "tls", "config"):
        for folder, _, names in os.walk(os.path.join(path, sub)):
            for n in names:
                full = os.path.join(folder, n)
                if not n.startswith("dovecot.index") and "dovecot.list.index" not in n:
                    with open(full, "rb") as f:
                        files[os.path.relpath(full, path)] = f.read()
    return files


def links(path):
    """Groups of names that are one file."""
    found = {}
    for folder, _, names in os.walk(path):
        for n in names:
            full = os.path.join(folder, n)
            s = os.stat(full)
            if s.st_nlink > 1:
                found.setdefault(s.st_ino, set()).add(os.path.relpath(full, path))
    return sorted(sorted(g) for g in found.values())


@pytest.mark.parametrize("encrypted", [False, True])
def test_a_running_peer_comes_back_as_it_was(folder, secret, encrypted):
    """Read mail, an unopened stub, what waits for others, flags and contacts: all there afterwards, the
    stub can be opened, and mail goes on in both directions."""
    with Network(nodes=4) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        opened, waiting = send(bob, alice, "Opened before"), send(bob, alice, "Opened after")
        read(alice, opened)
        uid = alice.wait_message(waiting)
        out = send(alice, bob, "Waits at alice")
        bob.wait_message(out)
        wait_for(lambda: alice.uids("Outgoing"), 20, "its line in Outgoing", alice.logs)
        file = os.path.join(folder, "alice.backup")
        options = ["--passphrase-file", secret] if encrypted else []
        assert "files" in alice.cli("backup", file, *options)
        assert stat.S_IMODE(os.stat(file).st_mode) == 0o600
        assert not os.path.exists(os.path.join(alice.home, "run", "backup.db"))
        before = instance(alice)
        alice.stop()
        old = tree(alice.home)
        again = restored(alice, file, "again", *options)
        new = tree(again.home)
        assert {k for k in old if k not in new and ":" not in k} == set()
        for name in new:
            if name in old and not name.endswith(("uidlist", ".log")) and "Maildir" not in name:
                assert new[name] == old[name], name
        assert [g for g in links(again.home) if any("stubs" in n for n in g)] \
            == [g for g in links(alice.home) if any("stubs" in n for n in g)] != []
        shutil.rmtree(alice.home)
        again.start()
        again.wait_ready()
        wait_for(lambda: instance(again) != before, 10, "a new instance", again.logs)
        assert again.find(waiting) == [uid]
        read(again, waiting)
        read(again, opened)
        read(bob, out)
        again.wait_idle()
        read(bob, send(again, bob, "And on it goes"))
        read(again, send(bob, again, "And back"))


def test_mail_that_arrives_while_it_is_made_is_whole_or_absent(folder):
    """Backups while messages come in, are opened and get flags: each can be restored, each message of it
    stands there once, and what was there at the beginning is in all of them."""
    with Network(nodes=3) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        first = send(bob, alice, "There from the beginning")
        read(alice, first)
        stop = threading.Event()
        failed, sent = [], []

        def busy():
            try:
                while not stop.is_set():
                    sent.append(send(bob, alice, f"Message {len(sent)}"))
                    read(alice, sent[-1])
            except Exception as e:  # pylint: disable=broad-except
                failed.append(e)
        worker = threading.Thread(target=busy)
        worker.start()
        files = []
        try:
            for i in range(4):
                files.append(os.path.join(folder, f"b{i}"))
                alice.cli("backup", files[-1])
        finally:
            stop.set()
            worker.join()
        assert not failed, failed
        alice.stop()
        for i, file in enumerate(files):
            p = restored(alice, file, f"r{i}")
            assert p.run_cli("fsck", "--repair").returncode == 0
            p.start()
            p.wait_up()
            assert len(p.find(first)) == 1
            assert all(len(p.find(data)) <= 1 for data in sent), "a message stands there twice"
            p.stop()


def test_gpg_opens_an_encrypted_backup(folder, home, secret):  # noqa: F811
    path = database(home)
    assert os.path.exists(path)
    file = os.path.join(folder, "b")
    assert "encrypted" in ok("--home", home, "backup", file, "--encrypt", "--passphrase-file",
                             secret)
    with open(file, "rb") as f:
        assert b"ustar" not in f.read()
    plain = os.path.join(folder, "b.tar.xz")
    gnupg = os.path.join(folder, "g")
    os.mkdir(gnupg, 0o700)
    subprocess.run(["gpg", "--homedir", gnupg, "--batch", "--pinentry-mode", "loopback",
                    "--passphrase", PASSPHRASE, "-o", plain, "-d", file], check=True,
                   capture_output=True, timeout=60)
    with tarfile.open(plain) as t:
        assert {"state.db", "config", "secret/key.pgp"} <= set(t.getnames())


def database(path):
    """A home that never ran has no database: fsck makes it, without a network."""
    ok("--home", path, "fsck")
    return os.path.join(path, "state.db")


@pytest.fixture
def file(folder, home):  # noqa: F811
    database(home)
    path = os.path.join(folder, "backup")
    ok("--home", home, "backup", path)
    return path


def test_nothing_is_overwritten(folder, home, file):  # noqa: F811
    with open(file, "rb") as f:
        before = f.read()
    assert "is there already" in refused(1, "--home", home, "backup", file)
    assert "already is a Restante home" in refused(1, "--home", home, "restore", file)
    with open(file, "rb") as f:
        assert f.read() == before


def test_a_wrong_passphrase_makes_no_home(folder, home, secret):  # noqa: F811
    database(home)
    path, other = os.path.join(folder, "b"), os.path.join(folder, "p2")
    ok("--home", home, "backup", path, "--passphrase-file", secret)
    with open(other, "w", encoding="utf-8") as f:
        f.write("something else\n")
    text = refused(1, "--home", os.path.join(folder, "n"), "restore", path, "--passphrase-file",
                   other)
    assert "the passphrase is wrong" in text
    assert not os.path.exists(os.path.join(folder, "n"))
    with open(other, "w", encoding="utf-8") as f:
        f.write("short\n")
    assert "at least 8" in refused(1, "--home", home, "backup", path + "2", "--passphrase-file",
                                   other)


@pytest.mark.parametrize("locked", [False, True])
@pytest.mark.parametrize("damage", ["cut", "cut late", "flipped", "flipped near the end", "empty",
                                    "other"])
def test_a_damaged_backup_makes_no_home(folder, home, secret, damage, locked):  # noqa: F811
    database(home)
    path = os.path.join(folder, "b")
    options = ["--passphrase-file", secret] if locked else []
    ok("--home", home, "backup", path, *options)
    with open(path, "rb") as f:
        data = bytearray(f.read())
    if damage == "cut":
        data = data[:len(data) // 2]
    elif damage == "cut late":
        data = data[:-20]
    elif damage == "flipped":
        data[len(data) // 2] ^= 1
    elif damage == "flipped near the end":
        data[-len(data) // 8] ^= 1
    elif damage == "empty":
        data = b""
    else:
        data = b"\xfd7zXZ\0This is a letter." * 100
    with open(path, "wb") as f:
        f.write(data)
    before = set(os.listdir(folder))
    refused(1, "--home", os.path.join(folder, "n"), "restore", path, *options)
    assert set(os.listdir(folder)) == before


@pytest.mark.parametrize("name, kind", [("../out", tarfile.REGTYPE), ("/tmp/restante-x", tarfile.REGTYPE),
                                        ("link", tarfile.SYMTYPE), ("a/../../out", tarfile.REGTYPE),
                                        ("fifo", tarfile.FIFOTYPE)])
def test_an_archive_that_reaches_outside_is_refused(folder, home, file, name, kind):  # noqa: F811
    evil = os.path.join(folder, "evil")
    with tarfile.open(file) as old, tarfile.open(evil, "w:xz") as new:
        for member in old:
            new.addfile(member, old.extractfile(member) if member.isreg() else None)
            if member.name == "state.db":
                bad = tarfile.TarInfo(name)
                bad.type, bad.linkname = kind, "/etc"
                new.addfile(bad)
    before = set(os.listdir(folder))
    text = refused(1, "--home", os.path.join(folder, "n"), "restore", evil)
    assert "something that no home has" in text
    assert set(os.listdir(folder)) == before and not os.path.exists("/tmp/restante-x")


def test_killed_it_leaves_no_backup_that_looks_whole(folder, home):  # noqa: F811
    database(home)
    with open(os.path.join(home, "Maildir", "new", "1.big"), "wb") as f:
        f.write(os.urandom(30_000_000))
    path = os.path.join(folder, "b")
    p = subprocess.Popen([program("restante"), "--home", home, "backup", path],
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(lambda: os.path.exists(path + ".part"), 10, "the beginning", every=0.005)
    p.terminate()
    p.wait(20)
    assert not os.path.exists(path) and not os.path.exists(path + ".part")
    assert not os.path.exists(os.path.join(home, "run", "backup.db"))
    ok("--home", home, "backup", path)


def test_what_is_left_out_is_left_out(folder, home):  # noqa: F811
    database(home)
    for sub in ("outbox", "replica"):
        with open(os.path.join(home, sub, "x"), "wb") as f:
            f.write(b"1")
    names = []
    for options in ([], ["--no-outbox"], ["--no-replicas"]):
        path = os.path.join(folder, "b" + str(len(names)))
        ok("--home", home, "backup", path, *options)
        with tarfile.open(path) as t:
            names.append(set(t.getnames()))
    assert {"outbox/x", "replica/x"} <= names[0]
    assert names[0] - names[1] == {"outbox/x"} and names[0] - names[2] == {"replica/x"}


def test_the_restored_store_has_no_instance(folder, home, file):  # noqa: F811
    new = os.path.join(folder, "n")
    ok("--home", new, "restore", file)
    with sqlite3.connect(f"file:{new}/state.db?mode=ro", uri=True) as db:
        assert db.execute("SELECT count(*) FROM meta WHERE name='instance'").fetchone()[0] == 0
        assert db.execute("SELECT count(*) FROM meta WHERE name='restored_ms'").fetchone()[0] == 1
