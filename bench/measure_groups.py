# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 6: replication in peer groups of 2 to 20: octets on the wire of the sender and of each other
member per message, and the seconds until every member holds a copy. Messages of 75 KB, the mean of the
modern mix, from the group's master to a receiver outside, one after another.
"""

import time

import mail
from env.wait import wait_for
from hosts import Lan
from peers import Restante
from systems import SETTINGS, median


def make_group(members):
    members[0].cli("group", "create")
    for p in members[1:]:
        members[0].cli("group", "add", p.address)
    for p in members[1:]:
        wait_for(lambda p=p: p.run_cli("group", "accept").returncode == 0, 120,
                 f"{p.address} to be asked into its group", p.logs, every=0.5)


def copies(peer):
    return min((m.get("copies", 0) for m in peer.outbox()), default=0)


def one(ctx, count, messages):
    net = Lan()
    system = Restante(net, ctx.scratch(), 8, SETTINGS)
    try:
        members = [system.peer(f"m{n}@g") for n in range(count)]
        bob = system.peer("bob@demo")
        make_group(members)
        others = [p.machine for p in members[1:]]
        seconds, sender, each = [], [], []
        for m in messages:
            before, rest = members[0].machine.usage(), [h.usage() for h in others]
            start = time.monotonic()
            members[0].send(m, [bob.address], sender=members[0].address)
            wait_for(lambda: copies(members[0]) >= count - 1, 120, "a copy at every member",
                     lambda: members[0].logs() + members[1].logs(), every=0.05)
            seconds.append(time.monotonic() - start)
            time.sleep(1)
            sender.append((members[0].machine.usage() - before).octets)
            each.append(sum((h.usage() - r).octets for h, r in zip(others, rest)) / len(others))
        return {"seconds": median(seconds), "sender_octets": median(sender),
                "member_octets": median(each), "messages": len(messages)}
    finally:
        system.close()
        net.close()


def measure(ctx):
    ctx.close()
    size = 75_000
    messages = [mail.sized(size, n, "m0@g") for n in range(ctx.pick(3, 5))]
    out = {"octets": size, "by_members": {}}
    for count in ctx.pick([2, 4], [2, 3, 5, 8, 12, 20]):
        ctx.say(f"groups: {count} members")
        out["by_members"][str(count)] = one(ctx, count, messages)
    return out
