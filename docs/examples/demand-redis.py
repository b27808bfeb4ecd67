#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Demand for provisiond out of Redis lists: answers GET /NAME with {"pending": N, "claimed": N}, the lengths of the lists
NAME:pending and NAME:claimed, read by redis-cli. Listens on loopback.

    docs/examples/demand-redis.py 8099
    in the workerType:  "demandUrl": "http://127.0.0.1:8099/{workerType}", "demandClaimed": "/claimed"
"""
import http.server
import json
import re
import subprocess
import sys

NAME = re.compile(r"/([A-Za-z0-9_-]{1,38})")


def length(name):
    done = subprocess.run(["redis-cli", "--raw", "LLEN", name], check=True, capture_output=True, text=True, timeout=5)
    return int(done.stdout)  # no number is an error, and an error is no answer: unknown is never zero


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # noqa: N802
        match = NAME.fullmatch(self.path)
        try:
            counts = {part: length(f"{match.group(1)}:{part}") for part in ("pending", "claimed")} if match else None
        except (OSError, ValueError, subprocess.SubprocessError) as reason:
            self.send_error(503, str(reason)[:100])
            return
        if counts is None:
            self.send_error(404)
            return
        body = json.dumps(counts).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
