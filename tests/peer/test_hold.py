# SPDX-License-Identifier: GPL-3.0-or-later
"""What a member of a group holds: its own choice, and what it holds of its own mail opens from there
(P-12.8, P-12.9)."""

import os

import pytest

from env import Network, wait_for
from test_replica import came_from, make_group, offer, open_message, replicas, wait_copies, wait_emptied


@pytest.fixture(scope="module")
def trio():
    """The group @trio: ada, ben, cas."""
    with Network(nodes=4) as net:
        three = [net.peer(f"{n}@trio") for n in ("ada", "ben", "cas")]
        make_group(three)
        yield three


@pytest.fixture
def up(trio):
    for p in trio:
        if p.process is None:
            p.start()
    for p in trio:
        p.wait_ready()
    return trio


def test_own_replica_opens_without_the_others(up):
    """Header blob and body: everybody else is off, and the octets cross no wire a second time."""
    ada, ben, cas = up
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
    data, digest = offer(ada, ben, "Damaged where it is held", 2, size=400_000)
    ben.wait_message(data)
    with open(os.path.join(ben.home, "replica", digest), "r+b") as f:
        f.seek(1000)
        f.write(b"damaged")
    mark = len(ben.log_text())
    open_message(ben, data)
    assert came_from(ben, mark) == [ada.address]
    wait_emptied(ada, (ben, cas), digest)
