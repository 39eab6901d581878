# SPDX-License-Identifier: GPL-3.0-or-later
"""Measure 5: one message of 1 GB (100 MB in the quick run): wall time from the first octet submitted to
the pulled file on the receiver's disk, and the highest memory of any process, against `gpg --sign
--encrypt` piped to `curl`, which uploads to a plain HTTP server at the receiver, and `curl` piped to `gpg
--decrypt` there. Both ways alternate on the same octets, base64 of random ones, five times (twice in the quick
run), or three or four where five would take more than eleven minutes.
"""

import base64
import os
import subprocess
import threading
import time

from env.wait import wait_for
from load import Session
from systems import median

# No further run is begun that would not end within this time; three are made at least.
BOUND_SECONDS = 660

SERVER = """
import http.server, os, shutil, sys
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_PUT(self):
        with open(sys.argv[1], "wb") as f:
            while True:
                n = int(self.rfile.readline(), 16)
                left = n
                while left:
                    piece = self.rfile.read(min(left, 1 << 20))
                    f.write(piece)
                    left -= len(piece)
                self.rfile.readline()
                if n == 0:
                    break
            f.flush()
            os.fsync(f.fileno())
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def do_GET(self):
        with open(sys.argv[1], "rb") as f:
            self.send_response(200)
            self.send_header("Content-Length", str(os.fstat(f.fileno()).st_size))
            self.end_headers()
            shutil.copyfileobj(f, self.wfile, 1 << 20)
    def log_message(self, *a):
        pass
http.server.HTTPServer((sys.argv[2], 8080), H).serve_forever()
"""


def write_message(path, size):
    """A message of about this size with one attachment, in CRLF; no line begins with a dot."""
    with open(path, "wb") as f:
        f.write(b"From: alice@demo\r\nTo: bob@demo\r\nSubject: large\r\n"
                b"Date: Sun, 1 Nov 2026 12:00:00 +0000\r\nMessage-ID: <%d@demo>\r\n"
                b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream; name=\"film.bin\"\r\n"
                b"Content-Transfer-Encoding: base64\r\n\r\n" % time.time_ns())
        while f.tell() < size:
            text = base64.b64encode(os.urandom(57 * 16384))
            f.write(b"\r\n".join(text[i:i + 76] for i in range(0, len(text), 76)) + b"\r\n")
        f.flush()
        os.fsync(f.fileno())  # not on the way to the disk while it is sent


class Memory(threading.Thread):
    """The highest VmHWM of the processes of some hosts."""

    def __init__(self, *hosts):
        super().__init__(daemon=True)
        self.hosts, self.high, self.done = hosts, {}, threading.Event()
        self.start()

    def run(self):
        while not self.done.wait(0.25):
            for h in self.hosts:
                for (name, pid), kb in h.memory().items():
                    self.high[name] = max(kb, self.high.get(name, 0))

    def stop(self):
        self.done.set()
        self.join()
        return {k: v / 1024 for k, v in self.high.items()}


def ours(side, path):
    """Seconds: to the 250, to visible, to pulled."""
    with open(path, "rb") as f, side.sender_host:
        session = Session(side.door())
        start = time.monotonic()
        session.sock.sendall(b"MAIL FROM:<alice@demo> BODY=8BITMIME\r\nRCPT TO:<bob@demo>\r\nDATA\r\n")
        for want in "223":
            session.reply(want)
        while piece := f.read(1 << 20):
            session.sock.sendall(piece)
        session.sock.sendall(b".\r\n")
        session.reply("2")
        accepted = time.monotonic() - start
        session.close()
    bob = side.receivers["bob"]
    stub = wait_for(lambda: [m for m in bob.inbox() if m["state"] == "stub"], 1200, "the stub",
                    bob.logs)[0]
    visible = time.monotonic() - start
    bob.cli("pull", stub["id"], seconds=1800)
    out = {"accepted": accepted, "visible": visible, "pulled": time.monotonic() - start}
    side.quiet(gone=True)
    return out


def processor(side):
    """Seconds of all processes of both hosts so far."""
    return sum(m.usage().cpu for m in (side.alice.machine, side.bob.machine))


def gpg_keys(folder):
    """A home for gpg with two keys of the kind Restante makes."""
    os.makedirs(folder, mode=0o700)
    for name in ("alice", "bob"):
        subprocess.run(["gpg", "--homedir", folder, "--batch", "--passphrase", "", "--quick-generate-key",
                        f"{name}@bench", "future-default", "default", "never"], check=True,
                       capture_output=True)


def theirs(side, path, home, folder):
    """Seconds of gpg piped to curl, and back."""
    a, b = side.alice.machine, side.bob.machine
    store, out = (os.path.join(folder, n) for n in ("upload", "out"))
    gpg = f"gpg --homedir {home} --batch --yes --trust-model always"
    url = f"http://{b.address}:8080/m"
    server = b.popen(["/usr/bin/python3", "-c", SERVER, store, b.address])
    try:
        wait_for(lambda: subprocess.run(["ip", "netns", "exec", b.ns, "sh", "-c",
                                         "ss -ltn | grep -q :8080"], check=False).returncode == 0,
                 20, "the HTTP server")
        start = time.monotonic()
        a.run("sh", "-c", f"{gpg} -u alice@bench -r bob@bench --sign --encrypt -o - {path} | "
              f"curl -sf -T - -H Expect: {url}")
        b.run("sh", "-c", f"curl -sf {url} | {gpg} -d -o {out} && sync {out}",
              stderr=subprocess.DEVNULL)
        took = time.monotonic() - start
        if os.path.getsize(out) != os.path.getsize(path):
            raise RuntimeError("gpg gave other octets back")
        return took
    finally:
        server.kill()
        server.wait()
        for p in (store, out):
            if os.path.exists(p):
                os.remove(p)


def measure(ctx):
    side = ctx.pair().restante
    size = ctx.pick(100_000_000, 1_000_000_000)
    runs = ctx.pick(2, 5)
    folder = ctx.scratch()
    path, home = os.path.join(folder, "message"), os.path.join(folder, "g")
    gpg_keys(home)
    rows, refs, each, peaks = [], [], [], {}
    start = time.monotonic()
    for n in range(runs):
        if n >= 3 and (time.monotonic() - start) * (n + 1) / n > BOUND_SECONDS:
            ctx.say(f"large: {n} runs took {time.monotonic() - start:.0f} s; no more")
            break
        write_message(path, size)
        ctx.say(f"large: run {n + 1} of {runs}, {size:,} octets")
        memory = Memory(side.alice.machine, side.bob.machine)
        cpu = processor(side)
        rows.append(ours(side, path))
        rows[-1]["processor"] = processor(side) - cpu
        for k, v in memory.stop().items():
            peaks[k] = max(v, peaks.get(k, 0))
        refs.append(theirs(side, path, home, folder))
        each.append({**rows[-1], "gpg_and_curl": refs[-1]})
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], check=False)
    out = {k: median([r[k] for r in rows]) for k in rows[0]}
    return {"octets": size, "runs": len(rows), **out, "gpg_and_curl": median(refs),
            "ratio": median([r["pulled"] / t for r, t in zip(rows, refs)]),
            "peak_mib": max(peaks.values()), "peak_mib_by_process": peaks, "each": each}
