# SPDX-License-Identifier: GPL-3.0-or-later
"""The peer group: made by its master, seen and accepted by its members, renewed, and not to be
forged (P-11.1 to P-11.8)."""

import itertools
import json
import smtplib
import time

import cbor2
import pytest

from env import Network, wait_for
from env.dhtclient import DhtClient
from env.mail import check_arrived, compose, picture


def groups(peer):
    return json.loads(peer.cli("group", "list", "--json"))["groups"]


def accepted(peer):
    return next((g for g in groups(peer) if g["accepted"]), None)


def names(group):
    return [m["address"] for m in group["members"]] if group else []


def roster(peer):
    """What the master signed, without what each peer found out."""
    g = accepted(peer)
    return g["seq"], [(m["address"], m["fingerprint"], m["role"]) for m in g["members"]]


def member(peer, address):
    return next((m for m in (accepted(peer) or {"members": []})["members"]
                 if m["address"] == address), None)


def named(peer, seconds=20):
    wait_for(lambda: any(g["role"] != "none" for g in groups(peer)), seconds,
             f"{peer.address} to be named by a group", peer.logs)


def joined(peer, address, seconds=30):
    wait_for(lambda: (member(peer, address) or {}).get("joined"), seconds,
             f"{peer.address} to see {address} in the group", peer.logs)


def refused(peer, *arguments):
    done = peer.run_cli("group", *arguments)
    assert done.returncode == 1, (arguments, done)
    return done.stderr


def identity(net, peer):
    """The body of the newest identity record of a peer."""
    with DhtClient(net.nodes[0].socket) as dht:
        bodies = [cbor2.loads(cbor2.loads(v)[0])[3] for *_, v in dht.get("key:" + peer.address)]
    return max(bodies, key=lambda b: b[6])


def expiry_of(net, peer):
    """Until when the DHT holds the identity of a peer."""
    with DhtClient(net.nodes[0].socket) as dht:
        return max(expiry for _, _, expiry, _ in dht.get("key:" + peer.address))


@pytest.fixture(scope="module")
def team(net):
    return [net.peer(f"{n}@team") for n in ("mia", "ada", "ben")]


def test_create_add_accept(net, team):
    mia, ada, ben = team
    assert "no group" in refused(mia, "add", ada.address)
    mia.cli("group", "create")
    assert "already" in refused(mia, "create")
    assert "@team" in refused(mia, "add", "eve@demo")
    assert "is unknown" in refused(mia, "add", "nobody@team")
    mia.cli("group", "add", ada.address, "deputy")
    mia.cli("group", "add", ben.address)
    named(ada)
    named(ben)
    # Named is not yet joined: nothing is trusted before the user says so.
    assert accepted(ada) is None
    assert 3 not in identity(net, ada)
    assert "No such group" in refused(ada, "accept", "ben@team")
    ada.cli("group", "accept")
    ben.cli("group", "accept", mia.address)
    for peer in team:
        for other in team:
            if other is not peer:
                joined(peer, other.address)
        assert names(accepted(peer)) == ["ada@team", "ben@team", "mia@team"]
    assert [m["role"] for m in accepted(ben)["members"]] == ["deputy", "member", "master"]
    master = accepted(ben)["fingerprint"]
    wait_for(lambda: identity(net, ben).get(3, b"").hex() == master, 20, "ben's identity", ben.logs)
    assert "Only the master" in refused(ben, "add", "ada@team")
    assert "joined" in ben.cli("group", "show") and "mia@team" in ben.cli("group", "list")


def test_restart_keeps_it(team):
    mia, _, ben = team
    before = roster(ben)
    ben.kill9()
    ben.start()
    ben.wait_ready()
    assert roster(ben) == before
    mia.restart()
    assert roster(mia) == before


def test_all_reaches_the_members(net, team):
    """P-10.18: each other member, one blob; nobody outside, and nobody can be called so (P-2.1)."""
    mia, ada, ben = team
    data = compose(ada.address, "all@team", "To all of you", attachment=picture(20_000))
    ada.send(data, ["All@team", ada.address])
    for peer in (mia, ben, ada):
        uid = peer.wait_message(data)
        with peer.imap() as box:
            check_arrived(data, box.open(uid))
    entry = ada.outbox_of(data)
    assert sorted(r["to"] for r in entry["receivers"]) == sorted(p.address for p in team)
    assert entry["hash"]
    ada.wait_idle()
    for address, words in (("all@demo", b"not in it"), ("all@a.team", b"not in it")):
        with pytest.raises(smtplib.SMTPRecipientsRefused) as e:
            ada.send(data, [address])
        assert words in e.value.recipients[address][1]
    assert "all means everybody" in ada.run_cli("--home", ada.home + "x", "init", "all@team").stderr


