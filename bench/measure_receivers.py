# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 8: one message of 10 MB to 1, 10, 100 and 1,000 receivers (1 and 4 in the quick run): the
sender's disk, octets and time. Up to 100 the receivers are peers; more than 25 do not run at once: they
are started to post their keys, stopped, and started again in turn to pull. Of 1,000, 20 are peers and
pull, the others are keys whose identities stand in the DHT. Beside it Postfix with the same number of
recipients, each its own transfer, as if each were at a server of its own; not for 1,000, which are 14 GB and
each cost what each of 100 does.
"""

import time

import mail
from env import crowd
from env.dhtclient import DhtClient
from env.wait import wait_for
from hosts import Lan
from measure_disk import du
from conventional import Conventional
from load import Submission
from peers import Restante
from systems import SETTINGS

AT_ONCE = 25
PEERS_MAX, PEERS_OF_MANY = 100, 20


def groups_of(things):
    return [things[i:i + AT_ONCE] for i in range(0, len(things), AT_ONCE)]


def restart(peers):
    for p in peers:
        if not p.process:
            p.start()
    for p in peers:
        p.wait_ready(120)


def stop(peers):
    for p in peers:
        p.tell_stop()
    for p in peers:
        p.stop()


def ours(ctx, count, message):
    """The sender's share of one message to so many peers."""
    net = Lan()
    system = Restante(net, ctx.scratch(), 8, SETTINGS)
    try:
        alice = system.peer("alice@demo")
        real = count if count <= PEERS_MAX else PEERS_OF_MANY
        keep = real <= AT_ONCE
        receivers = [system.peer(f"r{n}@demo", start=False) for n in range(real)]
        keys = []
        if count > real:
            with DhtClient(system.nodes[0].socket, 60) as client:
                keys = list(crowd.post(client, system.id, "demo", count - real))
        for some in groups_of(receivers):
            restart(some)
            if not keep:  # most of the network is about to leave at once, and may take their keys along
                alice.introduce(p.address for p in some)
                stop(some)
        host, disk = alice.machine, du(alice.home)
        before, start = host.usage(), time.monotonic()
        everybody = [p.address for p in receivers] + keys
        sent = Submission(host, alice.door(), [(alice.address, everybody, message)]).result(1800)
        accepted = sent["accepted"][0] - sent["started"]
        wait_for(lambda: all(r["state"] == "announced" for m in alice.outbox()
                             for r in m["receivers"]), 900, "all to be announced", alice.logs,
                 every=0.2)
        out = {"accepted_s": accepted, "pulled_by": real, "announced_s": time.monotonic() - start,
               "sender_disk": du(alice.home) - disk,
               "sender_octets_announced": (host.usage() - before).octets}
        for some in groups_of(receivers):
            restart(some)
            for p in some:
                p.wait_stubs(1, 120)
            for p in some:
                p.pull(p.inbox()[0]["id"])
            if not keep:
                for p in some:
                    p.wait_done(120)
                stop(some)
        wait_for(lambda: alice.pulled() >= real, 300, "all receipts", alice.logs, every=0.2)
        spent = host.usage() - before
        out.update(sender_octets=spent.octets, sender_cpu_s=spent.cpu,
                   all_pulled_s=time.monotonic() - start)
        return out
    finally:
        system.close()
        net.close()


def theirs(ctx, count, message):
    net = Lan()
    system = Conventional(net, ctx.scratch(), "smtp_destination_recipient_limit = 1\n")
    try:
        disk, before, start = du(system.sender.base), system.a.usage(), time.monotonic()
        Submission(system.a, system.door(), [("alice@sender.conv.test",
                                              [f"r{n}@conv.test" for n in range(count)],
                                              message)]).result(1800)
        peak = du(system.sender.base) - disk
        end = time.monotonic() + 3600
        while system.queued() and time.monotonic() < end:
            peak = max(peak, du(system.sender.base) - disk)
            time.sleep(0.2)
        took = time.monotonic() - start
        spent = system.a.usage() - before
        return {"sender_octets": spent.octets, "sender_cpu_s": spent.cpu, "all_delivered_s": took,
                "sender_disk": peak}
    finally:
        system.close()
        net.close()


def measure(ctx):
    ctx.close()  # memory for many peers
    size = ctx.pick(1_000_000, 10_000_000)
    message = mail.sized(size)
    out = {"octets": len(message), "by_count": {}}
    for count in ctx.pick([1, 4], [1, 10, 100, 1_000]):
        ctx.say(f"receivers: {count}")
        row = out["by_count"][str(count)] = {"restante": ours(ctx, count, message)}
        if count <= PEERS_MAX:
            row["conventional"] = theirs(ctx, count, message)
    return out
