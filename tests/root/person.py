# SPDX-License-Identifier: GPL-3.0-or-later
"""People at computers of their own, who type README's code blocks as they are written; only LINE becomes the
invitation that was printed, and bob's line serves others too, by their names."""

import itertools
import re
import time

from readme import blocks

WITHIN = 300.0  # seconds from `restante setup` to the first opened mail

number = itertools.count(1)  # of messages: no subject comes twice


class Person:
    """An ordinary user on a computer of their own."""

    def __init__(self, computers, lan, name, subnet, last, names=None, suite=None):
        def net(host):
            lan.join(host, subnet, last)

        self.name, self.address = name, f"{name}@example"
        self.host = computers(name, name, net=net, hosts=names, suite=suite)

    def type(self, block, invitation=""):
        """A block of README, as this person types it."""
        text = blocks()[block].replace("LINE", invitation).replace("setup bob@", f"setup {self.name}@")
        return self.host.as_user(self.name, text, timeout=WITHIN).stdout

    def invite(self):
        """What `restante invite` prints, and is handed over by another way."""
        return re.search(r"^restante:\S+$", self.type("invite"), re.M).group()

    def send(self, to, subject):
        self.host.client(self.name, "send", to.address, subject, f"{self.name} to {to.name}.")

    def opens(self, sender, subject, seconds, verb="open"):
        """verb: one of client.py's."""
        said = self.host.client(self.name, verb, subject, str(seconds), timeout=seconds + 60)
        assert f"{sender.name} to {self.name}." in said

    def wait_up(self, seconds=60):
        """Until the peer answers, after its service was started."""
        end = time.monotonic() + seconds
        while not self.host.as_user(self.name, "restante status --json", check=False).stdout.startswith("{"):
            assert time.monotonic() < end, self.host.as_user(
                self.name, "systemctl --user status restante; tail -n 30 .restante/log/restanted.log",
                check=False).stdout
            time.sleep(0.2)

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
