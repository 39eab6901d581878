# SPDX-License-Identifier: GPL-3.0-or-later
"""One message to a thousand receivers: one blob, one notification each, the same octets after kill -9
in the middle, and a blob that stays until the last one has ended (P-5.3, P-5.7, P-6.6, P-10.1).

Twenty receivers are peers; the others are keys whose identities stand in the DHT, and whose
notifications are read by a program of the tests (tests/unit/flow/crowd.c)."""

import glob
import http.client
import os
import signal
import sqlite3
import subprocess
import time

from env import Network, crowd, wait_for
from env.dhtclient import DhtClient
from env.mail import check_arrived, compose, picture
from env.process import program

PEERS, KEYS = 20, 980
KILLED_AT = 400


def entries(client, addresses):
    """{address: its live entries}, each (id, lock, expiry, value)."""
    found = client.get_all("ns:" + a for a in addresses)
    return {a: found["ns:" + a] for a in addresses}


def states(peer, data):
    counts = {}
    for r in (peer.outbox_of(data) or {"receivers": []})["receivers"]:
        counts[r["state"]] = counts.get(r["state"], 0) + 1
    return counts


def sealed_and_announced(peer):
    """Of the only message: {address: (lock, notification)}, and who is announced by its rows."""
    with sqlite3.connect(f"file:{peer.home}/state.db?mode=ro", uri=True) as db:
        rows = db.execute("SELECT address,lock,ns,state FROM receiver").fetchall()
    return {a: (lock, ns) for a, lock, ns, _ in rows}, {a for a, _, _, s in rows if s == 4}


def blob(peer, digest):
    return os.path.join(peer.home, "outbox", digest)


def fetch(peer, digest):
    c = http.client.HTTPConnection("127.0.0.1", peer.http_port, timeout=10)
    c.request("GET", "/outbox/" + digest)
    body = c.getresponse().read()
    c.close()
    return body


def open_by_key(sender, folder, secret, read):
    """What a receiver without a daemon gets with its own session-key packet and the common blob."""
    paths = {n: os.path.join(folder, n) for n in ("secret", "from", "skp", "blob", "out")}
    for name, octets in (("secret", bytes.fromhex(secret)), ("from", bytes.fromhex(read[4])),
                         ("skp", bytes.fromhex(read[3])), ("blob", fetch(sender, read[1]))):
        with open(paths[name], "wb") as f:
            f.write(octets)
    subprocess.run([program("pgp_tool"), "unseal", *paths.values()], check=True,
                   capture_output=True, timeout=20)
    with open(paths["out"], "rb") as f:
        return f.read()


def test_a_thousand_receivers():
    began = time.monotonic()

    def lap(what):
        print(f"{time.monotonic() - began:6.2f} s  {what}")

    with Network(nodes=5) as net:
        sender = net.peer("sender@crowd", start=False)
        peers = [net.peer(f"p{i:02}@crowd", {"network.dht_socket": net.nodes[i % 4].socket},
                          start=False) for i in range(PEERS)]
        lap("homes")
        sender.start({"RESTANTE_CRASH_AT": f"announce.after:{KILLED_AT}"})
        for p in peers:
            p.start()
        lap("started")
        with DhtClient(net.nodes[4].socket, 60) as client:
            client.sock.settimeout(60)
            keys = crowd.post(client, net.id, "crowd", KEYS)
            lap("identities posted")
            for p in (sender, *peers):
                p.wait_ready(60)
            lap("ready")
            everybody = [p.address for p in peers] + list(keys)
            data = compose(sender.address, everybody, "To all of you", attachment=picture(200_000))
            sender.send(data, everybody, seconds=120)
            lap("submitted")
            assert sender.process.wait(60) == -signal.SIGKILL
            sender.process = None
            sealed, announced = sealed_and_announced(sender)
            assert KILLED_AT <= len(announced) < len(sealed) == len(everybody), len(announced)
            lap(f"killed when {len(announced)} were announced")
            sender.start()
            sender.wait_ready()
            lap("again")
            wait_for(lambda: states(sender, data).get("announced") == len(everybody), 60,
                     "all to be announced", sender.logs, every=0.2)
            lap("announced")
            after = entries(client, everybody)
            assert {len(e) for e in after.values()} == {1}
            assert {a: (e[0][1], e[0][3]) for a, e in after.items()} == sealed
            lap("compared")
        assert max(len(e[0][3]) for e in after.values()) <= 6144
        lines = "".join(f"{a} {keys[a]} {after[a][0][3].hex()}\n" for a in keys)
        read = [line.split() for line in crowd.run("read", net.id, text=lines)]
        assert len(read) == KEYS
        assert [r[2] for r in read] == [after[a][0][1].hex() for a in keys]
        digest, = {r[1] for r in read}
        assert len({r[0] for r in read}) == 1 and len({r[3] for r in read}) == KEYS
        lap("read")
        last = list(keys)[-1]
        assert open_by_key(sender, net.folder, keys[last], read[-1]) == data
        served = [n for n in map(os.path.basename, glob.glob(blob(sender, "*"))) if "." not in n]
        head, = set(served) - {digest}  # a thousand addresses in To do not fit a notification
        for p in peers[:8]:
            uid = p.wait_message(data, 60)
            with p.imap() as box:
                check_arrived(data, box.open(uid))
        lap("opened by eight")
        for p in peers[8:12]:
            wait_for(lambda: p.stub_of(data), 30, "the stub", p.logs)
            p.decline(p.stub_of(data)["id"])
        wait_for(lambda: (states(sender, data).get("pulled"), states(sender, data).get("declined"))
                 == (8, 4), 60, "twelve answers", sender.logs, every=0.2)
        lap("answered by twelve")
        assert os.path.exists(blob(sender, digest)) and os.path.exists(blob(sender, head))
        ident = sender.outbox_of(data)["id"]
        for a in everybody[12:14] + everybody[-2:]:
            sender.cli("cancel", ident, a)
        time.sleep(1)
        assert os.path.exists(blob(sender, digest))
        sender.cli("cancel", ident)
        wait_for(lambda: not os.path.exists(blob(sender, digest))
                 and not os.path.exists(blob(sender, head)), 30, "the blobs to go", sender.logs)
        lap("taken back")
        wait_for(lambda: states(sender, data).get("cancelled") == 8, 60,
                 "eight peers to lose the stub", sender.logs, every=0.2)
        lap("confirmed")
        assert states(sender, data) == {"pulled": 8, "declined": 4, "cancelled": 8,
                                        "withdrawing": KEYS}
        assert peers[14].find(data) == []
