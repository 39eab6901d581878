# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that the tests of one file share; each test leaves it idle, or takes one of its own."""

import pytest

from env import Network


@pytest.fixture(scope="module")
def net():
    """Five DHT nodes."""
    with Network(nodes=5) as network:
        yield network


@pytest.fixture(scope="module")
def alice(net):
    return net.peer("alice@demo")


@pytest.fixture(scope="module")
def bob(net):
    return net.peer("bob@demo")


@pytest.fixture(scope="module")
def carol(net):
    return net.peer("carol@demo")
