#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The simulated Taskcluster queue and worker-manager, asked with Hawk headers that are made
here from the protocol's own text, not by the project's code."""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from simcloud import ACCESS_TOKEN, CLIENT_ID, Sim, Tap  # noqa: E402

tap = Tap()
QUEUE, MANAGER = "/api/queue/v1", "/api/worker-manager/v1"
SCENARIO = {
    "throttle": False,
    "checkSignatures": True,
    "clients": [
        {"clientId": CLIENT_ID, "accessToken": ACCESS_TOKEN, "scopes": ["*"]},
        {"clientId": "narrow", "accessToken": "narrow-token", "scopes": ["queue:pending-count:sim/alpha"]},
        {"clientId": "gone", "accessToken": "gone-token", "scopes": ["*"], "expiresAt": 0}],
    "workers": {"bootTime": 1, "firstClaimAfter": 1, "idleAfter": 100000},
    "queues": {"alpha": {"arrivals": [{"kind": "fixed", "pending": 12, "duration": 100000}]},
               "static": {"workers": {"needsRegistration": True},
                          "arrivals": [{"kind": "fixed", "pending": 1, "duration": 100000}]}},
}


def mac(key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def hawk(sim, method, path, client=CLIENT_ID, token=ACCESS_TOKEN, at=None, ext=None):
    ts = str(int(time.time() if at is None else at))
    nonce = base64.urlsafe_b64encode(os.urandom(6)).decode()
    text = "\n".join(["hawk.1.header", ts, nonce, method, path, "127.0.0.1", str(sim.port), "", ext or "", ""])
    header = f'Hawk id="{client}", ts="{ts}", nonce="{nonce}", mac="{mac(token, text)}"'
    return {"Authorization": header + (f', ext="{ext}"' if ext else "")}


def ask(sim, path, method="GET", body=None, **more):
    """Status and decoded body of a signed request."""
    status, _, text = sim.request(method, path, body, hawk(sim, method, path, **more))
    return status, json.loads(text)


def temporary(scopes, issuer=CLIENT_ID, issuer_token=ACCESS_TOKEN, name=None, expiry=3600, spoil=False):
    """A temporary credential: client id, access token and the ext that carries its certificate."""
    seed = base64.urlsafe_b64encode(os.urandom(33)).decode()
    start, end = int((time.time() - 60) * 1000), int((time.time() + expiry) * 1000)
    lines = ["version:1"] + ([f"clientId:{name}", f"issuer:{issuer}"] if name else [])
    lines += [f"seed:{seed}", f"start:{start}", f"expiry:{end}", "scopes:"] + scopes
    signature = mac(issuer_token + ("x" if spoil else ""), "\n".join(lines))
    certificate = {"version": 1, "scopes": scopes, "start": start, "expiry": end, "seed": seed,
                   "signature": signature, **({"issuer": issuer} if name else {})}
    token = mac(issuer_token, seed).replace("+", "-").replace("/", "_").rstrip("=")
    return name or issuer, token, certificate


def ext_of(**fields):
    return base64.b64encode(json.dumps(fields).encode()).decode()


def check(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


@tap.test
def ping(sim):
    """ping needs no credentials"""
    status, headers, body = sim.request("GET", QUEUE + "/ping")
    check((status, json.loads(body)), (200, {"alive": True}))
    assert headers["Date"] and "application/json" in headers["Content-Type"]


@tap.test
def counts(sim):
    """counts answers pending and claimed tasks, the slash of the queue's name encoded or plain"""
    wanted = {"provisionerId": "sim", "workerType": "alpha", "taskQueueId": "sim/alpha", "pendingTasks": 12,
              "claimedTasks": 0}
    for name in ["sim%2Falpha", "sim/alpha"]:
        check(ask(sim, f"{QUEUE}/task-queues/{name}/counts"), (200, wanted))
        old = {key: value for key, value in wanted.items() if key != "claimedTasks"}
        check(ask(sim, f"{QUEUE}/pending/{name}"), (200, old))
    check(ask(sim, f"{QUEUE}/task-queues/sim%2Fnobody/counts")[1]["pendingTasks"], 0)


@tap.test
def pending_pages(sim):
    """the pending list is paged, oldest first, every task once"""
    path, rows, token = f"{QUEUE}/task-queues/sim%2Falpha/pending?limit=5", [], ""
    sizes = []
    while token is not None:
        status, body = ask(sim, path + token)
        check(status, 200)
        sizes.append(len(body["tasks"]))
        rows += body["tasks"]
        token = body.get("continuationToken")
        token = f"&continuationToken={token}" if token else None
    check(sizes, [5, 5, 2])
    check(len({row["taskId"] for row in rows}), 12)
    check(sorted(row["inserted"] for row in rows), [row["inserted"] for row in rows])
    check((rows[0]["runId"], rows[0]["task"]["workerType"], len(rows[0]["taskId"])), (0, "alpha", 22))


