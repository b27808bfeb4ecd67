#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""docs/OPERATIONS.md has a section for every alarm that the code can raise, and docs/iam-policy.json has every action that
the code can call: both are read from the sources."""
import json
import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402
SUBSCRIBERS = re.compile(r"test_(provisionctl|notifier|metrics|web|relay)")  # their alarms are scripted
points = Points()
check = points.check


def sources(folder):
    return "\n".join(path.read_text() for path in sorted((ROOT / folder).rglob("*.[ch]")))


def alarms():
    text = sources("supervisor")
    kinds = set(re.findall(r'alarm_raise\(\s*\w+,\s*"([a-z0-9-]+)"', text))
    kinds |= set(re.findall(r'\bR\(ALARM_\w+,\s*"([a-z0-9-]+)"', text))
    calls = len(re.findall(r"\balarm_raise\(", text)) - len(re.findall(r"void alarm_raise\(", text))
    by_name = len(re.findall(r'\balarm_raise\(\s*\w+,\s*"', text))
    by_rule = len(re.findall(r"\balarm_raise\(\s*\w+,\s*alarm_rule\(", text))
    check(kinds and calls == by_name + by_rule, "every raise names its kind where this test can read it",
          f"{calls} raises, {by_name} by name, {by_rule} by rule")
    return kinds


def main():
    kinds = alarms()
    text = (ROOT / "docs/OPERATIONS.md").read_text()
    sections = set(re.findall(r"^### ([a-z0-9-]+)$", text, re.MULTILINE))
    check(not kinds - sections, f"each of {len(kinds)} alarms has a section", sorted(kinds - sections))
    check(not sections - kinds, "no section is about an alarm that is gone", sorted(sections - kinds))
    for kind in sorted(sections):
        body = text.split(f"### {kind}\n")[1].split("\n#")[0]
        if "Do:" not in body and "Look and do:" not in body:
            check(False, f"the section of {kind} says what to do")
    tested = [line for path in sorted((ROOT / "tests").glob("*/test_*.py")) if not SUBSCRIBERS.match(path.name)
              for line in path.read_text().splitlines() if "alarm" in line or "raised_and_cleared" in line]
    untested = {kind for kind in kinds if not any(f'"{kind}"' in line for line in tested)}
    check(not untested, "each alarm is raised by a daemon in a test", sorted(untested))
    commands = set(re.findall(r"provisionctl\s+([a-z][a-z-]+)", text))
    table = (ROOT / "subscribers/provisionctl.c").read_text()
    known = set(re.findall(r'^    \{"([a-z-]+)", "', table, re.MULTILINE))
    check(not commands - known, "the commands that it names exist", sorted(commands - known))

    policy = (ROOT / "docs/iam-policy.json").read_text()
    printed = subprocess.run([str(BUILD / "tools/iam_policy")], check=True, capture_output=True, text=True, timeout=60).stdout
    check(policy == printed, "docs/iam-policy.json is what the table of actions says (make docs renews it)")
    allowed = {action for statement in json.loads(policy)["Statement"] for action in statement["Action"]}
    called = set(re.findall(r'ec2_form_start\([^,]+,\s*"(\w+)"', sources("worker")))
    called |= set(re.findall(r'\] = \{"(Describe\w+)"', sources("worker")))
    called = {f"ec2:{name}" for name in called}
    called |= {f"servicequotas:{name}" for name in re.findall(r'"ServiceQuotasV20190624\.(\w+)"', sources("worker"))}
    check(len(called) > 10 and called <= allowed, "every action that the code calls is allowed", sorted(called - allowed))
    more = allowed - called - {"ec2:CreateTags", "iam:PassRole"}
    check(not more, "and no other, but tags at the launch and the workers' role", sorted(more))
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
