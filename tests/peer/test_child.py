# SPDX-License-Identifier: GPL-3.0-or-later
"""A program that the peer needs and that does not start: which, why and what to do stands in `restante
status`, in the log and in the answer to the mail client, and the message is not blamed."""

import os
import shutil
import signal
import smtplib
import tempfile

import pytest

from env.mail import compose
from env.process import program
from env.wait import wait_for

PROGRAMS = ("restante", "restanted", "restante-dht", "restante-mime")


def without(folder, name, *libraries):
    """A copy of the programs in which one asks the dynamic loader for a library that is not there: the first
    of these that it is linked with. (The path of the whole program, of the broken one, and how the library
    is called now.)"""
    for p in PROGRAMS:
        shutil.copy2(program(p), folder)
    path = os.path.join(folder, name)
    with open(path, "rb") as f:
        octets = f.read()
    library = next(n for n in libraries if n in octets)
    shutil.move(path, path + ".whole")
    with open(path, "wb") as f:
        f.write(octets.replace(library, b"lost" + library[4:]))
    os.chmod(path, 0o755)
    return os.path.join(path + ".whole"), path, "lost" + library[4:].decode()


def part(peer, name):
    return next(p for p in peer.status()["parts"] if p["name"] == name)


def wait_wrong(peer, name, words):
    return wait_for(lambda: words in (part(peer, name)["cause"] or "") and part(peer, name), 30,
                    f"{name} to be told as wrong: {words}", peer.logs)


def test_a_mime_helper_that_does_not_start_is_named_and_the_message_is_not_blamed(net, folder):
    whole, broken, _ = without(folder, "restante-mime", b"libdovecot.so.0")
    alice = net.peer("alice@demo", start=False)
    alice.start({"RESTANTE_LIBEXEC": folder})
    alice.wait_up()
    wrong = wait_wrong(alice, "restante-mime", "lostovecot.so.0")
    assert wrong["state"] == "wrong" and "does not start" in wrong["cause"]
    assert "again by itself" in wrong["todo"]
    assert not alice.status()["ready"]
    text = alice.run_cli("status").stdout
    assert text.startswith("trouble") and "lostovecot.so.0" in text and wrong["todo"] in text
    with pytest.raises(smtplib.SMTPDataError) as refused:
        alice.send(compose(alice.address, alice.address, "To myself"), [alice.address])
    assert refused.value.smtp_code == 451
    answer = refused.value.smtp_error.decode()
    assert "this peer's MIME helper does not start" in answer and "lostovecot.so.0" in answer
    assert "structure" not in answer and "not at fault" in answer
    assert "restante-mime" in alice.log_text() and "lostovecot.so.0" in alice.log_text()
    os.replace(whole, broken)  # mended: the next mail goes, nobody has to start anything anew

    def sends():
        try:
            alice.send(compose(alice.address, alice.address, "Again"), [alice.address])
        except smtplib.SMTPDataError:
            return False
        return True
    wait_for(sends, 20, "the mended helper to be tried again", alice.logs, every=1)
    assert part(alice, "restante-mime") == {"name": "restante-mime", "state": "ok", "cause": None,
                                            "todo": None}


def test_a_dht_program_that_does_not_start_is_named(net, folder):
    whole, broken, lost = without(folder, "restante-dht", b"libopendht.so", b"libargon2.so")
    bob = net.peer("bob@demo", start=False)
    bob.start({"RESTANTE_LIBEXEC": folder})
    bob.wait_up()
    wrong = wait_wrong(bob, "restante-dht", lost)
    assert "does not stay up" in wrong["cause"]
    assert lost in bob.run_cli("status").stdout
    assert bob.log_text().count("ended with status") < 12  # not for ever at full speed
    os.replace(whole, broken)
    bob.wait_ready(60)
    assert part(bob, "restante-dht")["state"] == "ok"


def test_a_dovecot_that_does_not_start_is_named_with_its_own_words(net):
    carol = net.peer("carol@demo", start=False)
    carol.start()
    carol.wait_ready()
    path = os.path.join(carol.home, "dovecot", "dovecot.conf")
    with open(path, encoding="utf-8") as f:
        good = f.read()
    with open(path, "a", encoding="utf-8") as f:
        f.write("no_such_setting = yes\n")
    started = carol.log_text().count("it is started again in")
    os.kill(carol.children()["dovecot"], signal.SIGTERM)
    wrong = wait_wrong(carol, "dovecot", "no_such_setting")
    line = f"dovecot.conf line {good.count(chr(10)) + 1}: "
    assert "Dovecot does not start" in wrong["cause"] and line in wrong["cause"]
    assert "log/dovecot.log" in wrong["todo"]
    assert line in carol.run_cli("status").stdout and line in carol.log_text()
    # not for ever at full speed: five times in the first minute, then once a minute
    wait_for(lambda: "it is started again in 4 s" in carol.log_text(), 20, "longer pauses", carol.logs)
    assert carol.log_text().count("it is started again in") - started <= 4
    assert not carol.status()["ready"]
    assert "no_such_setting" in carol.log_text()
    assert carol.run_cli("status").stdout.startswith("trouble")
    with open(path, "w", encoding="utf-8") as f:
        f.write(good)
    carol.wait_ready(60)
    assert part(carol, "dovecot")["state"] == "ok"


def test_dovecot_ends_with_the_daemon_however_that_ends(net):
    """Nothing of its tree, nor the process that starts it, outlives a daemon that is killed."""
    dave = net.peer("dave@demo")
    names = dave.children()
    assert {"dovecot", "restante-launch"} <= set(names)
    dave.kill9()
    wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in names.values()), 15,
             f"the end of {names}", dave.logs)
    dave.start()
    dave.wait_ready()


def test_a_lost_launcher_is_told(net):
    erin = net.peer("erin@demo")
    dovecot = erin.children()["dovecot"]
    os.kill(erin.children()["restante-launch"], signal.SIGKILL)
    wrong = wait_wrong(erin, "dovecot", "The process that starts Dovecot has ended.")
    assert "restante restart" in wrong["todo"] and not erin.status()["ready"]
    wait_for(lambda: not os.path.exists(f"/proc/{dovecot}"), 15, "Dovecot to end", erin.logs)
    erin.run_cli("stop")


def test_programs_of_the_peer_keep_no_right_on_tmp(net, folder):
    """What the daemon starts has at most the daemon's own rights. Only Dovecot's tree, which needs it
    in 2.4, comes from elsewhere (launcher.h)."""
    tried = tempfile.mktemp(prefix="restante-tried-", dir="/tmp")
    for name in PROGRAMS:
        shutil.copy2(program(name), folder)
    for name in ("restante-dht", "restante-mime"):
        path = os.path.join(folder, name)
        os.unlink(path)
        with open(path, "w", encoding="utf-8") as f:
            f.write(f"#!/bin/sh\necho x > {tried} && exit 1\nexit 3\n")
        os.chmod(path, 0o755)
    fred = net.peer("fred@demo", start=False)
    fred.start({"RESTANTE_LIBEXEC": folder})
    fred.wait_up()
    if "Landlock fails" in fred.log_text():
        pytest.skip("needs Landlock")
    for name in ("restante-dht", "restante-mime"):
        wait_wrong(fred, name, f"cannot create {tried}: Permission denied")
    assert not os.path.exists(tried)
    fred.run_cli("stop")
