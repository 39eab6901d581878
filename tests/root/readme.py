# SPDX-License-Identifier: GPL-3.0-or-later
"""README's own lines: a comment `<!-- newcomer: NAME -->` stands above each code block that the newcomer test
runs as it is written."""

import os
import re

from debian import ROOT


def blocks():
    """{NAME: the block, as one types it}"""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        text = f.read()
    found = re.findall(r"^<!-- newcomer: (\S+) -->\n+((?:    .*\n)+)", text, re.M)
    return {name: re.sub(r"^ +", "", block, flags=re.M) for name, block in found}
