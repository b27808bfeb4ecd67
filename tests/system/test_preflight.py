#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 400
"""Preflight through all real processes: what cannot launch never reaches a bid (2016-07-21, act 1), the image that fits
each instance type is chosen from an AMI set, a catalogue that cannot be read stops nothing for long, and a DryRun is
made once for each specification."""
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import ROOT, Tap, World as AnyWorld, simple_type  # noqa: E402
import fleet  # noqa: E402
import make_config  # noqa: E402

sys.path.insert(0, str(ROOT / "tests/lib"))
from control_client import ask  # noqa: E402

BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
FAST = {"bootTime": 1, "firstClaimAfter": 0.2, "idleAfter": 3600}
HVM, PV = fleet.IMAGE_HVM, fleet.IMAGE_PV


class World(AnyWorld):
    """With AMI sets in its folder, and preflight as it comes: on."""

    def __init__(self, scenario, types, sets=(), **settings):
        super().__init__(scenario, types, deploymentId=f"preflight-{os.getpid()}", preflight=True, **settings)
        for name, document in dict(sets).items():
            make_config.write_json(self.folder / "amisets.d" / f"{name}.json", document)


def explain(world, name):
    return ask(world.folder / "run", "explain", name)["body"]


def alarms(world):
    return {(alarm["kind"], alarm["subject"]) for alarm in ask(world.folder / "run", "status")["body"]["alarms"]}


def findings(world, name):
    return explain(world, name)["preflight"]["findings"]


def checked(world, name):
    return explain(world, name)["preflight"]["state"] == "done"


def with_set(name, instance_types, ami_set, **more):
    document = simple_type(name, instance_types, **more)
    document["amiSet"] = ami_set
    for region in document["regions"]:
        region["launchSpec"] = {}
    return document


def refused(world, name):
    return [line for line in world.journal("request", "RunInstances")
            if line.get("type") == name and not line["params"].get("dryRun") and line["status"] != 200]


def wrong_image(tap):
    """hvm on instance types that boot only paravirtual: no launch call, a reason, an alarm; others go on."""
    types = [simple_type("alpha"), simple_type("sick", ("m1.medium", "m1.large")),
             simple_type("mixed", ("m1.medium", "m3.medium"))]
    with World({"queues": {}, "workers": FAST}, types) as world:
        for name in ("sick", "mixed", "alpha"):
            world.add_tasks(name, 2)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 2, "the healthy type to work")
        world.until(lambda: world.cloud.state()["types"]["mixed"]["claimed"] == 2, "the mixed type to work")
        world.until(lambda: explain(world, "sick")["reason"] == "unlaunchable", "the sick type to say unlaunchable")
        state = ask(world.folder / "run", "status", "sick")["body"]["types"][0]["state"]
        tap.check(state == "unlaunchable", "the sick type says unlaunchable, its state too", state)
        tap.check(not world.launch_requests("sick"), "not one launch call was made for it", world.launch_requests("sick"))
        tap.check(("unlaunchable", "sick") in alarms(world), "an alarm says so", alarms(world))
        looked = subprocess.run([str(BUILD / "provisionctl"), "--run-dir", str(world.folder / "run"), "preflight", "mixed"],
                                capture_output=True, text=True, timeout=100, check=False)
        tap.check("m1.medium boots only paravirtual" in looked.stdout and "3 of 6 placements can launch" in looked.stdout,
                  "provisionctl preflight looks at it on demand", looked.stdout + looked.stderr)
        texts = [finding["text"] for finding in findings(world, "sick")]
        tap.check(f"regions[0].launchSpec.ImageId: {HVM} is hvm; m1.medium boots only paravirtual in us-east-1" in texts,
                  "the finding names place in the file, image, instance type and what it boots", texts)
        kinds = {line["params"]["instanceType"] for line in world.launch_requests("mixed")}
        tap.check(kinds == {"m3.medium"}, "a type with one failing combination goes on with the rest", kinds)
        tap.check(("preflight", "mixed") in alarms(world), "and an alarm names what was left out", alarms(world))
        tap.check(not refused(world, "mixed"), "without one refused call", refused(world, "mixed"))


