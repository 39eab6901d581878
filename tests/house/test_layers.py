# SPDX-License-Identifier: GPL-3.0-or-later
"""scripts/check-layers: its picture in doc/architecture.md is current, and it sees what it must see."""

import importlib.machinery
import importlib.util
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SCRIPT = str(ROOT / "scripts" / "check-layers")


def tool():
    """The script as a module of its own, so that a test may change its rules."""
    loader = importlib.machinery.SourceFileLoader("check_layers", SCRIPT)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("check_layers", loader))
    loader.exec_module(module)
    return module


def tree(module, folder, files):
    """Makes `files` {path: text} the sources that the module judges."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    module.TOP = folder
    module.RULES = {"may": {"base": [], "flow": ["base", "flow/*"], "flow/sender": ["base"], "flow/receiver": ["base"]},
                    "shared": {}, "hidden": {"sqlite3.h": ["base"]}, "pairs": []}
    layers = module.Layers()
    layers.read_includes()
    return layers


def test_the_picture_of_the_folders_is_current():
    drawn = subprocess.run([SCRIPT, "--picture"], check=True, stdout=subprocess.PIPE, text=True).stdout
    assert drawn.count(" o") > 8 and drawn.count(" v") > 8
    assert drawn in (ROOT / "doc" / "architecture.md").read_text(), "say scripts/check-layers --write"


def test_the_layers_are_kept():
    done = subprocess.run([SCRIPT], stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout


def test_an_include_against_the_arrows_is_a_fault(tmp_path):
    module = tool()
    layers = tree(module, tmp_path, {
        "src/base/buf.h": "", "src/flow/sender/seal.h": '#include "base/buf.h"\n', "src/flow/flow.h": "",
        "src/flow/receiver/pull.c": '#include "flow/sender/seal.h"\n#include <sqlite3.h>\n',
        "src/flow/flow.c": '#include "flow/flow.h"\n#include "flow/sender/seal.h"\n'})
    layers.judge_folders()
    assert sorted(layers.faults) == [
        "src/flow/receiver/pull.c: <sqlite3.h> belongs to base only",
        "src/flow/receiver/pull.c: includes flow/sender/seal.h (flow/receiver must not know flow/sender)"]
    # and no folder is without a rule
    assert any("say in" in fault for fault in tree(module, tmp_path, {"src/odd/a.c": ""}).faults)


@pytest.mark.skipif(not shutil.which("cc"), reason="no C compiler")
def test_a_circle_of_files_is_found_in_their_objects(tmp_path):
    module = tool()
    files = {"a": "void b(void); void a(void); void a(void) { b(); }", "c": "void c(void); void c(void) {}",
             "b": "void c(void); void a(void); void b(void); void b(void) { a(); c(); }"}
    layers = tree(module, tmp_path, {f"src/base/{n}.c": text for n, text in files.items()})
    commands = []
    for name in files:
        subprocess.run(["cc", "-c", f"src/base/{name}.c", "-o", f"{name}.o"], cwd=tmp_path, check=True)
        commands.append(f'{{"directory": "{tmp_path}", "file": "src/base/{name}.c", "output": "{name}.o"}}')
    (tmp_path / "compile_commands.json").write_text("[" + ",".join(commands) + "]")
    layers.judge_circles(layers.read_calls(tmp_path), "files")
    assert layers.faults[0] == "a circle of files: src/base/a.c src/base/b.c"
    # a private pair is let through, one that is none any longer is not
    layers.faults = []
    module.RULES["pairs"] = [["src/base/a.c", "src/base/b.c", "for a test"]]
    layers.judge_circles(layers.read_calls(tmp_path), "files")
    assert not layers.faults
    module.RULES["pairs"] = [["src/base/a.c", "src/base/c.c", "for a test"]]
    layers.judge_circles(layers.read_calls(tmp_path), "files")
    assert len(layers.faults) > 1 and "are a pair no longer" in layers.faults[-1]


def test_at_most_three_private_pairs():
    module = tool()
    assert module.PAIRS_MAX == 3 and len(module.RULES["pairs"]) <= 3
    module.RULES["pairs"] = [[f"{n}a", f"{n}b", "why"] for n in range(4)]
    layers = module.Layers()
    layers.judge_circles({}, "files")
    assert "4 private pairs, where 3 are the most" in layers.faults
