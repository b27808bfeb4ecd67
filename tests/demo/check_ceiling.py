#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Judges from the journal alone that nothing was launched that nobody wanted:
check_ceiling.py JOURNAL FOLDER      (FOLDER holds provisiond.json and workertypes.d/, for ceilings, floors and lotMax)

At every RunInstances request: units that boot or run + in flight + asked <= min(ceiling, the greatest of the last two
polls' (pending + claimed) + floor + one lot). A poll is the daemon's own question for the counts, as the journal has it.
A repeated request (same client token) asks only for what its first sending did not create. Prints TAP."""
import argparse
import json
import sys
from collections import defaultdict, deque
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import journal  # noqa: E402

SHOWN = 20


class Ceiling(journal.Reader):
    """Replays the journal and looks at each launch request."""

    def __init__(self, path, definitions, lot_max):
        super().__init__(path)
        self.definitions, self.lot_max = definitions, lot_max
        self.polls = defaultdict(lambda: deque(maxlen=2))
        self.created = defaultdict(int)   # token -> instances
        self.looked_at = 0
        self.unknown = set()
        self.excesses = []
        self.closest = {}
        for name, definition in definitions.items():
            self.types[name].capacity = max(kind["capacity"] for kind in definition["instanceTypes"])

    def request_done(self, t, line):
        if line.get("action") in ("counts", "pendingCount") and line["status"] == 200 and line.get("type"):
            self.polls[line["type"]].append(self.types[line["type"]].demand())

    def instance_changed(self, t, line):
        if not line.get("from"):
            self.created[line.get("token") or self.token_of.get(line["id"])] += 1

    def launch_asked(self, t, line):
        name = line.get("type") or ""
        definition = self.definitions.get(name)
        if definition is None:
            self.unknown.add(name)
            return
        self.looked_at += 1
        supply, token = self.types[name], line["params"]["token"]
        already = supply.in_flight.get(token, 0)
        asked = max(0, int(line["params"]["max"]) - self.created[token] - already)
        would_be = supply.total() + asked * supply.capacity
        wanted = max(self.polls[name], default=0) + definition["minCapacity"] + self.lot_max * supply.capacity
        limit = min(definition["maxCapacity"], wanted)
        self.closest[name] = max(self.closest.get(name, -limit), would_be - limit)
        if would_be > limit:
            self.excesses.append(f"{t:.3f} s: {name}: {would_be} units with the {asked} asked, at most {limit} "
                                 f"(ceiling {definition['maxCapacity']}, last polls {list(self.polls[name])})")


def read_folder(folder):
    definitions = {}
    for path in sorted((Path(folder) / "workertypes.d").glob("*.json")):
        document = json.loads(path.read_text())
        definitions[document["workerType"]] = document
    settings = json.loads((Path(folder) / "provisiond.json").read_text())
    return definitions, settings.get("lotMax", 10)


def main():
    parser = argparse.ArgumentParser(description="no launch beyond demand, floor, lot and ceiling")
    parser.add_argument("journal")
    parser.add_argument("folder")
    options = parser.parse_args()
    definitions, lot_max = read_folder(options.folder)
    ceiling = Ceiling(options.journal, definitions, lot_max)
    ceiling.replay()
    polled = sum(1 for name in definitions if ceiling.polls[name])
    print("1..4")
    verdicts = [
        (ceiling.looked_at > 0, f"the journal has launch requests ({ceiling.looked_at})"),
        (polled == len(definitions), f"and polls of every type ({polled} of {len(definitions)})"),
        (not ceiling.unknown, f"each of a defined type ({sorted(ceiling.unknown) or 'yes'})"),
        (not ceiling.excesses, f"no launch request went beyond demand + floor + one lot, or the ceiling "
                               f"({len(ceiling.excesses)} did)"),
    ]
    for number, (holds, sentence) in enumerate(verdicts, 1):
        print(f"{'ok' if holds else 'not ok'} {number} - {sentence}")
    for excess in ceiling.excesses[:SHOWN]:
        print(f"# {excess}")
    return 0 if all(holds for holds, _ in verdicts) else 1


if __name__ == "__main__":
    sys.exit(main())
