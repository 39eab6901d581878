# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 4: from the sender's 250 to visible in the receiver's IMAP (the client asks every 10 ms), and
from the click to the last octet of a message, by size; beside it what `curl` takes for the same octets
from the sender's own HTTP server, and OpenPGP in this process's library (bench/pgp.c).

Five alternating runs (one in the quick run) of 100 messages until visible, and of three opened (one of
100 MB) for each size; five of `curl` and OpenPGP after them. Hosts far apart have one run of 100 messages,
each a repetition, with no conventional pair: its way does not lead through the nodes.
"""

import json
import os
import subprocess
import time

import mail
from load import Session, stuff
from measure_wire import deliver
from systems import RestanteSide, median, percentile
from wan import Wan


def visible(side, messages, pause=0.05):
    """Seconds from the 250 to visible, one message at a time."""
    times = []
    with side.box() as box:
        with side.sender_host:
            session = Session(side.door())
        count = len(box.uids())
        for m in messages:
            accepted = session.send(side.sender_address, [side.receiver()], stuff(m))
            end = time.monotonic() + 90
            count += 1
            while True:
                box.conn.noop()
                have = box.conn.response("EXISTS")[1]
                now = time.monotonic()
                if have and have[-1] and int(have[-1]) >= count:
                    break
                if now > end:
                    raise TimeoutError("a message did not become visible")
                time.sleep(0.01)
            times.append(now - accepted)
            time.sleep(pause)
        session.close()
    return times


def far(ctx, messages):
    """The same on hosts 16 to 240 ms of round trip apart with one packet in a hundred lost; the sender and
    the receiver too are hosts like the others."""
    nodes = 32
    with Wan(ctx.tool("bench-delay"), [f"h{i}" for i in range(nodes + 2)]) as wan:
        side = RestanteSide(wan, ctx.scratch(), nodes)
        try:
            time.sleep(5)
            return visible(side, messages)
        finally:
            side.close()


def shape(times):
    return {"count": len(times), "p50": percentile(times, 50), "p90": percentile(times, 90),
            "p99": percentile(times, 99), "max": max(times)}


def clear(side):
    with side.box() as box:
        for u in box.uids():
            box.open(u)
    side.quiet(gone=True)


def opened(side, size, number, count):
    """Seconds from FETCH BODY[] to its last octet, for new messages of this size, one after another."""
    uids = deliver(side, [mail.sized(size, number + n) for n in range(count)], seconds=900)
    side.quiet()
    times = []
    with side.box() as box:
        for uid in uids:
            start = time.monotonic()
            box.open(uid)
            times.append(time.monotonic() - start)
    return times


def reference(ctx, pair, size, count):
    """Seconds of curl for a blob of this size from the sender's HTTP server, and of opening it."""
    side = pair.restante
    deliver(side, [mail.sized(size, 999)], seconds=900)
    side.quiet()
    folder = os.path.join(side.alice.home, "outbox")
    blob = max((os.path.getsize(os.path.join(folder, n)), n) for n in os.listdir(folder)
               if os.path.isfile(os.path.join(folder, n)))[1]
    url = f"http://{side.alice.machine.address}:{side.alice.http_port}/outbox/{blob}"
    curl, pgp = [], []
    for _ in range(count):
        start = time.monotonic()
        side.bob.machine.run("curl", "-sf", "-o", "/dev/null", url)
        curl.append(time.monotonic() - start)
        text = subprocess.run([ctx.tool("bench-pgp"), str(size)], check=True, capture_output=True,
                              text=True).stdout
        pgp.append(json.loads(text)["open"])
    clear(side)
    return curl, pgp


def by_size(ctx, pair, size):
    ctx.say(f"latency: opening {size} octets")
    rows = {"conventional": [], "restante": []}
    rounds, each = ctx.pick((1, 3), (5, 3)) if size < 50_000_000 else (5, 1)
    for n, side in pair.alternate(rounds):
        rows[side.name] += opened(side, size, 1000 + 10 * n, each)
        side.quiet(gone=True)
    rows["curl"], rows["openpgp"] = reference(ctx, pair, size, 5)
    return {"opens": len(rows["restante"]), **{k: median(v) for k, v in rows.items()}}


def measure(ctx):
    pair = ctx.pair()
    count = ctx.pick(30, 100)
    messages = mail.plain(count)
    times = {"conventional": [], "restante": []}
    for _, side in pair.alternate(ctx.pick(1, ctx.runs)):
        times[side.name] += visible(side, messages)
        clear(side)
    out = {"nodes": len(pair.restante.system.nodes),
           "visible": {k: shape(v) for k, v in times.items()},
           "open": {}}
    for size in ctx.pick([10_000, 100_000], [10_000, 100_000, 1_000_000, 100_000_000]):
        out["open"][str(size)] = by_size(ctx, pair, size)
    ctx.say("latency: hosts far apart")
    out["visible"]["restante, far apart"] = shape(far(ctx, messages[:ctx.pick(8, 100)]))
    return out
