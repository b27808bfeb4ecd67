#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The independent judge of a chaos run: reads only the simulated cloud's journal and the daemon's ledger, and says
whether the cloud's truth obeys what the ledger granted. Knows nothing of the daemon's code.

    check.py JOURNAL LEDGER --max-units N --max-instances N --type NAME=UNITS [--type ...] [--unfinished]

--unfinished leaves out what only holds when all is quiet: leases ended, demand served. Exit status 1 on a violation.
"""
import argparse
import collections
import json
import sqlite3
import sys

LIVE = {"pending", "running", "shutting-down", "stopping", "stopped"}  # occupies: not yet terminated


def read_journal(path):
    with open(path, encoding="utf-8") as file:
        for text in file:
            if text.endswith("\n"):
                yield json.loads(text)


def read_ledger(path):
    """(grants by token, live-looking instances by id, meta)"""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    database.row_factory = sqlite3.Row
    grants = {row["token"]: dict(row) for row in database.execute("SELECT * FROM grants")}
    instances = {row["id"]: dict(row) for row in database.execute("SELECT * FROM instances")}
    database.close()
    return grants, instances


class Caps:
    """What may be live and in flight at once."""

    def __init__(self, units, instances, types):
        self.units, self.instances, self.types = units, instances, types


class Cloud:
    """The cloud's truth, rebuilt line by line."""

    def __init__(self):
        self.state = {}                                # id -> (state, type, units), of all that ever were
        self.live = {}                                 # the part of it that occupies
        self.ids_of = collections.defaultdict(set)     # token -> ids
        self.open_calls = collections.Counter()        # token -> calls under way
        self.asked = {}                                # token -> params of its first call
        self.tasks = collections.defaultdict(dict)     # type -> task -> last event
        self.lost_answers = set()                      # tokens of which an answer did not arrive, or was no answer
        self.launches = 0


def is_launch(line):
    return line.get("action") == "RunInstances" and not line["params"].get("dryRun") and line["params"].get("token")


