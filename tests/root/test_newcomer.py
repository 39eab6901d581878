# SPDX-License-Identifier: GPL-3.0-or-later
"""README's first screen, line by line, on three fresh computers that know nothing of each other (`make
test-newcomer`): the code blocks are cut out of README and run as they are written (person.py)."""

import re
import time

import pytest

from person import Person, first_mails, wait_for_other_key, wait_verified

NAME = "alice.example.net"  # under which README's alice is reached
PLACES = {"one network": ((0, 11), (0, 12), (0, 13)),
          "two subnets": ((0, 11), (1, 12), (1, 13))}


def three(computers, lan, places, names=None):
    return [Person(computers, lan, name, *place, names)
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
