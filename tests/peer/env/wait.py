# SPDX-License-Identifier: GPL-3.0-or-later
"""Every wait has a bound, and says what it waited for and what the logs say."""

import os
import time


class Timeout(AssertionError):
    """What was waited for did not come."""


def tail(path, lines=25):
    """The end of a log, or a word about its absence."""
    try:
        with open(path, "rb") as f:
            f.seek(0, os.SEEK_END)
            f.seek(max(0, f.tell() - 16384))
            text = f.read().decode("utf-8", "replace")
    except OSError as e:
        return f"--- {path}: {e.strerror}"
    return f"--- {path}\n" + "\n".join(text.splitlines()[-lines:])


def wait_for(condition, seconds, what, logs=(), every=0.05):
    """Calls condition until it is true, and returns what it returned. An exception in it counts as
    not yet, but for a Timeout. Raises Timeout with the tails of the logs."""
    end = time.monotonic() + seconds
    last = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = value
        except Timeout:
            raise
        except Exception as e:  # pylint: disable=broad-except
            last = e
        if time.monotonic() > end:
            text = f"waited {seconds:g} s for {what}; last seen: {last!r}"
            for path in logs() if callable(logs) else logs:
                text += "\n" + tail(path)
            raise Timeout(text)
        time.sleep(every)
