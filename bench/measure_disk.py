# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 2: octets on disk (blocks taken, as `du` counts them) at each party over a message's life, with
an inbox of unread spam, and what a stub costs beyond its own file.

Logs are not counted: both systems write them, neither needs them. The sender's own copy in Sent is shown
for itself; a conventional client saves one too, at a server that is not part of this pair. A peer's node
holds entries as every node does, here of a network of ten nearly all: that, too, is shown for itself, and
does not count as a stub's.

One run of each system: blocks are counted and not timed, and the figure is the mean over all of its messages,
10,000 of spam, which must lie there together (150 in the quick run).
"""

import os
import time

import mail
from env import corpus
from measure_wire import deliver, open_all


def du(path, skip=("log", "postfix.log")):
    total = 0
    for folder, folders, names in os.walk(path):
        folders[:] = [f for f in folders if f not in skip]
        for name in [*names, ""]:
            try:
                s = os.lstat(os.path.join(folder, name))
            except FileNotFoundError:
                continue
            if s.st_nlink > 1 and name and not os.path.isdir(os.path.join(folder, name)):
                total += s.st_blocks * 512 / s.st_nlink  # our second names of stubs
            else:
                total += s.st_blocks * 512
    return total


def parts(side):
    """{party: octets}, and for Restante what stands where."""
    out = {k: du(v) for k, v in side.homes().items()}
    if side.name == "restante":
        alice, bob = (side.homes()[k] for k in ("sender", "receiver"))
        out["sender: Sent"] = du(os.path.join(alice, "Maildir", ".Sent"))
        out["sender: outbox"] = du(os.path.join(alice, "outbox"))
        out["receiver: Maildir"] = du(os.path.join(bob, "Maildir"))
        out["receiver: as a DHT node"] = du(os.path.join(bob, "dht"))
        out["dht"] = sum(du(n.folder) for n in side.system.nodes)
    return out


def spam(count):
    names = [n for n in corpus.names() if n.startswith("spam")]
    return [corpus.read(names[i % len(names)]) for i in range(count)]


def stub_files(maildir):
    """Blocks of the files in the inbox themselves, and their number."""
    total = count = 0
    for sub in ("new", "cur"):
        folder = os.path.join(maildir, sub)
        for name in os.listdir(folder):
            total += os.lstat(os.path.join(folder, name)).st_blocks * 512
            count += 1
    return total, count


def life(side, messages):
    """Disk growth per message: while unread, and after everything was opened."""
    before = parts(side)
    uids = deliver(side, messages, sessions=8, seconds=900)
    side.quiet()
    unread = parts(side)
    out = {"unread": {k: (unread[k] - before[k]) / len(messages) for k in unread}}
    if side.name == "restante":
        files, count = stub_files(os.path.join(side.homes()["receiver"], "Maildir"))
        out["stub_file"] = files / count
    open_all(side, uids)
    side.quiet(gone=True)
    done = parts(side)
    out["opened"] = {k: (done[k] - before[k]) / len(messages) for k in done}
    with side.box() as box:  # the next run begins with an empty inbox
        box.conn.uid("STORE", "1:*", "+FLAGS.SILENT", r"(\Deleted)")
        box.conn.expunge()
    return out


def measure(ctx):
    ctx.close()
    with ctx.new_pair(nodes=8) as pair:  # a fresh one: no journal that other measures have grown
        return compare(ctx, pair)


def compare(ctx, pair):
    count = ctx.pick(150, 10_000)
    for side in pair.sides:  # journals grow to their size first
        life(side, spam(ctx.pick(60, 200)))
    mixed, _ = mail.mix(ctx.pick(30, 600))
    out = {"spam": {"count": count}, "modern mix": {"count": len(mixed)}}
    if not ctx.quick:
        time.sleep(90)  # what was expunged goes with the daemon's next sweep, and must not be taken for a gain
    for name, messages in (("modern mix", mixed), ("spam", spam(count))):
        out[name]["octets"] = sum(map(len, messages)) / len(messages)
        for side in pair.sides:
            ctx.say(f"disk: {len(messages)} messages ({name}), {side.name}")
            out[name][side.name] = life(side, messages)
    return out
