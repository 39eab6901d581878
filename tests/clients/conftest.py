# SPDX-License-Identifier: GPL-3.0-or-later
"""A network of alice and bob; bob reads his mail with the client under test. The tests of one file follow
one another in one session of it."""

import os
import sys

import pytest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peer"))

from desk import Desktop, Thunderbird  # noqa: E402
from env import Network  # noqa: E402
from env.fixtures import alice, bob  # noqa: E402, F401


@pytest.fixture(scope="module")
def net():
    # Clients get their real time to put a copy into Sent, and a person the time to undo.
    with Network(nodes=5, settings={"mail.sent_wait": "30", "timing.trash_grace": "12"}) as network:
        yield network


@pytest.fixture(scope="module")
def bird(net, bob):
    """bob's Thunderbird; .found is what it found by itself when the account was added."""
    folder = os.path.join(net.folder, "desk")
    os.mkdir(folder)
    desktop = Desktop(folder)
    try:
        thunderbird = Thunderbird(folder, desktop, bob.logs())
        bob.cli("mua", "thunderbird", "--install", "--directory", thunderbird.program)
        try:
            thunderbird.start()
            thunderbird.found = thunderbird.add_account("Bob Baker", bob.address, bob.password)
            thunderbird.show_folder("INBOX")
            yield thunderbird
        finally:
            thunderbird.close()
    finally:
        desktop.close()
