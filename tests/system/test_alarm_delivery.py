#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""The 2016 day with what nobody had then: while desktop-test's 6,000 tasks want everything, EC2 has no capacity for
taskcluster-images. Its latency alarm is raised within 30 s after its target has passed and cleared when it is served; the
command hook, the webhook, the status stream and the metrics see the same raise, each once. When, is judged by the daemon's
own stamps and the simulated cloud's journal, not by this test's clock."""
import http.client
import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Failed, INTERVALS, Tap, World, make_config, fleet  # noqa: E402
import make_scenario  # noqa: E402
from processes import Stream  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402
from status_stream import Program  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/process"))
from test_metrics import parse  # noqa: E402
from test_notifier import COMMAND, Webhook  # noqa: E402

TYPE = "taskcluster-images"
TARGET = 30.0  # seconds
RAISED_WITHIN = 30.0
OTHERS = 10    # of the day's hundred types: enough to want something, few enough for a busy machine


def scenario():
    day = make_scenario.scenario_2016(act=200)
    names = (fleet.SICK, *fleet.SMALL, *list(fleet.ordinary())[:OTHERS])
    queues = {name: day["queues"][name] for name in names}
    queues[fleet.SICK] = {"arrivals": [dict(day["queues"][fleet.SICK]["arrivals"][0], at=0)]}
    return {**day, "queues": queues, "faults": []}, names


def definitions(names):
    for name in names:
        more = {"latencyTarget": f"{TARGET:.0f}s"} if name == TYPE else {}
        yield make_config.worker_type(name, fleet.instance_types_of(name), fleet.image_of(name, 2),
                                      fleet.max_capacity_of(name), **more)


class Told:
    """The four who are told: a command, a webhook, a reader of the stream, a scraper of the metrics."""

    def __init__(self, world):
        self.world, self.run_dir = world, world.folder / "run"
        self.webhook = Webhook()
        self.stream = Stream(self.run_dir)
        command = world.folder / "tell"
        command.write_text(COMMAND.format(folder=str(world.folder)))
        command.chmod(0o755)
        url = world.folder / "url"
        url.write_text(f"http://127.0.0.1:{self.webhook.server.server_port}/hook\n")
        url.chmod(0o600)
        (world.folder / "notifier.json").write_text(json.dumps({
            "runDir": "run", "stateFile": "notifier-state.json", "webhookUrlFile": "url", "command": "tell"}))
        self.notifier = Program("provisiond-notifier", "--config", world.folder / "notifier.json")
        self.metrics = Program("provisiond-metrics", "--run-dir", self.run_dir, "--listen", "127.0.0.1:0")
        self.notifier.wait_line("notifier.ready")
        self.address = self.metrics.wait_line("metrics.ready").split("listen=")[1].split()[0]

    def close(self):
        for program in (self.notifier, self.metrics):
            program.__exit__()
        self.webhook.close()
        self.stream.close()

    def by_webhook(self, event):
        return [post["alarm"] for post, _, _ in list(self.webhook.posts) if is_ours(post["alarm"], event)]

    def by_command(self, event):
        path = self.world.folder / "told"
        lines = path.read_text().splitlines() if path.exists() else []
        return [one["alarm"] for one in map(json.loads, lines) if is_ours(one["alarm"], event)]

    def by_stream(self):
        """Ids of the alarm as it was raised and cleared, in order, repeats of full refreshes left out."""
        self.stream.listen(0)
        told = []
        for _, topic, data in self.stream.notes:
            if topic == "alarm.latency" and data["subject"] == TYPE:
                step = (data["id"], data["raised"])
                told += [] if told and told[-1] == step else [step]
        return told

    def by_metrics(self):
        """The raise's id, or None while there is none."""
        connection = http.client.HTTPConnection(self.address, timeout=30)
        try:
            connection.request("GET", "/metrics")
            samples = parse(connection.getresponse().read().decode())  # refuses a sample that is there twice
        finally:
            connection.close()
        labels = (("kind", "latency"), ("subject", TYPE))
        if samples.get(("provisiond_alarm_raised", labels)) != 1:
            return None
        return samples[("provisiond_alarm_id", labels)]


def is_ours(alarm, event):
    return (alarm["event"], alarm["kind"], alarm["subject"]) == (event, "latency", TYPE)


def alarm_of(body):
    found = [one for one in body if (one["kind"], one["subject"]) == ("latency", TYPE)]
    return found[0] if found else None


def tasks_of(world):
    """task -> {event: wall ms} of the type."""
    tasks = {}
    for line in world.journal("task"):
        if line["type"] == TYPE:
            tasks.setdefault(line["task"], {})[line["event"]] = line["wall"] * 1000
    return tasks