def test_forged_descriptors_are_ignored(net, team):
    mia, ada, ben = team
    before = roster(ben)
    with DhtClient(net.nodes[0].socket) as dht:
        values = [v for *_, v in dht.get("group:team")]
        assert values
        for value in values:
            payload, signature = cbor2.loads(value)
            body = cbor2.loads(payload)
            body[3][4] += 5  # a higher number under the old signature
            again = cbor2.dumps([cbor2.dumps(body, canonical=True), signature], canonical=True)
            assert dht.put("group:team", again)[0]
            assert dht.put("group:team", value)[0]  # the same octets under a foreign lock
        assert dht.put("group:team", b"\xff" * 300)[0]
    # Another key that calls itself the master of a group of this name.
    mallory = net.peer("mallory@team")
    mallory.cli("group", "create")
    mallory.cli("group", "add", ben.address)
    wait_for(lambda: len(groups(ben)) == 2, 20, "the second group at ben", ben.logs)
    assert "leave it first" in refused(ben, "accept", mallory.address)
    assert "Another key" in ben.cli("group", "show")
    time.sleep(1.5)
    for peer in (mia, ada, ben):
        assert roster(peer) == before
    mallory.cli("group", "remove", ben.address)
    mallory.stop()


def test_remove_and_leave(team):
    mia, ada, ben = team
    assert "remove the other members" in refused(mia, "leave")
    mia.cli("group", "remove", ben.address)
    wait_for(lambda: accepted(ben) is None, 20, "ben to see that it was removed", ben.logs)
    wait_for(lambda: names(accepted(ada)) == ["ada@team", "mia@team"], 20, "ada to see it",
             ada.logs)
    ada.cli("group", "leave")
    assert accepted(ada) is None
    ada.cli("group", "accept")
    joined(ada, mia.address)


def test_a_rival_list_does_not_mislead_a_receiver(net, bob):
    """The sender's own signature says whose list counts (P-11.7)."""
    una, vic, zed = (net.peer(f"{n}@trio") for n in ("una", "vic", "zed"))
    una.cli("group", "create")
    una.cli("group", "add", vic.address)
    named(vic)
    vic.cli("group", "accept")
    joined(una, vic.address)
    joined(vic, una.address)
    zed.cli("group", "create")  # later, so with a higher number, and naming the sender too
    zed.cli("group", "add", una.address)
    wait_for(lambda: len(groups(una)) == 2, 20, "the rival's list", una.logs)
    data = compose(una.address, bob.address, "Held by the right member", attachment=picture(50_000))
    una.send(data, [bob.address])
    wait_for(lambda: (una.outbox_of(data) or {}).get("copies") == 1, 30, "a copy at vic", una.logs)
    uid = bob.wait_message(data)
    una.stop()
    with bob.imap() as box:
        check_arrived(data, box.open(uid))  # from vic: nobody else has it
    assert "zed@trio" not in bob.log_text()
    una.start()
    una.wait_ready()
    una.wait_idle()
    bob.wait_idle()
    for peer in (una, vic, zed):
        peer.stop()


def test_a_deputy_renews_while_the_master_is_away():
    with Network(nodes=4, settings={"timing.group_life": "15", "timing.reput": "1"}) as net:
        boss, deputy, third = (net.peer(f"{n}@crew") for n in ("boss", "deputy", "third"))
        boss.cli("group", "create")
        boss.cli("group", "add", deputy.address, "deputy")
        boss.cli("group", "add", third.address)
        for peer in (deputy, third):
            named(peer)
            peer.cli("group", "accept")
            joined(peer, boss.address)
        first = accepted(third)
        wait_for(lambda: accepted(third)["seq"] > first["seq"], 20, "the master's renewal",
                 third.logs)
        boss.kill9()
        last, members = accepted(third), roster(third)
        wait_for(lambda: accepted(third)["expiry"] > last["expiry"] + 12, 30,
                 "a deputy's renewal", third.logs)
        assert roster(third) == members
        assert "renewed by a deputy" in third.log_text()
        # Its identity does not fade either: the others put it again (P-11.8).
        until = expiry_of(net, boss)
        wait_for(lambda: expiry_of(net, boss) > until + 2, 20, "boss's identity put again",
                 deputy.logs)
        boss.start()
        boss.wait_ready()
        wait_for(lambda: accepted(third)["seq"] > last["seq"], 20, "the master again", third.logs)


