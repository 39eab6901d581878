# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 8: one message of 10 MB to 1, 10, 100 and 1,000 receivers (of 1 MB to 1 and 4 in the quick run):
the sender's disk, octets and time. Beside it Postfix with the same number of recipients, each its own
transfer, as if each were at a server of its own.

Both systems are started once for each number of receivers; then they take the message alternately, five
times (twice in the quick run), and the mailboxes are emptied between. Shown are medians, with the least and
the most. Up to 100 all receivers are peers that run; of 1,000, 20 are peers and pull, the others are keys
whose identities stand in the DHT. For 1,000 there are three rounds, because each leaves 980 receivers that
never answer, and no Postfix, because a round of its would be 14 GB, each of which costs what it does for 100.
The sender knows the receivers' keys, as after a first message. Two receivers pull at a time.
"""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import mail
from conventional import Conventional
from env import crowd
from env.dhtclient import DhtClient
from env.wait import wait_for
from hosts import Lan
from load import Submission
from measure_disk import du
from peers import Restante
from systems import SETTINGS, alternate, medians

PEERS_MAX, PEERS_OF_MANY = 100, 20
PULLS_AT_ONCE = 2


class Ours:
    name = "restante"

    def __init__(self, net, folder, count):
        self.system = Restante(net, folder, 8, SETTINGS)
        try:
            self.start(count)
        except BaseException:
            self.close()
            raise

    def start(self, count):
        self.alice = self.system.peer("alice@demo")
        real = count if count <= PEERS_MAX else PEERS_OF_MANY
        # 100 peers on one machine that poll every 5 s would do little else
        self.receivers = self.system.start_peers([f"r{n}@demo" for n in range(real)], {"timing.poll": "30"})
        self.everybody = [p.address for p in self.receivers]
        if count > real:
            with DhtClient(self.system.nodes[0].socket, 60) as client:
                self.everybody += crowd.post(client, self.system.id, "demo", count - real)
        self.alice.introduce(self.everybody)

    def round(self, message):
        """The sender's share of one message."""
        alice, host = self.alice, self.alice.machine
        disk, done, before = du(alice.home), alice.pulled(), host.usage()
        sent = Submission(host, alice.door(), [(alice.address, self.everybody, message)]).result(600)
        wait_for(lambda: alice.announces() == 0, 600, "all to be announced", alice.logs, every=0.1)
        start = sent["started"]
        out = {"accepted_s": sent["accepted"][0] - start, "announced_s": time.monotonic() - start,
               "sender_octets_announced": (host.usage() - before).octets}
        wait_for(lambda: alice.seals() == 0, 60, "the copy in Sent", alice.logs, every=0.1)
        out["sender_disk"] = du(alice.home) - disk
        start = time.monotonic()
        with ThreadPoolExecutor(PULLS_AT_ONCE) as pool:
            list(pool.map(pull, self.receivers))
        wait_for(lambda: alice.pulled() - done >= len(self.receivers), 300, "all receipts", alice.logs,
                 every=0.1)
        spent = host.usage() - before
        out.update(sender_octets=spent.octets, sender_cpu_s=spent.cpu,
                   all_pulled_s=out["announced_s"] + time.monotonic() - start)
        for p in self.receivers:
            with p.imap() as box:
                box.conn.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")
                box.conn.expunge()
        if len(self.everybody) == len(self.receivers):
            alice.wait_done(120)
        return out

    def close(self):
        self.system.close()


def stub(peer):
    return next((m["id"] for m in peer.inbox() if m["state"] == "stub"), None)


def pull(peer):
    """As a person does: opens the message, and again when it did not come."""
    nid = wait_for(lambda: stub(peer), 120, f"a stub at {peer.address}", peer.logs, every=0.1)
    wait_for(lambda: peer.run_cli("pull", nid, seconds=300).returncode == 0, 300, f"{peer.address} to pull", peer.logs,
             every=0.5)


class Theirs:
    name = "conventional"

    def __init__(self, net, folder, count):
        self.system = Conventional(net, folder, "smtp_destination_recipient_limit = 1\n")
        self.everybody = [f"r{n}@conv.test" for n in range(count)]

    def round(self, message):
        base, host = self.system.sender.base, self.system.a
        disk, before, start = du(base), host.usage(), time.monotonic()
        Submission(host, self.system.door(), [("alice@sender.conv.test", self.everybody,
                                               message)]).result(600)
        peak, end = du(base) - disk, time.monotonic() + 600
        while self.system.queued():
            if time.monotonic() > end:
                raise TimeoutError("Postfix did not deliver all")
            peak = max(peak, du(base) - disk)
            time.sleep(0.1)
        out = {"all_delivered_s": time.monotonic() - start, "sender_disk": peak}
        time.sleep(2.5)  # cached connections are closed after two seconds
        spent = host.usage() - before
        out.update(sender_octets=spent.octets, sender_cpu_s=spent.cpu)
        for folder, _, names in os.walk(os.path.join(self.system.dovecot.base, "mail")):
            if os.path.basename(folder) in ("new", "cur"):
                for n in names:
                    os.remove(os.path.join(folder, n))
        return out

    def close(self):
        self.system.close()


def compare(ctx, count, message):
    """Medians of alternating rounds to so many receivers."""
    rounds = ctx.pick(2, 5 if count <= PEERS_MAX else 3)
    with Lan() as net:
        sides, rows = [], {}
        try:
            for kind in (Ours, Theirs) if count <= PEERS_MAX else (Ours,):
                sides.append(kind(net, ctx.scratch(), count))
            for n, side in alternate(sides, rounds):
                rows.setdefault(side.name, []).append(side.round(message))
                ctx.say(f"receivers: {count}, round {n + 1} of {rounds}, {side.name}")
        finally:
            for side in sides:
                side.close()
        out = {k: medians(v) for k, v in rows.items()}
        out["restante"]["pulled_by"] = count if count <= PEERS_MAX else PEERS_OF_MANY
        return out


def measure(ctx):
    ctx.close()  # memory for many peers
    message = mail.sized(ctx.pick(1_000_000, 10_000_000))
    out = {"octets": len(message), "by_count": {}}
    for count in ctx.pick([1, 4], [1, 10, 100, 1_000]):
        ctx.say(f"receivers: {count}")
        out["by_count"][str(count)] = compare(ctx, count, message)
    return out
