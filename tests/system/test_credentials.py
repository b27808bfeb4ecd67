#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 500
"""AWS credentials that end at the worst moments: in the middle of a scan, while a launch is in flight, while the metadata
service is silent; a clock ten minutes off; a helper that is killed. A real daemon, a scripted metadata service, and a
simulated EC2 that checks signatures, session tokens and expiry. Never a wrong launch, never half a listing, one line of
status, and recovery without anybody."""
import json
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from harness import Tap, World as AnyWorld, simple_type  # noqa: E402
from control_client import ask  # noqa: E402
from metadata import Metadata  # noqa: E402

FAST = {"bootTime": 0.3, "firstClaimAfter": 0.1, "idleAfter": 3600}
PATIENCE = 120


def keys_of(number):
    return (f"AKIDKEY{number:04}", f"MARKERsecret-{number}", f"MARKERtoken-{number}")


class World(AnyWorld):
    """With a metadata service that hands out key 1, 2, ..., of which the cloud takes those that count."""

    def __init__(self, types=("alpha",), metadata=None, scenario=None, **settings):
        self.metadata, self.number = metadata or Metadata(keys_of(1)), 1
        super().__init__({"queues": {name: {} for name in types}, "workers": FAST, "throttle": False,
                          "credentials": [self.known(1)], **(scenario or {})},
                         [simple_type(name) for name in types], deploymentId=f"credentials-{os.getpid()}", lotMax=1,
                         metadataEndpoint=self.metadata.url, breakerDelay="2s", grace="2s", preflight=False,
                         environment={"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "HOME": "/nonexistent"},
                         **settings)

    def __exit__(self, *unused):
        super().__exit__()
        self.metadata.close()

    @staticmethod
    def known(number, **more):
        access, secret, token = keys_of(number)
        return {"accessKeyId": access, "secretAccessKey": secret, "sessionToken": token, **more}

    def expire(self):
        """From now on only the next keys are good."""
        old, self.number = self.number, self.number + 1
        now = self.cloud.state()["now_s"]
        self.metadata.keys = keys_of(self.number)
        self.cloud.ask("/_sim/set", {"credentials": [self.known(old, expiresAt=now), self.known(self.number)]})

    def status(self):
        return ask(self.folder / "run", "status")["body"]

    def shown(self):
        return self.status()["supervisor"]["instances"]["value"]

    def credentials(self):
        return self.status()["supervisor"]["credentials"]

    def tokens(self):
        """ClientToken -> ids, of all that was ever launched."""
        found = {}
        for row in self.cloud.ask("/_sim/instances"):
            found.setdefault(row["token"], []).append(row["id"])
        return found

    def in_ledger(self):
        database = sqlite3.connect(f"file:{self.folder}/state/ledger.db?mode=ro", uri=True, timeout=20)
        found = {row[0] for row in database.execute("SELECT id FROM instances")}
        database.close()
        return found

    def fault(self, match, effect, times=1):
        return self.cloud.ask("/_sim/fault", {"match": match, "effect": effect, "times": times})["id"]

    def struck(self, fault):
        return [line for line in self.journal("request") if line.get("fault") == fault]

    def is_held(self, seconds):
        """No listing was answered for so long, and none is when looked at again: a machine that stood still would go on."""
        looks = []
        for _ in range(4):
            looks.append(self.journal("request", "DescribeInstances")[-1]["t"])
            time.sleep(0.2)
        return len(set(looks)) == 1 and self.cloud.state()["now_s"] - looks[0] > seconds

    def until(self, condition, what, seconds=PATIENCE):
        return super().until(condition, what, seconds)

    def until_instances(self, number, name="alpha"):
        self.until(lambda: self.cloud.state()["types"][name]["claimed"] == number, f"{number} tasks of {name} at work")
        self.until(lambda: self.shown() == number, "all of them in the status")


def launches_are_right(here, tap, number, sentence):
    tokens = here.tokens()
    ids = {one for some in tokens.values() for one in some}
    here.until(lambda: ids <= here.in_ledger(), "the ledger to know all instances")
    tap.check(len(ids) == number and all(len(some) == 1 for some in tokens.values()),
              f"{sentence}: {number} instances, each token one, the ledger knows all", tokens)


def a_scan_outlives_its_credentials(tap):
    with World(scenario={"faults": [{"match": {"action": "DescribeInstances"}, "effect": {"pageSize": 1}}]}) as here:
        here.add_tasks("alpha", 3)
        here.until_instances(3)
        # The second of three pages is held (EC2 has taken its signature), the credentials end, the third is refused. The
        # first fault that fits is applied, so the one that makes small pages gives way to the other and comes back.
        here.cloud.ask_delete("/_sim/fault/1")
        number = here.fault({"action": "DescribeInstances", "page": 2}, {"hang": 6, "pageSize": 1})
        here.fault({"action": "DescribeInstances"}, {"pageSize": 1}, -1)
        last = len(here.journal("request", "DescribeInstances"))
        here.until(lambda: here.struck(number) or here.is_held(1.5), "the second page to be held")
        here.expire()
        here.until(lambda: here.struck(number), "the held page's answer")
        here.until(lambda: len([line for line in here.journal("request", "DescribeInstances")
                                if line["t"] > here.struck(number)[0]["t"] and line["status"] == 200]) >= 7,
                   "two more listings")
        answers = here.journal("request", "DescribeInstances")[last - 1:]
        at = next(index for index, line in enumerate(answers) if line.get("fault") == number)
        codes = [line["code"] for line in answers[at:at + 8]]
        tap.check(codes == [None, "RequestExpired", *6 * [None]], "credentials ended between the second and the third page "
                  "of a scan: one refusal, then it goes on", codes)
        events = ask(here.folder / "run", "events", "", {"last": 1000})["body"]["events"]
        wrong = [event["text"] for event in events if event["kind"] == "alarm-raised" and event["text"].startswith("listing")]
        tap.check(not wrong, "the scan went on with the new ones: no listing failed", wrong)
        tap.check(here.shown() == 3, "and all three instances are shown")
        tap.check(here.metadata.count("role") == 2, "one refresh did it", here.metadata.requests)


def half_a_scan_replaces_nothing(tap):
    with World(scenario={"faults": [{"match": {"action": "DescribeInstances"}, "effect": {"pageSize": 1}}]}) as here:
        here.add_tasks("alpha", 3)
        here.until_instances(3)
        here.metadata.hangs = True
        here.expire()
        here.until(lambda: here.status()["regions"][0]["problem"], "the listing to fail")
        problem = here.status()["regions"][0]["problem"]
        tap.check("RequestExpired" in problem and "\n" not in problem, "a listing that was refused is said in one line", problem)
        here.until(lambda: "metadata service" in here.credentials(), "the status of the credentials")
        said = here.credentials()
        tap.check("those at hand end" in said and "\n" not in said and len(said) < 400,
                  "so is the silence of the metadata service, with the end of those at hand", said)
        tap.check(any(alarm["kind"] == "credentials" for alarm in here.status()["alarms"]), "and it is an alarm")
        before = len(here.launch_requests("alpha"))
        here.add_tasks("alpha", 2)
        figures = set()
        here.until_polled(4)
        for _ in range(10):
            figures.add(here.shown())
        tap.check(figures == {3}, "the inventory stays the last complete one", figures)
        tap.check(not [line for line in here.journal("request", "RunInstances") if line["t"] > 0 and
                       line["status"] == 200][3:], "nothing is launched meanwhile", len(here.launch_requests()) - before)
        here.metadata.hangs = False
        here.metadata.let_go.set()
        here.until_instances(5)
        here.until(lambda: here.credentials() == "ok" and not [alarm for alarm in here.status()["alarms"] if
                                                              alarm["kind"] in ("credentials", "listing")], "calm")
        launches_are_right(here, tap, 5, "when it answers again all goes on by itself")


def a_launch_outlives_its_credentials(tap):
    with World() as here:
        here.until_polled()
        held = here.fault({"action": "RunInstances"}, {"hang": 2})
        here.add_tasks("alpha", 4)
        here.until(lambda: here.launch_requests("alpha"), "a launch in flight")
        here.expire()
        here.until_instances(4)
        launched = {token for token in here.tokens()}
        first = here.struck(held)[0]["params"]["token"]
        refused = [line["params"]["token"] for line in here.journal("request", "RunInstances")
                   if line["code"] == "RequestExpired"]
        tap.check(first in launched, "credentials ended while a launch was in flight: its answer counts", first)
        tap.check(refused and set(refused) <= launched and len(set(refused)) == len(refused),
                  f"{len(refused)} more were granted and not sent: refused once, sent again under the same token", refused)
        launches_are_right(here, tap, 4, "nothing was launched twice")
        asked = [line["params"]["token"] for line in here.launch_requests("alpha")]
        tap.check(len(set(asked)) == 4, "no token but the four granted ones was ever used", asked)


def an_unknown_launch_is_found_with_new_ones(tap):
    with World() as here:
        here.until_polled()
        lost = here.fault({"action": "RunInstances"}, {"reset": "after"})
        here.add_tasks("alpha", 1)
        here.until(lambda: here.launch_requests("alpha"), "the launch")
        here.expire()
        here.until_instances(1)
        here.until(lambda: here.status()["supervisor"]["unknownOutcomes"]["value"] == 0, "its outcome to be known")
        tap.check(here.struck(lost) and here.struck(lost)[0]["launched"], "the answer of a launch was lost, then the "
                  "credentials ended", here.struck(lost))
        launches_are_right(here, tap, 1, "it is looked up with the new ones and not made again")


def refused_for_good_is_said(tap):
    """The keys are bad and no others come: calls end with the refusal, and the helper is not stormed."""
    with World(types=[f"type-{number}" for number in range(8)]) as here:
        here.until_polled()
        here.cloud.ask("/_sim/set", {"credentials": [here.known(9)]})
        asked = here.metadata.count()
        for number in range(8):
            here.add_tasks(f"type-{number}", 1)
        here.until(lambda: here.status()["regions"][0]["problem"], "the refusal to be said")
        problem = here.status()["regions"][0]["problem"]
        tap.check("AuthFailure" in problem, "keys that EC2 does not know: the region's problem says so", problem)
        here.until_polled(6)
        tap.check(here.metadata.count() - asked <= 2 * 8, "eight types and a region that are refused do not storm the "
                  "metadata service", here.metadata.count() - asked)
        here.cloud.ask("/_sim/set", {"credentials": [here.known(1)]})
        here.until(lambda: len(here.tokens()) >= 8, "all types to launch again")
        launches_are_right(here, tap, 8, "when they are good again all goes on")


def silence_from_the_start(tap):
    metadata = Metadata(keys_of(1))
    metadata.hangs = True
    with World(metadata=metadata) as here:
        here.add_tasks("alpha", 1)
        here.until(lambda: "no answer from the metadata service" in here.status()["types"][0]["why"],
                   "the type's sentence")
        said = here.status()["types"][0]["why"]
        tap.check("no AWS credentials" in said and "\n" not in said, "without credentials a type says so in one line", said)
        tap.check("there are none" in here.credentials(), "and so does the supervisor", here.credentials())
        tap.check(not here.launch_requests() and here.daemon.alive(), "nothing was asked of EC2")
        metadata.hangs = False
        metadata.let_go.set()
        here.until_instances(1)
        launches_are_right(here, tap, 1, "it starts to work when they come")


def clocks_ten_minutes_off(tap):
    for offset in (600, -600):
        with World(scenario={"clockOffset": offset}) as here:
            here.add_tasks("alpha", 3)
            here.until_instances(3)
            launches_are_right(here, tap, 3, f"EC2's clock is {offset} s off ours")
            tap.check(here.metadata.count("role") == 1 and here.credentials() == "ok",
                      "that is a matter of clocks, not of credentials", (here.metadata.requests, here.credentials()))
            said = here.status()["regions"][0]["problem"]
            tap.check(f"10 min {'behind' if offset > 0 else 'ahead of'} EC2's" in said and
                      any(alarm["kind"] == "clock" for alarm in here.status()["alarms"]), f"and the status says so: {said}", said)
            refused = [line for line in here.journal("request") if line.get("code") == "RequestExpired"]
            tap.check(0 < len(refused) <= 2 * 3, "each process learns it from its first refusal", len(refused))
            here.cloud.ask("/_sim/set", {"clockOffset": 0})
            here.until(lambda: not here.status()["regions"][0]["problem"] and
                       not any(alarm["kind"] == "clock" for alarm in here.status()["alarms"]), "the end of it")
            here.add_tasks("alpha", 1)
            here.until_instances(4)
            launches_are_right(here, tap, 4, "when the clock is right again it is learned, too, and the alarm is over")


def a_dead_helper_hinders_nobody(tap):
    names = [f"type-{number:02}" for number in range(20)]
    with World(types=names) as here:
        for name in names:
            here.add_tasks(name, 1)
        here.until(lambda: len(here.tokens()) == 20, "all types to launch")
        asked = here.metadata.count("role")
        tap.check(1 <= asked <= 3, f"21 workers: the metadata service was asked for the role {asked} times, not by each",
                  here.metadata.requests)
        pid = int((here.folder / "run/helpers/credentials.pid").read_text())
        os.kill(pid, signal.SIGSTOP)
        here.add_tasks(names[0], 2)
        here.until(lambda: len(here.tokens()) == 22, "launches while the helper is stopped")
        tap.check(True, "while the helper hangs the workers go on with what they have")
        os.kill(pid, signal.SIGKILL)
        here.until(lambda: here.status()["supervisor"]["credentialsDeaths"]["value"] == 1, "its death to be seen")
        here.until(lambda: here.status()["supervisor"]["credentialsPid"]["value"] not in (None, pid) and
                   here.credentials() == "ok", "its successor")
        here.add_tasks(names[1], 1)
        here.until(lambda: len(here.tokens()) == 23, "a launch after that")
        launches_are_right(here, tap, 23, "a killed helper is started anew")
        more = here.metadata.count("role") - asked
        tap.check(1 <= more <= 3, f"and asked anew, {more} times, no worker did", here.metadata.requests)


def files_of(pid):
    found = {}
    for what in ("cmdline", "environ"):
        try:
            found[f"{what} of {pid}"] = Path(f"/proc/{pid}/{what}").read_bytes()
        except OSError:
            pass
    return found


if __name__ == "__main__":
    sys.exit(Tap().run(a_scan_outlives_its_credentials, half_a_scan_replaces_nothing, a_launch_outlives_its_credentials,
                       an_unknown_launch_is_found_with_new_ones, refused_for_good_is_said, silence_from_the_start,
                       clocks_ten_minutes_off, a_dead_helper_hinders_nobody))
