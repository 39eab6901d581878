# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when something does not work is what is wrong: this computer, its configuration, the
others."""

import socket
import subprocess

import pytest

from env import Network, wait_for
from env.hosts import HostPeer, Router, inside
from env.imap import ImapError
from env.mail import compose, picture


def output(peer):
    with open(peer.output, encoding="utf-8", errors="replace") as f:
        return f.read()


def status(peer):
    """As people read it, whatever its exit status; lines joined."""
    return " ".join(peer.run_cli("status").stdout.split())


def refused(peer, uid):
    with peer.imap() as box:
        with pytest.raises(ImapError) as e:
            box.open(uid)
    return str(e.value)


def test_all_others_are_off():
    """That is not said to be this peer's fault."""
    with Network(nodes=3, settings={"mail.open_wait": "50"}) as network:
        alice, bob = network.peer("alice@demo"), network.peer("bob@demo")
        data = compose(alice.address, bob.address, "Then all go", attachment=picture(9_000))
        alice.send(data, [bob.address])
        uid = bob.wait_message(data)
        alice.kill9()
        for n in network.nodes:
            n.kill9()
        said = refused(bob, uid)
        assert "This peer is not connected" not in said, said
        assert "not connected to any network" not in said, said
        assert "alice@demo" in said


def test_bootstrap_name_that_does_not_resolve():
    """In the log, on standard error and in status, by its name."""
    with Network(nodes=0) as network:
        p = network.peer("alice@demo", start=False)
        p.set_config("network.bootstrap", "no-such-host.invalid:4222")
        p.start()
        p.wait_up()
        for text in (output, lambda p: p.log_text(), status):
            wait_for(lambda t=text: "no-such-host.invalid" in t(p), 30, "the name to be told", p.logs)
        assert "network.bootstrap" in output(p)


def test_dht_port_is_taken():
    """By which program's standard error, log and status; it goes on by itself when the port is free."""
    with Network(nodes=1) as network:
        p = network.peer("alice@demo", start=False)
        with open(f"{p.home}/config", encoding="utf-8") as f:
            port = next(int(line.split("=")[1]) for line in f if line.startswith("dht_port"))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("0.0.0.0", port))
            p.start()
            p.wait_up()
            for text in (output, lambda p: p.log_text(), status):
                wait_for(lambda t=text: f"UDP port {port} is taken" in t(p), 30,
                         "the port to be told", p.logs)
            assert "restante config set network.dht_port" in output(p)
            assert "restante config set network.dht_port" in status(p)
        p.wait_ready(60)


def test_http_port_is_taken():
    with Network(nodes=1) as network:
        p = network.peer("alice@demo", start=False)
        with socket.socket() as s:
            s.bind(("127.0.0.1", p.http_port))
            s.listen()
            p.start()
            assert p.process.wait(30) != 0
        for text in (output(p), p.log_text()):
            assert f"TCP port {p.http_port}" in text and "is taken" in text
            assert "restante config set network.http_port" in text
        p.process = None
        p.start()
        p.wait_ready()


@inside
def test_no_cable(folder):
    """An interface that is down is told from others that are off."""
    router = Router()
    host = router.host("alice", "10.31.1.2", folder)
    with Network(nodes=0, folder=folder) as network:
        p = HostPeer(network, "alice@demo", host)
        p.init(["10.31.1.77:4222"])
        p.start()
        p.wait_up()
        wait_for(lambda: "No other node of the network answers" in status(p), 30,
                 "the others to be missing", p.logs)
        subprocess.run([*host.enter, "ip", "link", "set", "eth0", "down"], check=True)
        wait_for(lambda: "This computer is not connected to any network" in status(p), 30,
                 "the cable to be missing", p.logs)
    router.close()
