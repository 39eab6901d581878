# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the house that a machine can hold: licence lines, words of unfinished work, the
list of packages. (Who may include whom is scripts/check-layers.)"""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE_FOLDERS = ("src", "dhtd", "mimed", "plugin", "bench", "tests/unit", "tests/fuzz")

def sources(folders=SOURCE_FOLDERS, ends=(".c", ".h", ".cpp", ".hpp")):
    for top in folders:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith(ends):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as f:
                        yield os.path.relpath(path, ROOT), f.read()


def test_every_source_file_names_its_licence():
    wrong = [path for path, text in sources()
             if "SPDX-License-Identifier: GPL-3.0-or-later" not in text[:200]]
    assert not wrong, "\n".join(wrong)


def test_no_words_of_unfinished_work():
    words = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
    wrong = [path for path, text in sources() if words.search(text)]
    assert not wrong, "\n".join(wrong)


def test_every_package_has_a_stage_and_a_reason():
    with open(os.path.join(ROOT, "packages.txt"), encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                stage, package, reason = line.split(None, 2)
                assert stage in ("run", "build", "test", "clients", "bench"), line
                assert re.fullmatch(r"[a-z0-9.+-]+", package), line
                assert reason.strip(), line
