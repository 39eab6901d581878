# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 1: octets on the wire for each party, for a message that is ignored, declined or pulled.

A batch goes through one system at a time. The octets of a rest before it, measured when the nodes have
found each other and scaled to the batch's length, are subtracted and reported for themselves: a peer is a
node of the DHT and talks at rest too. Five alternating runs (two in the quick run), medians of each party. One SMTP
session feeds both systems, so Postfix reuses its TLS connection through a batch; that is its best case.
Clients speak to their own server over loopback, which is not counted on either side.
"""

import time

import mail
from systems import median


def rest(side, seconds):
    """Octets a second of each party at rest."""
    before, start = side.usage(), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - start
    return {k: v.octets / took for k, v in side.spent(before, side.usage()).items()}


class Meter:
    """Octets since the start per message, without what rest would have cost."""

    def __init__(self, side, count, idle):
        self.side, self.count, self.idle = side, count, idle
        self.before, self.start = side.usage(), time.monotonic()

    def read(self):
        took = time.monotonic() - self.start
        spent = self.side.spent(self.before, self.side.usage())
        return {k: max(0.0, (v.octets - self.idle[k] * took) / self.count)
                for k, v in spent.items()}


def deliver(side, messages, sessions=1, seconds=120):
    """Sends all to bob and waits until they are visible there; their UIDs."""
    with side.box() as box:
        known = set(box.uids())
    watch = side.watch()
    try:
        side.submit(messages, sessions=sessions).result()
        watch.wait(len(messages), seconds)
    finally:
        watch.close()
    with side.box() as box:
        return [u for u in box.uids() if u not in known]


def open_all(side, uids):
    with side.box() as box:
        for u in uids:
            box.open(u)


def decline_all(side):
    bob = side.receivers["bob"]
    for m in bob.inbox():
        if m["state"] == "stub":
            bob.decline(m["id"])


def batch(side, messages, idle, outcome):
    """({party: octets per message} while they wait unread, the same at their end)."""
    meter = Meter(side, len(messages), idle)
    uids = deliver(side, messages)
    side.quiet()
    ignored = meter.read()
    if side.name == "conventional":
        return ignored, ignored
    if outcome == "declined":
        decline_all(side)
    else:
        open_all(side, uids)
    side.quiet(gone=True)
    return ignored, meter.read()


def collect(rows):
    """[{party: octets}] of several runs to {party: median}."""
    return {k: median([r[k] for r in rows]) for k in rows[0]}


def by_size(ctx, pair, idle, size):
    count = 10 if size < 500_000 else 2
    messages = [mail.sized(size, n) for n in range(count)]
    ctx.say(f"wire: {count} messages of {size} octets")
    rows = {}
    for _, side in pair.alternate(ctx.pick(2, ctx.runs)):
        for outcome in ("pulled", "declined") if side.name == "restante" else ("delivered",):
            ignored, end = batch(side, messages, idle[side.name], outcome)
            rows.setdefault(f"{side.name}.{outcome}", []).append(end)
            if side.name == "restante":
                rows.setdefault("restante.ignored", []).append(ignored)
    return {"count": count, "octets": sum(map(len, messages)) / count,
            **{k: collect(r) for k, r in rows.items()}}


def mixed(ctx, pair, idle, name, messages):
    ctx.say(f"wire: {name}, {len(messages)} messages, all pulled")
    rows = {"conventional": [], "restante": []}
    for _, side in pair.alternate(ctx.pick(2, ctx.runs)):
        rows[side.name].append(batch(side, messages, idle[side.name], "pulled")[1])
    return {"count": len(messages), "octets": sum(map(len, messages)) / len(messages),
            **{k: collect(v) for k, v in rows.items()}}


def measure(ctx):
    pair = ctx.pair()
    time.sleep(ctx.pick(15, 30))  # the nodes' walks of their first minute are no rest
    idle = {s.name: rest(s, ctx.pick(15, 120)) for s in pair.sides}
    sizes = ctx.pick([5_000, 25_000],
                     [1_000, 5_000, 21_000, 25_000, 50_000, 100_000, 1_000_000, 10_000_000])
    count = ctx.pick(40, 300)
    mix, files = mail.mix(count)
    return {"idle_octets_per_second": idle, "runs": ctx.pick(2, ctx.runs), "files_attached": len(files),
            "by_size": {str(s): by_size(ctx, pair, idle, s) for s in sizes},
            "mixes": {name: mixed(ctx, pair, idle, name, m)
                      for name, m in (("corpus", mail.plain(count)), ("modern mix", mix))}}
