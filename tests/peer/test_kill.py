# SPDX-License-Identifier: GPL-3.0-or-later
"""kill -9 at every state of a message's way, then a restart: no lost and no doubled message (P-5.7,
P-10.1 to P-10.6, P-10.8).

RESTANTE_CRASH_AT=POINT ends restanted at once, as by kill -9, when it reaches that point; the points
stand before and after the commit of each transition."""

import glob
import imaplib
import os
import re
import signal
import smtplib
import time

import pytest

from env import Network, program, wait_for
from env.imap import ImapError
from env.mail import check_arrived, compose, message_id, picture
from env.process import Process
from test_endure import posted_shards
from test_group import JOIN_POINTS, MASTER_POINTS, MEMBER_POINTS, TOLD_POINTS
from test_invite import ACCEPT_POINTS, MAKE_POINTS

# The transitions of each side in the order of a message's way; each has a point before and after.
SENDER = ("submit", "seal", "publish", "announce", "collect", "blob_gc", "dht_gc", "sent", "spool_gc")
RECEIVER = ("notice", "stub", "pull", "deliver", "answer", "receipt_refresh")
BETWEEN = ["answer.receipt"]  # the receipt is there, the notification still too
# where a receiver comes whose sender was there for the pull but not for the receipt (P-10.6)
THROUGH_DHT = ["receipt_refresh.before", "receipt_refresh.after", "answer.receipt"]
DECLINE = ("decline",)
GIVE_UP = ("dsn",)
EXPIRY = ("expire", "expiry_notice")
CANCEL = ("recall", "cancel")
CANCEL_BETWEEN = ["recall.begun", "cancel.made", "cancel.put"]
RECALL_APPLY = ("recall_apply",)
SHARDS = ("shards",)
UPKEEP = ("upkeep",)
REPLICATION = ("msglist", "msglist_read", "replicate", "replica_drop", "reput")  # in test_replica.py
RESTORED = ("instance", "blob_recovery")  # in test_restore.py
FSCK = ("fsck",)  # in test_fsck.py
FEEDBACK = ("feedback",)  # in test_requests.py
LOCAL_DELIVERY = ("local_delivery",)  # in test_alone.py
DELAY_NOTICE = ("delay_notice",)  # in test_delay.py
STREAM = ["seal_stream.after", "pull.streamed"]  # in test_large.py
UNCONFIRMED = ["cancel.over"]  # in test_cancel.py
LINES = ["outbox_line.added", "outbox_line.replaced", "outbox_line.before", "outbox_line.after",
         "outbox_deleted.before", "outbox_deleted.after"]  # in test_outbox.py


def points(steps):
    return [f"{step}.{side}" for step in steps for side in ("before", "after")]


@pytest.fixture(scope="module")
def pair(net):
    """A pair of their own: the shared one lives on."""
    killed = [net.peer("kim@demo"), net.peer("lou@demo")]
    yield killed
    for peer in killed:
        peer.stop()


def test_every_point_is_tried():
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "src")
    found = set()
    for path in glob.glob(os.path.join(folder, "**", "*.c"), recursive=True):
        with open(path, encoding="utf-8") as f:
            found |= set(re.findall(r'store_crash_point\("([a-z._]+)"\)', f.read()))
    group = {p for p in found if p.startswith("group.")}
    assert group == set(MASTER_POINTS + MEMBER_POINTS + JOIN_POINTS + TOLD_POINTS)  # test_group.py
    invite = {p for p in found if p.startswith("invite.")}
    assert invite == set(MAKE_POINTS + ACCEPT_POINTS)  # tried in test_invite.py
    found -= group | invite
    found -= {p for p in found
              if p.split(".")[0] in REPLICATION + RESTORED + FSCK + FEEDBACK + LOCAL_DELIVERY + DELAY_NOTICE}
    assert found == set(points(SENDER + RECEIVER + DECLINE + GIVE_UP + EXPIRY + CANCEL + RECALL_APPLY)
                        + points(SHARDS + UPKEEP) + BETWEEN + CANCEL_BETWEEN + UNCONFIRMED + LINES + STREAM)


