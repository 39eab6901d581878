# SPDX-License-Identifier: GPL-3.0-or-later
"""The mail clients of `make test-clients`, behind small classes like those of tests/peer/env."""

from .composer import Composer
from .desktop import Desktop
from .paint import harbour
from .terminal import Terminal
from .thunderbird import Thunderbird

__all__ = ["Composer", "Desktop", "Terminal", "Thunderbird", "harbour"]
