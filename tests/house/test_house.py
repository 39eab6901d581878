# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of the house that a machine can hold: who may include whom, licence lines, file lengths."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SOURCE_FOLDERS = ("src", "dhtd", "mimed", "plugin", "bench", "tests/unit", "tests/fuzz")

# What each folder of src/ may include besides itself (design: base <- proto <- five siblings <- flow
# <- daemon); the command line stands beside the daemon and shares its configuration.
SIBLINGS = ("store", "pgp", "dht", "mime", "net")
MAY_INCLUDE = {
    "base": (),
    "proto": ("base",),
    **{s: ("base", "proto") for s in SIBLINGS},
    "flow": ("base", "proto", *SIBLINGS),
    "daemon": ("base", "proto", *SIBLINGS, "flow"),
    "cli": ("base", "proto", "pgp", "daemon"),
}
# The helpers' programs speak through proto and base alone.
MAY_INCLUDE_PROGRAM = {"dhtd": ("base", "proto", "dhtd"), "mimed": ("base", "proto", "mime", "mimed"),
                       "plugin": ("plugin",)}


def sources(folders=SOURCE_FOLDERS, ends=(".c", ".h", ".cpp", ".hpp")):
    for top in folders:
        for folder, _, names in os.walk(os.path.join(ROOT, top)):
            for name in sorted(names):
                if name.endswith(ends):
                    path = os.path.join(folder, name)
                    with open(path, encoding="utf-8") as f:
                        yield os.path.relpath(path, ROOT), f.read()


def included_folders(text):
    """Folders of src/ named by quoted includes."""
    for name in re.findall(r'^\s*#\s*include\s+"([^"]+)"', text, re.M):
        if "/" in name:
            yield name, name.split("/")[0]


def test_lower_layers_do_not_include_higher_ones():
    wrong = []
    for path, text in sources(("src",)):
        layer = path.split("/")[1]
        for name, folder in included_folders(text):
            if folder != layer and folder not in MAY_INCLUDE[layer]:
                wrong.append(f"{path} includes {name}")
    assert not wrong, "\n".join(wrong)


def test_helper_programs_include_only_the_shared_layers():
    wrong = []
    for top, allowed in MAY_INCLUDE_PROGRAM.items():
        for path, text in sources((top,)):
            for name, folder in included_folders(text):
                if folder in MAY_INCLUDE and folder not in allowed:
                    wrong.append(f"{path} includes {name}")
    assert not wrong, "\n".join(wrong)


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
                assert stage in ("run", "build", "test", "clients"), line
                assert re.fullmatch(r"[a-z0-9.+-]+", package), line
                assert reason.strip(), line