def restart_with(peer, point):
    """Started again so that it ends at the point."""
    peer.stop()
    peer.start({"RESTANTE_CRASH_AT": point})
    try:
        peer.wait_up()
    except AssertionError:
        pass  # work left from before came to the point already


def crash_and_restart(peer, seconds=20, ready=True):
    """Waits until the point was reached, and starts the peer again without it; ready: it has a
    network."""
    code = peer.process.wait(seconds)
    assert code == -signal.SIGKILL, f"it ended with {code}"
    peer.process = None
    peer.start()
    (peer.wait_ready if ready else peer.wait_up)()


def open_quietly(peer, data, victim):
    """A person opens the message as soon as it is there; the victim may die at any moment."""
    wait_for(lambda: not victim.process.running() or peer.find(data), 20,
             "the message or the end", victim.logs)
    try:
        with peer.imap() as box:
            box.open(peer.find(data)[0])
    except (OSError, imaplib.IMAP4.error, ImapError, IndexError):
        pass


def whole_way(sender, receiver, data):
    """After the accident: the message arrives once, is equal, and everything is collected."""
    uid = receiver.wait_message(data)
    with receiver.imap() as box:
        check_arrived(data, box.open(uid))
    sender.wait_idle()
    receiver.wait_idle()
    assert len(receiver.find(data)) == 1
    assert len(wait_for(lambda: sender.find(data, "Sent"), 10, "the copy in Sent")) == 1


@pytest.mark.parametrize("point", points(SENDER))
def test_sender_killed(pair, point):
    sender, receiver = pair
    restart_with(sender, point)
    data = compose(sender.address, receiver.address, f"Sender killed at {point}",
                   attachment=picture(30_000))
    try:
        sender.send(data, [receiver.address])
        accepted = True
    except (smtplib.SMTPException, OSError):
        accepted = False
    if accepted:
        open_quietly(receiver, data, sender)
    crash_and_restart(sender)
    if not accepted:
        # No 250: the client keeps the message and sends it again. It may have been taken already
        # (the answer was lost): then, as with every SMTP server, it is there twice.
        assert point.startswith("submit"), "only here the client is not answered"
        if point == "submit.after":
            return whole_way(sender, receiver, data)
        sender.send(data, [receiver.address])
    return whole_way(sender, receiver, data)


def test_what_a_killed_write_leaves_goes(pair):
    """file_write, killed before it gives the name, leaves NAME.<16 hex digits> beside what a row may
    still need: gone after the start, and the message is none the worse."""
    sender, receiver = pair
    restart_with(sender, "publish.before")
    data = compose(sender.address, receiver.address, "Beside a blob without its name")
    try:
        sender.send(data, [receiver.address])
    except (smtplib.SMTPException, OSError):
        pass  # it died before or after the answer
    assert sender.process.wait(20) == -signal.SIGKILL
    sender.process = None
    blobs = glob.glob(os.path.join(sender.home, "outbox", "*.sealed"))
    assert blobs
    left = [path + ".0123456789abcdef" for path in blobs + [
        os.path.join(sender.home, sub) for sub in ("tls/leaf.pem", "dovecot/passwd", "dht/state",
                                                   "secret/password")]]
    for path in left:
        with open(path, "w", encoding="ascii") as f:
            f.write("half")
    sender.start()
    sender.wait_ready()
    assert not [path for path in left if os.path.exists(path)]
    whole_way(sender, receiver, data)
    assert os.listdir(os.path.join(sender.home, "outbox")) == []


@pytest.mark.parametrize("point", points(RECEIVER) + BETWEEN)
def test_receiver_killed(pair, point):
    sender, receiver = pair
    gone = point in THROUGH_DHT
    if gone:
        restart_with(sender, "collect.before")
    restart_with(receiver, point)
    data = compose(sender.address, receiver.address, f"Receiver killed at {point}",
                   attachment=picture(30_000))
    sender.send(data, [receiver.address])
    try:
        open_quietly(receiver, data, receiver)
    except (OSError, imaplib.IMAP4.error):
        pass
    if gone:
        crash_and_restart(sender)
    crash_and_restart(receiver)
    whole_way(sender, receiver, data)


