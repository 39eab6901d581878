# SPDX-License-Identifier: GPL-3.0-or-later
"""`restante status` is true: what cannot send or receive mail is not "ready", and says what to do."""

import configparser
import os
import smtplib
import subprocess
import sys

import pytest

from env import Network, wait_for
from env.mail import check_arrived, compose
from env.peer import Peer


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


if __name__ == "__main__":
    full_disk(sys.argv[1])
