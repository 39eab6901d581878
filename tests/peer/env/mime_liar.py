#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""restante-mime of a sender whose skeletons are not those of its messages: it has the real one parse
another message with as many octets and fewer lines, and passes everything else on (mime/wire.h).

The real one stands beside it, as real-restante-mime."""

import array
import os
import socket
import struct
import subprocess

FROM = 4 + 320 + 1
TRUE = 5 + FROM + 16  # length, verb, from, octets of the header, octets of the message


def read(sock, n):
    out = b""
    while len(out) < n:
        piece = sock.recv(n - len(out))
        if not piece:
            os._exit(0)
        out += piece
    return out


def frame(sock):
    """One frame, and the descriptor that came with it."""
    room = array.array("i").itemsize
    first, about, _, _ = sock.recvmsg(1, socket.CMSG_SPACE(room))
    if not first:
        os._exit(0)
    fds = [fd for _, _, data in about for fd in array.array("i", data[:room])]
    length = first + read(sock, 3)
    return length + read(sock, struct.unpack(">I", length)[0]), fds[0] if fds else None


def ask(helper, request, fd):
    about = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd is not None else []
    sent = helper.sendmsg([request[:1]], about)
    helper.sendall(request[sent:])
    return frame(helper)[0]


def other(fd):
    """The same message with the ends of its body's lines gone, and as many octets."""
    with open(f"/proc/self/fd/{fd}", "rb") as f:
        head, body = f.read().split(b"\r\n\r\n", 1)
    out = os.memfd_create("other")
    os.write(out, head + b"\r\n\r\n" + body.replace(b"\r\n", b"--"))
    os.lseek(out, 0, os.SEEK_SET)
    return out


def main():
    daemon = socket.socket(fileno=0)
    helper, end = socket.socketpair()
    folder = os.path.dirname(os.path.abspath(__file__))
    subprocess.Popen([os.path.join(folder, "real-restante-mime")], stdin=end, close_fds=True)
    end.close()
    daemon.sendall(frame(helper)[0])  # its hello
    while True:
        request, fd = frame(daemon)
        answer = ask(helper, request, fd)
        if request[4:5] == b"S" and answer[4:5] == b"P":
            lie = ask(helper, request, other(fd))
            answer = answer[4:TRUE] + lie[TRUE:]
            answer = struct.pack(">I", len(answer)) + answer
        if fd is not None:
            os.close(fd)
        daemon.sendall(answer)


if __name__ == "__main__":
    main()