def noticed(sender, receiver, subject):
    """A message whose stub stands."""
    data = compose(sender.address, receiver.address, subject, attachment=picture(5_000))
    sender.send(data, [receiver.address])
    receiver.wait_message(data)
    return data


@pytest.mark.parametrize("point", points(DECLINE))
def test_killed_while_declining(pair, point):
    sender, receiver = pair
    data = noticed(sender, receiver, f"Declined, killed at {point}")
    restart_with(receiver, point)

    def expunge():
        if receiver.process.running():
            try:
                with receiver.imap() as box:
                    for uid in box.uids("HEADER", "MESSAGE-ID", f'"{message_id(data)}"'):
                        box.expunge(uid)
            except (OSError, imaplib.IMAP4.error, ImapError):
                pass

    expunge()
    crash_and_restart(receiver)
    expunge()
    wait_for(lambda: not sender.waits(data), 20, "the decline", sender.logs)
    sender.wait_idle()
    receiver.wait_idle()
    assert receiver.find(data) == []


def taken_back(sender, receiver, data):
    """After the accident: both sides agree, the stub is gone, nothing is left."""
    wait_for(lambda: receiver.find(data) == [], 20, "the stub to go", receiver.logs)
    sender.wait_idle()
    receiver.wait_idle()
    assert [r["state"] for r in sender.outbox_of(data)["receivers"]] == ["cancelled"]
    assert receiver.stub_of(data)["state"] == "cancelled"


@pytest.mark.parametrize("point", points(CANCEL) + CANCEL_BETWEEN)
def test_sender_killed_while_cancelling(pair, point):
    """P-14.1: what was begun is carried on."""
    sender, receiver = pair
    data = noticed(sender, receiver, f"Taken back, killed at {point}")
    restart_with(sender, point)
    sender.run_cli("cancel", sender.outbox_of(data)["id"])
    crash_and_restart(sender)
    taken_back(sender, receiver, data)


@pytest.mark.parametrize("point", points(("notice",) + RECALL_APPLY + ("answer", "receipt_refresh")) + BETWEEN)
def test_receiver_killed_while_it_is_cancelled(pair, point):
    """P-14.5: the stub goes, once and for ever."""
    sender, receiver = pair
    data = noticed(sender, receiver, f"Taken from {point}")
    restart_with(receiver, point)
    sender.cli("cancel", sender.outbox_of(data)["id"])
    crash_and_restart(receiver)
    taken_back(sender, receiver, data)


@pytest.mark.parametrize("point", points(UPKEEP))
def test_killed_while_forgetting(pair, point):
    """Old rows go some seconds after a start."""
    sender, receiver = pair
    data = compose(sender.address, receiver.address, f"Forgetting, killed at {point}")
    restart_with(receiver, point)
    sender.send(data, [receiver.address])
    crash_and_restart(receiver)
    whole_way(sender, receiver, data)


@pytest.mark.parametrize("point", points(SHARDS))
def test_killed_while_splitting_the_key(net, pair, point):
    """P-10.22: there are four shards afterwards, once, and nothing that waited is lost."""
    sender = pair[0]
    receiver = net.peer(point.replace(".", "_") + "@demo", {"network.shard_at": "1"}, start=False)
    receiver.start({"RESTANTE_CRASH_AT": point})
    receiver.wait_ready()
    mail = [compose(sender.address, receiver.address, f"{point} {i}") for i in range(2)]
    for data in mail:
        sender.send(data, [receiver.address])
    crash_and_restart(receiver)
    wait_for(lambda: posted_shards(net, receiver) == 4, 20, "four shards", receiver.logs)
    open_quietly(receiver, mail[0], receiver)
    for data in mail[::-1]:
        whole_way(sender, receiver, data)
    assert posted_shards(net, receiver) == 4
    receiver.stop()


