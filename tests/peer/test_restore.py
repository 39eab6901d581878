# SPDX-License-Identifier: GPL-3.0-or-later
"""A home that is restored from a backup, two peers with one home, and rows that are forgotten."""

import glob
import os
import shutil
import signal
import smtplib
import socket
import sqlite3
import time

import pytest

from env import Network, wait_for
from env.mail import check_arrived, compose, picture
from env.peer import Peer
from env.process import free_port
from test_replica import make_group, replicas, wait_copies


def keep(peer, name):
    """A copy of a stopped peer's home, hard links and times too."""
    copy = os.path.join(peer.network.folder, name)
    os.system(f"cp -a {peer.home} {copy}")
    return copy


def restore(peer, copy):
    shutil.rmtree(peer.home)
    os.system(f"cp -a {copy} {peer.home}")


def instance(peer):
    with sqlite3.connect(f"file:{peer.home}/state.db?mode=ro", uri=True) as db:
        return db.execute("SELECT value FROM meta WHERE name='instance'").fetchone()[0]


def send(sender, receiver, subject, size=20_000):
    data = compose(sender.address, receiver.address, subject, attachment=picture(size, subject))
    sender.send(data, [receiver.address])
    return data


def read(receiver, data):
    uid = receiver.wait_message(data)
    with receiver.imap() as box:
        check_arrived(data, box.open(uid))


def test_plain_restarts_are_no_restore():
    with Network(nodes=4) as net:
        alice = net.peer("alice@demo")
        before = instance(alice)
        alice.restart()
        alice.kill9()
        alice.start()
        alice.wait_ready()
        time.sleep(3)  # the look after the one at the start
        assert instance(alice) == before and alice.status()["stopped"] is None
        assert "restored" not in alice.log_text()


def test_sender_restored():
    """Mail announced before the backup and read after it is not announced again, and counts as read;
    what still waits is pulled from the restored peer."""
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        first, second = send(alice, bob, "Read after the backup"), send(alice, bob, "Read later")
        for data in (first, second):
            bob.wait_message(data)
        alice.stop()
        copy, before = keep(alice, "backup"), instance(alice)
        alice.start()
        alice.wait_ready()
        read(bob, first)
        wait_for(lambda: not alice.waits(first), 15, "the receipt", alice.logs)
        # who stops before that hears of it again after an hour: test_receipt.py
        wait_for(lambda: bob.status("--check")["dht"]["ns_live"] == 1, 15,
                 "the notification to go", alice.logs)
        alice.stop()
        restore(alice, copy)
        alice.start()
        alice.wait_ready()
        wait_for(lambda: instance(alice) != before, 10, "a new instance", alice.logs)
        assert "restored backup" in alice.log_text()
        wait_for(lambda: not alice.waits(first), 40, "the answered message to end", alice.logs)
        assert alice.outbox_of(first)["receivers"][0]["state"] in ("pulled", "answered")
        assert alice.waits(second)
        read(bob, second)
        alice.wait_idle()
        bob.wait_idle()
        assert len(bob.find(first)) == 1 and len(bob.find(second)) == 1
        read(bob, send(alice, bob, "And on it goes"))
        alice.wait_idle()


@pytest.mark.parametrize("point", ["instance.before", "instance.after"])
def test_killed_while_noticing_it(point):
    """P-10.20: noticed again, or known already; one new instance, and everything goes on."""
    with Network(nodes=4) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        alice.stop()
        copy, before = keep(alice, "backup"), instance(alice)
        alice.start()
        alice.wait_ready()
        data = send(alice, bob, "Read after the backup")
        read(bob, data)
        alice.wait_idle()
        alice.stop()
        restore(alice, copy)
        alice.start({"RESTANTE_CRASH_AT": point})
        assert alice.process.wait(20) == -signal.SIGKILL
        alice.process = None
        assert (instance(alice) == before) == (point == "instance.before")
        alice.start()
        alice.wait_ready()
        wait_for(lambda: instance(alice) != before, 20, "a new instance", alice.logs)
        after = instance(alice)
        read(bob, send(alice, bob, "And on it goes"))
        for p in (alice, bob):
            p.wait_idle()
        assert instance(alice) == after and alice.status()["stopped"] is None
        assert len(bob.find(data)) == 1


