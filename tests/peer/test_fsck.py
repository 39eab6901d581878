# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante fsck`: a home is damaged in each way, and it is seen, mended and right afterwards, whether the
peer runs or not; nothing that may be the last copy of mail goes (P-10.24)."""

import glob
import hashlib
import json
import os
import shutil
import signal
import sqlite3
import urllib.request

import pytest

from env import wait_for
from env.mail import check_arrived, compose, picture

TAG = ".0123456789abcdef"


@pytest.fixture(scope="module")
def both(net):
    """Peers of this file alone: they are damaged."""
    return [net.peer("kim@demo"), net.peer("lou@demo")]


@pytest.fixture
def pair(both):
    for peer in both:
        if not peer.process or not peer.process.running():
            peer.process = None
            peer.start()
            peer.wait_ready()
    return both


def fsck(peer, *options):
    """{kind: faults}, and the exit status."""
    done = peer.run_cli("fsck", "--json", *options)
    assert done.stdout, done.stderr
    answer = json.loads(done.stdout)
    kinds = {}
    for f in answer["faults"]:
        kinds.setdefault(f["kind"], []).append(f)
    assert (done.returncode == 0) == (answer["left"] == 0)
    return kinds, done.returncode


def clean(peer):
    kinds, status = fsck(peer)
    if kinds:
        print(peer.address, kinds)
    return status == 0 and not kinds


def mend(peer, expected):
    """Seen, mended, and right afterwards."""
    kinds, status = fsck(peer)
    assert {k: len(f) for k, f in kinds.items()} == expected and status == 1
    text = peer.run_cli("fsck").stdout
    assert all(k in text for k in expected)
    kinds, status = fsck(peer, "--repair")
    assert {k: len(f) for k, f in kinds.items()} == expected
    assert status == 0 and all(f["repaired"] for fs in kinds.values() for f in fs)
    return kinds


def put(peer, path, data=b"x", old=False):
    path = os.path.join(peer.home, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    if old:
        os.utime(path, (1_600_000_000, 1_600_000_000))
    return path


def send(sender, receiver, subject, size=20_000):
    data = compose(sender.address, receiver.address, subject, attachment=picture(size, subject))
    sender.send(data, [receiver.address])
    receiver.wait_message(data)
    return data


def read(receiver, data):
    uid = receiver.wait_message(data)
    with receiver.imap() as box:
        check_arrived(data, box.open(uid))


def blob_of(peer, data):
    return os.path.join(peer.home, "outbox", peer.outbox_of(data)["hash"])


def wait_done(sender, receiver, data):
    read(receiver, data)
    sender.wait_idle()
    receiver.wait_idle()
    assert len(receiver.find(data)) == 1


def rows(peer, sql, *values):
    with sqlite3.connect(f"{peer.home}/state.db") as db:
        done = db.execute(sql, values)
        return done.rowcount if done.description is None else done.fetchall()


def test_files_without_rows(pair):
    """The peer is stopped. What may be mail is kept; a blob that nobody knows is offered again."""
    kim, lou = pair
    data = send(kim, lou, "Beside many strange files")
    assert clean(kim) and "Nothing is wrong" in kim.cli("fsck")
    blob = blob_of(kim, data)
    name = os.path.relpath(blob, kim.home)
    kim.stop()
    assert clean(kim)
    known = os.urandom(5_000_000)
    unknown = hashlib.sha256(known).hexdigest()
    orphans = [name + ".chunks" + TAG, "inbox/full/" + "1" * 64 + ".tmp", "inbox/parts/" + "2" * 64,
               "inbox/lines/" + "3" * 32, "inbox/stubs/" + "4" * 64, "spool/" + "5" * 32 + ".head",
               "outbox/" + "6" * 32 + ".part", "replica/" + "7" * 64 + ".part", "Maildir/tmp/8",
               "tls/leaf.pem" + TAG, "secret/password" + TAG, "dovecot/passwd" + TAG,
               "dht/state" + TAG, "outbox/" + unknown + ".fetched"]
    for path in orphans:
        put(kim, path)
    mails = ["spool/" + "a" * 32, "inbox/full/" + "b" * 64, "replica/" + "c" * 64]
    for path in mails:
        put(kim, path, b"a letter")
    put(kim, "outbox/" + unknown, known)
    mend(kim, {"orphan": len(orphans), "unknown": len(mails), "unknown-blob": 1})
    assert clean(kim)
    assert not [p for p in orphans if os.path.exists(os.path.join(kim.home, p))]
    for path in mails:
        with open(os.path.join(kim.home, "lost", path.replace("/", ".")), "rb") as f:
            assert f.read() == b"a letter"
    kim.start()
    kim.wait_ready()
    url = f"http://127.0.0.1:{kim.http_port}/outbox/{unknown}"
    with urllib.request.urlopen(url) as answer:
        assert answer.read() == known
    with urllib.request.urlopen(url + "/chunks") as answer:
        assert len(answer.read()) == 64
    assert clean(kim)
    wait_done(kim, lou, data)


def test_a_start_mends_as_well(pair):
    kim, lou = pair
    data = send(kim, lou, "Its list of pieces is gone", 5_000_000)
    blob = blob_of(kim, data)
    kim.kill9()
    os.remove(blob + ".chunks")
    put(kim, "outbox/" + "d" * 64, b"not what it says")
    kim.start()
    kim.wait_ready()
    wait_for(lambda: clean(kim), 10, "a clean home", kim.logs)
    assert os.path.exists(blob + ".chunks")
    assert os.path.exists(os.path.join(kim.home, "lost", "outbox." + "d" * 64))
    wait_done(kim, lou, data)


@pytest.mark.parametrize("point", ["fsck.before", "fsck.after"])
def test_killed_while_it_mends(pair, point):
    kim, lou = pair
    data = send(kim, lou, f"Mended past {point}")
    kim.stop()
    os.remove(os.path.join(lou.home, "inbox/stubs", lou.stub_of(data)["id"]))
    lou.kill9()
    known = os.urandom(100_000)
    unknown = hashlib.sha256(known).hexdigest()
    put(kim, "outbox/" + unknown, known)
    for peer in (kim, lou):
        peer.start({"RESTANTE_CRASH_AT": point})
        assert peer.process.wait(20) == -signal.SIGKILL
        peer.process = None
    for peer in (kim, lou):
        peer.start()
        peer.wait_ready()
        wait_for(lambda p=peer: clean(p), 10, "a clean home", peer.logs)
    with open(os.path.join(kim.home, "replica", unknown), "rb") as f:
        assert f.read() == known
    wait_done(kim, lou, data)


def test_while_the_peer_runs(pair):
    """Young files belong to steps that are under way; old ones, and rows without files, are mended."""
    kim, lou = pair
    data = send(kim, lou, "While the peer runs", 5_000_000)
    blob = blob_of(kim, data)
    put(kim, "spool/" + "1" * 32 + ".sender")
    assert clean(kim)
    put(kim, "spool/" + "2" * 32 + ".sender", old=True)
    put(kim, "spool/" + "3" * 32, b"a letter", old=True)
    with open(blob + ".chunks", "r+b") as f:
        f.write(b"\0")
    mend(kim, {"orphan": 1, "unknown": 1, "chunks": 1})
    assert clean(kim)
    assert os.path.exists(os.path.join(kim.home, "lost", "spool." + "3" * 32))
    os.remove(os.path.join(kim.home, "spool", "1" * 32 + ".sender"))
    wait_done(kim, lou, data)


def test_a_blob_that_nobody_has(pair):
    """Without a group the receivers fail, and the sender is told."""
    kim, lou = pair
    data = send(kim, lou, "Gone from the outbox")
    os.remove(blob_of(kim, data))
    mend(kim, {"blob": 1})
    wait_for(lambda: kim.outbox_of(data)["receivers"][0]["state"] == "failed", 20, "the failure",
             kim.logs)
    wait_for(lambda: kim.search("SUBJECT", '"Gone from the outbox"'), 20, "the report", kim.logs)
    wait_for(lambda: clean(kim), 20, "a clean home", kim.logs)
    lou.decline(lou.stub_of(data)["id"])
    kim.wait_idle()


def test_a_flipped_octet(pair):
    """Found when the peer is stopped: then all sealed mail is read."""
    kim, lou = pair
    data = send(kim, lou, "One octet is wrong", 6_000_000)
    blob = blob_of(kim, data)
    kim.stop()
    with open(blob, "r+b") as f:
        f.seek(5_000_000)
        octet = f.read(1)
        f.seek(5_000_000)
        f.write(bytes([octet[0] ^ 1]))
    mend(kim, {"blob": 1})
    kim.start()
    kim.wait_ready()
    wait_for(lambda: kim.outbox_of(data)["receivers"][0]["state"] == "failed", 20, "the failure",
             kim.logs)
    lou.decline(lou.stub_of(data)["id"])
    kim.wait_idle()
    assert clean(kim) and os.listdir(os.path.join(kim.home, "outbox")) == []


def test_a_spool_file_that_is_gone(pair):
    kim, _ = pair
    kim.stop()
    kim.start({"RESTANTE_CRASH_AT": "seal.before"})
    kim.wait_up()
    data = compose(kim.address, pair[1].address, "Gone from the spool")
    try:
        kim.send(data, [pair[1].address])
    except OSError:
        pass  # it died before or after the answer
    assert kim.process.wait(20) == -signal.SIGKILL
    kim.process = None
    files = glob.glob(os.path.join(kim.home, "spool", "*"))
    assert len(files) == 1
    os.remove(files[0])
    kinds, _ = fsck(kim)
    assert len(kinds["spool"]) == 1
    kinds, status = fsck(kim, "--repair")
    assert status == 0 and clean(kim)
    kim.start()
    kim.wait_ready()
    assert kim.outbox_of(data)["receivers"][0]["state"] == "failed"
    wait_for(lambda: kim.search("SUBJECT", '"Gone from the spool"'), 20, "the report", kim.logs)
    kim.wait_idle()


def copies(peer, nid):
    """The stub's names in the Maildir."""
    inode = os.stat(os.path.join(peer.home, "inbox/stubs", nid)).st_ino
    return [p for p in glob.glob(os.path.join(peer.home, "Maildir", "*", "*"))
            if os.path.isfile(p) and os.stat(p).st_ino == inode]


