# SPDX-License-Identifier: GPL-3.0-or-later
"""Invitations (P-15.1, P-15.2, P-15.4, P-15.5): a line from one person to another makes each a verified contact of the other,
by a proof that only its signer could make; expired, used up, revoked and stolen ones pin nothing."""

import email
import email.policy
import glob
import json
import os
import sqlite3

import pytest

from env import Network, Peer, wait_for
from env.mail import compose


def make(peer, *options):
    return json.loads(peer.cli("invite", "--json", *options))


def contact(peer, address):
    rows = json.loads(peer.cli("contacts", "--json"))["contacts"]
    return next((c for c in rows if c["address"] == address), None)


def trust(peer, address):
    return (contact(peer, address) or {}).get("trust")


def given(peer, made):
    rows = json.loads(peer.cli("invite", "list", "--json"))["invites"]
    return next(v for v in rows if v["id"] == made["id"])


def taken(peer, address):
    rows = json.loads(peer.cli("invite", "list", "--json"))["accepted"]
    return next((v for v in rows if v["address"] == address), None)


def verified(peer, address, seconds=30):
    wait_for(lambda: trust(peer, address) == "verified", seconds,
             f"{peer.address} to have {address} verified", peer.logs)


def known_key(peer, address, seconds=30):
    wait_for(lambda: (contact(peer, address) or {}).get("checked_ms"), seconds,
             f"{peer.address} to know the key of {address}", peer.logs)


def first_mail(peer, sender, seconds=30):
    """The first mail of one who was invited, as the inviter's client shows it."""
    return wait_for(lambda: next((m for m in peer.inbox() if m["from"] == sender), None), seconds,
                    f"{peer.address} to have the first mail of {sender}", peer.logs)


def done(peer, address, seconds=30):
    wait_for(lambda: taken(peer, address)["state"] == "done", seconds,
             f"{peer.address} to have its invitation by {address} done", peer.logs)


def header_of(peer, sender, name):
    """A field, unfolded, of the delivered message in the Maildir."""
    for path in glob.glob(peer.home + "/Maildir/*/*"):
        with open(path, "rb") as f:
            m = email.message_from_bytes(f.read(), policy=email.policy.compat32)
        if m["From"] == f"<{sender}>":
            return " ".join(m[name].split())
    raise AssertionError(f"no {name} from {sender}")


def refused(peer, *arguments):
    got = peer.run_cli(*arguments)
    assert got.returncode == 1, (arguments, got)
    return got.stderr


@pytest.fixture(scope="module")
def anna(net):
    return net.peer("anna@inv")


def test_each_has_the_other_verified(net, anna):
    """Two peers that never met: one line, and a first mail that nobody had to write."""
    boris = net.peer("boris@inv")
    made = make(anna)
    assert made["line"].startswith("restante:") and given(anna, made)["state"] == "pending"
    assert anna.status()["invites"]["open"] == 1
    boris.cli("accept", made["line"], "--message", "Hello Anna,\nit is me.")
    verified(boris, anna.address)
    verified(anna, boris.address)
    first_mail(anna, boris.address)
    done(boris, anna.address)
    assert given(anna, made)["users"][0]["address"] == boris.address
    assert given(anna, made)["state"] == "used" and anna.status()["invites"]["open"] == 0
    assert first_mail(anna, boris.address)["state"] == "pulled"
    assert header_of(anna, boris.address, "Restante-Invite").startswith("1 ")
    assert "policy.trust=verified" in header_of(anna, boris.address, "Authentication-Results")
    # both can write now, and nothing asks for a key
    answer = compose(anna.address, boris.address, "Re: Hello")
    anna.send(answer, [boris.address])
    boris.wait_message(answer)
    boris.stop()


def test_used_up(net, anna):
    first, second = net.peer("carl@inv"), net.peer("dora@inv")
    made = make(anna)
    first.cli("accept", made["line"])
    verified(anna, first.address)
    second.cli("accept", made["line"])
    first_mail(anna, second.address)
    assert trust(anna, second.address) is None
    rows = given(anna, made)["users"]
    assert [r["state"] for r in rows] == ["verified", "refused"]
    assert "as often as it may be" in rows[1]["why"]
    # the same line again, by who used it: nothing is counted twice
    first.cli("accept", made["line"])
    wait_for(lambda: len([m for m in anna.inbox() if m["from"] == first.address]) == 2, 30,
             "the second first mail", anna.logs)
    assert given(anna, made)["uses"] == 1
    first.stop()
    second.stop()


