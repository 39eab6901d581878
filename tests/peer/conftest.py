# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that the tests of one file share; each test leaves it idle, or takes one of its own."""

import os
import shutil
import tempfile

import pytest

from env import Network
from env.fixtures import alice, bob, carol  # noqa: F401


def pytest_configure(config):
    config.addinivalue_line("markers", "quiet: measures a time; scripts/test.py runs it when nothing else runs")


@pytest.fixture(scope="module")
def net():
    """Five DHT nodes."""
    with Network(nodes=5) as network:
        yield network


@pytest.fixture
def folder():
    """An empty one that goes afterwards."""
    path = tempfile.mkdtemp(prefix="f", dir=os.environ.get("TMPDIR", "/tmp"))
    yield path
    shutil.rmtree(path)