def test_a_stub_that_is_gone(pair):
    """With its copy in the Maildir it is linked again; without, it is made again. Neither is a decline."""
    kim, lou = pair
    linked, made = (send(kim, lou, s) for s in ("Its link is gone", "All of it is gone"))
    nids = [lou.stub_of(d)["id"] for d in (linked, made)]
    lou.stop()
    for path in copies(lou, nids[1]):
        os.remove(path)
    for nid in nids:
        os.remove(os.path.join(lou.home, "inbox/stubs", nid))
    mend(lou, {"links": 1, "stub": 2})
    assert len(copies(lou, nids[0])) == 1
    lou.start()
    lou.wait_ready()
    for data in (linked, made):
        wait_done_one(lou, data)
    kim.wait_idle()
    lou.wait_idle()
    assert clean(lou)


def wait_done_one(receiver, data):
    read(receiver, data)
    assert len(receiver.find(data)) == 1


def test_stubs_that_nothing_can_fill(pair):
    """One whose row is lost, and a copy that was left when its message was pulled; seen while the peer runs
    as well. They are kept aside: they are not mail, but a person's only trace of it."""
    kim, lou = pair
    lost, copied = (send(kim, lou, s) for s in ("Its row is lost", "Its copy was left"))
    left, keep = (os.path.join(lou.home, p) for p in ("Maildir/cur/1.left.over:2,S", "run/keep"))
    shutil.copyfile(copies(lou, lou.stub_of(copied)["id"])[0], keep)
    read(lou, copied)
    wait_for(lambda: lou.stub_of(copied)["state"] == "pulled" and lou.status()["inbox"]
             ["receipts_pending"] == 0, 20, "the receipt", lou.logs)
    assert clean(lou)
    os.rename(keep, left)
    kinds, status = fsck(lou)
    assert [f["what"] for f in kinds["stray-stub"]] == ["Maildir/cur/1.left.over:2,S"] and status == 1
    lou.stop()
    assert rows(lou, "DELETE FROM incoming WHERE CAST(subject AS TEXT)='Its row is lost'") == 1
    rows(lou, "DELETE FROM looked")  # as in an older database
    kinds, status = fsck(lou)
    assert len(kinds["stray-stub"]) == 2
    kinds, status = fsck(lou, "--repair")
    assert status == 0 and clean(lou) and not os.path.exists(left)
    with open(os.path.join(lou.home, "lost", "Maildir.cur.1.left.over:2,S"), "rb") as f:
        assert f.read(8)
    lou.start()
    lou.wait_ready()
    wait_done_one(lou, lost)  # its notification is found again
    assert len(lou.find(copied)) == 1
    kim.wait_idle()
    lou.wait_idle()


