#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""A real region worker against a scripted supervisor and the simulated cloud."""

import json
import os
import pathlib
import signal
import sys
import time

import zmq

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lib"))

from scripted_supervisor import DEADLINE_S, Supervisor, settings  # noqa: E402
from simcloud import Sim, Tap  # noqa: E402

tap = Tap()
REGION = "us-west-2"
SCOPE = {"instanceTypes": ["m3.large"], "types": ["alpha", "beta"]}
DEPLOYMENT = "test-deployment"


class Stage:
    """Simulator, supervisor, one region worker that has been welcomed, and the two ends of a type worker."""

    def __init__(self, scenario=None, settings_changes=None, instances=0):
        self.sim = Sim().start(scenario or {"throttle": False})
        self.supervisor = Supervisor(settings(self.sim.url, **(settings_changes or {})))
        try:
            self.ids = self.launch(instances) if instances else []
            self.worker = self.supervisor.spawn("region", REGION)
            self.worker.welcome(SCOPE)
        except Exception:
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.supervisor.__exit__()
        self.sim.stop()

    def launch(self, count, type_name="alpha", deployment=DEPLOYMENT, token=None):
        tags = {"provisiond:deployment": deployment, "provisiond:type": type_name, "provisiond:grant": "3",
                "provisiond:revision": "1", "provisiond:capacity": "2", "provisiond:incarnation": "incarnation-1"}
        answer = self.sim.boto(region=REGION).run_instances(
            MinCount=count, MaxCount=count, ImageId="ami-00000001", InstanceType="m3.large", KeyName="sim-key",
            **({"ClientToken": token} if token else {}),
            TagSpecifications=[{"ResourceType": "instance",
                                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}])
        return [instance["InstanceId"] for instance in answer["Instances"]]

    def subscribe(self, *topics):
        socket = self.supervisor.context.socket(zmq.SUB)
        socket.setsockopt(zmq.LINGER, 0)
        for topic in topics:
            socket.setsockopt(zmq.SUBSCRIBE, topic.encode())
        socket.connect(f"ipc://{self.supervisor.run_dir}/inventory-{REGION}.sock")
        return socket

    def listed(self, matches=lambda message: True):
        return self.worker.expect("LISTED", matches)


def published(socket, matches=lambda message: True, deadline_s=DEADLINE_S):
    end = time.monotonic() + deadline_s
    while socket.poll(max(0, int((end - time.monotonic()) * 1000))):
        topic, text = socket.recv_multipart()
        message = json.loads(text)
        if matches(message):
            return topic.decode(), message
    raise TimeoutError("nothing published that matches")


@tap.test
def first_listing_is_whole():
    """The first listing sends all rows, says so, and completes ticks"""
    with Stage(instances=3) as stage:
        rows = stage.worker.expect("ROWS")
        assert sorted(row["id"] for row in rows["rows"]) == sorted(stage.ids), rows
        first = rows["rows"][0]
        assert (first["type"], first["grant"], first["capacity"], first["market"]) == ("alpha", 3, 2, "on-demand")
        listed = stage.listed()
        assert listed["full"] and listed["rows"] == 3 and listed["pages"] == 1 and listed["gone"] == [], listed
        assert listed["listing"] == rows["listing"] == 1
        stage.worker.expect("BEAT")
        assert not stage.listed(lambda message: message["listing"] == 2)["full"]


@tap.test
def later_listings_send_changes():
    """Later listings send the rows that changed; foreign instances are not listed"""
    with Stage(instances=1) as stage:
        stage.listed()
        new = stage.launch(1, "beta")
        stage.launch(1, "beta", deployment="somebody-else")
        rows = stage.worker.expect("ROWS", lambda message: new[0] in [row["id"] for row in message["rows"]])
        assert all(row["id"] in new + stage.ids for row in rows["rows"]), rows
        assert stage.listed(lambda message: message["listing"] >= rows["listing"])["rows"] == 2


@tap.test
def gone_ids_are_named():
    """An id of the previous listing that is absent from this one is named as gone"""
    with Stage({"throttle": False, "workers": {"terminatedListedFor": 0.5, "shutdownTime": 0.1}}, instances=2) as stage:
        stage.listed()
        stage.sim.kill(instanceIds=stage.ids[:1])
        gone = stage.listed(lambda message: message["gone"])
        assert [instance["id"] for instance in gone["gone"]] == stage.ids[:1] and gone["rows"] == 1, gone


