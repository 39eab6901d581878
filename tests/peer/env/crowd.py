# SPDX-License-Identifier: GPL-3.0-or-later
"""Receivers that are only keys with posted identities (tests/unit/flow/crowd.c)."""

import hashlib
import subprocess
import time

from .process import program


def run(*arguments, text=None):
    """The lines that the program prints."""
    return subprocess.run([program("crowd"), *map(str, arguments)], input=text, check=True,
                          capture_output=True, text=True, timeout=60).stdout.splitlines()


def post(client, network, group, count, mode="ocb"):
    """{address: secret key in hex} of new keys whose identities were posted."""
    made = [line.split() for line in run("make", network, group, count, mode)]
    end = int(time.time()) + 86400
    client.put_all(("key:" + address, bytes.fromhex(record), end,
                    hashlib.sha256(record.encode()).digest()) for address, _, record in made)
    return {address: secret for address, secret, _ in made}