@pytest.mark.parametrize("point", points(GIVE_UP))
def test_killed_while_giving_up(point):
    """One notice, not none and not two."""
    with Network(nodes=0) as alone:
        node = alone.node(start=False)
        sender = alone.peer("mia@demo", start=False)
        sender.start({"RESTANTE_CRASH_AT": point})
        sender.wait_up()
        sender.send(compose(sender.address, "nobody@demo", "To nobody"), ["nobody@demo"])
        node.start()
        crash_and_restart(sender, seconds=40)
        sender.wait_stubs(1)
        wait_for(lambda: sender.status()["pending"] == 0, 20, "nothing pending", sender.logs)
        assert len(sender.uids()) == 1


@pytest.mark.parametrize("point", points(EXPIRY))
def test_killed_while_expiring(pair, point):
    """One notice, not none and not two, and the stub is gone."""
    receiver = pair[1]
    sender = receiver.network.peer(f"x{point.replace('.', '')}@demo",
                                   {"mail.validity": "4", "timing.expiry_grace": "1"})
    data = compose(sender.address, receiver.address, f"Expired, killed at {point}")
    receiver.set_config("timing.expiry_grace", "1")
    restart_with(receiver, point)
    receiver.wait_ready()
    sender.send(data, [receiver.address])
    crash_and_restart(receiver, 40)
    wait_for(lambda: receiver.stub_of(data)["state"] == "expired"
             and receiver.status()["pending"] == 0, 20, "the notice", receiver.logs)
    assert receiver.find(data) == []
    assert len(receiver.search("HEADER", "IN-REPLY-TO", f'"{message_id(data)}"')) == 1
    sender.stop()


def test_dht_process_killed(pair):
    """The daemon starts another one, and goes on."""
    alice, bob = pair
    data = compose(alice.address, bob.address, "While the DHT process dies")
    for peer in pair:
        old = peer.children()["restante-dht"]
        os.kill(old, signal.SIGKILL)
        if peer is alice:
            alice.send(data, [bob.address])
        wait_for(lambda: peer.children().get("restante-dht") not in (None, old), 15,
                 "another restante-dht", peer.logs)
    whole_way(alice, bob, data)


def test_dht_process_hangs(pair):
    """A clean stop ends although it does not answer any more."""
    peer = pair[0]
    child = peer.children()["restante-dht"]
    os.kill(child, signal.SIGSTOP)
    peer.process.popen.terminate()
    assert peer.process.wait(20) == 0
    peer.process = None
    assert not os.path.exists(f"/proc/{child}")
    assert "restante-dht does not end; it is killed" in peer.log_text()
    peer.start()
    peer.wait_ready()


def test_dovecot_killed(pair):
    alice, bob = pair
    data = compose(alice.address, bob.address, "While Dovecot dies", attachment=picture(9_000))
    alice.send(data, [bob.address])
    bob.wait_message(data)
    old = bob.children()["dovecot"]
    os.kill(old, signal.SIGKILL)
    wait_for(lambda: bob.children().get("dovecot") not in (None, old)
             and bob.status()["imap"]["running"], 20, "another Dovecot", bob.logs)
    wait_for(lambda: bob.find(data), 20, "IMAP to answer", bob.logs)
    whole_way(alice, bob, data)


def test_mime_helper_killed(pair):
    alice, bob = pair
    os.kill(alice.children()["restante-mime"], signal.SIGKILL)
    data = compose(alice.address, bob.address, "While the MIME helper dies")
    alice.send(data, [bob.address])
    whole_way(alice, bob, data)


def test_killed_in_the_middle_of_a_pull_resumes(pair):
    alice, bob = pair
    data = compose(alice.address, bob.address, "Killed while pulling",
                   attachment=picture(30_000_000))
    alice.send(data, [bob.address])
    bob.wait_message(data, 60)
    nid = bob.stub_of(data)["id"]
    Process([program("restante"), "--home", bob.home, "pull", nid],
            os.path.join(bob.network.folder, "pull.out"))
    time.sleep(0.15)
    bob.kill9()
    bob.start()
    bob.wait_ready()
    whole_way(alice, bob, data)
