# SPDX-License-Identifier: GPL-3.0-or-later
"""A reverse proxy before a peer's outbox: it knows no ranges (RFC 9110 lets it), and its line may break."""

import http.server
import threading
import urllib.error
import urllib.request

from .process import free_port


class RangelessProxy:
    """.cut: octets of a long body after which the connection breaks, None: it holds. .ranges: how many
    requests asked for a range."""

    def __init__(self, port):
        proxy = self
        self.cut, self.ranges = None, 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self, body=None):
                proxy.ranges += "Range" in self.headers
                kind = {"Content-Type": self.headers.get("Content-Type", "")} if body else {}
                request = urllib.request.Request(f"http://127.0.0.1:{port}{self.path}", body, kind)
                try:
                    with urllib.request.urlopen(request, timeout=20) as r:
                        status, data = r.status, r.read()
                except urllib.error.HTTPError as e:
                    status, data = e.code, b""
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if proxy.cut is not None and len(data) > proxy.cut:
                    data = data[:proxy.cut]
                    self.close_connection = True
                try:
                    self.wfile.write(data)
                except OSError:
                    self.close_connection = True

            def do_GET(self):
                self.pass_on()

            def do_POST(self):
                self.pass_on(self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        self.port = free_port()
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
