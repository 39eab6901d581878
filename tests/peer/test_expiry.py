# SPDX-License-Identifier: GPL-3.0-or-later
"""Validity: what nobody opens in time expires on both sides, and nothing that was read bounces
(P-10.9, P-10.14, P-13.1 to P-13.6)."""

import email
import email.policy
import email.utils
import signal
import time

import pytest

from env import Network, crowd, wait_for
from env.dhtclient import DhtClient
from env.imap import ImapError
from env.mail import check_arrived, compose, message_id, picture

SHORT = {"mail.validity": "6", "timing.expiry_grace": "2"}


@pytest.fixture(scope="module")
def short():
    """A network whose peers send with a validity of seconds."""
    with Network(nodes=4, settings=SHORT) as net:
        yield net


def reports(peer):
    """The delivery status notifications in the inbox, parsed."""
    with peer.imap(readonly=True) as box:
        uids = box.uids("HEADER", "CONTENT-TYPE", "multipart/report")
        got = box.fetch(uids, "BODY.PEEK[]") if uids else {}
    return [email.message_from_bytes(v["BODY[]"], policy=email.policy.default)
            for v in got.values()]


def reports_on(peer, data):
    return [r for r in reports(peer) if r["In-Reply-To"] == message_id(data)]


def envelope(report):
    """The fields of message/delivery-status that are about the whole message."""
    _, status, _ = report.iter_parts()
    return status.get_payload()[0]


def recipients(report):
    """{address: fields} of message/delivery-status."""
    words, status, original = report.iter_parts()
    assert report.get_content_type() == "multipart/report"
    assert report.get_param("report-type") == "delivery-status"
    assert not report.defects and not status.defects
    assert words.get_content_type() == "text/plain"
    assert status.get_content_type() == "message/delivery-status"
    assert original.get_content_type() == "text/rfc822-headers"
    rest = status.get_payload()[1:]
    assert envelope(report)["Reporting-MTA"]
    return {r["Final-Recipient"].split(";")[1].strip(): r for r in rest}


def state_of(peer, data, address):
    entry = peer.outbox_of(data)
    return {r["to"]: r["state"] for r in entry["receivers"]}[address] if entry else None


def test_one_report_names_all_who_never_came(short):
    alice, bob, carol = (short.peer(f"{n}@demo") for n in ("alice", "bob", "carol"))
    data = compose(alice.address, [bob.address, carol.address], "Read it today",
                   attachment=picture(20_000), X_Mailer="A mail program")
    bob.stop()
    carol.stop()
    alice.send(data, [bob.address, carol.address])
    wait_for(lambda: state_of(alice, data, bob.address) == "expired", 30, "the expiry", alice.logs)
    wait_for(lambda: reports_on(alice, data), 20, "the report", alice.logs)
    alice.wait_idle()
    report, = reports_on(alice, data)
    who = recipients(report)
    assert set(who) == {bob.address, carol.address}
    assert all(r["Action"] == "failed" and r["Status"] == "4.4.7" for r in who.values())
    words, _, original = report.iter_parts()
    assert bob.address in words.get_content() and carol.address in words.get_content()
    repeated = email.message_from_string(original.get_payload(), policy=email.policy.default)
    assert repeated["Message-ID"] == message_id(data) and repeated["Subject"] == "Read it today"
    assert repeated["X-Mailer"] == "A mail program"
    assert "Read it today" in report["Subject"]
    # Nothing of it is left: no blob, and no entry in the DHT for those who come back later.
    assert alice.outbox_of(data)["state"] != "published"
    for peer in (bob, carol):
        peer.start()
        peer.wait_ready()
    assert bob.find(data) == [] and carol.find(data) == []


