# SPDX-License-Identifier: GPL-3.0-or-later
"""Every queue of the store has a step that works on it, and a test of its SQL; and none is named twice."""

import pathlib
import re

TOP = pathlib.Path(__file__).resolve().parent.parent.parent


def named(pattern, *paths):
    found = [name for path in paths for name in re.findall(pattern, path.read_text(), re.M)]
    assert len(found) == len(set(found)), sorted(found)
    return set(found)


def test_queues_have_steps_and_tests():
    queues = named(r"^const struct queue queue_(\w+) = \{", *(TOP / "src/store").glob("*.c"))
    assert len(queues) > 20
    assert named(r"^ +X\((\w+)\)", TOP / "src/flow/steps.c") == queues
    tests = TOP / "tests/unit/store/test_queues.c"
    assert named(r"^ +X\((\w+),", tests) | named(r"^QUEUE\((\w+)\);", tests) == queues
