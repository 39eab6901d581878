# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 7: the DHT alone, by its size: latency of put, get and listen, octets per operation and of each
node at rest; entries that live through churn; what one popular key costs.

Every node is a restante-dht on a host of its own, 16 to 240 ms of round trip apart (bench/wan.py), with one
packet in a hundred lost. Entries have 2 KB, as notifications do. Churn: nodes are killed and come back
with an empty table after session times drawn from the Weibull distribution that Stutzbach and Rejaie
published for Kad (shape 0.59, median about 20 minutes), with time compressed; the nodes' own period of
putting again is compressed by the same factor, and the ways between them are short. At most three in ten
are away at a time. (D. Stutzbach, R. Rejaie: Understanding Churn in Peer-to-Peer Networks, IMC 2006.)

The repetitions are the operations: in each network 20 puts, 20 gets and 6 listens (8, 8 and 6 in the quick
run), each between nodes drawn anew; a network is started once. Nothing conventional stands beside them. The
week of churn is on 16 nodes, because a factor above 1,080 would make sessions of less than a second, and more
nodes would be restarted faster than two processors start them; it goes on while the middle sizes and the
popular key are measured. The smallest network and, in the full run, the two largest have the machine for
themselves: the growth is made of them. No size is begun after 25 minutes; one that is left out is named.
"""

import contextlib
import hashlib
import math
import os
import random
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

from env.dhtclient import HEARD, LISTEN, PUT, DhtClient
from hosts import Usage
from peers import Restante
from systems import percentile
from wan import Wan

VALUE = 2_000
SIZES_SECONDS = 1_500  # no further size is begun after that
LISTENS = 6


class Network:
    """Nodes on a Wan, each with its local socket."""

    def __init__(self, ctx, count, options=(), **wan):
        self.wan = Wan(ctx.tool("bench-delay"), [f"n{i}" for i in range(count)], **wan)
        self.system = Restante(self.wan, ctx.scratch(), 0)
        for i in range(count):
            self.system.node(options)
        self.nodes = self.system.nodes

    def usage(self):
        return sum((h.usage() for h in self.system.node_hosts), Usage())

    def client(self, n, seconds=60):
        return DhtClient(self.nodes[n].socket, seconds)

    def close(self):
        self.system.close()
        self.wan.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def summary(times):
    return {"p50": percentile(times, 50), "p90": percentile(times, 90), "p99": percentile(times, 99)}


def timed(fn):
    start = time.monotonic()
    value = fn()
    return time.monotonic() - start, value


def heard_after(net, draw, keys):
    """For each key, the seconds from the put at one node to the word of it at another that listens; None if it
    never came within 20 s."""
    with contextlib.ExitStack() as all_of:
        ears = [all_of.enter_context(net.client(draw.randrange(len(net.nodes)), 20)) for _ in keys]
        for ear, key in zip(ears, keys):
            ear.ask(LISTEN, key)
        time.sleep(2)  # the listening reaches the nodes near the keys
        return [one_heard(net, draw, ear, key) for ear, key in zip(ears, keys)]


def one_heard(net, draw, ear, key):
    value = os.urandom(VALUE)
    with net.client(draw.randrange(len(net.nodes))) as mouth:
        start = time.monotonic()
        request = mouth.ask(PUT, key, value, int(time.time()) + 600, hashlib.sha256(b"nobody" + value).digest())
        try:
            while ear.frame()[0] != HEARD:
                pass
            took = time.monotonic() - start
        except OSError:
            took = None
        mouth.answer(request)
        return took


def by_size(ctx, count, operations):
    draw = random.Random(count)
    with Network(ctx, count) as net:
        time.sleep(ctx.pick(10, 15) + count / 25)  # they find each other
        spent = {}
        keys = [f"ns:bench{count}.{i}@demo" for i in range(operations)]
        values = {k: os.urandom(VALUE) for k in keys}
        puts, gets, lost = [], [], 0

        def metered(fn):
            before, start = net.usage(), time.monotonic()
            fn()
            return (net.usage() - before).octets, time.monotonic() - start

        def put_all():
            for k in keys:
                with net.client(draw.randrange(count)) as c:
                    puts.append(timed(lambda k=k, c=c: c.put(k, values[k]))[0])

        def get_all():
            nonlocal lost
            for k in keys:
                with net.client(draw.randrange(count)) as c:
                    took, got = timed(lambda k=k, c=c: c.get(k))
                    gets.append(took)
                    lost += values[k] not in [g[3] for g in got]

        spent["octets_per_put"] = metered(put_all)
        spent["octets_per_get"] = metered(get_all)
        octets, took = metered(lambda: time.sleep(ctx.pick(8, 15)))
        idle = octets / took
        out = {"idle_octets_per_second_and_node": idle / count, "put": summary(puts),
               "get": summary(gets), "not_found": lost, "operations": operations,
               **{k: (n - idle * s) / operations for k, (n, s) in spent.items()}}
        heard = heard_after(net, draw, [f"ns:ear{count}.{i}@demo" for i in range(LISTENS)])
        came = [h for h in heard if h is not None]
        out["listen"] = {"tries": len(heard), "heard": len(came), **(summary(came) if came else {})}
        return out


def put_many(net, entries, life, mouths=1):
    """[(key, value)] through some nodes, 64 at a time at each; once more when one was refused, as a
    peer does: in a network that has just begun no other node may be near a key yet."""
    def through(n, tries=8):
        try:
            with net.client(n, 120) as c:
                c.put_all((k, v, int(time.time()) + life, hashlib.sha256(b"nobody" + v).digest())
                          for k, v in entries[n::mouths])
        except LookupError:
            if tries == 0:
                raise
            time.sleep(1)
            through(n, tries - 1)

    with ThreadPoolExecutor(mouths) as pool:
        list(pool.map(through, range(mouths)))


def kill(net, n):
    """The node dies and forgets what it held."""
    net.nodes[n].kill9()
    state = os.path.join(net.nodes[n].folder, "state")
    if os.path.exists(state):
        os.remove(state)


def live_through(net, stable, session, seconds):
    """Sessions begin and end at random; the number of deaths. All nodes are up at the end."""
    count, down, deaths = len(net.nodes), set(), 0
    change = {n: time.monotonic() + session() for n in range(stable, count)}
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        n = min(change, key=change.get)
        time.sleep(min(max(0, change[n] - time.monotonic()), left))
        if n in down:
            net.system.start_node(n)
            down.discard(n)
        elif len(down) < 0.3 * count:
            kill(net, n)
            down.add(n)
            deaths += 1
        change[n] = time.monotonic() + session()
    for n in down:
        net.system.start_node(n)
    return deaths


def churn(ctx):
    """Days of sessions in compressed time; then every entry is looked for."""
    count, entries = 16, ctx.pick(20, 200)
    hours, factor = ctx.pick(12, 168), 1_080  # forty seconds; nine minutes
    draw = random.Random(42)
    republish = max(2, 3600 // factor)
    with Network(ctx, count, ("--republish", str(republish)), delays=(1, 2, 4, 6)) as net:
        time.sleep(5)
        values = {f"ns:churn{i}@demo": os.urandom(VALUE) for i in range(entries)}
        put_many(net, list(values.items()), 3 * 86400)
        deaths = live_through(net, max(3, count // 8),
                              lambda: max(0.5, draw.weibullvariate(37 * 60, 0.59) / factor),
                              hours * 3600 / factor)
        time.sleep(2 * republish)
        with net.client(1, 120) as c:
            lost = sum(v not in [g[3] for g in c.get(k)] for k, v in values.items())
        return {"nodes": count, "entries": entries, "hours": hours, "time_compressed_by": factor,
                "deaths": deaths, "put_again_every_s": republish, "lost": lost}


def popular(ctx):
    """Many entries at one key: octets and time to read all of them once, and the next new one."""
    count, entries = ctx.pick(16, 32), ctx.pick(100, 1_000)
    out = {}
    for name, junk in (("alone", 0), ("among as much junk", entries)):
        with Network(ctx, count) as net:
            time.sleep(6)
            key = "ns:popular@demo"
            start = time.monotonic()
            put_many(net, [(key, os.urandom(VALUE)) for _ in range(entries + junk)], 3600, 8)
            put_seconds = time.monotonic() - start
            time.sleep(2)
            reader = len(net.nodes) - 1
            before = net.system.node_hosts[reader].usage()
            with net.client(reader, 120) as c:
                took, got = timed(lambda c=c: c.get(key))
            spent = net.system.node_hosts[reader].usage() - before
            out[name] = {"nodes": count, "entries": entries + junk, "read": len(got), "seconds": took,
                         "put_seconds": put_seconds,
                         "octets_at_the_reader_per_entry": spent.octets / max(1, len(got))}
    return out


def growth(sizes):
    """How much more a get takes in the largest network, over what the logarithm allows."""
    small, large = min(sizes, key=int), max(sizes, key=int)
    ratio = sizes[large]["get"]["p50"] / sizes[small]["get"]["p50"]
    return ratio / (math.log(int(large)) / math.log(int(small)))


def measure(ctx):
    ctx.close()
    out, start = {"by_size": {}, "left_out": []}, time.monotonic()

    def sizes(counts):
        for count in counts:
            if time.monotonic() - start > SIZES_SECONDS:
                out["left_out"].append(count)
                continue
            ctx.say(f"dht: {count} nodes")
            out["by_size"][str(count)] = by_size(ctx, count, ctx.pick(8, 20))

    sizes(ctx.pick([8], [8, 512, 256]))
    with ProcessPoolExecutor(1, get_context("fork")) as beside:
        ctx.say("dht: churn, and beside it the others")
        soak = beside.submit(churn, ctx)
        sizes(ctx.pick([32], [16, 32, 64, 128]))
        ctx.say("dht: a popular key")
        out["popular"] = popular(ctx)
        out["churn"] = soak.result(1_800)
    out["growth"] = growth(out["by_size"])
    return out