@tap.test
def every_type_gets_its_rows_zero_included():
    """Each type's rows are published at each listing, zero rows included, own rows only"""
    with Stage(instances=2) as stage:
        alpha = stage.subscribe("type.alpha.")
        beta = stage.subscribe("type.beta.")
        topic, message = published(alpha)
        assert topic == "type.alpha." and sorted(row["id"] for row in message["rows"]) == sorted(stage.ids), message
        first = published(beta)[1]
        assert first["rows"] == [] and first["region"] == REGION, first
        assert published(beta)[1]["listing"] > first["listing"]
        late = stage.launch(1, "undefined-type")
        other = stage.subscribe("type.undefined-type.")
        assert [row["id"] for row in published(other, lambda m: m["rows"])[1]["rows"]] == late
        for socket in (alpha, beta, other):
            socket.close()


@tap.test
def B30_pages_are_followed_to_the_end():
    """B30: pages of any size, empty ones too, are followed until there is no token"""
    with Stage(instances=5) as stage:
        stage.sim.fault({"pageSize": 2}, {"action": "DescribeInstances"})
        assert stage.listed(lambda message: message["pages"] > 1)["rows"] == 5
        stage.sim.clear_faults()
        stage.sim.fault({"pageSize": 2, "emptyPages": True}, {"action": "DescribeInstances"})
        listed = stage.listed(lambda message: message["pages"] > 3)
        assert listed["rows"] == 5, listed


@tap.test
def B30_same_token_twice_is_incomplete():
    """B30: the same token twice is an incomplete listing, the inventory stays"""
    with Stage(instances=5) as stage:
        stage.listed()
        stage.sim.fault({"pageSize": 2, "sameToken": True}, {"action": "DescribeInstances"})
        failed = stage.worker.expect("LISTING_FAILED")
        assert failed["code"] == "RepeatedToken", failed
        stage.worker.drain()
        stage.worker.expect("LISTING_FAILED")
        stage.sim.clear_faults()
        listed = stage.listed()
        assert listed["rows"] == 5 and listed["gone"] == [], listed


@tap.test
def B30_refused_token_restarts_once():
    """B30: a refused token begins the listing anew, once"""
    with Stage(instances=5) as stage:
        stage.listed()
        stage.sim.fault({"error": {"code": "InvalidNextToken", "message": "The token is invalid", "httpStatus": 400}},
                        {"action": "DescribeInstances", "page": 2}, times=1)
        stage.sim.fault({"pageSize": 3}, {"action": "DescribeInstances"})
        listed = stage.listed(lambda message: message["pages"] == 2)
        assert listed["rows"] == 5, listed
        assert not [m for m in stage.worker.drain() if m["m"] == "LISTING_FAILED"]
        assert len(stage.sim.journal("request", action="DescribeInstances", code="InvalidNextToken")) == 1
        stage.sim.clear_faults()
        stage.sim.fault({"error": {"code": "InvalidNextToken", "message": "The token is invalid", "httpStatus": 400}},
                        {"action": "DescribeInstances", "page": 2})
        stage.sim.fault({"pageSize": 3}, {"action": "DescribeInstances"})
        assert stage.worker.expect("LISTING_FAILED")["code"] == "InvalidNextToken"


@tap.test
def B01_a_failed_page_replaces_nothing():
    """B01: a listing whose second page fails replaces nothing and says why"""
    with Stage(instances=5) as stage:
        stage.listed()
        stage.sim.fault({"error": "Unavailable"}, {"action": "DescribeInstances", "page": 2})
        stage.sim.fault({"pageSize": 3}, {"action": "DescribeInstances"})
        failed = stage.worker.expect("LISTING_FAILED")
        assert failed["code"] == "Unavailable" and failed["failure"] == "no-answer", failed
        stage.worker.expect("BEAT")
        before = {m["m"] for m in stage.worker.drain()}
        stage.worker.expect("LISTING_FAILED")
        stage.sim.clear_faults()
        listed = stage.listed()
        assert listed["rows"] == 5 and listed["gone"] == [] and "ROWS" not in before, (listed, before)


@tap.test
def bodies_that_are_no_listing():
    """B31: HTML, empty, cut off and malformed answers are failed listings, never empty ones"""
    with Stage(instances=2) as stage:
        stage.listed()
        for effect in ({"html": 502}, {"html": 200}, {"empty": 503}, {"truncate": True}, {"malformed": True}):
            number = stage.sim.fault(effect, {"action": "DescribeInstances"})
            stage.worker.drain()
            stage.worker.expect("LISTING_FAILED")
            stage.sim.clear_faults(number)
            listed = stage.listed()
            assert listed["rows"] == 2 and listed["gone"] == [], (effect, listed)


