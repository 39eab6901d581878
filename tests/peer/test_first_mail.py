# SPDX-License-Identifier: GPL-3.0-or-later
"""One message from a client's SMTP at one peer to a client's IMAP at another (P-10.1, P-10.2), and
what is refused."""

import os
import smtplib

import pytest

from env import wait_for
from env.imap import Imap
from env.mail import check_arrived, compose, fields, picture


def arrive(sender, receiver, data):
    """Listing, open, receipt of one message that was sent already."""
    uid = receiver.wait_message(data)
    with receiver.imap() as box:
        before = box.metadata(uid)[uid]
        assert int(before["RFC822.SIZE"]) > len(data)
        assert receiver.stub_of(data)["state"] == "stub"
        assert receiver.stub_of(data)["done"] == 0
        assert rb"\Seen" not in box.fetch(uid, "FLAGS")[uid]["FLAGS"]
        got = box.open(uid)
        assert box.metadata(uid)[uid] == before
        assert rb"\Seen" in box.fetch(uid, "FLAGS")[uid]["FLAGS"]
        assert got.startswith(before["BODY[HEADER]"])
    check_arrived(data, got)
    assert len(got) == int(before["RFC822.SIZE"])
    sender.wait_idle()
    receiver.wait_idle()
    return got


@pytest.mark.parametrize("way", ["alice to bob", "bob to alice"])
def test_message_with_attachment(alice, bob, way):
    """Below the two trace fields (P-10.13) stands what was submitted."""
    sender, receiver = (alice, bob) if way.startswith("alice") else (bob, alice)
    data = compose(sender.address, receiver.address, f"A picture, {way}", "See below.\n",
                   picture(300_000, way), "lake.png")
    sender.send(data, [receiver.address])
    got = arrive(sender, receiver, data)
    trace = dict(fields(got)[0][:2])[b"authentication-results"].decode()
    assert sender.address in trace


@pytest.mark.parametrize("service", ["restante", "mx.restante.example", '"bob@demo"', "bob@demo",
                                     "(mx) restante.example 1"])
def test_results_of_others_arrive(alice, bob, service):
    """P-10.13: whatever an Authentication-Results field below says, also in this peer's own name (a note
    of his own that is sent on whole), the message arrives with it; the one on top, under bob's whole
    address, is the peer's."""
    old = f"Authentication-Results: {service}; x-restante=pass smtp.mailfrom=carol@demo\r\n".encode()
    data = old + compose(alice.address, bob.address, f"Results of {service}")
    alice.send(data, [bob.address])
    got = arrive(alice, bob, data)
    results = [value.split(b";")[0].split(b":")[1].strip() for name, value in fields(got)[0]
               if name == b"authentication-results"]
    assert results == [f'"{bob.address}"'.encode(), service.encode()]
    assert old in got


def test_several_chunks(alice, bob):
    """P-5.4, P-6.4"""
    data = compose(alice.address, bob.address, "Twenty megabytes", attachment=picture(20_000_000))
    alice.send(data, [bob.address])
    arrive(alice, bob, data)


def test_listing_and_searching_pull_nothing(alice, bob):
    data = compose(alice.address, bob.address, "Only looked at", attachment=picture(9_000))
    alice.send(data, [bob.address])
    uid = bob.wait_message(data)
    with bob.imap() as box:
        box.metadata(uid)
        box.fetch(uid, "(FLAGS BODY BODY.PEEK[HEADER.FIELDS (FROM SUBJECT)])")
        assert box.uids("SUBJECT", '"Only looked at"') == [uid]
        box.uids("BODY", '"nothing of the kind"')
        assert bob.stub_of(data)["state"] == "stub"
        assert alice.outbox_of(data)["receivers"][0]["state"] == "announced"
        check_arrived(data, box.open(uid))
    alice.wait_idle()


def test_several_receivers_and_bcc(alice, bob, carol):
    """One blob (P-5.3) that stays until the last receiver has answered (P-6.6); no Bcc (P-5.1)."""
    data = compose(alice.address, bob.address, "For two, one of them hidden",
                   attachment=picture(50_000), Bcc=carol.address)
    alice.send(data, [bob.address, carol.address])
    entry = wait_for(lambda: alice.outbox_of(data), 10, "the message in the outbox")
    assert {r["to"] for r in entry["receivers"]} == {bob.address, carol.address}
    uids = {p: p.wait_message(data) for p in (bob, carol)}
    entry = alice.outbox_of(data)
    assert entry["state"] == "published" and len(entry["hash"]) == 64
    with bob.imap() as box:
        got = box.open(uids[bob])
    assert b"carol" not in got
    check_arrived(data, got)

    def states():
        entry = alice.outbox_of(data)
        return {r["to"]: r["state"] for r in entry["receivers"]} if entry else {}

    wait_for(lambda: states().get(bob.address) == "pulled", 15, "bob's receipt", alice.logs)
    assert states()[carol.address] == "announced"  # the blob stays until carol had it
    with carol.imap() as box:
        check_arrived(data, box.open(uids[carol]))
    for p in (alice, bob, carol):
        p.wait_idle()


def test_unknown_receiver_is_refused_with_a_sentence(alice, bob):
    """P-10.10: connected, and the look-up completed."""
    data = compose(alice.address, "nobody@demo", "To nobody")
    with pytest.raises(smtplib.SMTPRecipientsRefused) as e:
        alice.send(data, ["nobody@demo"])
    code, text = e.value.recipients["nobody@demo"]
    assert 550 <= code < 560 and b"nobody@demo" in text, text
    with pytest.raises(smtplib.SMTPRecipientsRefused):
        alice.send(data, ["not an address"])
    with alice.smtp() as s:  # the others of the same message are served
        data = compose(alice.address, bob.address, "To bob and nobody")
        refused = s.sendmail(alice.address, ["nobody@demo", bob.address], data)
    assert list(refused) == ["nobody@demo"]
    arrive(alice, bob, data)


