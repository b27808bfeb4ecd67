#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Files before anything runs: `provisiond --check` tells every fault, our JSON Schemas agree with the parser by a foreign
validator's word, definitions of aws-provisioner and worker-manager import, and what is printed parses back the same."""
import copy
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import jsonschema

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = Path(os.environ.get("BUILD", ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402
DATA = ROOT / "tests/data/import"
SETTINGS = {"deploymentId": "x", "rootUrl": "https://tc.example", "maxCapacity": 1000, "maxInstances": 100,
            "maxHourlyCost": 50, "stateDir": "/tmp/s", "runDir": "/tmp/r", "headroom": "auto", "grace": "5m",
            "regions": [{"name": "us-west-2", "zones": ["us-west-2a", "us-west-2b"]},
                        {"name": "us-east-1", "zones": ["us-east-1a"]}]}
SET = {"us-west-2": {"hvm": {"x86_64": "ami-0aaaaaaa", "arm64": "ami-0bbbbbbb"}, "pv": "ami-0ccccccc"}}
TYPE = {"workerType": "alpha", "maxCapacity": 20, "maxPrice": "0.5", "canary": "off", "settle": "90s",
        "tags": {"team": "ci"}, "launchSpec": {"KeyName": "key", "EbsOptimized": True},
        "regions": [{"region": "us-west-2", "launchSpec": {"ImageId": "ami-0aaaaaaa"}}],
        "instanceTypes": [{"instanceType": "m3.large", "capacity": 1, "utility": 1.5}]}
points = Points()
check = points.check


def run(*words):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=60, check=False)


class Files:
    """A folder like the daemon's own."""

    def __init__(self, settings=None, types=(TYPE,), sets=None):
        self.folder = tempfile.TemporaryDirectory(prefix="pd-files-")
        self.path = Path(self.folder.name)
        (self.path / "workertypes.d").mkdir()
        (self.path / "amisets.d").mkdir()
        self.write("provisiond.json", SETTINGS if settings is None else settings)
        for number, document in enumerate(types):
            self.write(f"workertypes.d/t{number}.json", document)
        for name, document in (sets or {}).items():
            self.write(f"amisets.d/{name}.json", document)

    def write(self, name, document):
        (self.path / name).write_text(document if isinstance(document, str) else json.dumps(document))

    def check(self):
        done = run(BUILD / "provisiond", "--check", self.path)
        self.folder.cleanup()
        return done


def changed(document, path, value):
    """A copy with one member set, or removed by ...; the path is dotted, numbers are places in lists."""
    result = copy.deepcopy(document)
    at, steps = result, [int(step) if step.isdigit() else step for step in path.split(".")]
    for step in steps[:-1]:
        at = at[step]
    if value is ...:
        del at[steps[-1]]
    else:
        at[steps[-1]] = value
    return result


def every_fault():
    bad = {"workerType": "a b", "maxCapcity": 3, "minCapacity": -1, "maxPrice": 0, "launchSpec": {"KeyName": "k", "Foo": 1},
           "regions": [{"region": "mars"}, {"region": "us-west-2", "launchSpec": {"ImageId": 7}}],
           "instanceTypes": [{"instanceType": "m3.large", "capacity": 0}, {"instanceType": "m3.large", "capacity": 2}]}
    done = Files(types=[TYPE, bad, "{", changed(TYPE, "amiSet", "lost")],
                 sets={"base": {"us-west-2": {"pvv": "ami-0aaaaaaa"}}}).check()
    wanted = ["t1.json: maxCapcity: is not a known", "minCapacity: must be from 0", "maxCapacity: is missing",
              "workerType: may hold letters", "maxPrice: must be above 0", "launchSpec.Foo: is not a known name",
              "regions[0].region: \"mars\"", "regions[1].launchSpec.ImageId: must be text",
              "instanceTypes[0].capacity: must be from 1", "instanceTypes[1].instanceType: \"m3.large\" is there twice",
              "t2.json: line 1", "amisets.d/lost.json: No such file", "base.json: us-west-2.pvv: is not a known name"]
    missing = [text for text in wanted if text not in done.stderr]
    check(done.returncode == 2 and not missing, "--check DIR tells every fault of every file and exits 2",
          f"{missing}\n{done.stderr}")
    check(done.stderr.count("\n") == len(wanted), "and nothing that is no fault", done.stderr)
    settings = dict(SETTINGS, grace="soon", policy="best", queueRate=0)
    done = Files(settings=settings).check()
    check(all(word in done.stderr for word in ("grace:", "policy:", "queueRate:")), "of the settings, too", done.stderr)
    with_set = changed(TYPE, "amiSet", "base")
    with_set["regions"][0]["launchSpec"] = {}
    done = Files(types=[with_set], sets={"base": SET}).check()
    check(done.returncode == 0 and "1 AMI sets" in done.stdout, "good files give 0", done.stderr)
    check(Files(types=[changed(with_set, "amiImages", SET)], sets={"base": SET}).check().returncode == 2,
          "images of a set are not written by hand")


# Changes to a good document: path, value, whether the document is right afterwards.
CHANGES = {
    "workertype": (TYPE, [
        ("maxCapacity", ..., False), ("maxCapacity", "20", False), ("maxPrice", "cheap", False), ("maxPrice", 0.5, True),
        ("scalingRatio", 1.5, False), ("canary", "on", False), ("canary", 3, True), ("settle", "soon", False),
        ("settle", 90, True), ("latencyTarget", "none", True), ("canUseSpot", "yes", False), ("unknown", 1, False),
        ("regions", [], False), ("regions.0.region", ..., False), ("regions.0.unknown", 1, False),
        ("instanceTypes.0.capacity", 0, False), ("instanceTypes.0.utility", 0, False), ("instanceTypes.0.utility", ..., True),
        ("launchSpec.EbsOptimized", 1, False), ("launchSpec.ImageId", "ami-1", False), ("launchSpec.UserData", "x", False),
        ("tags", {"aws:x": "y"}, False), ("tags", {"x": 7}, False), ("workerType", "a b", False),
        ("workerType", "a" * 39, False), ("scopes", [1], False), ("scopes", ["a"], True),
        ("availabilityZones", [{"region": "us-west-2", "availabilityZone": "us-west-2a"}], True),
        ("availabilityZones", [{"region": "us-west-2"}], False)]),
    "amiset": (SET, [
        ("us-west-2", {}, False), ("us-west-2.hvm", "ami-0aaaaaaa", True), ("us-west-2.hvm.x86", "ami-0aaaaaaa", False),
        ("us-west-2.pv", "0ccccccc", False), ("us-west-2.pv", ..., True), ("us-west-2.other", "ami-0aaaaaaa", False),
        ("us-west-2.hvm", {}, False), ("us east", {"hvm": "ami-0aaaaaaa"}, False)]),
    "settings": (SETTINGS, [
        ("deploymentId", ..., False), ("maxHourlyCost", "unlimited", True), ("maxHourlyCost", "5.25", True),
        ("maxHourlyCost", "five", False), ("policy", "lag", True), ("policy", "best", False), ("headroom", 20, True),
        ("headroom", "full", False), ("launchShare", "off", True), ("grace", "5 minutes", False), ("preflight", False, True),
        ("preflight", "off", False), ("regions", [], False), ("regions.0.zones", [], False),
        ("regions.0.zones", ["us-west-2a", "us-west-2a"], False), ("nothing", 1, False)]),
}


def parser_takes(kind, document):
    files = {"workertype": lambda: Files(types=[document]), "amiset": lambda: Files(sets={"base": document}),
             "settings": lambda: Files(settings=document)}[kind]()
    return files.check()


def schemas_agree():
    for kind, (good, changes) in CHANGES.items():
        schema = json.loads((ROOT / f"docs/schema/{kind}.json").read_text())
        jsonschema.Draft202012Validator.check_schema(schema)
        validator = jsonschema.Draft202012Validator(schema)
        odd = []
        for path, value, right in [(None, None, True)] + changes:
            document = good if path is None else changed(good, path, value)
            by_schema, by_parser = validator.is_valid(document), parser_takes(kind, document)
            if by_schema != right or (by_parser.returncode == 0) != right:
                odd.append(f"{path} = {value!r}: schema {by_schema}, parser {by_parser.returncode} {by_parser.stderr}")
        check(not odd, f"{kind}: schema and parser agree on {len(changes) + 1} documents, right and wrong", "\n".join(odd))


def imports():
    schema = jsonschema.Draft202012Validator(json.loads((ROOT / "docs/schema/workertype.json").read_text()))
    for form, name in (("aws-provisioner", "aws-provisioner"), ("aws-provisioner", "aws-provisioner-2014"),
                       ("worker-manager", "worker-manager")):
        done = run(BUILD / "provisionctl", "import", form, DATA / f"{name}.json")
        document = json.loads(done.stdout) if done.returncode == 0 else {}
        checked = Files(types=[document]).check()
        check(checked.returncode == 0 and schema.is_valid(document), f"{name} imports, passes --check and fits the schema",
              checked.stderr + done.stderr)
        yield_of[name] = (document, done.stderr)
    pool, said = yield_of["worker-manager"]
    check(pool["scalingRatio"] == 0.5 and "tolerated backlog" in said, "scalingRatio's opposite meaning is translated and said", said)
    check("HibernationOptions has no counterpart" in said and "queueInactivityTimeout" in said,
          "what has no counterpart is said", said)
    old, said = yield_of["aws-provisioner-2014"]
    check(old["userData"] == {"n": 1} and old["instanceTypes"][0]["instanceType"] == "m3.medium" and
          old["scalingRatio"] == 1, "the forms of 2014 are read", old)
    new, said = yield_of["aws-provisioner"]
    check("secret" not in json.dumps(new["secrets"]) and new["secrets"] == {} and "secrets" in said,
          "secrets are left out and said", new)
    full = changed(json.loads((DATA / "worker-manager.json").read_text()), "config.scalingRatio", 1)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pool.json"
        path.write_text(json.dumps(full))
        done = run(BUILD / "provisionctl", "import", "worker-manager", path)
    check(json.loads(done.stdout)["scalingRatio"] == 0, "their 1, all of it at once, is our 0", done.stdout)


yield_of = {}


def print_parses_back():
    files = Files()
    first = run(BUILD / "provisiond", "--config", files.path / "provisiond.json", "--print-config")
    files.write("provisiond.json", first.stdout)
    second = run(BUILD / "provisiond", "--config", files.path / "provisiond.json", "--print-config")
    schema = json.loads((ROOT / "docs/schema/settings.json").read_text())
    check(first.returncode == 0 and first.stdout == second.stdout, "--print-config parses back to the same", second.stderr)
    check(jsonschema.Draft202012Validator(schema).is_valid(json.loads(first.stdout)), "and fits the schema",
          [error.message for error in jsonschema.Draft202012Validator(schema).iter_errors(json.loads(first.stdout))])
    files.folder.cleanup()


if __name__ == "__main__":
    every_fault()
    schemas_agree()
    imports()
    print_parses_back()
    sys.exit(points.end())
