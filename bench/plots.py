# SPDX-License-Identifier: GPL-3.0-or-later
"""The evaluation's plots, as SVG beside the results file."""

import os

import matplotlib

matplotlib.use("Agg")
matplotlib.rcParams["svg.hashsalt"] = "restante"  # the same file for the same numbers
import matplotlib.pyplot as plt  # noqa: E402

OURS, THEIRS, NODES = "#1b6ca8", "#b85c38", "#8a8a8a"


def _save(figure, folder, name, x, y, axis="both"):
    """Names the axes, then writes the file; axis: which of them have lines."""
    axes, = figure.axes
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.grid(True, axis=axis, alpha=0.3)
    axes.legend()
    figure.tight_layout()
    figure.savefig(os.path.join(folder, name), metadata={"Date": None})
    plt.close(figure)
    return name


def wire(m, folder):
    rows = sorted(m["by_size"].values(), key=lambda r: r["octets"])
    x = [r["octets"] for r in rows]
    figure, axes = plt.subplots(figsize=(7, 4.2))
    both = lambda r: r["sender"] + r["receiver"]
    axes.loglog(x, [both(r["conventional.delivered"]) for r in rows], "s-", color=THEIRS,
                label="Postfix over TLS")
    for outcome, line in (("pulled", "o-"), ("declined", "o--"), ("ignored", "o:")):
        axes.loglog(x, [both(r["restante." + outcome]) for r in rows], line, color=OURS,
                    label=f"Restante, {outcome}")
    return [_save(figure, folder, "wire.svg", "octets of the message",
                  "octets on the wire, sender and receiver")]


def rate(m, folder):
    r = m["1 receiver"]
    keys = ("accepted_per_second", "visible_per_second", "opened_per_second")
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for n, (side, colour) in enumerate((("restante", OURS), ("conventional", THEIRS))):
        axes.bar([i + n * 0.38 for i in range(3)], [r[side][k] for k in keys], 0.36, color=colour,
                 label=side.capitalize())
    axes.set_xticks([i + 0.19 for i in range(3)], ["accepted", "visible", "opened"])
    return [_save(figure, folder, "rate.svg", "", "messages a second, 1 receiver", axis="y")]


def latency(m, folder):
    rows = sorted(((int(k), r) for k, r in m["open"].items()))
    figure, axes = plt.subplots(figsize=(7, 3.8))
    axes.loglog([k for k, _ in rows], [r["restante"] for _, r in rows], "o-", color=OURS,
                label="Restante, open")
    axes.loglog([k for k, _ in rows], [r["curl"] + r["openpgp"] for _, r in rows], "^--", color=NODES,
                label="curl and OpenPGP alone")
    axes.loglog([k for k, _ in rows], [r["conventional"] for _, r in rows], "s-", color=THEIRS,
                label="Dovecot, message there already")
    return [_save(figure, folder, "open.svg", "octets of the message", "seconds to the last octet")]


def dht(m, folder):
    rows = sorted((int(k), r) for k, r in m["by_size"].items())
    figure, axes = plt.subplots(figsize=(7, 3.8))
    for what, colour in (("put", OURS), ("get", THEIRS)):
        for p, line in (("p50", "o-"), ("p99", "o:")):
            axes.semilogx([k for k, _ in rows], [1000 * r[what][p] for _, r in rows], line,
                          color=colour, base=2, label=f"{what}, {p}")
    axes.set_ylim(bottom=0)
    return [_save(figure, folder, "dht.svg", "nodes", "milliseconds")]


def groups(m, folder):
    rows = sorted((int(k), r) for k, r in m["by_members"].items())
    figure, axes = plt.subplots(figsize=(7, 3.6))
    axes.plot([k for k, _ in rows], [r["sender_octets"] / 1000 for _, r in rows], "o-", color=OURS,
              label="sender")
    axes.plot([k for k, _ in rows], [r["member_octets"] / 1000 for _, r in rows], "s--", color=THEIRS,
              label="each other member")
    axes.set_ylim(bottom=0)
    return [_save(figure, folder, "groups.svg", "members of the group", "KB on the wire per message")]


def receivers(m, folder):
    rows = sorted((int(k), r) for k, r in m["by_count"].items())
    figure, axes = plt.subplots(figsize=(7, 3.6))
    for side, colour in (("restante", OURS), ("conventional", THEIRS)):
        all_have = [(k, r[side]) for k, r in rows if side in r and r[side].get("pulled_by", k) == k]
        axes.loglog([k for k, _ in all_have], [r["sender_octets"] for _, r in all_have], "o-",
                    color=colour, label=side.capitalize() + ", all have it")
    axes.loglog([k for k, _ in rows], [r["restante"]["sender_octets_announced"] for _, r in rows],
                "o:", color=OURS, label="Restante, announced")
    return [_save(figure, folder, "receivers.svg", "receivers", "octets on the sender's wire")]


def draw(results, folder):
    """{measure: [file]} of what could be drawn."""
    out = {}
    for name, m in results["measures"].items():
        if "error" not in m and name in globals() and callable(globals()[name]) \
                and name in ("wire", "rate", "latency", "dht", "groups", "receivers"):
            out[name] = globals()[name](m, folder)
    return out
