# SPDX-License-Identifier: GPL-3.0-or-later
"""Networks that several tests share; each test leaves them idle, or takes one of its own."""

import pytest

from env import Network


@pytest.fixture(scope="session")
def net():
    """Five DHT nodes."""
    with Network(nodes=5) as network:
        yield network


@pytest.fixture(scope="session")
def alice(net):
    return net.peer("alice@demo")


@pytest.fixture(scope="session")
def bob(net):
    return net.peer("bob@demo")


@pytest.fixture(scope="session")
def carol(net):
    return net.peer("carol@demo")