@tap.test
def throttled_listings_slow_down():
    """B22: a throttled listing is class rate, and the next ones come with a growing delay; then it recovers"""
    with Stage(instances=1, settings_changes={"inventoryPoll": "100ms"}) as stage:
        stage.listed()
        number = stage.sim.fault({"error": "RequestLimitExceeded"}, {"action": "DescribeInstances"})
        first = stage.worker.expect("LISTING_FAILED")
        assert first["failure"] == "rate", first
        second = stage.worker.expect("LISTING_FAILED")
        assert second["beganWall"] - first["beganWall"] >= 900, (first, second)
        stage.sim.clear_faults(number)
        assert stage.listed()["rows"] == 1


@tap.test
def a_hanging_page_ends_at_its_limit():
    """A page that hangs ends at its limit, completes the tick, and the next listing works"""
    with Stage(instances=1, settings_changes={"describeLimit": "2s", "connectLimit": "1s"}) as stage:
        stage.listed()
        number = stage.sim.fault({"hang": "forever"}, {"action": "DescribeInstances"})
        failed = stage.worker.expect("LISTING_FAILED")
        assert failed["failure"] == "no-answer", failed
        stage.worker.expect("BEAT")
        stage.sim.clear_faults(number)
        assert stage.listed()["rows"] == 1


@tap.test
def without_credentials_it_lives_and_says_so():
    """Without credentials listings fail with a sentence, and ticks go on"""
    with Sim().start({"throttle": False}) as sim:
        with Supervisor(settings(sim.url, tick="200ms"), {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                                          "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent/credentials"}) as supervisor:
            worker = supervisor.spawn("region", REGION)
            worker.welcome(SCOPE)
            failed = worker.expect("LISTING_FAILED")
            assert failed["failure"] == "credentials" and failed["message"], failed
            assert worker.expect("BEAT")["tick"] < worker.expect("BEAT")["tick"]


@tap.test
def prices_reach_supervisor_and_types():
    """Spot prices of the scope's instance types reach the supervisor and the type workers"""
    with Stage({"throttle": False, "regions": {REGION: {"prices": {"m3.large": 0.0421, "us-west-2b/m3.large": None}}}}
               ) as stage:
        socket = stage.subscribe("prices.")
        prices = stage.worker.expect("PRICES")
        found = {price["zone"]: price["price"] for price in prices["prices"]}
        assert found["us-west-2a"] == 42100 and "us-west-2b" not in found, prices
        assert all(price["instanceType"] == "m3.large" for price in prices["prices"])
        assert published(socket)[1]["region"] == REGION
        stage.worker.send("SCOPE", definition=json.dumps({"instanceTypes": ["c3.large"], "types": ["gamma"]}))
        stage.worker.expect("PRICES", lambda m: {price["instanceType"] for price in m["prices"]} == {"c3.large"})
        gamma = stage.subscribe("type.gamma.")
        assert published(gamma)[1]["rows"] == []
        socket.close()
        gamma.close()


@tap.test
def only_ours_are_terminated():
    """B09: an order terminates what carries our tags and the type's, and nothing else"""
    with Stage(instances=2) as stage:
        stage.listed()
        foreign = stage.launch(1, "alpha", deployment="somebody-else")
        other_type = stage.launch(1, "beta")
        asked = [stage.ids[0], foreign[0], other_type[0], "i-00000000000000000"]
        stage.worker.send("TERMINATE", order=9, cause="boot-limit", type="alpha",
                          instances=[{"id": i, "code": ""} for i in asked])
        done = stage.worker.expect("TERMINATED", lambda message: message["order"] == 9)
        codes = {instance["id"]: instance["code"] for instance in done["instances"]}
        assert codes == {stage.ids[0]: "", foreign[0]: "NotOurs", other_type[0]: "NotOurs",
                         "i-00000000000000000": "NotOurs"}, codes
        state = {instance["id"]: instance["state"] for instance in stage.sim.instances()}
        assert state[stage.ids[0]] in ("shutting-down", "terminated"), state
        assert all(state[i] in ("pending", "running") for i in foreign + other_type + stage.ids[1:]), state