def test_several_uses(net, anna):
    made = make(anna, "--uses", "2")
    for name in ("emil@inv", "fay@inv"):
        peer = net.peer(name)
        peer.cli("accept", made["line"])
        verified(anna, name)
        peer.stop()
    assert given(anna, made)["state"] == "used"


def test_revoked(net, anna):
    gus = net.peer("gus@inv")
    made = make(anna)
    anna.cli("invite", "revoke", made["id"][:8])
    assert given(anna, made)["state"] == "revoked"
    assert "revoked already" in refused(anna, "invite", "revoke", made["id"])
    assert "no such" in refused(anna, "invite", "revoke", "ffffffff")
    gus.cli("accept", made["line"])
    first_mail(anna, gus.address)
    assert trust(anna, gus.address) is None
    assert "revoked" in given(anna, made)["users"][0]["why"]
    # anna's user is told, once
    told = '"gus@inv wrote with an invalid invitation"'
    wait_for(lambda: len(anna.search("SUBJECT", told)) == 1, 30, "anna to be told", anna.logs)
    anna.restart()
    assert len(anna.search("SUBJECT", told)) == 1
    gus.stop()


def backdate(peer, sql):
    """The peer is off: its store is changed, as if time had passed."""
    with sqlite3.connect(peer.home + "/state.db") as db:
        db.execute(sql)
    db.close()


def test_expired(net, anna):
    """On both sides: the line says when, and the inviter's peer does not take it later."""
    hal = net.peer("hal@inv")
    made = make(anna, "--expires", "1m")
    anna.stop()
    backdate(anna, f"UPDATE invite SET expiry_s=expiry_s-90000 WHERE hex(id)=upper('{made['id']}')")
    anna.start()
    anna.wait_ready()
    hal.cli("accept", made["line"])
    first_mail(anna, hal.address)
    assert trust(anna, hal.address) is None and given(anna, made)["state"] == "expired"
    assert "expired" in given(anna, made)["users"][0]["why"]
    hal.stop()


def test_lines_that_cannot_be(net, anna):
    ida = net.peer("ida@inv")
    line = make(anna)["line"]
    assert "begins with restante:" in refused(ida, "accept", "hello")
    assert "copy the whole line" in refused(ida, "accept", line[:-3])
    assert "this peer itself" in refused(anna, "accept", line)
    assert "90 days" in refused(anna, "invite", "--expires", "91d")
    assert "no group" in refused(anna, "invite", "--group")
    assert taken(ida, anna.address) is None
    ida.stop()


def test_stolen_proof(net, anna):  # P-15.4 too
    """A proof copied from another's first mail is of no use under another key (P-15.3)."""
    ken, mallory = net.peer("ken@inv"), net.peer("mallory@inv")
    made = make(anna, "--uses", "5")
    ken.cli("accept", made["line"])
    verified(anna, ken.address)
    done(ken, anna.address)
    field = header_of(anna, ken.address, "Restante-Invite")
    data = compose(mallory.address, anna.address, "Let me in").replace(
        b"Subject:", b"Restante-Invite: " + field.encode() + b"\r\nSubject:", 1)
    mallory.send(data, [anna.address])
    first_mail(anna, mallory.address)
    assert trust(anna, mallory.address) is None and given(anna, made)["uses"] == 1
    ken.stop()
    mallory.stop()


