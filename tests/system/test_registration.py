#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""Registration with worker-manager by its static provider: a real daemon, simulated instances that take work only once
they are registered, and routes that fail, lose answers, and know the worker already."""
import base64
import hashlib
import hmac
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from control_client import ask  # noqa: E402
from harness import ROOT, Tap, World, simple_type  # noqa: E402
from processes import BUILD, Daemon  # noqa: E402

KEY = "MARKERkey-of-more-than-thirty-two-bytes"
WORKERS = {"bootTime": 1, "firstClaimAfter": 1, "idleAfter": 3600, "needsRegistration": True}


def world(tasks=2, key=KEY, **scenario):
    scenario = {"queues": {"alpha": {"arrivals": [{"kind": "fixed", "pending": tasks, "duration": 3600}],
                                     "workers": WORKERS}}, **scenario}
    made = World(scenario, [simple_type("alpha")], deploymentId=f"registration-{os.getpid()}", registration="static",
                 deploymentKeyFile="deployment.key", grace="2s")
    (made.folder / "deployment.key").write_text(key + "\n")
    return made


def requests(world, action):
    return [line for line in world.journal("request", action)]


def good(world, action="createWorker"):
    return [line for line in requests(world, action) if line["status"] == 200]


def instances(world):
    return [row["id"] for row in world.cloud.ask("/_sim/instances")]


def instances_are_registered(tap):
    with world() as here:
        here.until(lambda: len(good(here)) == 2, "both instances to be registered")
        tap.check(True, "each launched instance is registered")
        here.until(lambda: here.cloud.state()["types"]["alpha"]["claimed"] == 2, "both tasks at work")
        tap.check(True, "and takes work, which it does only then")
        here.until_polled(2)
        tap.check(len(requests(here, "createWorker")) == 2, "and once only", requests(here, "createWorker"))
        texts = (here.folder / "provisiond.log").read_text(errors="replace") + "".join(
            path.read_bytes().decode(errors="replace") for path in (here.folder / "state").iterdir())
        tap.check(KEY not in texts and not re.search(r"grantSecret|staticSecret", texts),
                  "neither key nor secret is in the log or the ledger")


def failures_are_repeated(tap):
    faults = [{"match": {"action": "createWorker"}, "times": 3, "effect": {"error": {"code": "InternalServerError",
               "message": "no", "httpStatus": 500}}},
              {"match": {"action": "createWorker"}, "times": 1, "effect": {"reset": "after"}}]
    with world(faults=faults) as here:
        here.until(lambda: here.launch_requests("alpha"), "launches")
        here.until(lambda: len([1 for line in requests(here, "createWorker") if line["status"] in (200, 409)]) >= 2,
                   "both to be registered after 5xx and a lost answer")
        statuses = sorted(line["status"] for line in requests(here, "createWorker"))
        tap.check(statuses.count(500) == 3, "a 5xx is tried again", statuses)
        here.until(lambda: any(line["status"] == 409 for line in requests(here, "createWorker")), "the 409")
        tap.check(True, "an answer that was lost leads to a 409, which is as good")


def restarts_reconcile(tap):
    with world() as here:
        here.until(lambda: len(good(here)) == 2, "both instances to be registered")
        pid = int((here.folder / "run/types/alpha.pid").read_text())
        os.kill(pid, signal.SIGHUP)
        here.until(lambda: sum(line["status"] == 409 for line in requests(here, "createWorker")) >= 2,
                   "the new worker to look at both")
        tap.check(True, "a new worker offers every instance again and takes a 409 for yes")
        launched = len(here.launch_requests("alpha"))
        here.until_polled(8)
        tap.check(len(requests(here, "createWorker")) == 4, "and does not ask again",
                  [line["status"] for line in requests(here, "createWorker")])
        tap.check(len(here.launch_requests("alpha")) == launched, "nothing was launched again")


def a_killed_daemon_leaves_nothing_unregistered(tap):
    """Killed while worker-manager hangs, one instance ends meanwhile: the next daemon knows of it only what EC2 lists."""
    hangs = {"match": {"action": "createWorker"}, "effect": {"hang": "forever", "after": False}}
    with world(faults=[hangs]) as here:
        here.until(lambda: len(instances(here)) == 2, "two instances")
        here.until_polled(2)
        tap.check(not good(here), "none is registered while worker-manager does not answer")
        here.daemon.child.kill()
        here.daemon.child.wait()
        here.daemon.log.close()
        lost, kept = sorted(instances(here))
        here.cloud.ask("/_sim/kill", {"instanceIds": [lost]})
        here.cloud.ask_delete("/_sim/fault")
        here.daemon = Daemon(here.folder / "provisiond.json", here.folder, here.folder / "run")
        here.until(lambda: here.cloud.state()["types"]["alpha"]["claimed"] == 2, "both tasks at work")
        rows = {row["id"]: row["registered"] for row in here.cloud.ask("/_sim/instances")}
        tap.check(rows[kept] and not rows[lost] and len(good(here)) == sum(rows.values()),
                  "after SIGKILL of the daemon what lives is registered, with the secret that it makes itself, and once", rows)
        here.until(lambda: requests(here, "removeWorker"), "the removal of what ended meanwhile")
        here.until_polled(4)
        tap.check(len(requests(here, "removeWorker")) == 1, "what ended meanwhile is removed, once", requests(here, "removeWorker"))


def gone_instances_are_removed(tap):
    with world(tasks=1) as here:
        here.until(lambda: len(good(here)) == 1, "the instance to be registered")
        here.cloud.ask("/_sim/kill", {"instanceIds": instances(here)})
        here.until(lambda: requests(here, "removeWorker"), "the removal")
        tap.check(True, "an instance that is gone is removed")
        here.until_polled(4)
        tap.check(len(requests(here, "removeWorker")) == 1, "and once only, while EC2 still lists it as terminated",
                  requests(here, "removeWorker"))


def launches_wait_for_nothing(tap):
    faults = [{"match": {"service": "worker-manager"}, "effect": {"hang": "forever"}}]
    with world(tasks=12, faults=faults) as here:
        here.until(lambda: len(instances(here)) >= 12, "12 instances while worker-manager hangs")
        tap.check(True, "launches go on while worker-manager does not answer")


def problems_are_told(tap):
    """A client without the scope: status, explain and an alarm say so, and all of it ends when it is given."""
    faults = [{"match": {"action": "createWorker"}, "effect": {"error": {"code": "InsufficientScopes", "message": "no",
               "httpStatus": 403}}}]
    with world(faults=faults) as here:
        def alarm():
            alarms = {(one["kind"], one["subject"]): one["text"] for one in ask(here.folder / "run", "status")["body"]["alarms"]}
            return alarms.get(("registration", "alpha"))

        def shown():
            return ask(here.folder / "run", "status", "alpha")["body"]["types"][0]
        here.until(lambda: "2 instances wait" in (alarm() or ""), "the alarm")
        row, text = shown(), alarm()
        tap.check("403 InsufficientScopes" in text, "registrations that fail are an alarm", text)
        tap.check("403 InsufficientScopes" in row["registrationProblem"] and row["registrationsOpen"]["value"] == 2,
                  "status says how many wait, and why", row)
        done = subprocess.run([str(BUILD / "provisionctl"), "--run-dir", str(here.folder / "run"), "explain", "alpha"],
                              capture_output=True, text=True, timeout=60)
        tap.check("InsufficientScopes" in done.stdout, "and so does explain", done.stdout + done.stderr)
        here.cloud.ask_delete("/_sim/fault")
        here.until(lambda: not alarm() and shown()["registrationsOpen"]["value"] == 0, "the end of the alarm", 150)
        tap.check(len(good(here)) == 2 and not shown()["registrationProblem"], "all are registered in the end, and it is over")


def a_missing_key_is_said(tap):
    made = world()
    (made.folder / "deployment.key").write_text("short\n")
    with made as here:
        here.until(lambda: "at least 32 bytes" in (here.folder / "provisiond.log").read_text(errors="replace"), "the words")
        tap.check(not here.launch_requests("alpha"), "with a key that is too short nothing is launched, and the log says why")


def the_boot_snippet_makes_the_same_secret(tap):
    """docs/examples/worker-runner-static.sh against a metadata service of ours."""
    if not shutil.which("jq"):
        tap.skip("the boot snippet makes the secret that we register", "jq is not here")
        return
    grant = hmac.new(KEY.encode(), b"pd-1-1", hashlib.sha256).hexdigest()
    answers = {"/latest/api/token": "token", "/latest/meta-data/instance-id": "i-0123456789abcdef0",
               "/latest/user-data": json.dumps({"workerRunner": {"providerType": "static", "rootURL": "https://tc",
                                                                 "providerID": "static", "workerPoolID": "p/alpha",
                                                                 "workerGroup": "us-east-1", "grantSecret": grant}})}

    class Metadata(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answers[self.path].encode())
        do_PUT = do_GET

        def log_message(self, *_):
            pass
    server = http.server.HTTPServer(("127.0.0.1", 0), Metadata)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "runner.yml"
        subprocess.run([str(ROOT / "docs/examples/worker-runner-static.sh"), str(out)], check=True, timeout=60,
                       env=dict(os.environ, METADATA_SERVICE=f"http://127.0.0.1:{server.server_port}"))
        provider = json.loads(out.read_text())["provider"]
    server.shutdown()
    mac = hmac.new(grant.encode(), b"i-0123456789abcdef0", hashlib.sha256).digest()
    expected = base64.b64encode(mac).decode().translate(str.maketrans("+/=", "-_A"))
    tap.check(provider["staticSecret"] == expected and re.fullmatch(r"[a-zA-Z0-9_-]{44}", expected),
              "the boot snippet makes the secret that we register", provider)
    tap.check("grantSecret" not in provider and provider["workerID"] == "i-0123456789abcdef0",
              "and what worker-runner's static provider reads", provider)


if __name__ == "__main__":
    sys.exit(Tap().run(instances_are_registered, failures_are_repeated, restarts_reconcile, gone_instances_are_removed,
                       a_killed_daemon_leaves_nothing_unregistered, launches_wait_for_nothing, problems_are_told,
                       a_missing_key_is_said, the_boot_snippet_makes_the_same_secret))
