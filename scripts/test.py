#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""All tests: the unit tests of the build folder, and the tests on real daemons as an ordinary user.
What measures a time (marked `quiet`) runs alone, after all the others. Nothing is tried twice: what fails has
failed. The last line counts what passed and failed; the exit status is 1 when anything failed.

usage: test.py [--build DIR] [--peer-only] [--pictures DIR] [pytest arguments and paths]
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import opendht  # noqa: E402
from installation import Installation  # noqa: E402
from stage import ROOT, Stage  # noqa: E402

# What the tests read besides scripts/ and tests/.
TAKE = (".corpus", "src", "dhtd", "mimed", "plugin", "doc", "bench", "README.md", "packages.txt", "Makefile", "debian")
# Runs beside each other, because most of the time is spent waiting for daemons; what no run names is a
# run of its own.
PEER = "tests/peer/test_"
RUNS = (
    [PEER + "kill.py", "-k", "receiver or cancel"],
    [PEER + "kill.py", "-k", "not receiver and not cancel"],
    [PEER + n + ".py" for n in ("expiry", "survive", "alone", "soak")],
    [PEER + n + ".py" for n in ("replica", "group")],
    [PEER + "outbox.py"],
    [PEER + n + ".py" for n in ("cancel", "restore")],
    [PEER + n + ".py" for n in ("crowd", "churn", "fsck")],
    [PEER + n + ".py" for n in ("endure", "dht", "dht_hostile", "plugin", "plugin_life", "extensions",
                                "dovecot_update", "installed_anew", "format")],
    [PEER + n + ".py" for n in ("race", "pipeline", "policy", "transcripts", "listing",
                                "requests")],
    [PEER + "invite.py"],
    [PEER + n + ".py" for n in ("identity", "hold", "clock_wrong", "structure_lie", "trace", "delay")],
    # these take the usual ports
    [PEER + n + ".py" for n in ("setup", "config", "backup", "key_import", "init", "cli")],
    [PEER + n + ".py" for n in ("health", "reach", "reasons", "proxy", "local_fault", "child",
                                "stop", "move", "retire", "no_name_server", "half_files")],
)

APART = ("newcomer", "debian", "mixed", "packages")  # files of tests/root that have a command of their own
BESIDE, ALONE = ("-m", "not quiet"), ("-m", "quiet")
NOTHING_CHOSEN = 5  # pytest's exit status when marks and -k leave none of a run's tests


def start_unit_tests(stage, build):
    """They run beside the others, which mostly wait for daemons."""
    log = os.path.join(build, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.remove(log)
    output = tempfile.TemporaryFile("w+")
    child = subprocess.Popen(["meson", "test", "-C", build, "--no-rebuild", "--print-errorlogs"],
                             stdout=output, stderr=subprocess.STDOUT)
    stage.started[child.pid] = child
    return child, output


def end_unit_tests(stage, build, child, output):
    """(passed, failed, skipped) of the single tests inside the unit test programs."""
    code = stage.wait(child)
    log = os.path.join(build, "meson-logs", "testlog.json")
    passed = failed = skipped = 0
    programs = 0
    if os.path.exists(log):
        with open(log, encoding="utf-8") as f:
            for line in f:
                programs += 1
                one = json.loads(line)
                text = one.get("stdout", "") + one.get("stderr", "")
                good = sum(int(n) for n in re.findall(r"\[  PASSED  \] (\d+) test", text))
                bad = sum(int(n) for n in re.findall(r"\[  FAILED  \] (\d+) test", text))
                left = sum(int(n) for n in re.findall(r"\[  SKIPPED \] (\d+) test", text))
                if one["result"] == "SKIP":
                    skipped += 1
                    continue
                if one["result"] not in ("OK", "EXPECTEDFAIL"):
                    bad = max(bad, 1)
                elif not good:
                    good = 1
                passed, failed, skipped = passed + good, failed + bad, skipped + left
    if code != 0:
        failed = max(failed, 1)
        output.seek(0)
        print(output.read())
    print(f"Unit tests: {passed} passed, {failed} failed in {programs} programs", flush=True)
    return passed, failed, skipped


def pytest_command(results, paths):
    return ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short", "-rs",
            "--durations=10", f"--junitxml={results}", *paths]


def start_root_tests(build):
    """On booted computers (tests/root), as this user: they need root, and say so where they are left
    out. What other commands run (`make test-newcomer`, `make test-debian13`) is left to them."""
    folder = tempfile.mkdtemp(prefix="restante-results-")
    output = tempfile.TemporaryFile("w+b")
    results = os.path.join(folder, "results.xml")
    command = pytest_command(results, ["tests/root", *(f"--ignore=tests/root/test_{n}.py" for n in APART)])
    env = dict(os.environ, RESTANTE_BUILD=os.path.abspath(build))
    child = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=env)
    return child, output, results


def end_root_tests(stage, child, output, results):
    """[passed, failed, skipped]"""
    code = stage.wait(child)
    output.seek(0)
    print("Tests on booted computers")
    print(output.read().decode("utf-8", "replace"), flush=True)
    counts = counts_of(results, code)
    shutil.rmtree(os.path.dirname(results))
    return counts