def test_message_sealed_again_by_a_restored_sender():
    """The backup was made when the message was in the spool only."""
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        carol = net.peer("carol@demo")
        read(bob, send(alice, bob, "So that the key is known"))
        read(carol, send(alice, carol, "This one too"))
        for p in (alice, bob, carol):
            p.wait_idle()
        alice.stop()
        alice.start({"RESTANTE_CRASH_AT": "seal.before"})
        alice.wait_up()
        data = compose(alice.address, [bob.address, carol.address], "Sealed twice",
                       attachment=picture(50_000))
        try:
            alice.send(data, [bob.address, carol.address])
        except smtplib.SMTPException:
            pass  # it died before or after the answer
        wait_for(lambda: not alice.process.running(), 10, "the crash", alice.logs)
        alice.process = None
        copy = keep(alice, "backup")
        alice.start()
        alice.wait_ready()
        read(bob, data)  # carol looks later
        carol.wait_message(data)
        wait_for(lambda: alice.outbox_of(data)["receivers"][0]["state"] == "pulled", 15,
                 "the receipt", alice.logs)
        alice.stop()
        restore(alice, copy)
        alice.start()
        alice.wait_ready()
        wait_for(lambda: "a known message again" in carol.log_text(), 40,
                 "the second notification", carol.logs)
        read(carol, data)
        for p in (alice, bob, carol):
            p.wait_idle(60)
            assert len(p.find(data)) <= 1
        states = {r["to"]: r["state"] for r in alice.outbox_of(data)["receivers"]}
        assert states == {bob.address: "pulled", carol.address: "pulled"}


def test_blobs_are_taken_back():
    """Of the sealed messages nothing is left in the backup, and one was sent after it: the members of the
    group give both back, also past kill -9; the old rows wipe nothing there (P-10.23, P-12.3)."""
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@team"), net.peer("bob@team")
        zoe = net.peer("zoe@demo")
        make_group([alice, bob])
        old = send(alice, zoe, "Sent before the backup", 5_000_000)
        old_hash = wait_copies(alice, old, 1)
        alice.stop()
        copy = keep(alice, "backup")
        for path in glob.glob(os.path.join(copy, "outbox", "*")):
            os.remove(path)
        alice.start()
        alice.wait_ready()
        new = send(alice, zoe, "Sent after the backup")
        new_hash = wait_copies(alice, new, 1)
        for data in (old, new):
            zoe.wait_message(data)
        alice.stop()
        restore(alice, copy)
        for point in ("blob_recovery.before", "blob_recovery.after"):
            alice.start({"RESTANTE_CRASH_AT": point})
            assert alice.process.wait(40) == -signal.SIGKILL, point
            alice.process = None
        alice.start()
        alice.wait_ready()
        wait_for(lambda: alice.outbox_of(old)["state"] == "published" and
                 os.path.exists(os.path.join(alice.home, "outbox", old_hash)), 40,
                 "the old message to be back", alice.logs)
        wait_for(lambda: new_hash in replicas(alice), 40, "the new one too", alice.logs)
        time.sleep(2)  # the own list is published, and bob has heard of it
        assert set(replicas(bob)) == {old_hash, new_hash}
        assert alice.run_cli("fsck").returncode == 0
        lost = [os.path.join(bob.home, "replica", n) for n in (old_hash, new_hash + ".chunks")]
        for path in lost:
            os.remove(path)
        done = bob.run_cli("fsck")
        assert done.returncode == 1 and "replica" in done.stdout and "chunks" in done.stdout
        assert bob.run_cli("fsck", "--repair").returncode == 0
        wait_for(lambda: all(map(os.path.exists, lost)), 20, "bob's replicas to be whole", bob.logs)
        assert bob.run_cli("fsck").returncode == 0
        bob.stop()
        for data in (old, new):
            read(zoe, data)
            assert len(zoe.find(data)) == 1
        wait_for(lambda: not alice.waits(old), 20, "the receipt", alice.logs)
        bob.start()
        bob.wait_ready()
        wait_for(lambda: replicas(bob) == [new_hash], 20, "only what alice knows of to go", bob.logs)


def test_receiver_restored():
    """Nothing arrives twice, nothing that still waits is lost; a backup without hard links declines
    nothing."""
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        kept = send(alice, bob, "A stub in the backup")
        old = send(alice, bob, "Read before the backup")
        read(bob, old)
        bob.wait_message(kept)
        wait_for(lambda: not alice.waits(old), 15, "the receipt", alice.logs)
        bob.stop()
        copy = os.path.join(net.folder, "backup")
        unlinked = "cp -dR --preserve=mode,timestamps"  # every link becomes a file of its own
        os.system(f"{unlinked} {bob.home} {copy}")
        bob.start()
        bob.wait_ready()
        new = send(alice, bob, "Announced after the backup")
        bob.wait_message(new)
        bob.stop()
        shutil.rmtree(bob.home)
        os.system(f"{unlinked} {copy} {bob.home}")
        bob.start()
        bob.wait_ready()
        read(bob, new)
        time.sleep(4)  # sweeps, and the grace of declining
        assert alice.waits(kept)
        read(bob, kept)
        assert all(len(bob.find(d)) == 1 for d in (old, kept, new))
        alice.wait_idle()
        bob.wait_idle()


