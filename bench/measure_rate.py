# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 3: messages a second from the first submission to visible in the receivers' IMAP, and to
opened; processor seconds per message. Real messages, eight SMTP sessions, everything durable on both
sides: Postfix and Dovecot sync as they do by default, Restante as it always does.

Visible is what IMAP IDLE tells. The submitter and the watcher run on the same machine and take the same
from both systems; their own processor time is not in the figures. Five alternating runs (two in the quick run).
"""

import time

import mail
from systems import median


def run(side, messages, to=None, names=("bob",)):
    """One batch: rates and processor seconds per message."""
    known = {}
    for n in names:
        with side.box(n) as box:
            known[n] = set(box.uids())
    watch = side.watch(names)
    before = side.usage()
    try:
        sent = side.submit(messages, to).result()
        seen = watch.wait(len(messages), 120)
    finally:
        watch.close()
    side.quiet()
    after = side.usage()
    count = len(messages)
    out = {"accepted_per_second": count / (max(sent["accepted"]) - sent["started"]),
           "visible_per_second": count / (seen[-1] - sent["started"]),
           "cpu": {k: v.cpu / count for k, v in side.spent(before, after).items()}}
    start = time.monotonic()
    for n in names:
        with side.box(n) as box:
            new = [u for u in box.uids() if u not in known[n]]
            for u in new:
                box.open(u)
    out["opened_per_second"] = count / (time.monotonic() - start)
    side.quiet(gone=True)
    out["cpu_to_the_end"] = {k: v.cpu / count
                             for k, v in side.spent(before, side.usage()).items()}
    return out


def summary(rows):
    out = {k: median([r[k] for r in rows]) for k in rows[0] if k.endswith("second")}
    for k in ("cpu", "cpu_to_the_end"):
        out[k] = {p: median([r[k][p] for r in rows]) for p in rows[0][k]}
        out[k]["all"] = median([sum(r[k].values()) for r in rows])
    out["all_runs"] = rows
    return out


def compare(ctx, pair, messages, receivers):
    rows = {"conventional": [], "restante": []}
    for side in pair.sides:
        side.introduce(receivers)
    for n, side in pair.alternate(ctx.runs):
        to = [[side.receiver(receivers[i % len(receivers)])] for i in range(len(messages))]
        rows[side.name].append(run(side, messages, to, receivers))
        r = rows[side.name][-1]
        ctx.say(f"rate: {side.name}: {r['accepted_per_second']:.0f}/s accepted, "
                f"{r['visible_per_second']:.0f}/s visible, {r['opened_per_second']:.0f}/s opened")
    return {k: summary(v) for k, v in rows.items()}


def measure(ctx):
    pair = ctx.pair()
    messages = mail.plain(ctx.pick(200, 300))
    out = {"count": len(messages), "runs": ctx.runs,
           "octets": sum(map(len, messages)) / len(messages),
           "1 receiver": compare(ctx, pair, messages, ["bob"])}
    if not ctx.quick:
        ctx.close()  # its 32 nodes would take part of the processors
        names = [f"r{i}" for i in range(100)]
        # 100 peers on one machine that poll every 5 s would do little else
        with ctx.new_pair(receivers=names, settings={"timing.poll": "30"}) as many:
            out["100 receivers"] = compare(ctx, many, messages, names)
    return out
