# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 6: replication in peer groups of 2 to 20: octets on the wire of the sender and of each other
member per message, and the seconds until every member holds a copy. Messages of 75 KB, the mean of the
modern mix, from the group's master to a receiver outside, one after another: one that is not counted, then
seven (three in the quick run), of which the medians are shown, with the least and the most. Nothing
conventional stands beside it: Postfix keeps no copies at others.
"""

import time

import mail
from env.wait import wait_for
from hosts import Lan
from peers import Restante
from systems import SETTINGS, medians


def make_group(members):
    members[0].cli("group", "create")
    for p in members[1:]:
        members[0].cli("group", "add", p.address)
    for p in members[1:]:
        wait_for(lambda p=p: p.run_cli("group", "accept").returncode == 0, 120,
                 f"{p.address} to be asked into its group", p.logs, every=0.5)


def copied(peer, members):
    """Messages of which so many members say that they hold a copy."""
    return sum(m.get("copies", 0) >= members for m in peer.outbox())


def one(ctx, count, messages):
    net = Lan()
    system = Restante(net, ctx.scratch(), 8, SETTINGS)
    try:
        members = [system.peer(f"m{n}@g") for n in range(count)]
        bob = system.peer("bob@demo")
        make_group(members)
        others = [p.machine for p in members[1:]]
        rows = []
        for n, m in enumerate(messages, 1):
            before, rest = members[0].machine.usage(), [h.usage() for h in others]
            start = time.monotonic()
            members[0].send(m, [bob.address], sender=members[0].address)
            wait_for(lambda n=n: copied(members[0], count - 1) >= n, 120, "a copy at every member",
                     lambda: members[0].logs() + members[1].logs(), every=0.02)
            took = time.monotonic() - start
            time.sleep(1)
            rows.append({"seconds": took, "sender_octets": (members[0].machine.usage() - before).octets,
                         "member_octets": sum((h.usage() - r).octets for h, r in zip(others, rest)) / len(others)})
        return medians(rows[1:])  # the first one's connections are new
    finally:
        system.close()
        net.close()


def measure(ctx):
    ctx.close()
    size = 75_000
    messages = [mail.sized(size, n, "m0@g") for n in range(1 + ctx.pick(3, 7))]
    out = {"octets": size, "by_members": {}}
    for count in ctx.pick([2, 4], [2, 3, 5, 8, 12, 20]):
        ctx.say(f"groups: {count} members")
        out["by_members"][str(count)] = one(ctx, count, messages)
    return out