def test_inviter_off_then_on(net):
    """Accepted while the other is off, across a kill -9: pending at both ends, then done."""
    lea, max_ = net.peer("lea@inv"), net.peer("max@inv")
    made = make(lea)
    lea.stop()
    max_.cli("accept", made["line"])
    known_key(max_, lea.address)
    assert taken(max_, lea.address)["state"] == "pending"
    assert contact(max_, lea.address)["pending"] and max_.status()["invites"]["pending"] == 1
    assert "pending" in max_.cli("contacts")
    part, = [h for h in max_.status()["health"] if h["part"] == "invitations"]
    assert part["state"] == "warn" and lea.address in part["what"] and "invite list" in part["do"]
    max_.kill9()
    max_.start()
    max_.wait_ready()
    lea.start()
    lea.wait_ready()
    verified(lea, max_.address)
    done(max_, lea.address)
    assert not contact(max_, lea.address)["pending"]
    assert "invitations" not in [h["part"] for h in max_.status()["health"]]
    assert len([m for m in lea.inbox() if m["from"] == max_.address]) == 1


# The points at which restanted is killed here; test_kill.py checks that all are tried.
MAKE_POINTS = ["invite.make.before", "invite.make.after"]
ACCEPT_POINTS = ["invite.accept.before", "invite.accept.after"]


@pytest.mark.parametrize("where", MAKE_POINTS)
def test_kill_while_inviting(net, where):
    """What was not answered may be there, and is nobody's; the next one works."""
    kay, lex = (net.peer(f"{n}{where[-1]}@inv") for n in ("kay", "lex"))
    kay.stop()
    kay.start({"RESTANTE_CRASH_AT": where})
    kay.wait_up()
    assert kay.run_cli("invite").returncode != 0
    wait_for(lambda: not kay.process.running(), 30, "the crash", kay.logs)
    kay.kill9()
    kay.start()
    kay.wait_ready()
    rows = json.loads(kay.cli("invite", "list", "--json"))["invites"]
    assert [v["state"] for v in rows] == ["pending"] * (where == "invite.make.after")
    lex.cli("accept", make(kay)["line"])
    verified(kay, lex.address)
    done(lex, kay.address)
    kay.stop()
    lex.stop()


@pytest.mark.parametrize("where", ACCEPT_POINTS + ["submit.after"])
def test_kill_while_accepting(net, anna, where):
    """Killed at any point the peer writes one first mail; before it is durable, none."""
    name = f"tom{len(where)}{where[-1]}@inv"
    tom = net.peer(name, start=False)
    made = make(anna)
    tom.start({"RESTANTE_CRASH_AT": where})
    tom.wait_up()
    tom.run_cli("accept", made["line"])
    wait_for(lambda: not tom.process.running(), 30, "the crash", tom.logs)
    tom.kill9()
    tom.start()
    tom.wait_ready()
    if taken(tom, anna.address) is None:
        assert where == "invite.accept.before"
        tom.cli("accept", made["line"])
    verified(anna, name)
    done(tom, anna.address)
    assert len([m for m in anna.inbox() if m["from"] == name]) == 1
    tom.stop()


@pytest.mark.parametrize("where", ["notice.before", "notice.after"])
def test_kill_while_pinning(net, where):
    """The use and the pin are one transaction with the notification: counted once."""
    uma = net.peer(f"uma{where[-1]}@inv")
    vic = net.peer(f"vic{where[-1]}@inv")
    made = make(uma)
    uma.stop()
    uma.start({"RESTANTE_CRASH_AT": where})
    uma.wait_ready()
    vic.cli("accept", made["line"])
    wait_for(lambda: not uma.process.running(), 30, "the crash", uma.logs)
    uma.kill9()
    uma.start()
    uma.wait_ready()
    verified(uma, vic.address)
    done(vic, uma.address)
    assert given(uma, made)["uses"] == 1 and given(uma, made)["state"] == "used"
    uma.stop()
    vic.stop()


def test_accepted_before_the_first_start(net, anna):
    """`init --accept`: network and nodes come from the line, and it is taken at the first start."""
    nora = Peer(net, "nora@inv")
    net.peers.append(nora)
    line = make(anna)["line"]
    nora.init(["--accept", line], network=False)
    with open(nora.home + "/config", encoding="utf-8") as f:
        text = f.read()
    assert str(net.id) in text and net.bootstraps()[0] in text
    nora.start()
    nora.wait_ready()
    verified(anna, nora.address)
    done(nora, anna.address)
    nora.stop()


