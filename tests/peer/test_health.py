# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante status` is true: what cannot send or receive mail is not "ready", and says what to do."""

import configparser
import json
import os
import smtplib
import socket
import subprocess
import sys

import pytest

from env import Network, wait_for
from env.mail import check_arrived, compose
from env.peer import Peer
from env.process import program


def part(status, name):
    return [p for p in status["health"] if p["part"] == name]


def fails(peer, name):
    found = [p for p in part(peer.status(), name) if p["state"] == "fail"]
    return found[0] if found else None


def fill(folder):
    """Every octet of the file system in which this folder lies."""
    with open(os.path.join(folder, "filler"), "wb", buffering=0) as f:
        for step in (1 << 20, 4096, 1):
            try:
                while True:
                    f.write(bytes(step))
            except OSError:
                pass


def full_disk(disk):
    """In a namespace of its own, where this ordinary user may mount."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m,mode=700", "none", disk], check=True)
    with Network(nodes=4, settings={"mail.sent_wait": "0"}) as net:
        alice, bob = Peer(net, "alice@demo", net.settings), net.peer("bob@demo")
        alice.home = os.path.join(disk, "alice")
        net.peers.append(alice)
        alice.init()
        alice.start()
        alice.wait_ready()
        assert alice.run_cli("status").stdout.startswith("ready")
        first = compose(bob.address, alice.address, "While there is room")
        bob.send(first, [alice.address])
        alice.wait_message(first)

        fill(disk)
        wait_for(lambda: fails(alice, "disk"), 10, "the full disk to be told", alice.logs)
        done = alice.run_cli("status")
        assert done.returncode == 3 and done.stdout.startswith("trouble"), done.stdout
        assert "Make room on this disk" in done.stdout
        status = alice.status()
        assert not status["ready"] and "Make room" in part(status, "disk")[0]["do"]
        checked = alice.run_cli("fsck")
        assert checked.returncode == 1 and "disk" in checked.stdout, checked.stdout
        waits = compose(bob.address, alice.address, "While there is none")
        bob.send(waits, [alice.address])
        with pytest.raises((smtplib.SMTPException, OSError)):
            alice.send(compose(alice.address, bob.address, "Out of a full disk"), [bob.address])
        assert not alice.find(waits)

        os.remove(os.path.join(disk, "filler"))
        uid = alice.wait_message(waits, 60)  # nothing was lost, and nobody had to restart anything
        with alice.imap() as box:
            check_arrived(waits, box.open(uid))
        wait_for(lambda: alice.run_cli("status").returncode == 0, 20, "well again", alice.logs)
        assert "disk is better" in alice.log_text()  # not well: it is a small one


def test_a_full_disk_is_not_ready(folder):
    """A small file system in a user namespace: told in status, its exit status and fsck; mail that came
    meanwhile is shown once there is room."""
    done = subprocess.run(["unshare", "--user", "--mount", "--map-current-user", "--keep-caps",
                           sys.executable, __file__, folder],
                          env={**os.environ, "PYTHONPATH": os.path.dirname(__file__)},
                          capture_output=True, text=True, timeout=300)
    if "unshare failed" in done.stderr:
        pytest.skip("this kernel gives ordinary users no namespaces")
    assert done.returncode == 0, done.stdout + done.stderr


def test_an_endpoint_where_nobody_answers(net):
    """Announced is another port than the one that is served: nobody could fetch anything."""
    alice = net.peer("alice.endpoint@demo", start=False)
    ini = configparser.ConfigParser(interpolation=None, strict=False)
    ini.read(os.path.join(alice.home, "config"))
    good = ini.get("network", "endpoints")
    alice.set_config("network.endpoints", "http://127.0.0.1:9")
    alice.start()
    alice.wait_up()
    wrong = wait_for(lambda: fails(alice, "endpoint"), 10, "the endpoint to be told", alice.logs)
    assert "http://127.0.0.1:9 does not answer" in wrong["what"] and "network.endpoints" in wrong["do"]
    assert alice.run_cli("status").returncode == 3
    alice.stop()
    alice.set_config("network.endpoints", good)
    alice.start()
    alice.wait_ready()
    answers = part(alice.status(), "endpoint")
    assert [p["state"] for p in answers] == ["ok"] and "answers" in answers[0]["what"]
    # Another peer stands where this one is announced.
    other = net.peer("other.endpoint@demo")
    alice.stop()
    alice.set_config("network.endpoints", f"http://127.0.0.1:{other.http_port}")
    alice.start()
    alice.wait_up()
    wrong = wait_for(lambda: fails(alice, "endpoint"), 10, "the stranger to be told", alice.logs)
    assert "another program answers" in wrong["what"]


def test_a_lost_network_is_not_ready():
    """It was connected and posted once; now the other nodes are gone."""
    with Network(nodes=2) as net:
        alice = net.peer("alice@demo")
        for n in net.nodes:
            n.kill9()
        wait_for(lambda: not alice.status()["ready"], 240, "status to say so", alice.logs)
        assert fails(alice, "dht")["do"]


def doctor(peer):
    done = peer.run_cli("doctor", "--json")
    return done.returncode, json.loads(done.stdout)


def lines(answer, name, state):
    return [p for p in answer["health"] if p["part"] == name and p["state"] == state]


def test_doctor_looks_at_each_part(net, folder):
    """While the peer runs, while it does not, and with one part after the other broken."""
    alice = net.peer("alice.doctor@demo")
    code, all_well = doctor(alice)
    assert code == 0 and all_well["ok"] and all_well["running"], all_well
    for name in ("disk", "endpoint", "dht", "twin", "restante-mime", "key", "program", "dovecot"):
        assert lines(all_well, name, "ok"), (name, all_well)
    assert len(lines(all_well, "program", "ok")) == 3
    text = alice.run_cli("doctor").stdout
    assert "0 fail" in text and "restante-mime starts" in text

    conf = os.path.join(alice.home, "dovecot", "dovecot.conf")
    with open(conf, "a", encoding="utf-8") as f:
        f.write("no_such_setting = yes\n")
    code, answer = doctor(alice)
    assert code == 3 and "no_such_setting" in lines(answer, "dovecot", "fail")[0]["what"]
    alice.stop()

    code, answer = doctor(alice)  # no peer runs
    assert code == 3 and not answer["running"] and lines(answer, "daemon", "fail")[0]["do"]
    assert lines(answer, "disk", "ok") or lines(answer, "disk", "warn")
    assert lines(answer, "ports", "ok")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", alice.imap_port))
        taken.listen()
        assert str(alice.imap_port) in lines(doctor(alice)[1], "ports", "fail")[0]["what"]
    alice.set_config("network.bootstrap", "no-such-host.invalid:4222")
    assert "no-such-host.invalid" in lines(doctor(alice)[1], "bootstrap", "warn")[0]["what"]
    for name, words in (("restante-mime", "does not start"), ("restante-dht", "does not start")):
        broken = os.path.join(folder, name)
        with open(broken, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\necho lost its library >&2\nexit 127\n")
        os.chmod(broken, 0o755)
        done = subprocess.run([program("restante"), "--home", alice.home, "doctor"],
                              env={**os.environ, "RESTANTE_LIBEXEC": folder}, capture_output=True,
                              text=True, timeout=60)
        assert f"{broken} {words}: lost its library" in done.stdout, done.stdout
    done = subprocess.run([program("restante"), "--home", alice.home, "doctor"],
                          env={**os.environ, "RESTANTE_CLOCK_OFFSET": str(-7200_000)},
                          capture_output=True, text=True, timeout=60)
    assert "set the clock" in done.stdout and done.returncode == 3, done.stdout
    os.rename(os.path.join(alice.home, "secret", "key.pgp"), os.path.join(folder, "key"))
    assert lines(doctor(alice)[1], "key", "fail")


if __name__ == "__main__":
    full_disk(sys.argv[1])


def test_a_clock_that_is_behind_is_told(net, alice, bob):
    """By what others have signed: their sequence numbers are times, and lower bounds (P-4.5)."""
    data = compose(alice.address, bob.address, "Their times are known")
    alice.send(data, [bob.address])
    bob.wait_message(data)
    assert [p["state"] for p in part(alice.status(), "clock")] == ["ok"]
    alice.stop()
    try:
        alice.start({"RESTANTE_CLOCK_OFFSET": str(-7200_000)})
        found = wait_for(lambda: fails(alice, "clock"), 20, "the clock to be told", alice.logs)
        assert "bob@demo" in found["what"] and "behind" in found["what"], found
        done = alice.run_cli("status")
        assert done.returncode == 3 and "timedatectl" in done.stdout, done.stdout
        assert "timedatectl" in alice.run_cli("doctor").stdout
    finally:
        alice.stop()
        alice.start()
        alice.wait_ready()