def copied(net, peer):
    """A second peer from a copy of this one's home, on ports of its own."""
    other = Peer(net, peer.address)
    other.home, other.output = keep(peer, "other"), os.path.join(net.folder, "other.out")
    other.imap_port, other.submission_port = free_port(), free_port()
    for key, port in (("imap_port", other.imap_port), ("submission_port", other.submission_port),
                      ("http_port", other.http_port), ("dht_port", free_port(socket.SOCK_DGRAM))):
        os.system(f"sed -i 's/^{key} = .*/{key} = {port}/' {other.home}/config")
    net.peers.append(other)
    return other


def test_a_copy_answers_nothing_beside_the_original():
    """A home is copied from under its running peer and started: it shows no mail and stops, at once; the
    original goes on. First by this key's name on this computer; then, as on two computers, without it: the
    test holds the name without listening, which proves nothing to anybody (P-10.20)."""
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        bob.stop()
        first = send(alice, bob, "For one of them")
        other = copied(net, bob)
        bob.start()
        bob.wait_ready()
        bob.wait_message(first)
        other.start()
        other.wait_up()
        assert "restante takeover" in other.status()["stopped"]  # by the name on this computer
        assert not other.find(first) and bob.status()["ready"]
        other.stop()
        name = f"\0restante-peer-{net.id}-{bob.status()['fingerprint']}"
        bob.stop()
        held = socket.socket(socket.AF_UNIX)
        held.bind(name)
        bob.start()
        bob.wait_ready()
        other.start()
        other.wait_up()
        wait_for(lambda: other.status()["stopped"], 20, "the copy to notice", other.logs)
        assert "a peer with this key answers" in other.log_text()
        second = send(alice, bob, "For the original")
        read(bob, second)
        assert not other.find(first) and not other.find(second)
        assert bob.status()["stopped"] is None and bob.status()["ready"]
        # killed and started again: it meets itself, and goes on
        other.stop()
        bob.kill9()
        bob.start()
        bob.wait_ready()
        read(bob, send(alice, bob, "Still here"))
        held.close()


def test_two_peers_with_one_home():
    with Network(nodes=5) as net:
        alice, bob = net.peer("alice@demo", {"timing.reput": "1"}), net.peer("bob@demo")
        make_group([alice, bob])
        alice.stop()
        other = copied(net, alice)
        alice.start()
        alice.wait_ready()
        other.start()
        other.wait_up()
        assert other.status()["stopped"]
        other.cli("takeover")  # although the first one still runs
        other.wait_ready()
        reason = wait_for(lambda: alice.status()["stopped"], 10, "the older one to stop", alice.logs)
        assert "restante takeover" in reason
        assert "Another peer runs" in alice.run_cli("status").stdout
        with pytest.raises(smtplib.SMTPException) as e:
            send(alice, bob, "Which of us?")
        assert "451" in str(e.value) and "takeover" in str(e.value)
        with pytest.raises(RuntimeError, match="takeover"):
            alice.cli("group", "remove", bob.address)
        puts = alice.log_text().count("the descriptor of demo is put")
        assert puts > 0
        time.sleep(3)  # it was put every second until then
        assert alice.log_text().count("the descriptor of demo is put") == puts
        other.stop()
        alice.cli("takeover")
        alice.wait_ready()
        assert alice.status()["stopped"] is None
        read(bob, send(alice, bob, "It is me"))
        alice.wait_idle()


def test_old_rows_are_forgotten():
    with Network(nodes=4) as net:
        alice, bob = net.peer("alice@demo"), net.peer("bob@demo")
        old, new = send(alice, bob, "Long ago"), send(alice, bob, "Just now")
        for data in (old, new):
            read(bob, data)
        for p in (alice, bob):
            p.wait_idle()
            p.stop()
        with sqlite3.connect(f"{alice.home}/state.db") as db:
            db.execute("UPDATE receiver SET changed_ms=changed_ms-61*86400000 WHERE message="
                       "(SELECT n FROM message WHERE CAST(subject AS TEXT)='Long ago')")
        with sqlite3.connect(f"{bob.home}/state.db") as db:
            db.execute("UPDATE incoming SET expiry_s=expiry_s-60*86400 WHERE CAST(subject AS TEXT)='Long ago'")
        for p in (alice, bob):
            p.start()
            p.wait_ready()
        wait_for(lambda: alice.outbox_of(old) is None and bob.stub_of(old) is None, 15,
                 "the old rows to go", alice.logs)
        assert alice.outbox_of(new) and bob.stub_of(new)
        assert bob.find(old)  # the mail itself stays
