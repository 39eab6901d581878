#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluation: Restante beside Postfix and Dovecot on the same messages, in network namespaces.

usage: run.py [--quick] [--build DIR] [--only MEASURE]... [--results FILE]

Writes the results file and, beside it, the page with tables and plots that bench/report.py makes of it.
Measures that are not run keep what the results file said of them before, with the machine they ran on.
"""

import argparse
import datetime
import faulthandler
import json
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import setting
from setting import ROOT

# The first four share one pair of systems.
MEASURES = ("wire", "rate", "latency", "large", "disk", "imap", "groups", "receivers", "dht")
# The quick run is to end within ten minutes, and its last measure takes two: none is begun after this.
QUICK_SECONDS = 470


class Context:
    """What a measure is given: counts, the two systems, a place for files."""

    def __init__(self, args, place):
        self.quick, self.build, self.folder = args.quick, args.build, place.folder
        self.runs = 2 if args.quick else 5
        self.started = time.monotonic()
        self._pair = None

    def pick(self, quick, full):
        return quick if self.quick else full

    def say(self, text):
        print(f"  [{time.monotonic() - self.started:5.0f} s] {text}", flush=True)

    def scratch(self):
        path = tempfile.mkdtemp(prefix="w", dir=self.folder)
        os.chmod(path, 0o755)
        own = (int(os.environ["BENCH_UID"]), int(os.environ["BENCH_GID"]))
        os.chown(path, *own)
        return path

    def tool(self, name):
        return os.path.join(self.build, "bench", name)

    def pair(self):
        """The two systems on 32 nodes, kept from one measure to the next."""
        if not self._pair:
            self.say("starting both systems, 32 nodes")
            self._pair = self.new_pair()
        return self._pair

    def new_pair(self, receivers=(), nodes=32, settings=None):
        from systems import Sides
        pair = Sides(self.scratch(), nodes, settings)
        for side in pair.sides:
            side.add_receivers(receivers)
        return pair

    def close(self):
        if self._pair:
            self._pair.close()
            self._pair = None


def output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def own_version():
    return output("git", "-C", ROOT, "describe", "--always", "--dirty")


def version(package):
    return output("dpkg-query", "-W", "-f", "${Version}", package)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as f:
        cpu = next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "")
    with open("/proc/meminfo", encoding="utf-8") as f:
        memory = int(f.readline().split()[1]) // 1024
    return {"processor": cpu, "processors": os.cpu_count(), "memory_mib": memory,
            "kernel": platform.release(), "file_system": output("stat", "-f", "-c", "%T", "/tmp"),
            "load_at_start": os.getloadavg()[0],
            "debian": output("cat", "/etc/debian_version"),
            "restante": own_version(),
            "packages": {p: version(p) for p in ("postfix", "dovecot-core", "dovecot-lmtpd",
                                                 "libopendht-c2", "librnp0", "gnupg", "curl")}}


def load(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except FileNotFoundError:
        return {"measures": {}}


def save(path, results):
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as f:
        json.dump(results, f, indent=1, sort_keys=True)
        f.write("\n")
    os.replace(path + ".new", path)


def one(ctx, name):
    """A measure's result, with how long it took; an error is a result too."""
    start = time.monotonic()
    load_before = os.getloadavg()[0]
    try:
        value = __import__("measure_" + name).measure(ctx)
    except Exception as e:  # pylint: disable=broad-except
        traceback.print_exc()
        value = {"error": str(e).splitlines()[0] if str(e) else repr(e)}
        ctx.close()  # the next measure gets fresh systems
    value.update(seconds=time.monotonic() - start, load=[load_before, os.getloadavg()[0]],
                 quick=ctx.quick, restante=own_version(), when=datetime.datetime.now(datetime.timezone.utc).isoformat()[:16])
    return value


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(ROOT, "build"))
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", action="append", choices=MEASURES)
    parser.add_argument("--results")
    args = parser.parse_args()
    faulthandler.register(signal.SIGUSR1)  # where does it wait?
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    args.build = os.path.abspath(args.build)
    path = args.results or (os.path.join(args.build, "bench-quick", "results.json") if args.quick
                            else os.path.join(ROOT, "doc", "evaluation", "results.json"))
    results = load(path)
    results["machine"] = machine()
    results["command"] = "make bench" + (" QUICK=1" if args.quick else "")
    place = setting.Setting(args.build)
    ctx = Context(args, place)
    try:
        for name in args.only or MEASURES:
            if not os.path.exists(os.path.join(ROOT, "bench", f"measure_{name}.py")):
                continue
            if ctx.quick and not args.only and time.monotonic() - ctx.started > QUICK_SECONDS:
                ctx.say(f"{name}: no time left in the quick run")
                continue
            print(f"{name}", flush=True)
            results["measures"][name] = one(ctx, name)
            save(path, results)
    finally:
        ctx.close()
        place.close()
    import report
    report.write(path)
    wrong = [n for n, m in results["measures"].items() if "error" in m]
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