def oldest_pending(tasks, at):
    """When the task arrived that had waited longest at a moment; None if none waited."""
    waiting = [task["arrived"] for task in tasks.values() if task["arrived"] <= at and task.get("claimed", at + 1) > at]
    return min(waiting, default=None)


def judge_times(tap, world, ended):
    tasks = tasks_of(world)
    oldest = oldest_pending(tasks, ended["since"])
    late = (ended["since"] - oldest) / 1000 - TARGET if oldest is not None else None
    tap.check(late is not None and 0 <= late <= RAISED_WITHIN,
              f"raised {late if late is None else round(late, 2)} s after the oldest task had waited {TARGET:.0f} s", ended)
    served = tasks[next(name for name, task in tasks.items() if task["arrived"] == oldest)].get("claimed")
    tap.check(served is not None and served <= ended["ended"], "cleared after that task was served", (served, ended))
    left = oldest_pending(tasks, ended["ended"])
    waited = 0 if left is None else (ended["ended"] - left) / 1000
    slack = 2 * INTERVALS["demandPoll"]  # the counts are as old as the last poll
    tap.check(waited <= 0.8 * TARGET + slack, f"when the oldest waited {waited:.1f} s only", (left, ended))


def judge_told(tap, told, ended):
    number = ended["id"]
    for way, lists in (("command", told.by_command), ("webhook", told.by_webhook)):
        ids = [one["id"] for one in lists("raised")], [one["id"] for one in lists("cleared")]
        once = all(one.count(number) == 1 and len(set(one)) == len(one) for one in ids)
        tap.check(once, f"the {way} was told of that raise once, and once of its end", ids)
    keys = [headers["Idempotency-Key"] for post, headers, _ in told.webhook.posts
            if is_ours(post["alarm"], "raised") and post["alarm"]["id"] == number]
    tap.check(len(keys) == 1 and keys[0].endswith(f"-{number}-raised"), "the webhook's key names it", keys)
    steps = [step for step in told.by_stream() if step[0] == number]
    tap.check(steps == [(number, True), (number, False)], "the stream raised it once and cleared it once", steps)
    events = [one["kind"] for one in ask(told.run_dir, "events", TYPE, {"last": 1000})["body"]["events"]
              if f"(alarm {number})" in one["text"]]
    tap.check(events == ["alarm-raised", "alarm-cleared"], "and so do the events", events)


def the_day(tap):
    whole, names = scenario()
    with World(whole, list(definitions(names)), regions=fleet.REGIONS, maxCapacity=200, maxInstances=200, capacityDelay="2s",
               deploymentId=f"delivery-{os.getpid()}") as world:
        told = Told(world)
        try:
            tell_the_day(tap, world, told)
        finally:
            told.close()


def tell_the_day(tap, world, told):
    def standing():
        return alarm_of(ask(told.run_dir, "status")["body"]["alarms"])
    world.until(lambda: any("claimed" in task for task in tasks_of(world).values()), "its first task to be served")
    world.until(lambda: world.cloud.state()["types"][fleet.SICK]["launched"] > 50, "desktop-test to want everything")
    tap.check(not standing() and not told.by_webhook("raised") and told.by_metrics() is None,
              "before its launches fail nobody is told of anything")
    world.cloud.ask("/_sim/fault", {"match": {"action": "RunInstances", "workerType": TYPE},
                                    "effect": {"error": "InsufficientInstanceCapacity"}})
    world.until(standing, "the alarm", 90)
    number = standing()["id"]
    world.until(lambda: told.by_command("raised") and told.by_webhook("raised"), "hook and webhook to be told")
    world.until(lambda: told.by_metrics() == number, "the metrics to show that raise")
    tap.check(True, "the metrics show that raise, by one sample")
    tap.check(len([line for line in world.launch_requests(TYPE)]) > 0, "it tried to launch all the while")
    world.cloud.ask_delete("/_sim/fault")
    world.until(lambda: told.by_command("cleared") and told.by_webhook("cleared"), "hook and webhook to be told the end", 90)
    world.until(lambda: told.by_metrics() is None, "the metrics to drop it")
    ended = alarm_of(ask(told.run_dir, "alarms", TYPE)["body"]["ended"])
    if ended is None:
        raise Failed("the daemon does not remember the alarm that it cleared")
    tap.check(ended["id"] == number, "the metrics dropped it, and the daemon remembers it as over", ended)
    judge_times(tap, world, ended)
    judge_told(tap, told, ended)


if __name__ == "__main__":
    sys.exit(Tap().run(the_day))