def test_only_what_was_asked_for_is_reported(short):
    """P-13.1: NOTIFY, ENVID and ORCPT of the submission (RFC 3461), through the private Dovecot."""
    nora, otto = short.peer("nora@demo"), short.peer("otto@demo")
    with DhtClient(short.nodes[0].socket) as dht:
        never, success, unsaid, delay = crowd.post(dht, short.id, "absent", 4)
    data = compose(nora.address, otto.address, "Who has it?")
    asks = {otto.address: "SUCCESS", never: "NEVER", success: "SUCCESS", unsaid: None,
            delay: "DELAY,FAILURE"}
    s = nora.smtp()
    s.mail(nora.address, ["ENVID=QQ+2B+20314"])
    for address, notify in asks.items():
        options = [f"NOTIFY={notify}"] if notify else []
        if address in (otto.address, delay):
            options.append(f"ORCPT=rfc822;Old+2B{address}")
        code, text = s.rcpt(address, options)
        assert code == 250, text
    assert s.data(data)[0] == 250
    s.close()
    uid = otto.wait_message(data)
    with otto.imap() as box:
        box.open(uid)
    wait_for(lambda: reports_on(nora, data), 20, "the first report", nora.logs)
    first, = reports_on(nora, data)
    (address, fields), = recipients(first).items()
    assert (address, fields["Action"], fields["Status"]) == (otto.address, "delivered", "2.0.0")
    assert fields["Original-Recipient"] == f"rfc822;Old+{address}"
    assert envelope(first)["Original-Envelope-Id"] == "QQ+ 314"
    assert first["Subject"] == "Fetched: Who has it?"
    wait_for(lambda: len(reports_on(nora, data)) == 2, 40, "the second report", nora.logs)
    nora.wait_idle()
    second, = [r for r in reports_on(nora, data) if r["Subject"] != first["Subject"]]
    assert {a: (r["Action"], r["Original-Recipient"]) for a, r in recipients(second).items()} == {
        unsaid: ("failed", None), delay: ("failed", f"rfc822;Old+{delay}")}
    assert envelope(second)["Original-Envelope-Id"] == "QQ+ 314"


def test_sender_away_longer_than_the_validity_gets_no_false_bounce(short):
    dora, emil = short.peer("dora@demo", start=False), short.peer("emil@demo")
    dora.start({"RESTANTE_CRASH_AT": "collect.before"})
    dora.wait_ready()
    data = compose(dora.address, emil.address, "Read while I was away")
    dora.send(data, [emil.address])
    uid = emil.wait_message(data)
    with emil.imap() as box:
        box.open(uid)
        # It was read. The sender dies over hearing of that.
    assert dora.process.wait(20) == -signal.SIGKILL
    dora.process = None
    wait_for(lambda: "scheduler: receipt_refresh" in emil.log_text(), 20, "the receipt", emil.logs)
    # Away for longer than validity and grace; the receipt is still in the DHT.

    time.sleep(10)
    dora.start()
    dora.wait_ready()
    wait_for(lambda: state_of(dora, data, emil.address) == "pulled", 20, "the receipt", dora.logs)
    dora.wait_idle()
    assert reports_on(dora, data) == []


def test_a_stub_becomes_a_notice_under_a_new_uid(short):
    # long enough to delete one in time on a busy machine
    alice, nina = short.peer("anna@demo", {"mail.validity": "14"}), short.peer("nina@demo")
    before = compose(alice.address, nina.address, "Before", References="<a@b> <c@d>")
    moved = compose(alice.address, nina.address, "Moved")
    gone = compose(alice.address, nina.address, "Expunged")
    for data in (before, moved, gone):
        alice.send(data, [nina.address])
    uid = nina.wait_message(before)
    with nina.imap() as box:
        box.move(nina.wait_message(moved), "Archive")
        box.expunge(nina.wait_message(gone))
        next_uid = max(box.uids()) + 1

    def notices(data, mailbox="INBOX"):
        return nina.search("HEADER", "IN-REPLY-TO", f'"{message_id(data)}"', mailbox=mailbox)

    wait_for(lambda: notices(before) and notices(moved, "Archive"), 30, "the notices", nina.logs)
    wait_for(lambda: nina.status()["pending"] == 0, 20, "nothing pending", nina.logs)
    assert nina.find(before) == nina.find(moved, "Archive") == nina.find(moved) == []
    new, = notices(before)
    assert new >= next_uid > uid
    with nina.imap(readonly=True) as box:
        notice = email.message_from_bytes(box.open(new), policy=email.policy.default)
        size = int(box.fetch(new, "RFC822.SIZE")[new]["RFC822.SIZE"])
        assert size == len(box.open(new))
    assert notice["From"] == alice.address and notice["Subject"] == "Before"
    assert notice["References"].split() == ["<a@b>", "<c@d>", message_id(before)]
    assert "Reply to ask for it again" in notice.get_content()
    assert len(notices(moved, "Archive")) == 1 and notices(moved) == []
    assert notices(gone) == [] and notices(gone, "Archive") == []  # deleted by the user
    assert nina.stub_of(before)["state"] == "expired"
    alice.wait_idle()
    assert set(r["In-Reply-To"] for r in reports(alice)) >= {message_id(before), message_id(moved)}


def test_opening_after_the_expiry_pulls_nothing(short):
    paul, rita = short.peer("paul@demo"), short.peer("rita@demo", {"timing.expiry_grace": "8"})
    data = compose(paul.address, rita.address, "Too late")
    paul.send(data, [rita.address])
    uid = rita.wait_message(data)
    time.sleep(7)
    with rita.imap() as box, pytest.raises(ImapError, match="not opened by"):
        box.open(uid)
    assert rita.stub_of(data)["state"] == "stub"
    wait_for(lambda: rita.stub_of(data)["state"] == "expired", 20, "the end", rita.logs)


