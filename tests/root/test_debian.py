# SPDX-License-Identifier: GPL-3.0-or-later
"""README's two commands on a fresh Debian of the release $RESTANTE_SUITE (`make test-debian13`, `make
test-debian12`), by root and by an ordinary user with sudo."""

import os
import re

import pytest

import builder
import debian
from builder import HOUR

SUITE = os.environ.get("RESTANTE_SUITE", "trixie")


@pytest.fixture(scope="module", autouse=True)
def possible():
    why = debian.cannot(SUITE)
    if why:
        pytest.skip(f"Tests on a fresh Debian are left out: {why}.")


@pytest.fixture
def computer(folder):
    made = []

    def make(**how):
        made.append(builder.computer(folder, SUITE, **how))
        return made[0]

    yield make
    for host in made:
        host.close()


def demo_ended_well(said):
    assert "Success" in said, said


def test_root_starts_from_nothing(computer):
    """`make` gets what is missing; the rest needs no network."""
    host = computer(fresh=True)
    clone = f"/home/{builder.USER}/restante"
    host.run("chown", "-R", "root:", clone)
    with host.outside():
        print(host.run("make", "-C", clone, timeout=HOUR).stdout)
    demo_ended_well(host.run("make", "-C", clone, "demo", "ARGS=--once", timeout=HOUR).stdout)


def test_user_with_sudo(computer):
    """All tests too; their counts are added to those of this command."""
    host = computer()
    demo_ended_well(host.as_user(builder.USER, "cd restante && make demo ARGS=--once", timeout=HOUR).stdout)
    arguments = os.environ.get("RESTANTE_SUITE_ARGS", "")
    done = host.as_user(builder.USER, f"cd restante && make test ARGS='{arguments}'", check=False,
                        timeout=2 * HOUR)
    print(done.stdout)
    counts = re.search(r"^\d+ passed, \d+ failed.*\Z", done.stdout.strip(), re.M)
    if counts and os.environ.get("RESTANTE_COUNTS"):
        with open(os.environ["RESTANTE_COUNTS"], "a", encoding="utf-8") as f:
            f.write(counts.group() + "\n")
    assert counts and done.returncode == 0, done.stdout