def counts_of(results, code):
    """[passed, failed, skipped] of one pytest run."""
    try:
        suite = ElementTree.parse(results).getroot().find("testsuite")
        total, bad, errors, left = (int(suite.get(k))
                                    for k in ("tests", "failures", "errors", "skipped"))
        counts = [total - bad - errors - left, bad + errors, left]
    except (OSError, ElementTree.ParseError, AttributeError):
        counts = [0, 0, 0]
    if code not in (0, NOTHING_CHOSEN):
        counts[1] = max(counts[1], 1)
    return counts


def counts_in(line):
    """[passed, failed, skipped] of a last line."""
    return [int((re.search(rf"(\d+) {word}", line) or [0, 0])[1]) for word in ("passed", "failed", "skipped")]


def conclude(counts):
    """Prints the last line; the exit status."""
    print(f"{counts[0]} passed, {counts[1]} failed" + (f", {counts[2]} skipped" if counts[2] else ""), flush=True)
    return 1 if counts[1] or not counts[0] else 0


def peer_tests(stage, arguments):
    """[passed, failed, skipped] of pytest."""
    print("Tests on real daemons", flush=True)
    results = [os.path.join(stage.path, "t", f"results{n}.xml") for n in range(len(RUNS) + 1)]
    if any(not a.startswith("-") and "/" in a for a in arguments):
        return counts_of(results[0], stage.run(pytest_command(results[0], arguments)))
    named = {p for run in RUNS for p in run if p.startswith(PEER)}
    rest = [f"--ignore={p}" for p in sorted(named)] + ["tests/house", "tests/peer"]
    runs = []
    for run, result in zip(RUNS, results):
        log = tempfile.TemporaryFile("w+b")
        runs.append((stage.start(pytest_command(result, [*arguments, *run, *BESIDE]), log), log, result))
    code = stage.run(pytest_command(results[-1], [*arguments, *rest, *BESIDE]))
    counts = counts_of(results[-1], code)
    for child, log, result in runs:
        code = stage.wait(child)
        log.seek(0)
        print(log.read().decode("utf-8", "replace"), flush=True)
        log.close()
        counts = [a + b for a, b in zip(counts, counts_of(result, code))]
    return counts


def quiet_tests(stage, arguments):
    """[passed, failed, skipped] of the tests that need the machine for themselves, when nothing else runs."""
    if any(not a.startswith("-") and "/" in a for a in arguments):
        return [0, 0, 0]
    print("Tests that measure a time, alone", flush=True)
    result = os.path.join(stage.path, "t", "quiet.xml")
    return counts_of(result, stage.run(pytest_command(result, [*arguments, "tests/peer", *ALONE])))


def bring_pictures(stage, folder):
    """What the tests of mail clients took of their screens."""
    taken = os.path.join(stage.path, "t", "pictures")
    if os.path.isdir(taken):
        os.makedirs(folder, exist_ok=True)
        for name in sorted(os.listdir(taken)):
            shutil.copyfile(os.path.join(taken, name), os.path.join(folder, name))
        print(f"Pictures of the screens are in {folder}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default="build")
    parser.add_argument("--peer-only", action="store_true")
    parser.add_argument("--pictures", metavar="DIR")
    args, rest = parser.parse_known_args()
    os.chdir(ROOT)
    fetch = os.path.join(ROOT, "scripts", "fetch-corpus")
    wants_corpus = not any(a.startswith("tests/clients") for a in rest)
    if wants_corpus and os.path.exists(fetch) and subprocess.run(["sh", fetch]).returncode != 0:
        print("The corpus of real mail is not there; its tests will be skipped.", file=sys.stderr)
    stage = Stage(args.build, TAKE)
    cache = os.path.join(stage.path, "cache")  # for the tests that say `make`
    if opendht.share(cache):
        stage.give(cache)
        stage.env["RESTANTE_CACHE"] = cache
    stage.env["RESTANTE_PICTURES"] = os.path.join(stage.path, "t", "pictures")
    named = [a for a in rest if not a.startswith("-") and "/" in a]
    installed = None
    try:
        if not named or any("test_installed" in n for n in named):
            installed = Installation(stage, args.build)
        unit = None if args.peer_only else start_unit_tests(stage, args.build)
        root = None if args.peer_only else start_root_tests(args.build)
        if root:
            stage.started[root[0].pid] = root[0]
        counts = peer_tests(stage, rest)
        if root:
            counts = [a + b for a, b in zip(counts, end_root_tests(stage, *root))]
        if unit:
            counts = [a + b for a, b in zip(counts, end_unit_tests(stage, args.build, *unit))]
        if installed:
            counts = [a + b for a, b in zip(counts, installed.end())]
        counts = [a + b for a, b in zip(counts, quiet_tests(stage, rest))]
        if args.pictures:
            bring_pictures(stage, args.pictures)
    finally:
        stage.close(keep=bool(os.environ.get("RESTANTE_KEEP")))
    sys.exit(conclude(counts))


if __name__ == "__main__":
    main()
