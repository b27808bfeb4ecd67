#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 600
"""Breakers of DESIGN section 7 against real processes and the simulated cloud, one small world a class: what is asked of
EC2 after a refusal, where demand goes meanwhile, and what is said about it. Preflight is off: these are the errors that
come all the same. Delays are long where a breaker must stay closed and short where its probe is waited for."""
import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

FAST = {"bootTime": 0.3, "firstClaimAfter": 0.1, "idleAfter": 3600, "shutdownTime": 0.2, "terminatedListedFor": 60}
LONG = {"capacityDelay": "10m", "breakerDelay": "10m", "breakerMost": "1h", "quarantineDelay": "10m"}
BOTH = ("us-east-1", "us-west-2")


def World(types, regions=("us-east-1",), scenario=None, **settings):
    names = [one["workerType"] for one in types]
    whole = {"queues": {name: {} for name in names}, "workers": FAST, "throttle": False, **(scenario or {})}
    return AnyWorld(whole, types, regions=regions, deploymentId=f"breakers-{os.getpid()}", preflight=False,
                    **{**LONG, **settings})


def refuse(code, **match):
    return {"match": {"action": "RunInstances", **match}, "effect": {"error": code}}


def breakers(world, name="alpha"):
    return ask(world.folder / "run", "explain", name)["body"]["breakers"]


def closed(world, failure, name="alpha"):
    return [one for one in breakers(world, name) if one["failure"] == failure and one["state"] != "open"]


def truth(world, name="alpha"):
    return world.cloud.state()["types"][name]


def until_claimed(world, name, tasks):
    world.until(lambda: truth(world, name)["claimed"] == tasks, f"{tasks} tasks of {name} to run")


def calls(world, name="alpha", **params):
    return [line for line in world.journal("request", "RunInstances") if line["type"] == name and
            all((line["params"].get(key) or line.get(key)) == value for key, value in params.items())]


def quiet(world, polls=5):
    """How many launch calls come while every type polls so many times more."""
    before = len(world.launch_requests())
    world.until_polled(polls)
    return len(world.launch_requests()) - before


def b13_capacity(tap):
    with World([simple_type("alpha")], scenario={"faults": [refuse("InsufficientInstanceCapacity")]},
               capacityDelay="2s") as world:
        world.until_polled()
        world.add_tasks("alpha", 12)
        world.until(lambda: len(calls(world)) >= 9, "nine refusals")
        by_zone = {}
        for line in calls(world):
            by_zone.setdefault(line["params"]["zone"], []).append(line["t"])
        later = [line for line in world.launch_requests()  # those that crossed the first refusal do not count
                 if line["t"] > by_zone[line["params"]["zone"]][0] + 0.5]
        gaps = [line["t"] - max(t for t in by_zone[line["params"]["zone"]] if t < line["t"]) for line in later]
        tap.check(len(by_zone) == 3, "B13: each placement is tried", sorted(by_zone))
        tap.check(len(gaps) >= 4 and min(gaps) >= 1.9, "B13: once refused, none is asked again within its delay", gaps)
        probes = [line["params"]["max"] for line in later]
        tap.check(probes and set(probes) == {1}, "B13: a probe asks for one instance", probes)
        tap.check(all(one["code"] == "InsufficientInstanceCapacity" for one in closed(world, "capacity")),
                  "B13: the breaker names EC2's code", breakers(world))
        status = ask(world.folder / "run", "status", "alpha")["body"]["types"][0]
        tap.check("breaker:capacity" in status["denials"], "B13: the status says what refuses its lots", status["denials"])
        world.cloud.ask_delete("/_sim/fault")
        until_claimed(world, "alpha", 12)
        tap.check(True, "B13: when there is capacity again a probe finds it, and all the demand is served")