def test_who_was_just_named_is_soon_seen_to_accept():
    """Also when the group is looked at only every five minutes (P-11.6)."""
    with Network(nodes=4, settings={"timing.poll": "300"}) as net:
        boss, guest = net.peer("boss@late"), net.peer("guest@late")
        boss.cli("group", "create")
        boss.cli("group", "add", guest.address)
        named(guest)
        guest.cli("group", "accept")
        joined(boss, guest.address, 25)


# The points at which restanted is killed here; test_kill.py checks that all are tried.
MASTER_POINTS = [f"group.{p}.{side}" for p in ("make", "put") for side in ("before", "after")]
MEMBER_POINTS = ["group.before", "group.after"]
JOIN_POINTS = [f"group.{p}.{side}" for p in ("accept", "key") for side in ("before", "after")]
TOLD_POINTS = ["group.told.before", "group.told.after"]


def killed_at(peer, point, act):
    """Restarts the peer so that it ends at the point, which act() makes it reach; then again."""
    peer.stop()
    peer.start({"RESTANTE_CRASH_AT": point})
    peer.wait_ready()
    try:
        act()
    except RuntimeError:
        pass  # it ended while it was asked
    wait_for(lambda: not peer.process.running(), 20, f"{peer.address} to end at {point}",
             peer.logs)
    peer.kill9()
    peer.start()
    peer.wait_ready()


def test_killed_at_every_point(net):
    kit, ned = (net.peer(f"{n}@yard") for n in ("kit", "ned"))
    kit.cli("group", "create")
    roles = itertools.cycle(["member", "deputy"])

    def change():
        kit.cli("group", "add", ned.address, next(roles))

    change()
    for point in MASTER_POINTS:
        killed_at(kit, point, change)
        change()
        wait_for(lambda: [g["seq"] for g in groups(ned)] == [accepted(kit)["seq"]], 20,
                 f"what was made after {point}", ned.logs)
    for point in MEMBER_POINTS:
        killed_at(ned, point, change)
        wait_for(lambda: [g["seq"] for g in groups(ned)] == [accepted(kit)["seq"]], 20,
                 f"what ned looked at when it was killed at {point}", ned.logs)
    for point in JOIN_POINTS:
        killed_at(ned, point, lambda: ned.cli("group", "accept"))
        if accepted(ned) is None:
            assert point == "group.accept.before"
            ned.cli("group", "accept")
        joined(ned, kit.address)
        joined(kit, ned.address)
        ned.cli("group", "leave")
    for peer in (kit, ned):
        peer.stop()


@pytest.mark.parametrize("point", TOLD_POINTS)
def test_killed_while_it_is_told_that_it_is_named(net, point):
    """One notice, not none and not two, although the master signs a newer list meanwhile."""
    side = point.rsplit(".", 1)[1]
    pia, rex = (net.peer(f"{n}{side}@{side}") for n in ("pia", "rex"))
    pia.cli("group", "create")

    def name():
        pia.cli("group", "add", rex.address)
        wait_for(lambda: not rex.process.running(), 40, f"rex to end at {point}", rex.logs)
        pia.cli("group", "add", rex.address, "deputy")

    killed_at(rex, point, name)
    wait_for(lambda: groups(rex)[0]["role"] == "deputy", 40, "the newer list", rex.logs)
    subject = '"names you in a group"'
    wait_for(lambda: rex.search("SUBJECT", subject), 20, "the notice", rex.logs)
    rex.restart()
    rex.wait_ready()
    time.sleep(2)  # four looks
    assert len(rex.search("SUBJECT", subject)) == 1
    assert accepted(rex) is None
    for peer in (pia, rex):
        peer.stop()
