#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""provisionctl --json of every command that has something to say: orders, differences, keys. What status, alarms, top,
events, explain and replay tell in JSON is in their own tests."""
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "lib"))
from status_stream import run_tests  # noqa: E402
sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_provisionctl import Supervisor, run  # noqa: E402


def every_command_but_screens_and_scripts_answers_in_json():
    """What --help offers, against a daemon that says yes to everything, and then no."""
    table = run("/nonexistent", "--help").stdout.split("Commands:\n")[1].split("\nOptions:")[0]
    commands = re.findall(r"^  ([a-z-]+) +((?:\[?(?:[A-Z@|]+|accept)\]? )*) *", table, re.M)
    assert len(commands) > 30, commands
    elsewhere = {"watch", "completion",  # no data
                 "replay", "import", "keygen", "apply", "refresh-prices", "dryrun",  # files: below, and in tests of their own
                 "status", "alarms", "top", "events", "explain", "history", "show", "diff", "preflight"}  # their own bodies
    orders = [name for name, _ in commands if name not in elsewhere]
    assert {"pause", "reload", "caps", "backup", "rollback", "lift"} <= set(orders), orders
    arguments = dict(commands)
    for ok in (True, False):
        with Supervisor({name: lambda _, ok=ok: (ok, "a sentence", {"number": 7}) for name in orders}) as daemon:
            for name in orders:
                words = {"settle": ["17"], "caps": ["maxCapacity", "7"], "priority": ["gecko", "1"], "budget": ["accept"],
                         "rollback": ["gecko", "2"]}.get(name, ["gecko"] if arguments[name].strip() else [])
                got = run(daemon.directory, name, *words, "--json")
                assert got.returncode == (0 if ok else 1), got
                assert json.loads(got.stdout) == {"ok": ok, "text": "a sentence", "body": {"number": 7}}, (name, got)
                assert got.stderr == ("" if ok else "provisionctl: a sentence\n"), got


def files_and_differences_are_told_in_json():
    revisions = {"gecko@1": {"document": {"maxCapacity": 1}}, "gecko@2": {"document": {"maxCapacity": 2}}}
    folder = Path(tempfile.mkdtemp(prefix="ctl-json-"))

    def show(control):
        return True, "", revisions[f"{control['name']}@{json.loads(control['argument'])['revision']}"]
    with Supervisor({"show": show}) as daemon:
        got = run(daemon.directory, "diff", "gecko@1", "gecko@2", "--json")
        told = json.loads(got.stdout)
        assert got.returncode == 1 and told["differ"] is True and told["after"] == revisions["gecko@2"], got
        got = run(daemon.directory, "diff", "gecko@1", "gecko@1", "--json")
        assert got.returncode == 0 and json.loads(got.stdout)["differ"] is False, got
    got = run("/nonexistent", "keygen", str(folder / "one"), "--json")
    told = json.loads(got.stdout)
    assert told["publicKey"] in Path(told["publicFile"]).read_text() and Path(told["secretFile"]).stat().st_mode & 0o77 == 0
    assert Path(told["secretFile"]).read_text().strip() not in got.stdout + got.stderr
    shutil.rmtree(folder)


if __name__ == "__main__":
    sys.exit(run_tests(every_command_but_screens_and_scripts_answers_in_json, files_and_differences_are_told_in_json))
