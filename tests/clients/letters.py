# SPDX-License-Identifier: GPL-3.0-or-later
"""What alice writes to bob, and what became of it."""

from env import wait_for
from env.mail import compose


def letter(subject, text="Good morning.\n", to="bob@demo", **more):
    return compose("Alice <alice@demo>", to, subject, text=text, **more)


def send(alice, bob, bird, *letters):
    """From alice to bob, until Thunderbird lists them unread."""
    for m in letters:
        alice.send(m, [bob.address])
    for m in letters:
        bob.wait_message(m)
        bird.wait_listed(subject(bob, m))


def subject(bob, m):
    return bob.stub_of(m)["subject"]


def state(bob, m):
    return bob.stub_of(m)["state"]


def outcome(peer, m):
    """What the sender knows of its one receiver."""
    return peer.outbox_of(m)["receivers"][0]["state"]


def wait_state(bob, m, want, seconds=60):
    wait_for(lambda: state(bob, m) == want, seconds, f"{want}: {subject(bob, m)}", bob.logs, every=0.25)