def test_accepted_while_off(net, anna):
    olga = net.peer("olga@inv", start=False)
    line = make(anna)["line"]
    assert "when it starts" in olga.cli("accept", line)
    olga.start()
    olga.wait_ready()
    verified(anna, olga.address)
    olga.stop()


def test_nodes_of_the_line_connect(net, anna):
    """A peer that knows nobody takes the line's nodes, keeps them over a restart, and loses nothing."""
    paul = Peer(net, "paul@inv")
    net.peers.append(paul)
    paul.init(bootstrap=False)
    paul.start()
    paul.wait_up()
    said = paul.cli("accept", make(anna)["line"])
    assert "not connected" in said
    verified(anna, paul.address)
    done(paul, anna.address)
    paul.restart()
    assert paul.status()["dht"]["link"] == "connected"
    paul.stop()


def test_other_network(anna):
    """Another network's line says so, and changes nothing."""
    with Network(nodes=1) as elsewhere:
        quinn = elsewhere.peer("quinn@inv", start=False)
        quinn.start()
        quinn.wait_up()
        line = make(anna)["line"]
        assert "is for network" in refused(quinn, "accept", line)
        assert trust(quinn, anna.address) is None


def test_another_key_is_pinned(net, anna):
    """A line does not let its holder replace a key that the inviter has pinned for an address."""
    rita = net.peer("rita@inv")
    anna.cli("contacts", "add", rita.address, "ab" * 20)
    made = make(anna)
    rita.cli("accept", made["line"])
    wait_for(lambda: given(anna, made)["users"], 30, "the proof to be judged", anna.logs)
    assert "another key is pinned" in given(anna, made)["users"][0]["why"]
    assert given(anna, made)["uses"] == 0
    assert contact(anna, rita.address)["fingerprint"] == "ab" * 20
    rita.stop()


# ---- into the group


def groups(peer):
    return json.loads(peer.cli("group", "list", "--json"))["groups"]


def accepted_group(peer):
    return next((g for g in groups(peer) if g["accepted"]), None)


def test_into_the_group(net):
    """The proof makes the master name the member, and the member accept; nobody else joins so."""
    vera, will, xena = net.peer("vera@crew"), net.peer("will@crew"), net.peer("xena@other")
    vera.cli("group", "create")
    made = make(vera, "--group", "--uses", "3")
    assert "not one of them" in refused(xena, "accept", made["line"])
    xena.stop()
    vera.stop()
    will.cli("accept", made["line"])
    assert taken(will, vera.address)["group"] and taken(will, vera.address)["state"] == "pending"
    vera.start()
    vera.wait_ready()
    wait_for(lambda: accepted_group(will), 60, "will to be in the group", will.logs)
    done(will, vera.address, 60)
    verified(vera, will.address)
    assert trust(will, vera.address) == "verified"
    joined = lambda: next((m["joined"] for m in accepted_group(vera)["members"]  # noqa: E731
                           if m["address"] == will.address), False)
    wait_for(joined, 60, "vera to see will in the group", vera.logs)
    assert "Only the master" in refused(will, "invite", "--group")
    # and members replicate: will's message stands at vera's when will is gone
    yves = net.peer("yves@away")
    data = compose(will.address, yves.address, "kept by the group")
    yves.stop()
    will.send(data, [yves.address])
    wait_for(lambda: os.listdir(vera.home + "/replica"), 60, "vera to hold will's message",
             vera.logs)
    for peer in (vera, will):
        peer.stop()


def test_named_without_an_invitation_is_told(net):
    """The user of a peer that a master names is told in the inbox, once; nothing else changes."""
    zoe, ari = net.peer("zoe@club"), net.peer("ari@club")
    zoe.cli("group", "create")
    zoe.cli("group", "add", ari.address)
    told = wait_for(lambda: ari.search("SUBJECT", '"names you in a group"'), 60, "ari to be told",
                    ari.logs)
    assert len(told) == 1 and accepted_group(ari) is None
    ari.restart()
    zoe.cli("group", "add", ari.address, "deputy")
    wait_for(lambda: groups(ari)[0]["role"] == "deputy", 60, "the newer list", ari.logs)
    assert len(ari.search("SUBJECT", '"names you in a group"')) == 1
    ari.cli("group", "accept")