def b14_quota(tap):
    quotas = {"us-east-1": {"quotas": {"spotInstances": 2}}, "us-west-2": {}}
    zones = {name: {"zones": [name + letter for letter in "abc"], **more} for name, more in quotas.items()}
    kinds = ("m3.medium", "c4.large")
    types = [simple_type("alpha", kinds), simple_type("beta", kinds, regions=("us-west-2",))]
    with World(types, BOTH, scenario={"regions": zones}) as world:
        world.until_polled()
        world.add_tasks("alpha", 6)
        world.until(lambda: closed(world, "quota"), "the quota's breaker")
        until_claimed(world, "alpha", 2)
        tap.check(truth(world)["live"] == 2, "B14: what the quota leaves is taken", truth(world))
        tap.check(quiet(world) == 0, "B14: then the market pauses in the region: no dearer type is tried")
        entry = closed(world, "quota")[0]
        tap.check(entry["code"] == "MaxSpotInstanceCountExceeded" and "us-east-1" in entry["scope"] and
                  "spot" in entry["scope"], "B14: the breaker names limit, region and market", entry)
        world.add_tasks("beta", 1)
        until_claimed(world, "beta", 1)
        tap.check(True, "B14: the other region goes on")


def b15_early_death(tap):
    kill = {"match": {"action": "RunInstances", "region": "us-east-1"},
            "effect": {"killAfter": {"seconds": 0.2, "stateReason": "Client.VolumeLimitExceeded"}}}
    with World([simple_type("alpha", regions=BOTH)], BOTH, scenario={"faults": [kill]}) as world:
        world.until_polled()
        world.add_tasks("alpha", 4)
        until_claimed(world, "alpha", 4)
        entry = [one for one in closed(world, "early-death") if "us-east-1" in one["scope"]]
        tap.check(entry and entry[0]["code"] == "Client.VolumeLimitExceeded",
                  "B15: deaths by a volume limit set the region aside, with the reason", breakers(world))
        lived = {one["region"] for one in world.cloud.ask("/_sim/instances") if one["state"] == "running"}
        tap.check(lived == {"us-west-2"}, "B15: and the demand moves to the other region", lived)
        dead = len([one for one in world.cloud.ask("/_sim/instances") if one["region"] == "us-east-1"])
        world.add_tasks("alpha", 3)
        until_claimed(world, "alpha", 7)
        after = len([one for one in world.cloud.ask("/_sim/instances") if one["region"] == "us-east-1"])
        tap.check(after == dead, "B15: new demand does not go there either", (dead, after))
        events = ask(world.folder / "run", "events", "alpha", {"last": 500})["body"]["events"]
        texts = [one["text"] for one in events if one["kind"] == "early-death"]
        tap.check(len(texts) == dead and all("Client.VolumeLimitExceeded" in text for text in texts),
                  "B15: every early death is an event with its reason", texts)


def b17_not_offered(tap):
    refusal = [refuse("Unsupported", zone="us-east-1a", instanceType="m3.medium")]
    with World([simple_type("alpha"), simple_type("beta")], scenario={"faults": refusal}) as world:
        world.until_polled()
        world.add_tasks("alpha", 2)
        until_claimed(world, "alpha", 2)
        refused = [line for line in calls(world) if line["status"] == 400]
        tap.check(refused and {line["params"]["zone"] for line in refused} == {"us-east-1a"},
                  "B17: a type that one zone does not offer is launched in another", refused)
        world.until(lambda: closed(world, "not-offered"), "the breaker")
        before = len(calls(world, zone="us-east-1a"))
        for name, tasks in (("alpha", 4), ("beta", 2)):
            world.add_tasks(name, 2)
            until_claimed(world, name, tasks)
        asked = [len(calls(world, zone="us-east-1a")), len(calls(world, "beta", zone="us-east-1a"))]
        tap.check(asked == [before, 0], "B17: nobody asks for that type in that zone again", (before, asked))


def zone(letter, launch_spec):
    return {"availabilityZone": f"us-east-1{letter}", "region": "us-east-1", "launchSpec": launch_spec, "userData": {},
            "secrets": {}, "scopes": []}


