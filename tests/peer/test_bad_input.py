# SPDX-License-Identifier: GPL-3.0-or-later
"""Whatever a stranger or a broken client hands in: a sentence or a log line, nothing crashes, and
the next message arrives."""

import hashlib
import http.client
import os
import smtplib
import socket
import time

import cbor2
import pytest

from env import wait_for
from env.dhtclient import DhtClient
from env.imap import ImapError
from env.mail import check_arrived, compose, picture


@pytest.fixture(autouse=True)
def still_well(alice, bob):
    """After each of these both daemons are the same processes and mail still goes."""
    pids = [p.process.pid for p in (alice, bob)]
    yield
    data = compose(alice.address, bob.address, f"Still well {time.time()}")
    alice.send(data, [bob.address])
    uid = bob.wait_message(data)
    with bob.imap() as box:
        check_arrived(data, box.open(uid))
    for p in (alice, bob):
        assert p.alive()
    assert pids == [p.process.pid for p in (alice, bob)]
    wait_for(lambda: not alice.waits(data), 20, "the receipt", alice.logs)
    for p in (alice, bob):
        assert "AddressSanitizer" not in open(p.output, encoding="utf-8", errors="replace").read()


def forged_payload(net, kind, key, body):
    return cbor2.dumps([cbor2.dumps([kind, net.id, key, body], canonical=True), b"\x88" * 70])


def test_forged_and_malformed_records_are_ignored(net, alice, bob):
    """P-1.4"""
    now = int(time.time())
    rubbish = [
        b"", b"\0", b"\xff" * 500, b"\x9f" * 4000, b"\x5b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8,
        b"\xc0" * 10_000, cbor2.dumps({"a": [1, 2, {"b": b"x" * 3000}]}), b"-----BEGIN PGP MESSAGE",
        b"\x84\x5e" + os.urandom(94) + b"\xd2\xff" + os.urandom(200), os.urandom(6000),
        forged_payload(net, "restante/ns/1", "ns:" + bob.address, {1: b"x" * 16}),
        forged_payload(net, "restante/ns/9", "ns:" + bob.address, {}),
    ]
    identity = forged_payload(net, "restante/identity/1", "key:" + bob.address,
                              {1: bob.address, 2: os.urandom(300), 4: 1, 5: False,
                               6: 1 << 62, 7: now + 80 * 86400})
    descriptor = forged_payload(net, "restante/descriptor/1", bob.address,
                                {1: bob.address, 2: b"f" * 20, 3: [], 4: b"i" * 16,
                                 5: 1 << 62, 6: now + 3600})
    with DhtClient(net.nodes[0].socket) as dht:
        for key in ("ns:" + bob.address, "nr:" + alice.address, "key:" + bob.address,
                    "key:" + alice.address, bob.address, alice.address):
            for value in rubbish + [identity, descriptor]:
                dht.put(key, value, life=6)
    stubs = bob.status()["inbox"]["stubs"]
    wait_for(lambda: f"an entry at ns:{bob.address} is ignored" in bob.log_text(), 10,
             "a line in the log", bob.logs)
    time.sleep(1.5)  # several polls
    assert bob.status()["inbox"]["stubs"] == stubs


def test_copied_notification_is_neither_doubled_nor_acknowledged(net, alice, bob):
    """P-3.10: its lock is not the sender's."""
    data = compose(alice.address, bob.address, "Copied by a stranger", attachment=picture(3_000))
    alice.send(data, [bob.address])
    bob.wait_message(data)
    with DhtClient(net.nodes[1].socket) as dht:
        mine = alice.outbox_of(data)
        assert mine["receivers"][0]["state"] == "announced"
        for _, _, expiry, value in dht.get("ns:" + bob.address):
            dht.put("ns:" + bob.address, value, life=max(1, expiry - int(time.time())))
    time.sleep(1.5)
    assert len(bob.find(data)) == 1
    with bob.imap() as box:
        check_arrived(data, box.open(bob.find(data)[0]))
    wait_for(lambda: not alice.waits(data), 20, "the receipt", alice.logs)
    assert len(bob.find(data)) == 1