def images_of_a_set(tap):
    """One type, two instance types, one set: each gets the image that it boots."""
    sets = {"base": {"us-east-1": {"hvm": {"x86_64": HVM, "arm64": "ami-00000003"}, "pv": {"x86_64": PV}}}}
    types = [with_set("alpha", ("m1.medium",), "base"), with_set("beta", ("c4.large",), "base"),
             with_set("gamma", ("m6g.large",), "base"), simple_type("other")]
    with World({"queues": {}, "workers": FAST}, types, sets) as world:
        for name in ("alpha", "beta", "gamma"):
            world.add_tasks(name, 1)
        wanted = {"alpha": PV, "beta": HVM, "gamma": "ami-00000003"}
        for name, image in wanted.items():
            world.until(lambda: world.cloud.state()["types"][name]["claimed"] == 1, f"{name} to work")
            images = {line["params"]["imageId"] for line in world.launch_requests(name)}
            tap.check(images == {image}, f"{name} launches {image} out of the set", images)
        make_config.write_json(world.folder / "amisets.d/base.json",
                               {"us-east-1": {"hvm": {"x86_64": "ami-00000004"}, "pv": {"x86_64": PV}}})
        tried = subprocess.run([str(BUILD / "provisionctl"), "--run-dir", str(world.folder / "run"), "dryrun",
                                str(world.folder / "amisets.d/base.json")], capture_output=True, text=True, timeout=100,
                               check=False)
        told = [line.split(":")[0] for line in tried.stdout.splitlines() if "placements can launch" in line]
        tap.check(tried.returncode == 1 and told == ["alpha (changed)", "beta (changed)", "gamma (changed)"] and
                  "set base has no image in us-east-1 for m6g.large" in tried.stdout,
                  "a set's change shows the types that it touches before it is applied", tried.stdout + tried.stderr)
        tap.check(explain(world, "alpha")["data"]["revision"]["value"] == 1, "and changes nothing")
        answer = ask(world.folder / "run", "reload")
        tap.check(answer["ok"] and "3 changed" in answer["text"], "a changed set is a new revision of its types", answer)
        events = [event["text"] for event in ask(world.folder / "run", "events", "", {"last": 50})["body"]["events"]
                  if event["kind"] == "ami-set-applied"]
        tap.check(events and "alpha, beta, gamma" in events[-1], "an event says which types it touches", events)
        world.until(lambda: checked(world, "gamma"), "gamma to be checked")
        texts = [finding["text"] for finding in findings(world, "gamma")]
        tap.check(any("set base has no image in us-east-1 for m6g.large" in text for text in texts),
                  "an architecture that the set lacks is an error", texts)


def unreadable_catalogue(tap):
    """No catalogue: the first bid waits a bounded time, then goes on and says that nothing was checked."""
    scenario = {"queues": {"alpha": {"arrivals": [{"kind": "fixed", "pending": 1, "duration": 600}]}}, "workers": FAST,
                "faults": [{"match": {"action": ["DescribeImages", "DescribeInstanceTypes"]}, "effect": {"error": "Unavailable"}}]}
    with World(scenario, [simple_type("alpha")]) as world:
        world.until(lambda: "preflight waits for the catalogue" in explain(world, "alpha")["sentence"], "it to wait")
        tap.check(not world.launch_requests(), "the first bid waits, and the type says for what")
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "it to go on without")
        state = explain(world, "alpha")["preflight"]
        tap.check(state["state"] == "unread", "it goes on without the catalogue and says so", state)
        tap.check(any("could not be read" in finding["text"] for finding in state["findings"]),
                  "what was not checked is named", state["findings"])
        world.cloud.ask_delete("/_sim/fault")
        world.until(lambda: checked(world, "alpha"), "the next pass over the catalogue")
        tap.check(not findings(world, "alpha"), "and is looked at again by itself", findings(world, "alpha"))


