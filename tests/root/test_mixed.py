# SPDX-License-Identifier: GPL-3.0-or-later
"""Computers with Debian 12 and with Debian 13 in one network (`make test-debian13`, `make test-debian12`): OpenDHT 2
and 3, Dovecot 2.3 and 2.4."""

import subprocess
import time

from person import Person, first_mails, wait_verified

OLD, NEW = "bookworm", "trixie"


def acquainted(computers, lan, one, two):
    """Alice and bob, whose peers run on these releases, and who have written to each other."""
    alice = Person(computers, lan, "alice", 0, 11, suite=one)
    bob = Person(computers, lan, "bob", 0, 12, suite=two)
    began = time.monotonic()
    alice.type("first")
    bob.type("accept", alice.invite())
    wait_verified(alice, bob)
    first_mails(bob, alice, began)
    return alice, bob


def carry(path, old, new):
    """A file or folder below the home of one person to another computer of theirs, which takes the old one's place."""
    packed = subprocess.run(old.host.enter("tar", "-C", f"/home/{old.name}", "-cf", "-", path), check=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout  # it says that sockets are left out
    old.host.close()
    arrived = new()
    subprocess.run(arrived.host.enter("tar", "-C", f"/home/{old.name}", "-xf", "-"), check=True, input=packed)
    arrived.host.run("chown", "-R", f"{old.name}:", f"/home/{old.name}")
    return arrived


def test_mail_both_ways(computers, lan):
    """Also between two who only know each other's address, through the third's node."""
    alice, bob = acquainted(computers, lan, OLD, NEW)
    carol = Person(computers, lan, "carol", 0, 13, suite=NEW)
    began = time.monotonic()
    carol.type("accept", alice.invite())
    first_mails(carol, alice, began)
    dave = Person(computers, lan, "dave", 0, 14, suite=OLD)
    began = time.monotonic()
    dave.type("accept", bob.invite())
    first_mails(dave, bob, began)
    for sender, receiver in ((carol, dave), (dave, carol)):
        sender.send(receiver, f"By the address of {receiver.name} alone")
        receiver.opens(sender, f"By the address of {receiver.name} alone", 120)


def test_a_home_moves_to_the_newer_release(computers, lan):
    alice, bob = acquainted(computers, lan, OLD, NEW)
    alice.send(bob, "Waits at alice")
    alice.host.as_user("alice", "restante move --to moving")
    moved = carry("moving", alice, lambda: Person(computers, lan, "alice", 0, 13, suite=NEW))
    moved.host.as_user("alice", "restante move --from moving", timeout=300)
    bob.opens(moved, "Waits at alice", 120, "reopen")  # he knows the old computer's address
    first_mails(bob, moved, time.monotonic())


def test_the_release_is_upgraded_with_mail_waiting(computers, lan):
    """In both directions, as after a dist-upgrade: the same home, address and user, other programs."""
    alice, bob = acquainted(computers, lan, OLD, OLD)
    alice.send(bob, "Waits at alice")
    alice.host.as_user("alice", "systemctl --user stop restante")
    bob.send(alice, "Waits for alice")
    upgraded = carry(".", alice, lambda: Person(computers, lan, "alice", 0, 11, suite=NEW))
    upgraded.host.as_user("alice", "systemctl --user daemon-reload; systemctl --user start restante")
    upgraded.wait_up()
    upgraded.opens(bob, "Waits for alice", 120, "reopen")
    bob.opens(upgraded, "Waits at alice", 120, "reopen")
    first_mails(bob, upgraded, time.monotonic())
