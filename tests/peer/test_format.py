# SPDX-License-Identifier: GPL-3.0-or-later
"""An older program on a newer home refuses with a sentence, whichever file is the newer one, and changes nothing."""

import os
import sqlite3
import subprocess

import pytest

from env.process import program


@pytest.fixture(scope="module")
def alice(net):
    return net.peer("alice@demo", start=False)


def write(peer, name, text):
    with open(os.path.join(peer.home, name), "w", encoding="utf-8") as f:
        f.write(text)


def refused(peer, *words):
    """What restanted says when it is started."""
    done = subprocess.run([program("restanted"), "--home", peer.home], capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    for word in words:
        assert word in done.stderr, done.stderr
    return done.stderr


def test_a_home_of_a_newer_format(alice):
    with open(os.path.join(alice.home, "format"), encoding="utf-8") as f:
        assert f.read() == "1\n"
    write(alice, "format", "2\n")
    refused(alice, "used by a newer Restante", "format 2", "install that one again")
    for command in (["status"], ["account"], ["run"], ["backup", os.path.join(alice.home, "b.tar")], ["fsck"]):
        done = alice.run_cli(*command)
        assert done.returncode == 1 and "newer Restante" in done.stderr, (command, done.stderr)
    write(alice, "format", "1.5\n")
    refused(alice, "format is damaged", "restore a backup")
    write(alice, "format", "1\n")


def test_a_home_of_before_the_number_is_taken_and_gets_it(alice):
    os.remove(os.path.join(alice.home, "format"))
    alice.start()
    alice.wait_up()
    alice.stop()
    with open(os.path.join(alice.home, "format"), encoding="utf-8") as f:
        assert f.read() == "1\n"


def test_a_backup_of_a_newer_format_is_not_restored(alice, folder):
    """Its own number may be the same: that of the home in it counts too."""
    backup = os.path.join(folder, "b.tar")
    alice.cli("backup", backup)
    inside = os.path.join(folder, "inside")
    os.mkdir(inside)
    subprocess.run(["tar", "-xf", backup, "-C", inside], check=True)
    with open(os.path.join(inside, "format"), "w", encoding="utf-8") as f:
        f.write("2\n")
    names = subprocess.run(["tar", "-tf", backup], check=True, capture_output=True, text=True).stdout.split("\n")
    subprocess.run(["tar", "--xz", "-cf", backup, "-C", inside, "--no-recursion", *[n for n in names if n]], check=True)
    target = os.path.join(folder, "again")
    done = subprocess.run([program("restante"), "--home", target, "restore", backup], capture_output=True, text=True,
                          timeout=60)
    assert done.returncode == 1 and "newer Restante" in done.stderr, done.stderr
    assert not os.path.exists(target)


def test_a_database_of_a_newer_schema(alice):
    path = os.path.join(alice.home, "state.db")
    with sqlite3.connect(path) as db:
        had = db.execute("PRAGMA user_version").fetchone()[0]
        db.execute(f"PRAGMA user_version = {had + 1}")
    db.close()
    refused(alice, "made by a newer Restante", f"schema {had + 1}")
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA user_version").fetchone()[0] == had + 1
        db.execute(f"PRAGMA user_version = {had}")
    db.close()
    alice.start()
    alice.wait_up()
    alice.stop()