def dry_runs(tap):
    """One DryRun for each specification that never launched, none again after a restart; a refusal is a finding."""
    scenario = {"queues": {}, "workers": FAST, "regions": {"us-east-1": {"instanceProfiles": ["good"]}}}
    bad = simple_type("bad")
    bad["launchSpec"] = dict(bad["launchSpec"], IamInstanceProfile={"Name": "missing"})
    with World(scenario, [simple_type("alpha", ("m3.medium", "m3.large")), bad]) as world:
        def made(name):
            return [line for line in world.journal("request", "RunInstances")
                    if line["params"].get("dryRun") and line.get("type") == name]
        world.until(lambda: len(made("alpha")) == 2, "two DryRuns")
        world.until(lambda: any(finding["code"] == "dry-run" for finding in findings(world, "bad")), "the refusal to be found")
        finding = [finding for finding in findings(world, "bad") if finding["code"] == "dry-run"][0]
        tap.check("InvalidParameterValue" in finding["found"] or "Invalid" in finding["found"],
                  "a refused DryRun is a finding with EC2's code", finding)
        world.until(lambda: explain(world, "bad")["preflight"]["usable"] == 0, "the type to be left out")
        tap.check(not world.launch_requests(), "no launch came of it", world.launch_requests())
        ask(world.folder / "run", "restart", "alpha")
        world.until_polled(4)
        tap.check(len(made("alpha")) == 2, "a specification that passed is not asked for again", len(made("alpha")))
    # The last three tokens of a region's launch calls are never a DryRun's: here there are no others.
    types = [simple_type("alpha"), simple_type("beta", ("m3.large",))]
    with World({"queues": {"alpha": {}, "beta": {}}, "workers": FAST}, types, launchCallsDepth=3) as world:
        def dry():
            return [line["type"] for line in world.journal("request", "RunInstances") if line["params"].get("dryRun")]
        world.until(lambda: checked(world, "alpha") and checked(world, "beta"), "the check")
        world.until_polled(4)
        tap.check(not dry(), "a DryRun waits for a spare call", dry())
        world.add_tasks("alpha", 1)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the first bid")
        tap.check(not dry(), "and no bid waits for a DryRun", dry())
        settings = json.loads((world.folder / "provisiond.json").read_text())
        make_config.write_json(world.folder / "provisiond.json", dict(settings, launchCallsDepth=100))
        ask(world.folder / "run", "reload")
        world.until(lambda: "beta" in dry(), "the DryRun of the one that never launched")
        world.until_polled(4)
        tap.check(set(dry()) == {"beta"}, "what has launched needs none", dry())


def vcpu_quotas(tap):
    """Not one instance fits into the account's quota: found before EC2 refuses; where it may not be read, no finding."""
    types = [simple_type("alpha"), simple_type("big", ("m3.xlarge",))]
    regions = {"us-east-1": {"quotas": {"spotVcpus": 2}}}

    def endpoint(cloud):
        return cloud.url + "/servicequotas/{region}/"
    with World({"queues": {}, "workers": FAST, "regions": regions}, types, quotasEndpoint=endpoint) as world:
        world.until(lambda: checked(world, "alpha") and checked(world, "big"), "the check")
        found = [(finding["severity"], finding["text"]) for finding in findings(world, "big") if finding["code"] == "vcpu-quota"]
        tap.check(found == [("error", "instanceTypes[0].instanceType: m3.xlarge has 4 vCPUs; the account's spot quota "
                             "(L-34B43A08) is 2 in us-east-1")], "a type larger than the quota is an error", findings(world, "big"))
        tap.check(not findings(world, "alpha"), "one that fits has no finding", findings(world, "alpha"))
        for name in ("big", "alpha"):
            world.add_tasks(name, 1)
        world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "the one that fits to work")
        world.until(lambda: explain(world, "big")["reason"] == "unlaunchable", "the other to say so")
        tap.check(not world.launch_requests("big"), "no launch call was made for it", world.launch_requests("big"))
    denied = {"match": {"action": "GetServiceQuota"}, "effect": {"error": "AccessDeniedException"}}
    with World({"queues": {}, "workers": FAST, "regions": regions, "faults": [denied]}, types,
               quotasEndpoint=endpoint) as world:
        world.until(lambda: checked(world, "big"), "the check")
        tap.check(world.journal("request", "GetServiceQuota") and not findings(world, "big"),
                  "a refused look at the quota is no finding", findings(world, "big"))


