# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member of a group holds: its own choice, and what it holds of its own mail opens from there
(P-12.8, P-12.9)."""

import json
import os

import pytest

from env import Network
from env.mail import compose, picture
from test_replica import came_from, make_group, offer, open_message, replicas, wait_copies, wait_emptied


@pytest.fixture(scope="module")
def trio():
    """The group @trio: ada, ben, cas."""
    with Network(nodes=4) as net:
        three = [net.peer(f"{n}@trio") for n in ("ada", "ben", "cas")]
        make_group(three)
        yield three


def hold(peer, *rule):
    """Sets the rule; what `group show` says of it then."""
    peer.cli("group", "hold", *rule)
    return json.loads(peer.cli("group", "show", "--json"))["hold"]


@pytest.fixture
def up(trio):
    for p in trio:
        if p.process is None:
            p.start()
    for p in trio:
        p.wait_ready()
        hold(p, "others")
    return trio


def test_own_replica_opens_without_the_others(up):
    """Header blob and body: everybody else is off, and the octets cross no wire a second time."""
    ada, ben, cas = up
    ben.cli("group", "hold", "all")
    data, digest = offer(ada, ben, "Held by its receiver", 2, size=5_000_000)
    assert digest in replicas(ben)
    ben.wait_message(data)
    ada.stop()
    cas.stop()
    mark = len(ben.log_text())
    open_message(ben, data)
    assert came_from(ben, mark) == ["the copy that is held here"]
    assert digest in replicas(ben)  # held for the others until its owner says otherwise
    ada.start()
    cas.start()
    wait_emptied(ada, (ben, cas), digest)


def test_damaged_replica_is_not_used(up):
    ada, ben, cas = up
    ben.cli("group", "hold", "all")
    data, digest = offer(ada, ben, "Damaged where it is held", 2, size=400_000)
    ben.wait_message(data)
    with open(os.path.join(ben.home, "replica", digest), "r+b") as f:
        f.seek(1000)
        f.write(b"damaged")
    mark = len(ben.log_text())
    open_message(ben, data)
    assert came_from(ben, mark) == [ada.address]
    wait_emptied(ada, (ben, cas), digest)


def test_not_what_is_for_oneself_alone(up):
    """The default: ben holds nothing that waits for him alone, so that nothing comes before he opens it;
    what waits for somebody else too he holds."""
    ada, ben, cas = up
    alone, digest = offer(ada, ben, "For ben alone", 1)
    both = compose(ada.address, [ben.address, cas.address], "For ben and cas", attachment=picture(30_000))
    ada.send(both, [ben.address, cas.address])
    both_digest = wait_copies(ada, both, 2)
    assert digest not in replicas(ben) and digest in replicas(cas)
    assert both_digest in replicas(ben) and both_digest in replicas(cas)
    mark = len(ben.log_text())
    open_message(ben, alone)
    assert came_from(ben, mark) == [ada.address]
    open_message(ben, both)
    open_message(cas, both)
    wait_emptied(ada, (ben, cas), digest)


def test_rules_count_at_once_and_stay(up):
    """none, a size, and whose: what is held goes and comes with the rule, and the sender's copies say so,
    also after a restart."""
    ada, ben, cas = up
    small, small_digest = offer(ada, ben, "Small", 1, size=20_000)
    large, large_digest = offer(ada, ben, "Large", 1, size=600_000)
    assert hold(cas, "none") == {"mode": "none", "max": None, "for": []}
    wait_copies(ada, small, 0)
    wait_copies(ada, large, 0)
    assert replicas(cas) == []
    cas.restart()
    another = compose(ada.address, ben.address, "Another", attachment=picture(10_000))
    ada.send(another, [ben.address])
    ben.wait_message(another)
    assert "holds nothing for the others" in cas.cli("group", "show")
    assert hold(cas, "up", "to", "100k") == {"mode": "others", "max": 100_000, "for": []}
    wait_copies(ada, small, 1)
    wait_copies(ada, another, 1)
    assert ada.outbox_of(large)["copies"] == 0
    assert "up to 100 KB each" in cas.cli("group", "show")
    assert hold(cas, "for", ben.address)["for"] == [ben.address]
    wait_copies(ada, small, 0)
    hold(cas, "for", ada.address, ben.address)
    wait_copies(ada, large, 1)
    assert large_digest in replicas(cas)
    for data in (small, large, another):
        open_message(ben, data)
    wait_emptied(ada, (ben, cas), large_digest)


@pytest.mark.parametrize("rule", [["for", "nobody@trio"], ["up", "to", "much"], ["for"], ["some"], []])
def test_what_is_no_rule_changes_nothing(up, rule):
    before = hold(up[1], "all", "up", "to", "2M")
    done = up[1].run_cli("group", "hold", *rule)
    assert done.returncode != 0 and "hold" in done.stderr or "nobody@trio" in done.stderr
    assert json.loads(up[1].cli("group", "show", "--json"))["hold"] == before