def in_subnets(name):
    kind = simple_type(name)
    kind["launchSpec"] = {"KeyName": "sim-key", "SecurityGroupIds": ["sg-us-east-1"]}
    kind["availabilityZones"] = [zone(letter, {"SubnetId": f"subnet-us-east-1{letter}"}) for letter in "abc"]
    return kind


def b17_full_subnet(tap):
    full = [refuse("InsufficientFreeAddressesInSubnet", zone="us-east-1a")]
    with World([in_subnets("alpha"), simple_type("beta")], scenario={"faults": full}) as world:
        world.until_polled()
        world.add_tasks("alpha", 3)
        until_claimed(world, "alpha", 3)
        entry = closed(world, "addresses")
        tap.check(len(entry) == 1 and "subnet-us-east-1a" in entry[0]["scope"],
                  "B17: a full subnet closes that subnet, and the others are used", entry)
        asked = len(calls(world, zone="us-east-1a"))
        world.add_tasks("alpha", 2)
        until_claimed(world, "alpha", 5)
        tap.check(len(calls(world, zone="us-east-1a")) == asked, "B17: it is not asked for within its delay", asked)


def b51_permission(tap):
    kinds = ("m3.medium", "c4.large")
    denied = [refuse({"code": "UnauthorizedOperation", "httpStatus": 403}, workerType="alpha")]
    with World([simple_type("alpha", kinds), simple_type("beta", kinds)], scenario={"faults": denied}) as world:
        world.until_polled()
        world.add_tasks("alpha", 1)
        world.until(lambda: closed(world, "permission"), "the breaker")
        extra = quiet(world)
        tap.check(len(calls(world)) == 1 and extra == 0,
                  "B51: a permission error is asked for once, not at every offering", len(calls(world)))
        tap.check(closed(world, "permission")[0]["code"] == "UnauthorizedOperation" and not closed(world, "capacity"),
                  "B51: it is told apart from a lack of capacity", breakers(world))
        status = ask(world.folder / "run", "status", "alpha")["body"]["types"][0]
        tap.check(status["reason"] == "refused" and "EC2 refuses all" in status["why"] and
                  "UnauthorizedOperation" in status["why"], "B51: its status says that EC2 refuses it", status["why"])
        world.add_tasks("beta", 1)
        until_claimed(world, "beta", 1)
        tap.check(True, "B51: another type launches in the same region meanwhile")


def too_few_for_a_quarantine(tap):
    """2016-07-21 with one instance type: two refusals are all there can be, so the reason must say what it is."""
    bad = {"code": "InvalidParameterCombination", "httpStatus": 400}
    with World([simple_type("alpha")], scenario={"faults": [refuse(bad, workerType="alpha")]}) as world:
        world.until_polled()
        world.add_tasks("alpha", 5)

        def status():
            return ask(world.folder / "run", "status", "alpha")["body"]["types"][0]
        world.until(lambda: status()["reason"] == "refused", "it to say that EC2 refuses it")
        now = status()
        tap.check(re.search(r"EC2 refuses all 3 placements, first us-east-1[abc]/m3.medium/spot: definition "
                            "InvalidParameterCombination", now["why"]), "one line says that EC2 refuses all, and why", now)
        tap.check(quiet(world) == 0 and len(calls(world)) < 3, "and it is not asked again", len(calls(world)))


