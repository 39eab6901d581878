# SPDX-License-Identifier: GPL-3.0-or-later
"""A minute of everything at once in the suite; `make soak MINUTES=10` with 20 peers, 4 groups and 12
DHT nodes. RESTANTE_SEED=N repeats a run's draw."""

import os

from env.soak import Soak


def test_soak(capsys):
    minutes = float(os.environ.get("RESTANTE_SOAK", "0"))
    seed = os.environ.get("RESTANTE_SEED")

    def say(text):
        with capsys.disabled():
            print("\n  soak: " + text, end="", flush=True)

    size = {"peers": 20, "groups": 4, "nodes": 12} if minutes else \
        {"peers": 8, "groups": 2, "nodes": 6}
    soak = Soak(minutes * 60 or 60, seed=int(seed) if seed else None, say=say, **size)
    wrong = soak.run()
    assert not wrong, "\n".join(wrong[:40])
