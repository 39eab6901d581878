# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs without a person: mbsync and msmtp with the settings that `restante mua` writes, curl, and Python's imaplib as it stands in its manual."""

import imaplib
import os
import re
import subprocess

from env import wait_for
from env.mail import check_arrived, message_id, picture
from letters import letter, state


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, timeout=180, check=False, **options)
    assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
    return done.stdout


def maildir(folder):
    """{Message-ID: (file name, octets with CRLF)}"""
    found = {}
    for sub in ("cur", "new"):
        for name in os.listdir(os.path.join(folder, sub)):
            with open(os.path.join(folder, sub, name), "rb") as f:
                data = re.sub(rb"\r?\n", b"\r\n", f.read())
            found[message_id(data)] = (os.path.join(folder, sub, name), data)
    return found


def test_mbsync_takes_everything(net, alice, bob):
    letters = [letter(f"Number {i}", f"Body {i}.\n", attachment=picture(90000 * (i + 1)),
                      name=f"{i}.png") for i in range(4)]
    for m in letters:
        alice.send(m, [bob.address])
    bob.wait_stubs(4)
    folder = os.path.join(net.folder, "mbsync")
    os.makedirs(os.path.join(folder, "Mail", bob.address))
    bob.cli("mua", "mbsync", "--output", os.path.join(folder, "rc"))
    command = ["mbsync", "-c", os.path.join(folder, "rc"), "restante"]
    env = {**os.environ, "HOME": folder}
    run(*command, env=env)
    here = os.path.join(folder, "Mail", bob.address)
    got = maildir(os.path.join(here, "INBOX"))
    assert len(got) == 4
    for m in letters:
        # mbsync writes a field of its own into the header.
        check_arrived(m, re.sub(rb"X-TUID: .*\r\n", b"", got[message_id(m)][1]))
        assert state(bob, m) == "pulled"
    assert "Sent" in os.listdir(here) and "Outgoing" not in os.listdir(here)
    # Again: nothing twice. A flag set here reaches the peer, and a deletion too.
    path = got[message_id(letters[0])][0]
    os.rename(path, os.path.join(here, "INBOX", "cur",
                                 os.path.basename(path).split(":")[0] + ":2,FS"))
    os.unlink(got[message_id(letters[1])][0])
    run(*command, env=env)
    assert len(maildir(os.path.join(here, "INBOX"))) == 3
    assert bob.search("FLAGGED") == bob.find(letters[0]) and not bob.find(letters[1])


def test_msmtp_sends(net, alice, bob):
    m = letter("By msmtp", "Body by msmtp.\n")
    rc = os.path.join(net.folder, "msmtprc")
    alice.cli("mua", "msmtp", "--output", rc)
    run("msmtp", "-C", rc, "-t", input=m)
    assert bob.wait_message(m)


def curl(bob, *arguments):
    return run("curl", "--silent", "--show-error", "--cacert", os.path.join(bob.home, "tls/ca.pem"),
               "--user", f"{bob.address}:{bob.password}", *arguments)


def test_curl_reads_and_sends(net, alice, bob):
    m = letter("For curl", "Body for curl.\n", attachment=picture(20000))
    alice.send(m, [bob.address])
    uid = bob.wait_message(m)
    url = f"imaps://localhost:{bob.imap_port}/"
    assert b"INBOX" in curl(bob, url) and b"\\Sent" in curl(bob, url)
    assert re.fullmatch(rb"\* SEARCH \d+\r\n", curl(bob, url + "INBOX?SUBJECT%20curl"))
    header = curl(bob, f"{url}INBOX;UID={uid};SECTION=HEADER.FIELDS%20(SUBJECT)")
    assert header.strip() == b"Subject: For curl" and state(bob, m) == "stub"
    check_arrived(m, curl(bob, f"{url}INBOX;UID={uid}"))
    assert state(bob, m) == "pulled"
    path = os.path.join(net.folder, "curl.eml")
    answer = b"From: bob@demo\r\nTo: alice@demo\r\nSubject: From curl\r\n\r\nFetched.\r\n"
    with open(path, "wb") as f:
        f.write(answer)
    curl(bob, f"smtps://localhost:{bob.submission_port}", "--mail-from", bob.address, "--mail-rcpt",
         alice.address, "--upload-file", path)
    uid, = wait_for(lambda: alice.search("SUBJECT", '"From curl"'), 30, "it at alice's")
    with alice.imap() as box:
        check_arrived(answer, box.open(uid))


def test_imaplib(alice, bob):
    m = letter("For Python", "Body for Python.\n")
    alice.send(m, [bob.address])
    bob.wait_message(m)
    with imaplib.IMAP4_SSL("localhost", bob.imap_port, ssl_context=bob.tls()) as box:
        box.login(bob.address, bob.password)
        assert box.select()[0] == "OK"
        kind, (numbers,) = box.search(None, "SUBJECT", '"For Python"')
        assert kind == "OK" and len(numbers.split()) == 1
        kind, data = box.fetch(numbers, "(ENVELOPE BODYSTRUCTURE FLAGS RFC822.SIZE)")
        assert kind == "OK" and b"For Python" in data[0] and state(bob, m) == "stub"
        kind, data = box.fetch(numbers, "(RFC822)")
        assert kind == "OK"
        check_arrived(m, data[0][1])
        assert state(bob, m) == "pulled"
        assert box.store(numbers, "+FLAGS", r"\Flagged")[0] == "OK"
        assert box.copy(numbers, "Archive")[0] == "OK"
        box.store(numbers, "+FLAGS", r"\Deleted")
        box.expunge()
        assert box.search(None, "SUBJECT", '"For Python"')[1] == [b""]
        box.select("Archive")
        kind, data = box.fetch("1", "(BODY[TEXT])")
        assert data[0][1] == b"Body for Python.\r\n"
