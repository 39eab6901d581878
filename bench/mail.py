# SPDX-License-Identifier: GPL-3.0-or-later
"""The messages: real ones (tests/peer/env/corpus.py), the same ones with real files of this machine
attached until they have the size that mail has today, and ones of a wanted size."""

import base64
import functools
import os
import random
import re

from env import corpus
from env.mail import compose, picture

FILES = (".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".gz", ".xz", ".zip", ".html", ".txt",
         ".odt", ".ttf", ".ps")
PLACES = ("/usr/share", "/usr/lib")
MEAN = 75_000


def sized(size, number=0, sender="alice@demo", to="bob@demo"):
    """A message of about this many octets; what fills it does not compress. Different for each
    number, the same at every run."""
    base = compose(sender, to, f"size {size} number {number}", attachment=b"x")
    need = max(0, size - len(base))
    return compose(sender, to, f"size {size} number {number}",
                   attachment=picture(max(1, need * 57 // 78), f"{size}.{number}"))


@functools.cache
def real_files():
    """Documents, pictures and archives of this machine, sorted: [(path, size)]."""
    out = []
    for place in PLACES:
        for folder, folders, names in os.walk(place):
            folders.sort()
            for name in sorted(names):
                path = os.path.join(folder, name)
                if name.lower().endswith(FILES) and os.path.isfile(path) \
                        and not os.path.islink(path):
                    size = os.path.getsize(path)
                    if 2_000 < size < 5_000_000:
                        out.append((path, size))
    return out


def plain(count, seed=2008):
    """Real messages as they are: [octets]."""
    return [corpus.read(n) for n in corpus.pick(count, seed)]


def _attach(data, path):
    """The real message as first part of a multipart/mixed, the file as second."""
    head, _, body = data.partition(b"\r\n\r\n")
    kind = rb"(?im)^(?:content-[a-z-]+|mime-version):[^\r\n]*(?:\r\n[ \t][^\r\n]*)*\r\n"
    own = b"".join(m.group(0) for m in re.finditer(kind, head + b"\r\n")
                   if not m.group(0).lower().startswith(b"mime-version"))
    rest = re.sub(kind, b"", head + b"\r\n")
    with open(path, "rb") as f:
        raw = f.read()
    name = os.path.basename(path).encode("ascii", "replace").replace(b'"', b"'")
    text = base64.b64encode(raw)
    lines = b"\r\n".join(text[i:i + 76] for i in range(0, len(text), 76))
    mark = b"=_bench_%08x" % (len(raw) * 2654435761 % 2**32)
    return (rest + b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"" + mark
            + b"\"\r\n\r\n--" + mark + b"\r\n" + own + b"\r\n" + body + b"\r\n--" + mark
            + b"\r\nContent-Type: application/octet-stream; name=\"" + name
            + b"\"\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment; filename=\""
            + name + b"\"\r\n\r\n" + lines + b"\r\n--" + mark + b"--\r\n")


def mix(count, seed=2008):
    """The modern mix: real messages, a third of them with one file of this machine, sizes drawn so
    that the mean is MEAN. [octets], and the paths taken."""
    draw = random.Random(seed)
    out, taken, files = plain(count, seed), [], real_files()
    by_size = sorted(files, key=lambda f: f[1])
    chosen = draw.sample(range(count), max(1, count // 3))
    left = MEAN * count - sum(map(len, out))
    for place, n in enumerate(chosen):
        want = left / (len(chosen) - place) * draw.lognormvariate(-0.5, 1.0) * 57 / 78
        at = min(range(len(by_size)), key=lambda i: abs(by_size[i][1] - want))
        near = by_size[max(0, at - 5):at + 6]
        path = draw.choice(near)[0]
        before = len(out[n])
        out[n] = _attach(out[n], path)
        left -= len(out[n]) - before
        taken.append(path)
    return out, taken
