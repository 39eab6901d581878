# SPDX-License-Identifier: GPL-3.0-or-later
"""Peers behind private addresses (P-2.7): two subnets with a router between them, names of a hosts file.
Whoever is pinned is pulled from wherever it is; a stranger only in the own subnet, and otherwise the
user reads why."""

import pytest

from env import Network, wait_for
from env.hosts import HostPeer, Router, inside
from env.imap import ImapError
from env.mail import check_arrived, compose, picture


def opened(peer, data):
    uid = peer.wait_message(data)
    with peer.imap() as box:
        check_arrived(data, box.open(uid))


def refused(peer, data):
    """Opening it fails; the server's words."""
    uid = peer.wait_message(data)
    with peer.imap() as box:
        with pytest.raises(ImapError) as e:
            box.open(uid)
    return str(e.value)


class Homes:
    """alice's and bob's computers; where says at which addresses, names under which names."""

    def __init__(self, folder, where, names=None, settings=None):
        self.router = Router()
        self.network = Network(nodes=0, folder=folder)
        self.peers = []
        for (who, address), name in zip(where.items(), names or (None, None)):
            known = dict(zip(names, where.values())) if names else None
            host = self.router.host(who, address, folder, known)
            p = HostPeer(self.network, f"{who}@demo", host, name, settings)
            p.init([f"{a}:4222" for a in where.values() if a != address])
            p.start()
            self.peers.append(p)
        for p in self.peers:
            p.wait_ready()

    def __enter__(self):
        return self.peers

    def __exit__(self, *_):
        self.network.close()
        self.router.close()


def first_mail(alice, bob):
    data = compose(alice.address, bob.address, "From another subnet", attachment=picture(60_000))
    wait_for(lambda: bob.status()["dht"]["identity"] == "posted", 30, "bob's identity", bob.logs)
    alice.send(data, [bob.address])
    return data


@inside
@pytest.mark.parametrize("where", [("10.31.1.2", "10.31.2.2"), ("192.168.5.2", "100.64.9.2")])
def test_two_subnets(folder, where):
    """bob does not know alice: the sentence says why her message cannot be had and what to do. When he
    has written to her, her messages open; so do his at her, with heads that come as blobs."""
    with Homes(folder, dict(zip(("alice", "bob"), where))) as (alice, bob):
        data = first_mail(alice, bob)
        said = refused(bob, data)
        assert f"alice@demo is at a private address ({where[0]}) and is no contact of yours" in said
        assert "restante contacts add" in said
        answer = compose(bob.address, alice.address, "An answer with a long header",
                         attachment=picture(90_000))
        long = b"".join(b"X-Long-%d: %s\r\n" % (n, b"abcdefghij " * 80) for n in range(80))
        bob.send(long + answer, [alice.address])
        opened(alice, long + answer)
        opened(bob, data)
        for p in (alice, bob):
            p.wait_idle()
            assert "are not taken by" not in p.log_text()


@inside
def test_names_in_one_subnet(folder):
    """Each announces a name; bob does not know alice, but she is his neighbour."""
    with Homes(folder, {"alice": "192.168.7.2", "bob": "192.168.7.3"},
               ("alice-laptop", "bob-desk")) as (alice, bob):
        opened(bob, first_mail(alice, bob))


@inside
def test_names_in_two_subnets(folder):
    """bob has written to alice: a name that leads to a private address is as good as the address."""
    with Homes(folder, {"alice": "10.31.1.2", "bob": "10.31.2.2"},
               ("alice-laptop", "bob-desk")) as (alice, bob):
        hello = first_mail(bob, alice)
        answer = first_mail(alice, bob)
        opened(bob, answer)
        opened(alice, hello)


@inside
def test_address_that_changes(folder):
    """A router gives bob's computer another address while he runs: what he sent is found there."""
    with Homes(folder, {"alice": "10.31.1.2", "bob": "10.31.1.3"}) as (alice, bob):
        data = first_mail(bob, alice)
        alice.wait_message(data)
        bob.host.run("ip", "addr", "del", "10.31.1.3/24", "dev", "eth0")
        bob.host.run("ip", "addr", "add", "10.31.1.9/24", "dev", "eth0")
        wait_for(lambda: "10.31.1.9:" in bob.log_text(), 20, "the new address", bob.logs)
        uid = alice.wait_message(data)
        with alice.imap() as box:
            check_arrived(data, wait_for(lambda: box.open(uid), 60, "the message", alice.logs))
