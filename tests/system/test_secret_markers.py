#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""Secrets as marker strings, while everything fails that can: they are in nothing that the daemon, its workers or its
subscribers write, print or publish. With the control: the same search finds what must be found. (As systemd hands them
over, in a booted Debian: tests/container/run.py.)"""
import base64
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World, simple_type  # noqa: E402
from processes import BUILD, Stream  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402
from status_stream import Program  # noqa: E402

KEY = "MARKERdeployment-key-of-more-than-32-bytes"
SECRETS = {"AWS secret key": "MARKERaws-secret-access-key", "queue's access token": "MARKERqueue-access-token", "deployment key": KEY,
           "demand's authorization": "MARKERdemand-authorization", "definition's secrets": "MARKERdefinition-secret",
           "webhook's URL": "MARKERwebhook-path", "dashboard's token": "MARKERdashboard-token-that-is-long"}
FAST = {"bootTime": 0.5, "firstClaimAfter": 0.1, "idleAfter": 3600, "needsRegistration": True}
FAULTS = [{"match": {"action": "RunInstances", "workerType": "beta"},
           "effect": {"error": {"code": "UnauthorizedOperation", "httpStatus": 403, "message": "no"}}},
          {"match": {"action": "RunInstances", "workerType": "alpha"}, "times": 1, "effect": {"reset": "after"}},
          {"match": {"action": "counts"}, "times": 3,
           "effect": {"error": {"code": "AuthenticationFailed", "httpStatus": 401, "message": "Bad mac"}}},
          {"match": {"action": "createWorker"}, "times": 2,
           "effect": {"error": {"code": "InternalServerError", "httpStatus": 500, "message": "no"}}},
          {"match": {"action": "createWorker"}, "times": 1, "effect": {"reset": "after"}},
          {"match": {"action": "DescribeInstances"}, "times": 2,
           "effect": {"error": {"code": "AuthFailure", "httpStatus": 401, "message": "no"}}}]


class Elsewhere:
    """A demand source that refuses with the header in its body, and a webhook that fails: what they get is theirs."""

    def __init__(self):
        here = self
        self.demands, self.hooks = [], []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                here.demands.append(self.headers.get("Authorization"))
                self.answer(403, json.dumps({"error": f"who is {here.demands[-1]}?"}))

            def do_POST(self):  # noqa: N802
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                here.hooks.append(self.path)
                self.answer(500, self.path)

            def answer(self, status, text):
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def write(path, text):
    path.touch(0o600)
    path.write_text(text + "\n")


def secret_world(elsewhere):
    access = "AKIASIMCLOUD00000001"
    scenario = {"queues": {name: {} for name in ("alpha", "beta", "gamma")}, "workers": FAST, "faults": FAULTS,
                "credentials": [{"accessKeyId": access, "secretAccessKey": SECRETS["AWS secret key"]}],
                "clients": [{"clientId": "simcloud", "accessToken": SECRETS["queue's access token"], "scopes": ["*"]}]}
    world = World(scenario, [], deploymentId=f"secrets-{os.getpid()}", logLevel="debug", preflight=False, grace="2s",
                  registration="static", deploymentKeyFile="deployment.key", journal="on",
                  environment={"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": SECRETS["AWS secret key"],
                               "TASKCLUSTER_ACCESS_TOKEN": SECRETS["queue's access token"]})
    world.types = [simple_type("alpha", secrets={"password": SECRETS["definition's secrets"]}), simple_type("beta"),
                   simple_type("gamma", demandUrl=elsewhere.url + "/{workerType}",
                               demandAuthorizationFile=str(world.folder / "authorization"))]
    for name, text in (("authorization", "Bearer " + SECRETS["demand's authorization"]), ("deployment.key", KEY),
                       ("url", elsewhere.url + "/" + SECRETS["webhook's URL"]), ("token", SECRETS["dashboard's token"]),
                       ("notifier.json", json.dumps({"runDir": "run", "stateFile": "notifier-state.json", "webhookUrlFile": "url",
                                                     "attempts": 2, "retryFirst": "100ms"}))):
        path = world.folder / name
        path.touch(0o600)
        path.write_text(text + "\n")
    return world


def made_of_the_key(world):
    """The secrets of every launch that was asked for, and of every instance."""
    made = {}
    for token in {line["params"]["token"] for line in world.launch_requests()}:
        made[f"secret of {token}"] = hmac.new(KEY.encode(), token.encode(), hashlib.sha256).hexdigest()
    for row in world.cloud.ask("/_sim/instances"):
        mac = hmac.new(made[f"secret of {row['token']}"].encode(), row["id"].encode(), hashlib.sha256).digest()
        made[f"secret of {row['id']}"] = base64.urlsafe_b64encode(mac).decode()[:42]  # the last sign is another alphabet's
    return made


def hits(texts, secrets):
    """Each secret as it is, and in base64 wherever it may begin."""
    found = []
    for name, secret in secrets.items():
        forms = {secret.encode()} | {base64.b64encode(b"x" * shift + secret.encode())[(0, 2, 3)[shift]:-4]
                                     for shift in range(3)}
        found += [f"{name} in {where}" for where, text in texts.items() if any(form in text for form in forms)]
    return found


def all_fails(world, elsewhere):
    """Everything that the faults name has happened, and then all went well."""
    for name in ("alpha", "beta"):
        world.add_tasks(name, 1)
    world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the task to run")
    world.until(lambda: world.launch_requests("beta"), "a refused launch")
    world.until(lambda: elsewhere.demands and elsewhere.hooks, "the demand source and the webhook to be asked")


def processes(world):
    """The supervisor and all its children."""
    first = world.daemon.child.pid
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    return [first, *map(int, children)]


def printed(world, *words):
    done = subprocess.run([str(BUILD / "provisionctl"), "--run-dir", str(world.folder / "run"), *words], capture_output=True,
                          timeout=60, check=False)
    return done.stdout + done.stderr


def places(world, subscribers, stream):
    """{where: bytes} of all that was written, printed or published."""
    texts = {"the status stream": json.dumps([stream.last, stream.notes]).encode(), "backup": b""}
    printed(world, "backup", str(world.folder / "state/backup.db"))
    own = {world.folder / name for name in ("authorization", "deployment.key", "url", "token", "scenario.json")}
    for path in world.folder.rglob("*"):
        if path.is_file() and path not in own and path.parent.name != "workertypes.d":
            texts[str(path.relative_to(world.folder))] = path.read_bytes()
    texts["backup"] = texts["state/backup.db"]
    for words in (("status",), ("status", "--json"), ("status", "gamma"), ("alarms", "--all"), ("events", "--json", "--last", "1000"),
                  ("history", "alpha"), ("show", "alpha"), ("top", "--once"), ("dryrun",),
                  *(("explain", name, "--json") for name in ("alpha", "beta", "gamma"))):
        texts["provisionctl " + " ".join(words)] = printed(world, *words)
    for name, program in subscribers.items():
        texts[f"log of {name}"] = "\n".join(program.read()).encode()
    for name, path in (("metrics", "/metrics"), ("web", "/"), ("web", "/api/history?type=alpha"), ("web", "/api/explain?type=alpha"),
                       ("web", "/api/revisions?type=alpha")):
        address = subscribers[name].wait_line(f"{name}.ready").split("listen=")[1].split()[0]
        with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(f"http://{address}{path}", timeout=60) as answer:
            texts[f"{name} {path}"] = answer.read()
    return texts


def of_processes(pids):
    return {f"{what} of {pid}": Path(f"/proc/{pid}/{what}").read_bytes() for pid in pids for what in ("cmdline", "environ")}


def b54_secrets_are_nowhere(tap):
    with Elsewhere() as elsewhere, secret_world(elsewhere) as world:
        run = world.folder / "run"
        world.until(lambda: (run / "status.sock").exists(), "the daemon")
        stream = Stream(run)
        listening = ("--run-dir", run, "--listen", "127.0.0.1:0")
        with Program("provisiond-web", *listening, "--token-file", world.folder / "token") as web, \
                Program("provisiond-metrics", *listening) as metrics, \
                Program("provisiond-notifier", "--config", world.folder / "notifier.json") as notifier:
            subscribers = {"web": web, "metrics": metrics, "notifier": notifier}
            all_fails(world, elsewhere)
            stream.listen(1)
            secrets = {**SECRETS, **made_of_the_key(world)}
            texts = places(world, subscribers, stream)
            pids = processes(world)
            texts.update(of_processes(pids[1:] + [program.process.pid for program in subscribers.values()]))
            found = hits(texts, secrets)
            tap.check(not found, f"B54: none of {len(secrets)} secrets is in any of {len(texts)} places", "\n".join(found))
            for where in sorted(texts):
                print(f"# {where}: {len(texts[where])} bytes")
            empty = [where for where, text in texts.items() if not text and not where.endswith((".lock", ".log"))]
            tap.check(not empty, "and each of them had something to search", empty)
            must = ["state/ledger.db", "state/ledger.db-wal", "provisiond.log", "journal.jsonl", "notifier-state.json", "backup"]
            tap.check(not [name for name in must if name not in texts], "ledger, write-ahead log, log, journal, the notifier's state "
                      "and a backup among them", sorted(texts))
            modes = [(path.name, oct(path.stat().st_mode)) for path in (world.folder / "state").iterdir() if path.stat().st_mode & 0o077]
            tap.check(not modes, "state files are for their owner only", modes)
            control = {"grants": world.launch_requests()[0]["params"]["token"]}
            tap.check(len(hits(texts, control)) >= 2, "the same search finds a grant's token (control)", hits(texts, control))


if __name__ == "__main__":
    sys.exit(Tap().run(b54_secrets_are_nowhere))
