# SPDX-License-Identifier: GPL-3.0-or-later
"""The two systems side by side behind the same few words, so that a measure is written once.

    pair = Sides(folder, nodes=8)
    for run, side in pair.alternate(5):
        side.submit(messages); side.usage(); ...
"""

import time

from conventional import DOMAIN, Conventional
from env.wait import wait_for
from hosts import Lan, Usage
from load import Submission, Watch
from peers import Restante

SETTINGS = {
    # The corpus has foreign senders. The polls, by which a receiver learns that its receipt was taken,
    # come every 5 s instead of every 60, so that a batch ends within seconds; what polls cost is part of
    # the rest that the measures subtract. No client saves a copy in Sent here, so the peer need not wait
    # for one and saves its own. Everything else is the default.
    "mail.sent_wait": "1", "mail.allow_foreign_from": "yes", "mail.relays": "alice@demo", "timing.poll": "5",
}


def median(values):
    values = sorted(values)
    middle = len(values) // 2
    return values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]


def medians(rows):
    """[{name: number}] of several runs to {name: median}, with the least and the most of each."""
    return {**{k: median([r[k] for r in rows]) for k in rows[0]}, "runs": len(rows),
            "range": {k: [min(r[k] for r in rows), max(r[k] for r in rows)] for k in rows[0]}}


def alternate(sides, runs):
    """(run, side), with the order changed at every run."""
    for run in range(runs):
        for side in sides if run % 2 == 0 else reversed(sides):
            yield run, side


class Side:
    """A system with one sender and named receivers."""

    def submit(self, messages, to=None, sessions=8):
        """messages: octets; to: one list of receivers for each (default: bob)."""
        to = to or [[self.receiver()]] * len(messages)
        return Submission(self.sender_host, self.door(), [(self.sender_address, t, m)
                                                        for t, m in zip(to, messages)], sessions)

    def watch(self, names=("bob",)):
        """Watches these receivers' mailboxes grow."""
        first, *others = [Watch(*self.mailbox(n)) for n in names]
        for w in others:
            first.add(w)
        return first

    def introduce(self, names):
        """The sender knows the keys of these receivers afterwards, as after a first message."""

    def usage(self):
        """{party: Usage}."""
        return {name: sum((h.usage() for h in hosts), Usage())
                for name, hosts in self.parties().items()}

    @staticmethod
    def spent(before, after):
        return {k: after[k] - before[k] for k in before}


class RestanteSide(Side):
    name = "restante"

    def __init__(self, net, folder, nodes, settings=None):
        self.system = Restante(net, folder, nodes, {**SETTINGS, **(settings or {})})
        self.alice = self.system.peer("alice@demo")
        self.bob = self.system.peer("bob@demo")
        self.receivers = {"bob": self.bob}
        self.sender_host, self.sender_address = self.alice.machine, self.alice.address

    def add_receivers(self, names):
        self.receivers.update(zip(names, self.system.start_peers(map(self.receiver, names))))

    def introduce(self, names):
        self.alice.introduce(self.receiver(n) for n in names)

    def receiver(self, name="bob"):
        return f"{name}@demo"

    def door(self):
        return self.alice.door()

    def box(self, name="bob"):
        return self.receivers[name].imap()

    def mailbox(self, name):
        return self.receivers[name].machine, {name: self.receivers[name].box()}

    def parties(self):
        return {"sender": [self.alice.machine],
                "receiver": [p.machine for p in self.receivers.values()],
                "dht": self.system.node_hosts}

    def homes(self):
        return {"sender": self.alice.home, "receiver": self.bob.home}

    def announced(self):
        return not any(r["state"] in ("waiting", "sealed") for m in self.alice.outbox()
                       for r in m["receivers"])

    def quiet(self, gone=False):
        """Everything submitted is announced; gone: nothing waits in the outbox or lives in the DHT
        either."""
        if gone:
            for p in [self.alice, *self.receivers.values()]:
                p.wait_done(180)
        else:
            wait_for(self.announced, 180, "alice to announce all", self.alice.logs, every=0.2)
        time.sleep(1.5)

    def close(self):
        self.system.close()


class ConventionalSide(Side):
    name = "conventional"

    def __init__(self, net, folder):
        self.system = Conventional(net, folder)
        self.sender_host, self.sender_address = self.system.a, f"alice@sender.{DOMAIN}"
        self.receivers = {"bob": None}

    def add_receivers(self, names):
        self.receivers.update(dict.fromkeys(names))

    def receiver(self, name="bob"):
        return f"{name}@{DOMAIN}"

    def door(self):
        return self.system.door()

    def box(self, name="bob"):
        return self.system.imap(name)

    def mailbox(self, name):
        return self.system.b, {name: self.system.box(name)}

    def parties(self):
        return {"sender": [self.system.a], "receiver": [self.system.b]}

    def homes(self):
        return {"sender": self.system.sender.base + "/spool",
                "receiver": self.system.dovecot.base + "/mail"}

    def quiet(self, gone=False):
        wait_for(lambda: self.system.queued() == 0, 180, "Postfix's queues to be empty", every=0.2)
        time.sleep(2.5)  # cached connections are closed after two seconds

    def close(self):
        self.system.close()


class Sides:
    def __init__(self, folder, nodes=8, settings=None):
        self.net = Lan()
        self.sides = []
        try:
            self.sides.append(ConventionalSide(self.net, folder))
            self.sides.append(RestanteSide(self.net, folder, nodes, settings))
        except BaseException:
            self.close()
            raise
        self.conventional, self.restante = self.sides

    def alternate(self, runs):
        return alternate(self.sides, runs)

    def close(self):
        for s in self.sides:
            s.close()
        self.net.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
