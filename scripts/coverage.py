#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests that ran in a build folder with -Db_coverage=true have run of the sources: the share of lines
and branches per folder and the files least run, here; every line in FOLDER/coverage/index.html.

usage: coverage.py FOLDER
"""

import collections
import json
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LEAST = 15  # files named


def measure(build):
    """The files of the report, with their lines and branches."""
    pages = os.path.join(build, "coverage")
    summary = os.path.join(build, "coverage.json")
    os.makedirs(pages, exist_ok=True)
    subprocess.run(["gcovr", "--root", ROOT, "--object-directory", build, "--exclude-throw-branches",
                    "--filter", os.path.join(ROOT, "(src|dhtd|mimed|plugin)/"),
                    "--json-summary", summary, "--html-details", os.path.join(pages, "index.html"), build],
                   check=True, cwd=ROOT)
    with open(summary, encoding="utf-8") as f:
        return json.load(f)["files"]


def share(covered, total):
    return f"{100 * covered / total:5.1f} %" if total else "      -"


def main():
    build = os.path.abspath(sys.argv[1])
    files = measure(build)
    sums = collections.defaultdict(lambda: [0, 0, 0, 0])
    for one in files:
        for name in (os.path.dirname(one["filename"]), "all"):
            for i, key in enumerate(("line_covered", "line_total", "branch_covered", "branch_total")):
                sums[name][i] += one[key]
    print(f"{'':20}     lines  branches  of lines")
    for name, (lines, all_lines, branches, all_branches) in sorted(sums.items(), key=lambda s: (s[0] == "all", s)):
        print(f"{name:20}   {share(lines, all_lines)}   {share(branches, all_branches)}  {all_lines:8}")
    print("\nLeast run:")
    for one in sorted(files, key=lambda o: o["line_covered"] - o["line_total"])[:LEAST]:
        print(f"  {one['line_total'] - one['line_covered']:5} lines never run of {one['line_total']:5}: {one['filename']}")
    print(f"\nEvery line: {os.path.join(build, 'coverage', 'index.html')}")


if __name__ == "__main__":
    main()