@tap.test
def scopes(sim):
    """without Authorization, or with a scope missing, the answer is 403 InsufficientScopes"""
    path = f"{QUEUE}/task-queues/sim%2Falpha/counts"
    status, _, body = sim.request("GET", path)
    body = json.loads(body)
    check((status, body["code"]), (403, "InsufficientScopes"))
    assert "message" in body and "requestInfo" in body
    narrow = dict(client="narrow", token="narrow-token")
    check(ask(sim, path, **narrow)[0], 403)
    check(ask(sim, f"{QUEUE}/pending/sim%2Falpha", **narrow)[0], 200)
    check(ask(sim, f"{QUEUE}/pending/sim%2Fstatic", **narrow)[0], 403)
    check(ask(sim, f"{QUEUE}/task-queues/sim%2Falpha/claimed", **narrow)[0], 403)


@tap.test
def authentication(sim):
    """wrong keys, unknown and expired clients and spoilt headers are 401; replayed nonces are accepted"""
    path = f"{QUEUE}/task-queues/sim%2Falpha/counts"
    status, body = ask(sim, path, token="wrong")
    check((status, body["code"], body["message"]), (401, "AuthenticationFailed", "Bad mac"))
    check(ask(sim, path, client="nobody")[0], 401)
    check(ask(sim, path, client="gone", token="gone-token")[0], 401)
    for header in ["Hawk", "Basic abc", 'Hawk id="x"', 'Hawk id="x" ts=1']:
        check(sim.request("GET", path, None, {"Authorization": header})[0], 401)
    once = hawk(sim, "GET", path)
    check([sim.request("GET", path, None, once)[0] for _ in range(2)], [200, 200])
    check(sim.request("GET", path + "?x=1", None, once)[0], 401)


@tap.test
def clock_skew(sim):
    """a clock 14 minutes off is accepted, 16 minutes are not; the hint has a tsm only when asked for"""
    path = f"{QUEUE}/task-queues/sim%2Falpha/counts"
    now = time.time()
    check([ask(sim, path, at=now + 60 * m)[0] for m in (-16, -14, 14, 16)], [401, 200, 200, 401])
    check(ask(sim, path, at=now - 1000)[1]["message"], "Stale timestamp")
    status, headers, _ = sim.request("GET", path, None, hawk(sim, "GET", path, at=now - 1000))
    check((status, headers["WWW-Authenticate"]), (401, None))
    for hint, right in [(True, True), ("forged", False)]:
        sim.set(hawkTimestampHint=hint)
        text = sim.request("GET", path, None, hawk(sim, "GET", path, at=now - 1000))[1]["WWW-Authenticate"]
        fields = dict(part.split("=", 1) for part in text[len("Hawk "):].split(", "))
        ts, tsm = fields["ts"].strip('"'), fields["tsm"].strip('"')
        check(mac(ACCESS_TOKEN, f"hawk.1.ts\n{ts}\n") == tsm, right)
    sim.set(hawkTimestampHint=False)


@tap.test
def temporary_credentials(sim):
    """temporary credentials work, named or not; expired, forged and overreaching ones are refused"""
    path = f"{QUEUE}/pending/sim%2Falpha"

    def use(**more):
        client, token, certificate = temporary(**more)
        return ask(sim, path, client=client, token=token, ext=ext_of(certificate=certificate))[0]

    check(use(scopes=["queue:pending-count:sim/*"]), 200)
    check(use(scopes=["queue:pending-count:sim/*"], name="temp/one"), 200)
    check(use(scopes=["queue:other"]), 403)
    check(use(scopes=["queue:*"], expiry=-10), 401)
    check(use(scopes=["queue:*"], spoil=True), 401)
    check(use(scopes=["queue:*"], issuer="narrow", issuer_token="narrow-token"), 401)
    client, token, certificate = temporary(["queue:*"])
    check(ask(sim, path, client=client, token=token,
              ext=ext_of(certificate=json.dumps(certificate)))[0], 200)
    check(ask(sim, path, ext=ext_of(authorizedScopes=["queue:pending-count:sim/alpha"]))[0], 200)
    check(ask(sim, path, ext=ext_of(authorizedScopes=["queue:other"]))[0], 403)
    check(ask(sim, path, client="narrow", token="narrow-token", ext=ext_of(authorizedScopes=["*"]))[0], 401)