@pytest.mark.parametrize("lost, kind", [("inbox/full", "full"), ("inbox/stubs", "no-stub")])
def test_a_pulled_message_that_is_not_delivered(pair, lost, kind):
    kim, lou = pair
    data = send(kim, lou, f"Pulled, and {kind}")
    nid = lou.stub_of(data)["id"]
    lou.stop()
    lou.start({"RESTANTE_CRASH_AT": "pull.after"})
    lou.wait_up()
    lou.run_cli("pull", nid)
    assert lou.process.wait(20) == -signal.SIGKILL
    lou.process = None
    os.remove(os.path.join(lou.home, lost, nid))
    mend(lou, {kind: 1, "orphan": 1})  # the part file
    assert clean(lou)
    lou.start()
    lou.wait_ready()
    wait_done(kim, lou, data)
    assert clean(lou) and clean(kim)


def test_records(pair):
    """One that should stand in the DHT and does not, and one that stands there and should not."""
    kim, lou = pair
    missing, left = (send(kim, lou, s) for s in ("Its record is missing", "Its record is left"))
    kim.stop()
    assert rows(kim, "UPDATE receiver SET shard=1 WHERE state=4 AND message=(SELECT n FROM message"
                " WHERE CAST(subject AS TEXT)='Its record is missing')") == 1
    rows(kim, "UPDATE receiver SET state=5,clean=2 WHERE state=4 AND shard=0")
    assert clean(kim)  # the DHT cannot be looked at now
    kim.start()
    kim.wait_ready()
    kinds, status = fsck(kim)
    assert set(kinds) >= {"record", "record-left"} and status == 1
    fsck(kim, "--repair")
    wait_for(lambda: clean(kim), 20, "a clean home", kim.logs)
    assert f"ns:{lou.address}/1" in str(kinds["record"])
    for data in (missing, left):
        lou.decline(lou.stub_of(data)["id"])
    kim.stop()
    rows(kim, "UPDATE receiver SET shard=0 WHERE shard=1")
    kim.start()
    kim.wait_ready()
    kim.wait_idle()
    lou.wait_idle()