def test_wrong_password(alice):
    with pytest.raises(smtplib.SMTPAuthenticationError):
        alice.smtp(login=False).login(alice.address, "wrong")
    with pytest.raises(smtplib.SMTPException):  # nor without any
        s = alice.smtp(login=False)
        s.sendmail(alice.address, ["bob@demo"], b"Subject: x\r\n\r\nx\r\n")
    box = Imap("127.0.0.1", alice.imap_port, alice.tls())
    with pytest.raises(Exception, match="(?i)auth"):
        box.login(alice.address, "wrong")
    box.close()


@pytest.mark.parametrize("sender", ["bob@demo", "alice@demo, bob@demo"])
def test_foreign_from_is_refused(alice, bob, sender):
    """P-10.12"""
    data = compose("alice@demo", bob.address, "Whose From?").replace(
        b"From: alice@demo", b"From: " + sender.encode())
    with pytest.raises(smtplib.SMTPResponseException) as e:
        alice.send(data, [bob.address])
    assert 500 <= e.value.smtp_code < 600
    assert b"From" in e.value.smtp_error
    assert not alice.outbox_of(data)


def test_missing_date_and_message_id_are_added(alice, bob):
    """P-5.1"""
    alice.send(b"From: alice@demo\r\nTo: bob@demo\r\nSubject: bare necessities\r\n\r\nHello\r\n",
               [bob.address])
    uid = wait_for(lambda: bob.search("SUBJECT", '"bare necessities"'), 20, "the stub",
                   bob.logs)[0]
    with bob.imap() as box:
        got = box.open(uid)
    names = [n for n, _ in fields(got)[0]]
    assert names.count(b"date") == 1 and names.count(b"message-id") == 1
    assert got.endswith(b"\r\n\r\nHello\r\n")
    alice.wait_idle()


def test_pull_by_the_command_line(alice, bob):
    data = compose(alice.address, bob.address, "Pulled by hand", attachment=picture(5_000))
    alice.send(data, [bob.address])
    uid = bob.wait_message(data)
    nid = bob.stub_of(data)["id"]
    bob.pull(nid[:8])
    with bob.imap(readonly=True) as box:
        check_arrived(data, box.fetch(uid, "BODY.PEEK[]")[uid]["BODY[]"])
    with pytest.raises(RuntimeError, match="status 1"):
        bob.pull("ffffffff")
    alice.wait_idle()
    assert alice.status()["dht"]["ns_live"] is None  # only --check looks into the DHT


def test_all_forms_of_bcc_go(alice, bob):
    """P-5.1: nor does a Return-Path of the client's reach anybody."""
    data = compose(alice.address, bob.address, "Resent, with a hidden receiver")
    hidden = b"Resent-From: alice@demo\r\nResent-Bcc: carol@demo,\r\n dora@demo\r\n" \
             b"Return-Path: <alice@demo>\r\nBcc: dora@demo\r\n"
    alice.send(hidden + data, [bob.address])
    uid = bob.wait_message(data)
    with bob.imap() as box:
        got = box.open(uid)
    names = [name for name, _ in fields(got)[0]]
    assert b"resent-from" in names and b"carol@demo" not in got and b"dora@demo" not in got
    assert not {b"bcc", b"resent-bcc", b"return-path"} & set(names)


def test_a_first_line_that_begins_with_a_blank_is_refused(alice, bob):
    """It would fold into the field in front of it, and go with that."""
    data = compose(alice.address, bob.address, "Begins with a blank")
    with pytest.raises(smtplib.SMTPDataError) as refused:
        alice.send(b" X-First: one\r\n" + data, [bob.address])
    assert b"white space" in refused.value.smtp_error


def test_the_sentence_about_from_names_what_is_wrong(alice, bob):
    data = compose(alice.address, bob.address, "A colon in the name")
    named = data.replace(b"From: alice@demo", b"From: Sales: Alice <alice@demo>")
    assert named != data
    with pytest.raises(smtplib.SMTPDataError) as refused:
        alice.send(named, [bob.address])
    assert b"has a : outside quotes" in refused.value.smtp_error


def test_an_empty_password_lets_nobody_in(net):
    """The peer does not start with one, and says what to do."""
    eve = net.peer("eve@demo", start=False)
    path = os.path.join(eve.home, "secret", "password")
    for words in ("", "\n"):
        with open(path, "w", encoding="ascii") as f:
            f.write(words)
        eve.start()
        wait_for(lambda: not eve.process.running(), 20, "the daemon to end", eve.logs)
        eve.kill9()
        with open(eve.output, encoding="utf-8") as f:
            assert "secret/password is empty" in f.read() + eve.log_text()


def test_what_submission_offers(alice):
    """The same before and after the login, but for AUTH. BINARYMIME is not among it: 2.4.1 puts a CR before
    each lone LF of a binary body and still says 250."""
    with alice.smtp(login=False) as smtp:
        smtp.ehlo()
        before = set(smtp.esmtp_features)
        smtp.login(alice.address, alice.password)
        smtp.ehlo()
        after = set(smtp.esmtp_features)
        code, text = smtp.docmd(f"MAIL FROM:<{alice.address}> BODY=BINARYMIME")
    assert {"dsn", "8bitmime", "chunking"} <= before - {"auth"} and {"dsn", "8bitmime", "chunking"} <= after
    assert "binarymime" not in before | after
    assert 500 <= code < 600, (code, text)