def test_contacts_mail_is_pulled_before_it_expires():
    """What a friend sent is read after the holiday; a stranger's and a large one are not pulled."""
    with Network(nodes=3, settings={"timing.expiry_grace": "1", "mail.pull_before": "4",
                                    "mail.pull_before_max": "50000"}) as net:
        friend, stranger = (net.peer(f"{n}@demo", {"mail.validity": "12"})
                            for n in ("friend", "stranger"))
        me = net.peer("me@demo")
        hello = compose(me.address, friend.address, "Hello")
        me.send(hello, [friend.address])  # pins the friend's key
        uid = friend.wait_message(hello)
        with friend.imap() as box:
            box.open(uid)
        mail = compose(friend.address, me.address, "From a friend", attachment=picture(20_000))
        large = compose(friend.address, me.address, "A film", attachment=picture(60_000))
        other = compose(stranger.address, me.address, "From a stranger")
        friend.send(mail, [me.address])
        friend.send(large, [me.address])
        stranger.send(other, [me.address])
        uid = me.wait_message(mail)
        with me.imap(readonly=True) as box:
            before = box.metadata(uid)[uid]
        time.sleep(3)
        assert me.stub_of(mail)["state"] == "stub"  # not before it is necessary
        wait_for(lambda: me.stub_of(mail)["state"] == "pulled", 20, "the pull", me.logs)
        for peer in (friend, stranger):
            peer.wait_idle(40)
        for data in (large, other):
            wait_for(lambda: me.stub_of(data)["state"] == "expired", 20, "the end", me.logs)
        with me.imap() as box:
            assert box.metadata(uid)[uid] == before
            check_arrived(mail, box.open(uid))
        assert reports_on(friend, mail) == [] and len(reports_on(friend, large)) == 1


def test_a_message_may_say_when_it_expires(short):
    hugo, ida = short.peer("hugo@demo"), short.peer("ida@demo")
    asked = int(time.time()) + 2 * 86400
    data = compose(hugo.address, ida.address, "Until the day after tomorrow",
                   Expires=email.utils.formatdate(asked))
    hugo.send(data, [ida.address])
    uid = ida.wait_message(data)
    time.sleep(9)  # the setting's validity and grace
    assert ida.stub_of(data)["state"] == "stub"
    assert state_of(hugo, data, ida.address) == "announced"
    with ida.imap() as box:
        check_arrived(data, box.open(uid))
    hugo.wait_idle()


def test_undeliverable_mail_bounces_the_same_way():
    with Network(nodes=0) as net:
        node = net.node(start=False)
        alice = net.peer("alice@demo", start=False).start()
        alice.wait_up()
        data = compose(alice.address, "nobody@demo", "To nobody")
        alice.send(data, ["nobody@demo"])
        node.start()
        wait_for(lambda: reports_on(alice, data), 60, "the report", alice.logs)
        report, = reports_on(alice, data)
        who = recipients(report)
        assert who["nobody@demo"]["Status"] == "5.1.1"
        assert "nobody@demo" in who["nobody@demo"]["Diagnostic-Code"]
        original = list(report.iter_parts())[2].get_payload()
        assert message_id(data) in original


def test_a_clock_far_ahead_expires_nothing_until_the_dht_was_asked():
    """Thirty days ahead at the next start, and nobody to ask: everything stays (P-13.2)."""
    with Network(nodes=1) as net:
        fay, gus = net.peer("fay@demo"), net.peer("gus@demo", {"timing.expiry_grace": "1"})
        data = compose(gus.address, fay.address, "Waits for a week")
        fay.stop()
        gus.send(data, [fay.address])
        wait_for(lambda: state_of(gus, data, fay.address) == "announced", 20, "the put", gus.logs)
        gus.stop()
        net.nodes[0].stop()
        gus.start({"RESTANTE_CLOCK_OFFSET": str(30 * 86400 * 1000)})
        gus.wait_up()
        time.sleep(4)
        assert state_of(gus, data, fay.address) == "announced"
        assert "719 hours since" in gus.log_text() or "720 hours since" in gus.log_text()
        assert "nothing expires until" in gus.log_text()
        assert reports_on(gus, data) == []
        gus.stop()
        net.nodes[0].start()
        gus.start()  # by the right clock
        gus.wait_ready()
        fay.start()
        uid = fay.wait_message(data)
        assert "behind the time of the last run" not in gus.log_text()  # it never believed it
        with fay.imap() as box:
            assert b"Waits for a week" in box.open(uid)
        gus.wait_idle()