@tap.test
def unread_tags_terminate_nobody():
    """When the tags cannot be read, nobody is terminated and the code says why"""
    with Stage(instances=1) as stage:
        stage.listed()
        stage.sim.fault({"error": "Unavailable"}, {"action": "DescribeInstances"})
        stage.worker.send("TERMINATE", order=1, cause="stopped", type="", instances=[{"id": stage.ids[0], "code": ""}])
        done = stage.worker.expect("TERMINATED")
        assert done["instances"][0]["code"] == "Unavailable", done
        assert not stage.sim.journal("request", action="TerminateInstances")
        stage.sim.clear_faults()
        stage.worker.send("TERMINATE", order=2, cause="stopped", type="", instances=[{"id": stage.ids[0], "code": ""}])
        assert stage.worker.expect("TERMINATED")["instances"][0]["code"] == ""


@tap.test
def look_ups_by_token():
    """A look-up by client token gives its rows, an unknown token none, a failed look-up says that nothing is known"""
    with Stage() as stage:
        ids = stage.launch(2, token="the-token")
        socket = stage.supervisor.context.socket(zmq.DEALER)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.ROUTING_ID, b"abcdef01")
        socket.connect(f"ipc://{stage.supervisor.run_dir}/lookup-{REGION}.sock")

        def ask(number, token, kind="client-token"):
            socket.send(json.dumps({"m": "LOOKUP", "id": number, "kind": kind, "argument": token}).encode())
            assert socket.poll(DEADLINE_S * 1000), "no answer"
            answer = json.loads(socket.recv())
            assert answer["id"] == number, answer
            return answer

        found = ask(1, "the-token")
        assert found["known"] and sorted(row["id"] for row in found["rows"]) == sorted(ids), found
        unknown = ask(2, "never-used")
        assert unknown["known"] and unknown["rows"] == [] and unknown["code"] == "" and unknown.get("items", "") == "", unknown
        assert not ask(3, "the-token", kind="odd")["known"]
        stage.sim.fault({"error": "Unavailable"}, {"action": "DescribeInstances"})
        failed = ask(4, "the-token")
        assert not failed["known"] and failed["code"] == "Unavailable" and failed["rows"] == [], failed
        socket.close()


@tap.test
def the_catalogue_is_asked_in_one_for_all():
    """Questions of many types about the catalogue become one call, and what is known is not asked again"""
    peers = []

    def calls(stage):
        return sum(stage.sim.state()["requests"].get("DescribeImages", {}).values())

    def ask(socket, *names):
        socket.send(json.dumps({"m": "LOOKUP", "id": 7, "kind": "images", "argument": json.dumps(names)}).encode())

    def told(socket):
        assert socket.poll(DEADLINE_S * 1000), "no answer"
        answer = json.loads(socket.recv())
        assert answer["known"], answer
        return json.loads(answer["items"])

    with Stage() as stage:
        stage.sim.fault({"slowMs": 1000}, {"action": "DescribeImages"}, times=1)
        try:
            for number in range(8):
                peers.append(stage.supervisor.context.socket(zmq.DEALER))
                peers[-1].setsockopt(zmq.LINGER, 0)
                peers[-1].setsockopt(zmq.ROUTING_ID, f"abcdef{number:02}".encode())
                peers[-1].connect(f"ipc://{stage.supervisor.run_dir}/lookup-{REGION}.sock")
                ask(peers[-1], "ami-00000001", f"ami-0000000{number + 1}", "ami-0none")
            items = [told(socket) for socket in peers]
            assert all(item["ami-00000001"]["virtualizationType"] == "hvm" and item["ami-0none"] is None
                       for item in items), items
            made = calls(stage)
            assert made <= 3, made
            for socket in peers:
                ask(socket, "ami-00000002", "ami-0none")
            assert all(told(socket)["ami-00000002"]["virtualizationType"] == "paravirtual" for socket in peers)
            assert calls(stage) == made, "known for a minute"
        finally:
            for socket in peers:
                socket.close()


@tap.test
def signals_and_lifeline():
    """Its title names the region; SIGHUP ends with 64, SIGTERM with 0, the lifeline's end of file ends it too"""
    with Stage() as stage:
        stage.listed()
        title = pathlib.Path(f"/proc/{stage.worker.process.pid}/cmdline").read_bytes().rstrip(b"\0")
        assert title == f"provisiond-worker region {REGION}".encode(), title
        stage.worker.signal(signal.SIGHUP)
        assert stage.worker.wait() == 64
        for end in ("term", "lifeline"):
            worker = stage.supervisor.spawn("region", REGION)
            worker.welcome(SCOPE)
            worker.expect("LISTED")
            if end == "term":
                worker.signal(signal.SIGTERM)
            else:
                os.close(worker.lifeline)
                worker.lifeline = None
            assert worker.wait() == 0


sys.exit(tap.run())