@tap.test
def claiming(sim):
    """running instances claim the oldest tasks up to their capacity, and are named in the claimed list"""
    client = sim.boto()
    launched = client.run_instances(
        ImageId="ami-00000001", InstanceType="m5.large", MinCount=2, MaxCount=2,
        UserData=json.dumps({"workerType": "alpha", "capacity": 3}))["Instances"]
    sim.wait_for(lambda state: state["types"]["alpha"]["claimed"] == 6)
    check(ask(sim, f"{QUEUE}/task-queues/sim%2Falpha/counts")[1]["claimedTasks"], 6)
    status, body = ask(sim, f"{QUEUE}/task-queues/sim%2Falpha/claimed?limit=4")
    check((status, len(body["tasks"])), (200, 4))
    rest = ask(sim, f"{QUEUE}/task-queues/sim%2Falpha/claimed?continuationToken={body['continuationToken']}")[1]
    rows = body["tasks"] + rest["tasks"]
    check({row["workerId"] for row in rows}, {row["InstanceId"] for row in launched})
    check({row["workerGroup"] for row in rows}, {"us-east-1"})
    assert all(row["claimed"] and row["task"] for row in rows)
    truth = sim.state()["types"]["alpha"]
    check((truth["pending"], truth["claims"], truth["units"]), (6, 6, 6))


@tap.test
def static_workers(sim):
    """worker-manager's static workers: PUT once, GET, DELETE; a type may need it before it claims"""
    client = sim.boto()
    (row,) = client.run_instances(
        ImageId="ami-00000001", InstanceType="m5.large", MinCount=1, MaxCount=1, TagSpecifications=[
            {"ResourceType": "instance", "Tags": [{"Key": "provisiond:type", "Value": "static"}]}])["Instances"]
    path = f"{MANAGER}/workers/sim%2Fstatic/us-east-1/{row['InstanceId']}"
    sim.wait_for(lambda state: state["types"]["static"]["ready"] == 1)
    check(sim.state()["types"]["static"]["claims"], 0)
    body = {"expires": "2030-01-01T00:00:00.000Z", "capacity": 1, "providerInfo": {"staticSecret": "s" * 44}}
    check(ask(sim, path, "PUT", {"expires": "x"})[0], 400)
    check(ask(sim, path, "PUT", body, client="narrow", token="narrow-token")[0], 403)
    check(ask(sim, path, "PUT", body)[0], 200)
    check(ask(sim, path, "PUT", body)[0], 409)
    check(ask(sim, path)[0], 200)
    sim.wait_for(lambda state: state["types"]["static"]["claims"] == 1)
    check(ask(sim, path, "DELETE")[0], 200)
    check(ask(sim, path)[0], 404)
    assert "s" * 44 not in sim.journal_path.read_text()


@tap.test
def older_deployments(sim):
    """routes can be missing, and counts can be as old as a cache"""
    path = f"{QUEUE}/task-queues/sim%2Falpha/counts"
    sim.set(routes={"counts": False, "claimed": False})
    check(ask(sim, path)[0], 404)
    check(ask(sim, f"{QUEUE}/task-queues/sim%2Falpha/claimed")[0], 404)
    check(ask(sim, f"{QUEUE}/pending/sim%2Falpha")[0], 200)
    sim.set(routes={"counts": True, "claimed": True}, countsCacheAge=3600)
    before = ask(sim, path)[1]["pendingTasks"]
    sim.tasks("alpha", 5, 100000)
    check(ask(sim, path)[1]["pendingTasks"], before)
    sim.set(countsCacheAge=0)
    check(ask(sim, path)[1]["pendingTasks"], before + 5)


@tap.test
def queue_faults(sim):
    """queue answers can be scripted: errors in Taskcluster's shape, foreign bodies, one queue only"""
    path = f"{QUEUE}/task-queues/sim%2Falpha/counts"
    other = f"{QUEUE}/task-queues/sim%2Fstatic/counts"
    sim.fault({"error": {"code": "InternalServerError", "httpStatus": 500}},
              {"action": "counts", "workerType": "alpha"}, times=1)
    check(ask(sim, other)[0], 200)
    status, body = ask(sim, path)
    check((status, body["code"]), (500, "InternalServerError"))
    check(ask(sim, path)[0], 200)
    sim.fault({"body": {"status": 200, "contentType": "application/json", "text": '{"pendingTasks": -1}'}},
              {"action": "counts"}, times=1)
    check(ask(sim, path), (200, {"pendingTasks": -1}))
    sim.clear_faults()


@tap.test
def lost_claims(sim):
    """a dead instance's tasks stay claimed until the claim runs out, and are then pending again"""
    sim.set(claimExpiry=5)
    before = sim.state()["types"]["alpha"]
    check(sim.kill(workerType="alpha"), 2)
    check(sim.state()["types"]["alpha"]["claimed"], before["claimed"])
    state = sim.wait_for(lambda state: state["types"]["alpha"]["claimed"] == 0)
    check(state["types"]["alpha"]["pending"], before["pending"] + before["claimed"])
    check(len(sim.journal("task", event="lost", type="alpha")), before["claimed"])


if __name__ == "__main__":
    with Sim().start(SCENARIO) as simulator:
        sys.exit(tap.run(simulator))
