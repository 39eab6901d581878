# SPDX-License-Identifier: GPL-3.0-or-later
"""The peers that the tests of one file share, on the fixture `net` of their folder."""

import pytest


@pytest.fixture(scope="module")
def alice(net):
    return net.peer("alice@demo")


@pytest.fixture(scope="module")
def bob(net):
    return net.peer("bob@demo")


@pytest.fixture(scope="module")
def carol(net):
    return net.peer("carol@demo")
