# SPDX-License-Identifier: GPL-3.0-or-later
"""A large message is sealed while it is submitted: what is taken of that, what is thrown away, and
what is left when the peer is killed meanwhile."""

import glob
import os
import re
import signal
import smtplib
from concurrent.futures import ThreadPoolExecutor

import pytest

from env import wait_for
from env.mail import check_arrived, compose, picture

SIZE = 13_000_000  # 17.8 MB as base64; sealing begins at 16 MiB
EARLY = re.compile(r"sealed: (\d+) bytes became (\d+) for \d+ recipients, while it came")
TAG_OCB = 20


@pytest.fixture(scope="module")
def sender(net):
    peer = net.peer("lara@demo", {"mail.allow_foreign_from": "yes"})
    yield peer
    peer.stop()


@pytest.fixture(scope="module")
def receiver(net):
    peer = net.peer("lars@demo")
    yield peer
    peer.stop()


def large(sender, receiver, subject, **fields):
    return compose(sender.address, receiver.address, subject, attachment=picture(SIZE, subject),
                   **fields)


def sealed_early(peer):
    return [tuple(map(int, m)) for m in EARLY.findall(peer.log_text())]


def outbox(peer):
    return sorted(os.path.basename(p) for p in glob.glob(os.path.join(peer.home, "outbox", "*")))


def arrive(sender, receiver, data, last=True):
    uid = receiver.wait_message(data)
    with receiver.imap() as box:
        check_arrived(data, box.open(uid))
    if not last:
        return
    sender.wait_idle()
    receiver.wait_idle()
    assert outbox(sender) == []


def test_sealed_while_it_comes(sender, receiver):
    """P-5.2, P-5.6: signed, not compressed (that takes only base64's quarter), OCB."""
    before = sealed_early(sender)
    data = large(sender, receiver, "Sealed while it comes")
    sender.send(data, [receiver.address])
    receiver.wait_message(data)
    m, blob = sealed_early(sender)[len(before)]
    assert m < blob < m * 1.001
    [name] = [n for n in outbox(sender) if len(n) == 64]
    with open(os.path.join(sender.home, "outbox", name), "rb") as f:
        assert f.read(1)[0] & 0x3f == TAG_OCB
    arrive(sender, receiver, data)


def test_several_at_once(sender, receiver):
    """One at most is followed; the others are sealed when they are complete."""
    several = [large(sender, receiver, f"Several at once, {n}") for n in range(3)]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda data: sender.send(data, [receiver.address]), several))
    for data in several:
        receiver.wait_message(data)
    for data in several:
        arrive(sender, receiver, data, last=data is several[-1])


def test_refused_at_its_end(sender, receiver):
    """What was sealed of it goes, and the next one is sealed early again."""
    before = sealed_early(sender)
    data = large(sender, receiver, "Refused")
    with pytest.raises(smtplib.SMTPDataError):
        sender.send(data + b"\0\r\n", [receiver.address])
    wait_for(lambda: outbox(sender) == [], 10, "an empty outbox", sender.logs)
    sender.send(data, [receiver.address])
    arrive(sender, receiver, data)
    assert len(sealed_early(sender)) == len(before) + 1


def test_foreign_from(sender, receiver):
    """P-5.1: with Sender it is another m than the one that was sealed."""
    before = sealed_early(sender)
    data = compose("somebody@elsewhere.example", receiver.address, "Foreign",
                   attachment=picture(SIZE, "foreign"))
    sender.send(data, [receiver.address])
    uid = receiver.wait_message(data, mailbox="Requests")
    with receiver.imap("Requests") as box:
        got = box.open(uid)
    assert b"\r\nSender: <lara@demo>\r\n" in got
    assert got.endswith(data[data.index(b"\r\n\r\n"):])
    sender.wait_idle()
    assert sealed_early(sender) == before and outbox(sender) == []


@pytest.mark.parametrize("point", ["seal_stream.after", "seal.before"])
def test_killed(sender, receiver, point):
    """The blob that no row names goes; the message is sent again, or sealed again."""
    sender.stop()
    sender.start({"RESTANTE_CRASH_AT": point})
    sender.wait_ready()
    data = large(sender, receiver, f"Killed at {point}")
    try:
        sender.send(data, [receiver.address])
        accepted = True
    except (smtplib.SMTPException, OSError):
        accepted = False
    assert sender.process.wait(30) == -signal.SIGKILL
    sender.process = None
    assert [n for n in outbox(sender) if n.endswith(".sealed")]
    sender.start()
    sender.wait_ready()
    if not accepted and not sender.outbox():
        assert outbox(sender) == []
        sender.send(data, [receiver.address])
    arrive(sender, receiver, data)


@pytest.fixture
def announced(sender, receiver):
    """A large message whose stub is there: (octets, id)."""
    data = large(sender, receiver, "To be pulled")
    sender.send(data, [receiver.address])
    receiver.wait_message(data)
    return data, receiver.stub_of(data)["id"]


def pull(receiver, nid):
    return receiver.run_cli("pull", nid)


def test_broken_while_it_is_opened(sender, receiver, announced):
    """P-6.4: what was verified stays; of what was opened of it nothing does."""
    data, nid = announced
    [blob] = glob.glob(os.path.join(sender.home, "outbox", "?" * 64))
    whole = os.path.getsize(blob)
    os.link(blob, blob + ".whole")
    with open(blob, "rb") as f:
        start = f.read(whole // 2)
    os.unlink(blob)
    with open(blob, "wb") as f:
        f.write(start)
    assert pull(receiver, nid).returncode != 0
    [part] = glob.glob(os.path.join(receiver.home, "inbox", "parts", "*"))
    assert 4 << 20 <= os.path.getsize(part) <= whole // 2
    assert os.listdir(os.path.join(receiver.home, "inbox", "full")) == []
    os.rename(blob + ".whole", blob)
    arrive(sender, receiver, data)


def test_no_place_for_what_is_opened(sender, receiver, announced):
    """The transfer ends first; who waits is told, and later it succeeds."""
    data, nid = announced
    full = os.path.join(receiver.home, "inbox", "full")
    os.chmod(full, 0o500)
    try:
        assert pull(receiver, nid).returncode != 0
        [part] = glob.glob(os.path.join(receiver.home, "inbox", "parts", "*"))
        assert os.path.getsize(part) > SIZE
    finally:
        os.chmod(full, 0o700)
    arrive(sender, receiver, data)


def test_killed_when_it_is_opened(sender, receiver, announced):
    data, nid = announced
    receiver.stop()
    receiver.start({"RESTANTE_CRASH_AT": "pull.streamed"})
    receiver.wait_ready()
    assert pull(receiver, nid).returncode != 0
    assert receiver.process.wait(30) == -signal.SIGKILL
    receiver.process = None
    receiver.start()
    receiver.wait_ready()
    arrive(sender, receiver, data)
