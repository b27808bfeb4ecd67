# SPDX-License-Identifier: MPL-2.0
"""A scripted instance metadata service (version 2) on a free port of loopback: hands out `keys`, counts requests, hangs.

    service = Metadata(keys=("AKIDFIRST", "secret", "token"), lasts=3600)
    service.hangs = True      # from now on it takes requests and does not answer
    service.count("role")     # how often it was asked for the credentials themselves
"""
import http.server
import json
import threading
import time

ROLE = "/latest/meta-data/iam/security-credentials/"


class Metadata:
    def __init__(self, keys, lasts=3600):
        self.keys, self.lasts = keys, lasts
        self.hangs = False
        self.requests = []
        self.let_go = threading.Event()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self, text, status=200):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_PUT(self):
                self.take("token", "metadata-token" if self.path == "/latest/api/token" else None)

            def do_GET(self):
                if self.headers.get("X-aws-ec2-metadata-token") != "metadata-token":
                    self.take("refused", None)
                elif self.path == ROLE:
                    self.take("name", "role-of-the-daemon")
                else:
                    access, secret, token = outer.keys
                    self.take("role", json.dumps({
                        "Code": "Success", "AccessKeyId": access, "SecretAccessKey": secret, "Token": token,
                        "Expiration": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + outer.lasts))}))

            def take(self, what, text):
                outer.requests.append(what)
                if outer.hangs:
                    outer.let_go.wait()
                    self.close_connection = True
                elif text is None:
                    self.answer("", 401)
                else:
                    self.answer(text)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a client that gave up

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def count(self, what=None):
        return len([one for one in self.requests if what is None or one == what])

    def close(self):
        self.let_go.set()
        self.server.shutdown()
        self.server.server_close()
