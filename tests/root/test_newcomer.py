# SPDX-License-Identifier: GPL-3.0-or-later
"""README's first screen, line by line, on three fresh computers that know nothing of each other (`make
test-newcomer`): the code blocks are cut out of README and run as they are written; only LINE becomes
the invitation that was printed, and bob's line serves carol too, by her name."""

import itertools
import re
import time

import pytest

from lan import Lan
from readme import blocks

WITHIN = 300.0  # seconds from `restante setup` to the first opened mail
NAME = "alice.example.net"  # under which README's alice is reached

number = itertools.count(1)  # of messages: no subject comes twice


@pytest.fixture
def lan():
    made = Lan()
    yield made
    made.close()


class Person:
    """An ordinary user on a computer of their own."""

    def __init__(self, computers, lan, name, subnet, last, names):
        def net(host):
            lan.join(host, subnet, last)

        self.name, self.address = name, f"{name}@example"
        self.host = computers(name, name, net=net, hosts=names)

    def type(self, block, invitation=""):
        """A block of README, as this person types it."""
        text = blocks()[block].replace("LINE", invitation).replace("setup bob@", f"setup {self.name}@")
        return self.host.as_user(self.name, text, timeout=WITHIN).stdout

    def invite(self):
        """What `restante invite` prints, and is handed over by another way."""
        return re.search(r"^restante:\S+$", self.type("invite"), re.M).group()

    def send(self, to, subject):
        self.host.client(self.name, "send", to.address, subject, f"{self.name} to {to.name}.")

    def opens(self, sender, subject, seconds):
        said = self.host.client(self.name, "open", subject, str(seconds), timeout=seconds + 60)
        assert f"{sender.name} to {self.name}." in said

    def trusts(self, other):
        said = self.host.as_user(self.name, "restante contacts").stdout
        return any(other.address in line and "verified" in line for line in said.splitlines())


def wait_verified(one, other, seconds=60):
    end = time.monotonic() + seconds
    while not (one.trusts(other) and other.trusts(one)):
        assert time.monotonic() < end, [p.host.as_user(
            p.name, "restante contacts; restante invite list; restante status; restante outbox; "
            "tail -n 30 .restante/log/restanted.log").stdout for p in (one, other)]
        time.sleep(0.5)


def wait_for_other_key(one, other, seconds=60):
    """Until its owner is shown that the other has another key."""
    end = time.monotonic() + seconds
    while "another key" not in one.host.as_user(one.name, "restante contacts").stdout:
        assert time.monotonic() < end, f"{one.name} is not told of the new key of {other.name}"
        time.sleep(0.5)


def first_mails(sender, receiver, began):
    """Both ways; the first within the time that README promises."""
    first, answer = (f"{word} {next(number)}" for word in ("First", "Answer"))
    sender.send(receiver, first)
    receiver.opens(sender, first, 60)
    took = time.monotonic() - began
    print(f"{sender.name} to {receiver.name}: opened {took:.1f} s after setup began")
    assert took < WITHIN
    receiver.send(sender, answer)
    sender.opens(receiver, answer, 60)


PLACES = {"one network": ((0, 11), (0, 12), (0, 13)),
          "two subnets": ((0, 11), (1, 12), (1, 13))}


def three(computers, lan, places, names=None):
    return [Person(computers, lan, name, *place, names or {})
            for name, place in zip(("alice", "bob", "carol"), places)]


def meet(alice, bob, carol, setup):
    began = time.monotonic()
    alice.type(setup)
    bob.type("accept", alice.invite())
    wait_verified(alice, bob)
    first_mails(bob, alice, began)
    began = time.monotonic()
    carol.type("accept", bob.invite())
    first_mails(carol, bob, began)
    wait_verified(bob, carol)


@pytest.mark.parametrize("places", PLACES)
def test_three_homes(computers, lan, places):
    alice, bob, carol = three(computers, lan, PLACES[places])
    meet(alice, bob, carol, "first")
    # Two who never met and only know each other's address.
    carol.send(alice, "By address alone")
    if places == "one network":
        alice.opens(carol, "By address alone", 120)


def test_host_names(computers, lan):
    """Private addresses behind a name that the others' computers resolve."""
    names = {NAME: "10.9.0.11"}
    alice, bob, carol = three(computers, lan, PLACES["one network"], names)
    meet(alice, bob, carol, "named")


def test_home_made_anew(computers, lan):
    """Everybody does it once: the home is removed, and made again. Bob ends his old key by the command
    that setup prints, alice confirms the new one, and carol, who never met him, writes to him."""
    alice, bob, carol = three(computers, lan, PLACES["one network"])
    alice.type("first")
    bob.type("accept", alice.invite())
    first_mails(bob, alice, time.monotonic())
    bob.host.as_user("bob", "rm -rf ~/.restante")
    began = time.monotonic()
    told = bob.type("accept", alice.invite())
    bob.host.as_user("bob", re.search(r"restante key revoke /\S+", told).group())
    wait_for_other_key(alice, bob)
    alice.type("anew")
    first_mails(bob, alice, began)
    began = time.monotonic()
    carol.type("accept", alice.invite())
    first_mails(carol, bob, began)