def test_a_read_that_fails_removes_nothing(net):
    """"Cannot be read" is not "is not there": a sealed blob whose rows cannot be read stays."""
    amy, ben = net.peer("amy.reads@demo"), net.peer("ben.reads@demo")
    ben.stop()
    amy.send(compose(amy.address, ben.address, "Sealed once"), [ben.address])
    wait_for(lambda: amy.outbox()[0]["state"] == "published", 15, "the blob", amy.logs)
    amy.stop()
    [blob] = [p for p in glob.glob(os.path.join(amy.home, "outbox", "*")) if len(os.path.basename(p)) == 64]
    os.rename(blob, blob + ".sealed")  # as a crash before the renaming leaves it
    for before, after in (("blob", "away"), ("away", "blob")):
        with sqlite3.connect(os.path.join(amy.home, "state.db")) as db:
            db.execute("PRAGMA legacy_alter_table=ON")
            db.execute("PRAGMA foreign_keys=OFF")
            db.execute(f"ALTER TABLE {before} RENAME TO {after}")
        db.close()
        if after == "away":
            done = amy.run_cli("fsck", "--repair")
            assert done.returncode == 1 and "cannot be read" in done.stdout + done.stderr
            assert os.path.exists(blob + ".sealed")
    amy.start()
    amy.wait_ready()
    ben.start()
    ben.wait_ready()
    uid = ben.wait_stubs(1)[0]
    with ben.imap() as box:
        assert b"Sealed once" in box.open(uid)