def test_wrong_token_deletes_nothing(net, alice, bob):
    """P-3.1, P-3.2"""
    data = compose(alice.address, bob.address, "Not to be deleted")
    alice.send(data, [bob.address])
    bob.wait_message(data)
    with DhtClient(net.nodes[2].socket) as dht:
        entries = dht.get("ns:" + bob.address)
        assert entries
        for _, _, _, value in entries:
            ok, why = dht.delete("ns:" + bob.address, hashlib.sha256(value).digest(), b"t" * 32)
            assert not ok, why
        left = {e[3] for e in dht.get("ns:" + bob.address)}
        assert {e[3] for e in entries} <= left
    with bob.imap() as box:
        box.open(bob.find(data)[0])


def refused(peer, data, to):
    with pytest.raises(smtplib.SMTPResponseException) as e:
        peer.send(data, [to])
    assert 500 <= e.value.smtp_code < 600, e.value
    assert not peer.outbox_of(data)
    return e.value.smtp_error.decode()


@pytest.mark.parametrize("local", ['"{0}"', '"{0}"@demo', '"bob x"@demo', '"bob\\"@demo"'])
def test_a_recipient_that_needs_quotes_is_nobody_here(alice, bob, local):
    """What stands in the quotes is no address by itself, although it may look like bob's."""
    to = local.format(bob.address)
    data = compose(alice.address, bob.address, f"For {to}")
    with alice.smtp() as smtp:
        smtp.mail(alice.address)
        code, text = smtp.docmd(f"RCPT TO:<{to}>")
    assert 500 <= code < 600, (code, text)
    if to.endswith("@demo"):  # without a domain Dovecot itself refuses it
        assert to in text.decode() and "is not a Restante address" in text.decode()
    assert not alice.outbox_of(data) and not bob.find(data)


def test_quotes_that_change_nothing_are_taken_off(alice, bob):
    data = compose(alice.address, bob.address, "In quotes that nobody needs")
    local, domain = bob.address.split("@")
    with alice.smtp() as smtp:
        smtp.mail(alice.address)
        assert smtp.docmd(f'RCPT TO:<"{local}"@{domain}>')[0] == 250
        assert smtp.data(data)[0] == 250
    bob.wait_message(data)



def test_nul_is_refused(alice, bob):
    data = compose(alice.address, bob.address, "A NUL") + b"nothing\0here\r\n"
    assert "NUL" in refused(alice, data, bob.address)


def test_oversized_header_is_refused(alice, bob):
    data = compose(alice.address, bob.address, "A large header")
    extra = b"".join(b"X-Filler-%d: %s\r\n" % (i, b"x" * 900) for i in range(300))
    refused(alice, extra + data, bob.address)


def test_too_many_parts_are_refused(alice, bob):
    head = compose(alice.address, bob.address, "Many parts").split(b"\r\n\r\n")[0]
    head = b"\r\n".join(line for line in head.split(b"\r\n")
                        if not line.lower().startswith(b"content-"))
    data = head + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" \
        + b"--b\r\n\r\nx\r\n" * 1100 + b"--b--\r\n"
    refused(alice, data, bob.address)


def test_large_header_arrives_by_a_head_blob(alice, bob):
    extra = b"".join(b"X-Noise-%d: %s\r\n" % (i, hashlib.sha512(b"%d" % i).hexdigest().encode())
                     for i in range(300))
    data = extra + compose(alice.address, bob.address, "Forty kilobytes of header",
                           attachment=picture(2_000))
    alice.send(data, [bob.address])
    uid = bob.wait_message(data)
    with bob.imap() as box:
        before = box.metadata(uid)[uid]
        assert extra in before["BODY[HEADER]"]
        assert bob.stub_of(data)["state"] == "stub"
        check_arrived(data, box.open(uid))
        assert box.metadata(uid)[uid] == before


