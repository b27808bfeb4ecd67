#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""What operators end: `provisionctl terminate INSTANCE` and `retire TYPE`; and what EC2 takes back, how it is counted. With a
real daemon and a simulated cloud."""
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))
from control_client import ask  # noqa: E402
from harness import Tap, World, simple_type  # noqa: E402
from processes import BUILD, Daemon  # noqa: E402

WORKERS = {"bootTime": 1, "firstClaimAfter": 1, "idleAfter": 3600}


def world(**tasks):
    queues = {name: {"arrivals": [{"kind": "fixed", "pending": count, "duration": 3600}], "workers": WORKERS}
              for name, count in tasks.items()}
    return World({"queues": queues}, [simple_type(name) for name in tasks], deploymentId=f"lifecycle-{os.getpid()}",
                 grace="2s")


def ctl(here, *words):
    done = subprocess.run([str(BUILD / "provisionctl"), "--run-dir", str(here.folder / "run"), "--timeout", "30s", *words],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


def live(here, name):
    return sorted(row["id"] for row in here.cloud.ask("/_sim/instances")
                  if row["type"] == name and row["state"] in ("pending", "running"))


def ended(here):
    return [identity for line in here.journal("request", "TerminateInstances")
            for identity in named(line["params"])]


def named(value):
    if isinstance(value, str):
        return [value] if value.startswith("i-") else []
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [identity for item in items for identity in named(item)]


def working(here, name, count):
    return here.cloud.state()["types"][name]["claimed"] == count and len(live(here, name)) == count


def one_instance(tap):
    with world(alpha=3) as here:
        here.until(lambda: working(here, "alpha", 3), "three at work")
        here.until_polled(2)
        victim = live(here, "alpha")[1]
        here.until(lambda: ctl(here, "terminate", victim)[0] == 0, "the order")
        here.until(lambda: victim not in live(here, "alpha"), "its end")
        tap.check(ended(here) == [victim], "terminate ends that instance and no other, although it works", ended(here))
        status, text = ctl(here, "terminate", "i-00000000000000000")
        tap.check(status == 1 and "no instance" in text, "an unknown id is refused", text)
        status, text = ctl(here, "terminate", victim)
        tap.check(status == 1, "so is one that is ended already", text)


def a_type(tap):
    with world(alpha=2, beta=8) as here:
        here.until(lambda: working(here, "alpha", 2) and working(here, "beta", 8), "all at work")
        here.until_polled(2)
        alphas, betas = live(here, "alpha"), live(here, "beta")
        status, text = ctl(here, "retire", "beta")
        tap.check(status == 0 and "launches nothing" in text, "retire answers", text)
        here.until(lambda: not live(here, "beta"), "the end of all of beta's instances")
        tap.check(set(ended(here)) >= set(betas), "all of its instances are ended, more than the brake would let through")
        tap.check(live(here, "alpha") == alphas, "the other type's stay")
        here.add_tasks("beta", 3)
        here.daemon.stop()
        launched = len(here.launch_requests("beta"))
        here.daemon = Daemon(here.folder / "provisiond.json", here.folder, here.folder / "run")
        here.add_tasks("alpha", 1)
        here.until(lambda: len(live(here, "alpha")) == 3, "a launch of the other type after a restart")
        here.until_polled(2)
        tap.check(len(here.launch_requests("beta")) == launched, "a restart does not forget it: nothing is launched for it")
        tap.check("retired" in ctl(here, "explain", "beta")[1], "explain says so", ctl(here, "explain", "beta")[1])
        ctl(here, "resume", "beta")
        here.until(lambda: live(here, "beta"), "a launch after resume")
        here.until_polled(3)
        tap.check(live(here, "beta"), "resume ends it: instances are launched, and live")


def an_undefined_type(tap):
    with world(alpha=1, beta=2) as here:
        here.until(lambda: working(here, "alpha", 1) and working(here, "beta", 2), "all at work")
        here.until_polled(2)
        (here.folder / "workertypes.d/beta.json").unlink()
        tap.check(ctl(here, "reload")[0] == 0, "a type's file is removed")
        here.types = here.types[:1]
        here.until_polled(3)
        tap.check(len(live(here, "beta")) == 2, "that alone ends nothing")
        status, text = ctl(here, "retire", "beta")
        tap.check(status == 0, "it can be retired", text)
        here.until(lambda: not live(here, "beta"), "the end of its instances")
        tap.check(len(live(here, "alpha")) == 1, "and its instances end, no others")


def what_ec2_takes_back(tap):
    """A spot interruption is an event and a figure of its type, and the task's successor gets another instance."""
    with world(alpha=2, beta=1) as here:
        def figure(name, of):
            return ask(here.folder / "run", "status", name)["body"]["types"][0][of]["value"]
        here.until(lambda: working(here, "alpha", 2) and working(here, "beta", 1), "all at work")
        here.until(lambda: figure("alpha", "worked") == 2, "both seen at work")
        victim = live(here, "alpha")[0]
        here.cloud.ask("/_sim/kill", {"instanceIds": [victim]})
        here.until(lambda: figure("alpha", "interrupted") == 1, "the figure")
        here.until_polled(3)
        texts = [one["text"] for one in ask(here.folder / "run", "events", "", {"last": 1000})["body"]["events"]
                 if one["kind"] == "interrupted"]
        tap.check(len(texts) == 1 and victim in texts[0] and "SpotInstanceTermination" in texts[0],
                  "an interruption is one event with the instance and EC2's reason", texts)
        tap.check((figure("alpha", "interrupted"), figure("beta", "interrupted")) == (1, 0), "and counted for its type")
        tap.check(figure("alpha", "earlyDeaths") == 0, "one that had taken work is no early death")
        here.add_tasks("beta", 1)
        here.cloud.ask("/_sim/fault", {"match": {"action": "RunInstances"}, "times": 1,
                                       "effect": {"killAfter": {"seconds": 0.3, "stateReason": "Client.VolumeLimitExceeded"}}})
        here.until(lambda: figure("beta", "earlyDeaths") == 1, "an early death")
        tap.check(figure("beta", "interrupted") == 0, "an early death by a volume is counted, and is no interruption")


if __name__ == "__main__":
    sys.exit(Tap().run(one_instance, a_type, an_undefined_type, what_ec2_takes_back))