class Judge:
    """Collects violations; each is one sentence."""

    def __init__(self, grants, caps):
        self.grants, self.caps = grants, caps
        self.cloud = Cloud()
        self.violations = []
        self.most_units = self.most_instances = 0
        self.most_of_type = collections.Counter()
        self.told = set()

    def tell(self, key, text):
        if key not in self.told:
            self.told.add(key)
            self.violations.append(text)

    # ---- line by line ----

    def take(self, line):
        if line["kind"] == "requestStart" and is_launch(line):
            self.call_began(line)
        elif line["kind"] == "request" and is_launch(line):
            self.call_ended(line)
        elif line["kind"] == "instance":
            self.instance_changed(line)
        elif line["kind"] == "task":
            self.cloud.tasks[line["type"]][line["task"]] = line["event"]
        else:
            return
        if line["kind"] != "task":
            self.judge_caps(line["t"])

    def call_began(self, line):
        token, params = line["params"]["token"], line["params"]
        grant = self.grants.get(token)
        self.cloud.open_calls[token] += 1
        first = self.cloud.asked.setdefault(token, params)
        if first != params:
            self.tell(("params", token), f"token {token} was used for two different requests")
        if grant is None:
            self.tell(("grant", token), f"{token}: a launch call of type {line['type']} without a grant in the ledger")
            return
        same = {"type": (line["type"], grant["type"]), "region": (line["region"], grant["region"]),
                "zone": (params.get("zone"), grant["zone"]),
                "instance type": (params["instanceType"], grant["instance_type"]),
                "market": (params["market"], grant["market"])}
        for what, (asked, granted) in same.items():
            if asked != granted:
                self.tell((what, token), f"{token}: asked for {what} {asked}, granted was {granted}")
        if params["max"] > grant["count"]:
            self.tell(("count", token), f"{token}: asked for {params['max']} instances, {grant['count']} were granted")

    def call_ended(self, line):
        token = line["params"]["token"]
        self.cloud.open_calls[token] -= 1
        if self.cloud.open_calls[token] <= 0:
            del self.cloud.open_calls[token]
        if line["status"] == 0 or line["status"] >= 500 or (line.get("launched") and line["status"] != 200):
            self.cloud.lost_answers.add(token)

    def launched(self, line):
        number, token = line["id"], line["token"]
        self.cloud.launches += 1
        if token is None:
            self.tell(("untagged", number), f"{number} of {line['type']} was launched without a token")
            return
        self.cloud.ids_of[token].add(number)
        granted = self.grants[token]["count"] if token in self.grants else 0
        if len(self.cloud.ids_of[token]) > granted:
            self.tell(("twice", token), f"{token}: {len(self.cloud.ids_of[token])} instances launched, {granted} granted")

    def instance_changed(self, line):
        if line["from"] is None:
            self.launched(line)
        row = self.cloud.state[line["id"]] = (line["to"], line["type"], line.get("units") or 1)
        if line["to"] in LIVE:
            self.cloud.live[line["id"]] = row
        else:
            self.cloud.live.pop(line["id"], None)

    def judge_caps(self, at):
        units, instances, by_type = 0, 0, collections.Counter()
        for _, kind, size in self.cloud.live.values():
            units, instances = units + size, instances + 1
            by_type[kind] += size
        for token in self.cloud.open_calls:
            grant = self.grants.get(token)
            kind = grant["type"] if grant else None
            rest = max(self.cloud.asked[token]["max"] - len(self.cloud.ids_of[token]), 0)
            size = grant["capacity"] if grant else 1
            units, instances = units + rest * size, instances + rest
            by_type[kind] += rest * size
        self.compare("units", units, self.caps.units, at)
        self.compare("instances", instances, self.caps.instances, at)
        self.most_units, self.most_instances = max(self.most_units, units), max(self.most_instances, instances)
        for kind, most in self.caps.types.items():
            self.compare(f"units of {kind}", by_type[kind], most, at)
            self.most_of_type[kind] = max(self.most_of_type[kind], by_type[kind])

    def compare(self, what, value, most, at):
        if value > most:
            self.tell(("cap", what), f"at {at:.3f} s {value} {what} were live or in flight, the cap is {most}")

    # ---- at the end ----

    def judge_end(self, instances, unfinished):
        for number, (state, kind, _) in self.cloud.state.items():
            if state not in LIVE:
                continue
            known = instances.get(number)
            if known is None and not unfinished:
                self.tell(("forgotten", number), f"{number} of {kind} is live ({state}) and the ledger does not know it")
            elif known is not None and known["type"] != kind:
                self.tell(("type", number), f"{number} is of {kind}; the ledger says {known['type']}")
        if unfinished:
            return
        for token, grant in self.grants.items():
            if grant["ended"] is None:
                self.tell(("open", token), f"{token}: its lease of {grant['type']} never ended ({grant['state']})")
        for kind, tasks in self.cloud.tasks.items():
            waiting = [task for task, event in tasks.items() if event != "done"]
            if waiting:
                self.tell(("served", kind), f"{len(waiting)} of {len(tasks)} tasks of {kind} were never done")

    def unknown_outcomes(self):
        doubtful = {token for token, grant in self.grants.items() if grant["doubtful"] or grant["how"] == "void"}
        return len(doubtful | self.cloud.lost_answers)

    def figures(self):
        return {"grants": len(self.grants), "calls": len(self.cloud.asked), "launches": self.cloud.launches,
                "unknown": self.unknown_outcomes(), "mostUnits": self.most_units,
                "mostInstances": self.most_instances, "mostOfType": dict(self.most_of_type),
                "tasks": sum(len(tasks) for tasks in self.cloud.tasks.values()),
                "ends": dict(collections.Counter(grant["how"] for grant in self.grants.values())),
                "violations": len(self.violations)}


def judge(journal, ledger, caps, unfinished=False):
    grants, instances = read_ledger(ledger)
    it = Judge(grants, caps)
    for line in read_journal(journal):
        it.take(line)
    it.judge_end(instances, unfinished)
    return it


def main():
    parser = argparse.ArgumentParser(description="judges a chaos run by journal and ledger")
    parser.add_argument("journal")
    parser.add_argument("ledger")
    parser.add_argument("--max-units", type=int, required=True)
    parser.add_argument("--max-instances", type=int, required=True)
    parser.add_argument("--type", action="append", default=[], metavar="NAME=UNITS")
    parser.add_argument("--unfinished", action="store_true")
    options = parser.parse_args()
    types = {name: int(units) for name, units in (text.split("=") for text in options.type)}
    it = judge(options.journal, options.ledger, Caps(options.max_units, options.max_instances, types),
               options.unfinished)
    print(json.dumps(it.figures()))
    for text in it.violations:
        print(f"VIOLATION {text}")
    return 1 if it.violations else 0


if __name__ == "__main__":
    sys.exit(main())