def test_client_that_vanishes_leaves_nothing(alice, bob):
    data = compose(alice.address, bob.address, "Half a message", attachment=picture(200_000))
    for cut in (b"", data[:70], data[:150_000]):
        s = alice.smtp()
        s.mail(alice.address)
        s.rcpt(bob.address)
        assert s.docmd("DATA")[0] == 354
        s.sock.sendall(cut)
        s.sock.shutdown(socket.SHUT_RDWR)
        s.close()
    time.sleep(1)
    assert not alice.outbox_of(data)
    wait_for(lambda: not os.listdir(os.path.join(alice.home, "spool")), 10, "an empty spool",
             alice.logs)


def status_of(port, path, method="GET", headers=None):
    c = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    c.putrequest(method, path, skip_accept_encoding=True)
    for name, value in (headers or {}).items():
        c.putheader(name, value)
    c.endheaders()
    answer = c.getresponse()
    body = answer.read()
    c.close()
    return answer.status, body


def test_http_gives_the_fixed_paths_and_nothing_else(alice, bob):
    data = compose(alice.address, bob.address, "For the HTTP paths", attachment=picture(5_000))
    alice.send(data, [bob.address])
    bob.wait_message(data)
    digest = alice.outbox_of(data)["hash"]
    blob = f"/outbox/{digest}"
    code, body = status_of(alice.http_port, blob)
    assert code == 200 and hashlib.sha256(body).hexdigest() == digest
    assert status_of(alice.http_port, "/pubkey")[0] == 200
    code, part = status_of(alice.http_port, blob, headers={"Range": "bytes=10-19"})
    assert code == 206 and part == body[10:20]
    assert status_of(alice.http_port, blob, headers={"Range": f"bytes={len(body)}-"})[0] == 416
    for path in ("/", "/outbox", "/outbox/", "/outbox/..", "/outbox/../config", "/../config",
                 "/outbox/%2e%2e/config", "/outbox/..%2fconfig", "//outbox/" + digest,
                 "/outbox//" + digest, blob + "/", blob + "/..", blob + "?x=1", blob + "#x",
                 blob.upper(), f"/outbox/{digest}.chunks", f"/outbox/{digest}%00",
                 "/outbox/" + "0" * 64, "/outbox/" + digest[:63], "/secret/key.pgp", "/config",
                 "/outbox/" + "a" * 5000):
        assert status_of(alice.http_port, path)[0] in (404, 414), path
    for method in ("POST", "PUT", "DELETE", "OPTIONS", "TRACE"):
        assert status_of(alice.http_port, blob, method)[0] in (405, 501, 400), method
    with bob.imap() as box:
        box.open(bob.find(data)[0])


def test_tampered_blob_is_never_shown(alice, bob):
    """P-5.5, P-6.4"""
    data = compose(alice.address, bob.address, "Tampered with", attachment=picture(60_000))
    alice.send(data, [bob.address])
    uid = bob.wait_message(data)
    path = os.path.join(alice.home, "outbox", alice.outbox_of(data)["hash"])
    with open(path, "rb") as f:
        good = f.read()
    mode = os.stat(path).st_mode
    os.chmod(path, 0o600)
    bad = bytearray(good)
    bad[len(bad) // 2] ^= 1
    with open(path, "wb") as f:
        f.write(bad)
    with bob.imap() as box:
        with pytest.raises(ImapError) as e:
            box.open(uid)
        assert "[UNAVAILABLE]" in e.value.text and alice.address in e.value.text, e.value.text
        assert rb"\Seen" not in box.fetch(uid, "FLAGS")[uid]["FLAGS"]
        with open(path, "wb") as f:
            f.write(good)
        os.chmod(path, mode)
        got = wait_for(lambda: box.open(uid), 30, "the untampered message", bob.logs, every=0.5)
        check_arrived(data, got)


def test_appended_stub_is_ordinary_mail(bob):
    """Nobody makes a stub by APPEND: without our key its first line is a strange header field."""
    fake = (b"X-Restante-Stub: 1 " + b"a" * 64 + b" 20 10 " + b"b" * 64 + b"\r\n"
            b"Subject: not a stub\r\n\r\nHello\r\n")
    with bob.imap() as box:
        box.append("INBOX", fake)
        uid = box.uids("SUBJECT", '"not a stub"')[0]
        assert box.open(uid) == fake
        box.expunge(uid)