def b04_never_claims(tap):
    queues = {"alpha": {"workers": {"neverClaim": True}}, "beta": {}}
    with World([simple_type("alpha", bootLimit="1s"), simple_type("beta")], scenario={"queues": queues}) as world:
        world.until_polled()
        world.add_tasks("alpha", 1)
        world.until(lambda: closed(world, "without-effect"), "the breaker")
        tap.check(quiet(world, 8) == 0 and truth(world)["launched"] <= 4,
                  "B04: after three launches without effect no more", truth(world))
        world.until(lambda: truth(world)["live"] == 0, "their end")
        ended = {one["reason"] for one in world.cloud.ask("/_sim/instances") if one["type"] == "alpha"}
        tap.check(len(ended) == 1 and "Client.UserInitiatedShutdown" in str(ended),
                  "B04: what never took work is terminated at the boot limit", ended)
        status = ask(world.folder / "run", "status", "alpha")["body"]["types"][0]
        tap.check("without-effect" in status["denials"] or status["reason"] == "unproductive",
                  "B04: the status says so", (status["reason"], status["why"], status["denials"]))
        world.add_tasks("beta", 1)
        until_claimed(world, "beta", 1)
        tap.check(True, "B04: another type is served")


def p06_dies_before_it_works(tap):
    kill = {"match": {"action": "RunInstances", "workerType": "alpha"},
            "effect": {"killAfter": {"seconds": 0.2, "stateReason": "Server.InternalError"}}}
    with World([simple_type("alpha"), simple_type("beta")], scenario={"faults": [kill]}) as world:
        world.until_polled()
        world.add_tasks("alpha", 1)
        world.until(lambda: closed(world, "early-death"), "the breaker")
        tap.check(quiet(world, 6) == 0 and truth(world)["launched"] <= 4,
                  "P06: one pending task and instances that die do not launch for ever", truth(world))
        world.add_tasks("beta", 1)
        until_claimed(world, "beta", 1)
        tap.check(True, "P06: another type is served")


def p08_rate(tap):
    types = [simple_type("alpha"), simple_type("gamma"), simple_type("beta", regions=("us-west-2",))]
    limited = [refuse("RequestLimitExceeded", region="us-east-1")]
    with World(types, BOTH, scenario={"faults": limited}) as world:
        world.until_polled()
        for name in ("alpha", "gamma", "beta"):
            world.add_tasks(name, 2)
        until_claimed(world, "beta", 2)
        world.until(lambda: {line["type"] for line in world.journal("request", "RunInstances")
                             if line["code"] == "RequestLimitExceeded"}, "a limited call")
        world.until_polled(6)
        limited_at = [line["t"] for line in world.journal("request", "RunInstances")
                      if line["code"] == "RequestLimitExceeded"]
        allowed = 3 + 2 * (limited_at[-1] - limited_at[0])
        tap.check(len(limited_at) <= allowed, "P08: RequestLimitExceeded slows the whole region, all types together",
                  limited_at)
        tap.check(not breakers(world) and not breakers(world, "gamma"), "P08: and closes no breaker", breakers(world))
        tap.check(True, "P08: the other region went on")
        world.cloud.ask_delete("/_sim/fault")
        for name in ("alpha", "gamma"):
            until_claimed(world, name, 2)
        tap.check(True, "P08: when the limit lifts all are served")


def price(tap):
    low = [refuse("SpotMaxPriceTooLow", workerType="alpha", zone="us-east-1a")]
    beta = simple_type("beta", minPrice=1, availabilityZones=[zone("a", {})])
    with World([simple_type("alpha"), beta], scenario={"faults": low}) as world:
        world.until_polled()
        world.add_tasks("alpha", 2)
        until_claimed(world, "alpha", 2)
        world.until(lambda: closed(world, "price"), "the breaker")
        asked = len(calls(world, zone="us-east-1a"))
        world.add_tasks("beta", 1)
        until_claimed(world, "beta", 1)
        tap.check(calls(world, "beta", zone="us-east-1a"), "a price that was too low stops no lot with a higher one")
        world.add_tasks("alpha", 2)
        until_claimed(world, "alpha", 4)
        tap.check(len(calls(world, zone="us-east-1a")) == asked, "and the low one is not offered there again", asked)


if __name__ == "__main__":
    sys.exit(Tap().run(b13_capacity, b14_quota, b15_early_death, b17_not_offered, b17_full_subnet, b51_permission,
                       too_few_for_a_quarantine,
                       b04_never_claims, p06_dies_before_it_works, p08_rate, price))