def tried_settings(tap, world, ctl):
    """A directory with settings is a whole configuration: its caps count, beside those that run."""
    folder = world.folder / "whole"
    settings = json.loads((world.folder / "provisiond.json").read_text())
    running = settings["maxInstances"]
    settings.update(maxInstances=2, maxHourlyCost=1000, leaseShare=100, headroom=0, describeRate=1, workerTypesDir="types")
    make_config.write_json(folder / "provisiond.json", settings)
    (folder / "types").mkdir()
    make_config.write_json(folder / "types/beta.json", simple_type("beta", minCapacity=7))
    make_config.write_json(folder / "types/alpha.json", simple_type("alpha", minCapacity=5))
    done = ctl("--json", "dryrun", str(folder))
    body = json.loads(done.stdout) if done.stdout.startswith("{") else {}
    changed = {row["name"]: (row["running"], row["new"], row["restart"]) for row in body.get("settings", [])}
    tap.check(changed.get("maxInstances") == (running, 2, False) and changed.get("describeRate", (0, 0, 0))[2] is True
              and "maxHourlyCost" in changed and not {"stateDir", "workerTypesDir", "runDir"} & set(changed),
              "dryrun DIR shows the settings that differ beside those that run", changed or done.stderr)
    types = {row["type"]: row for row in body.get("types", [])}
    launched = sum(row["count"] for row in types["alpha"]["new"]["launches"])
    make_config.write_json(folder / "provisiond.json", dict(settings, maxInstances=running))
    done = ctl("--json", "dryrun", str(folder))
    more = [row["new"] for row in json.loads(done.stdout)["types"] if row["type"] == "alpha"][0]
    tap.check(launched == 2 and sum(row["count"] for row in more["launches"]) == 5,
              "its caps decide what would be launched", (types["alpha"]["new"], more))
    make_config.write_json(folder / "provisiond.json", settings)
    (folder / "types/alpha.json").unlink()
    done = ctl("dryrun", str(folder))
    tap.check("alpha (removed)" in done.stdout and "setting maxInstances: " in done.stdout,
              "a type that is in none of its files would end", done.stdout + done.stderr)
    make_config.write_json(folder / "provisiond.json", dict(settings, maxInstances="many"))
    done = ctl("dryrun", str(folder))
    tap.check(done.returncode == 1 and "maxInstances" in done.stderr, "a fault in its settings is said", done.stderr)
    tap.check(json.loads((world.folder / "provisiond.json").read_text())["maxInstances"] == running and
              ask(world.folder / "run", "status")["body"]["supervisor"]["instancesCeiling"]["value"] == running,
              "and what runs keeps its caps")


def dryrun_of_files(tap):
    """provisionctl dryrun: the decision for other files, and no mutating call."""
    with World({"queues": {}, "workers": FAST}, [simple_type("alpha", maxPrice=2)]) as world:
        world.until(lambda: checked(world, "alpha"), "the check")
        world.until_polled(2)
        world.write_type(simple_type("alpha", ("c3.large",), minCapacity=3))
        world.write_type(simple_type("omega", ("m1.small",)))
        before = len(world.journal("request"))

        def ctl(*words):
            return subprocess.run([str(BUILD / "provisionctl"), "--run-dir", str(world.folder / "run"), *words],
                                  capture_output=True, text=True, timeout=100, check=False)
        done = ctl("dryrun", "alpha")
        tap.check(done.returncode == 0 and "launches 1 x c3.large" in done.stdout,
                  "dryrun says what would be launched, where and at what price", done.stdout + done.stderr)
        tap.check("running" in done.stdout and "no-demand" in done.stdout, "beside what runs", done.stdout)
        done = ctl("dryrun")
        tap.check(done.returncode == 1 and "m1.small boots only paravirtual" in done.stdout,
                  "an error in any file gives exit status 1", done.stdout + done.stderr)
        done = ctl("--json", "dryrun")
        tap.check('"perHour"' in done.stdout and '"findings"' in done.stdout, "--json gives it to machines", done.stdout)
        (world.folder / "other/workertypes.d").mkdir(parents=True)
        make_config.write_json(world.folder / "other/workertypes.d/alpha.json", simple_type("alpha", minCapacity=2))
        done = ctl("dryrun", str(world.folder / "other"))
        tap.check(done.returncode == 0 and "alpha (changed)" in done.stdout, "a directory of files can be tried",
                  done.stdout + done.stderr)
        tried_settings(tap, world, ctl)
        changing = [line["action"] for line in world.journal("request")[before:]
                    if line["action"] in ("RunInstances", "TerminateInstances", "CreateTags")
                    and not line["params"].get("dryRun")]
        tap.check(not changing, "not one mutating call but DryRuns", changing)
        tap.check(explain(world, "alpha")["data"]["revision"]["value"] == 1, "nothing was applied")


if __name__ == "__main__":
    sys.exit(Tap().run(wrong_image, images_of_a_set, unreadable_catalogue, dry_runs, vcpu_quotas,
                       dryrun_of_files))
