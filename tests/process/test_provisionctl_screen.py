#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""provisionctl's screens: alarms, top, the pages and keys of watch (in a real tmux of 120x32 and of 80x24), and the
completion, in a real bash. The daemon is the scripted supervisor of test_provisionctl.py."""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from test_provisionctl import (ESCAPE, PATIENCE, PROGRAM, ROOT, Supervisor, Terminal, event, explanation, figure, now_ms, run,
                               status, type_data)

sys.path.insert(0, str(ROOT / "tests/lib"))
from status_stream import Skip, run_tests  # noqa: E402
from tmux import Tmux, have_tmux  # noqa: E402

NAMES = ("gecko-decision", "desktop-test", "taskcluster-images", "b2gtest")


def alarm(number, kind, subject, text, ago, ended=None):
    data = {"id": number, "kind": kind, "subject": subject, "text": text, "since": now_ms() - ago * 1000,
            "raised": ended is None}
    return data if ended is None else dict(data, ended=now_ms() - ended * 1000)


def alarms_body(raised=True, uptime=7200):
    standing = [alarm(7, "latency", "gecko-decision", "its oldest task has waited 65 s; latencyTarget is 60 s", 125)]
    ended = [alarm(2, "quarantine", "desktop-test", "EC2 refuses its definition", 5000, ended=4000),
             alarm(5, "demand-stale", "b2gtest", "its counts are 90 s old", 1300, ended=600)]
    return {"incarnation": "inc-1", "asOf": now_ms(), "started": now_ms() - uptime * 1000,
            "alarms": standing if raised else [], "ended": ended}


def types():
    whys = {"desktop-test": "It wants 5412 units more, but the region's launch tokens are used up: it has its share, and "
                            "nobody else waits for it."}
    return [type_data(name, pending=10 - place, oldest=100 - place, why=whys.get(name, f"why of {name}"))
            for place, name in enumerate(NAMES)] + [type_data(f"idle-{number:02}") for number in range(60)]


def script(**more):
    answers = {"status": lambda _: (True, "", status(types(), interval=0.2, alarms=alarms_body()["alarms"])),
               "alarms": lambda _: (True, "", alarms_body()),
               "events": lambda control: (True, "", {"events": [event(1), event(2, kind="granted", name=control["name"])]}),
               "explain": lambda control: (True, "", dict(explanation(), type=control["name"],
                                                          sentence=f"All about {control['name']}."))}
    answers.update(more)
    return answers


# ---- alarms ----

def alarms_are_listed_and_the_exit_status_tells():
    with Supervisor(script()) as daemon:
        got = run(daemon.directory, "alarms")
        named = run(daemon.directory, "alarms", "gecko-decision")
        assert daemon.asked[1]["name"] == "gecko-decision" and named.returncode == 4
    assert got.returncode == 4 and not got.stderr, got
    assert re.search(r"^latency +gecko-decision +\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +2m\S* +its oldest task has waited 65 s; "
                     r"latencyTarget is 60 s$", got.stdout, re.M), got.stdout
    assert "demand-stale" not in got.stdout
    with Supervisor(script(alarms=lambda _: (True, "", alarms_body(raised=False)))) as daemon:
        got = run(daemon.directory, "alarms")
    assert got.returncode == 0 and got.stdout.startswith("0 raised"), got


def all_alarms_are_those_of_the_last_hour_too():
    with Supervisor(script()) as daemon:
        got = run(daemon.directory, "alarms", "--all")
        raw = json.loads(run(daemon.directory, "alarms", "--all", "--json").stdout)
        short = run(daemon.directory, "alarms", "--json")
    assert re.search(r"^demand-stale +b2gtest +\S+ +11m\S* +10m\S* +its counts are 90 s old$", got.stdout, re.M), got.stdout
    assert "quarantine" not in got.stdout and "1 ended within the last hour" in got.stdout, got.stdout
    assert [one["id"] for one in raw["ended"]] == [5] and [one["id"] for one in raw["alarms"]] == [7], raw
    assert short.returncode == 4 and "ended" not in json.loads(short.stdout)
    with Supervisor(script(alarms=lambda _: (True, "", alarms_body(uptime=300)))) as daemon:
        got = run(daemon.directory, "alarms", "--all").stdout
    assert "The daemon runs for 5m" in got, got


# ---- top ----

def processes_body(child, stranger):
    types_ = [type_data("ours", pid=child, deaths=2, generation=3), type_data("strangers", pid=stranger, generation=1)]
    for data in types_:
        data["started"] = figure(now_ms() - 3600_000, "milliseconds UTC")
        data["tick"] = figure(12500, "microseconds")
    body = status(types_)
    body["supervisor"].update(pid=figure(os.getpid(), "process"), started=figure(now_ms() - 7200_000, "milliseconds UTC"),
                              turn=figure(1500, "microseconds"))
    body["supervisor"].update(credentialsState="live", credentialsPid=figure(None, "process"),
                              credentialsGeneration=figure(7), credentialsDeaths=figure(6),
                              credentialsStarted=figure(now_ms() - 3 * 3600_000, "milliseconds UTC"),
                              credentialsTick=figure(200_000, "microseconds"))
    body["regions"][0].update(pid=figure(None, "process"), generation=figure(9), deaths=figure(4))
    return body


def top_tells_memory_and_processor_of_the_daemons_own_children():
    child = subprocess.Popen(["sleep", "600"])
    try:
        with Supervisor({"status": lambda _: (True, "", processes_body(child.pid, 1))}) as daemon:
            got = run(daemon.directory, "top")
            deadline = time.monotonic() + PATIENCE
            while re.search(r"^ours .* \? +12\.5 +live$", got.stdout, re.M) and time.monotonic() < deadline:
                got = run(daemon.directory, "top")  # too young for a share of its time
            raw = run(daemon.directory, "top", "--json")
    finally:
        child.kill()
        child.wait()
    assert got.returncode == 0 and not got.stderr, got
    assert re.search(rf"^ours +type +{child.pid} +3 +1h\S* +2 +\d+\.\d +\d+\.\d +12\.5 +live$", got.stdout, re.M), got.stdout
    assert re.search(r"^strangers +type +1 +1 +1h\S* +3 +\? +\? +12\.5 +live$", got.stdout, re.M), got.stdout
    assert re.search(rf"^provisiond +supervisor +{os.getpid()} +- +2h\S* +- +\d+\.\d +\d+\.\d +1\.5 +live$", got.stdout,
                     re.M), got.stdout
    assert re.search(r"^us-west-2 +region +\? +9 +- +4 +\? +\? +\? +live$", got.stdout, re.M), got.stdout
    assert re.search(r"^credentials +helper +\? +7 +3h\S* +6 +\? +\? +200\.0 +live$", got.stdout, re.M), got.stdout
    rows = {row["name"]: row for row in json.loads(raw.stdout)["processes"]}
    assert rows["ours"]["pssBytes"] > 0 and rows["ours"]["cpuSeconds"] >= 0 and rows["ours"]["tickSeconds"] == 0.0125, rows
    assert rows["strangers"]["pssBytes"] is None and rows["strangers"]["cpuSeconds"] is None, rows


TOP_ORDERS = {"memory": ("ours", "strangers"), "tick": ("ours", "strangers", "provisiond", "us-west-2"),
              "deaths": ("us-west-2", "strangers", "ours", "provisiond"),
              "name": ("ours", "provisiond", "strangers", "us-west-2"), "cpu": ("ours", "strangers")}


def in_order(text, order, names):
    """The newest picture is sorted so, and its rows stand so."""
    picture = text[:text.rfind("sort: ") + 20].split("\x1b[H")[-1]
    places = [picture.find(f"\n{name} ") for name in names]
    return f"sort: {order}" in picture and -1 not in places and places == sorted(places)


def top_is_drawn_anew_on_a_terminal_and_sorted_by_keys():
    with Supervisor(script(status=lambda _: (True, "", processes_body(os.getpid(), 1)))) as daemon:
        terminal = Terminal(daemon.directory, "top")
        terminal.read_until(lambda text: text.count("sort: cpu") >= 2 and "since the last look" in text)
        for order, names in TOP_ORDERS.items():
            os.write(terminal.main, b"s")
            terminal.read_until(lambda text, order=order, names=names: in_order(text, order, names))
        os.write(terminal.main, b"a")
        terminal.read_until(lambda text: "latencyTarget is 60 s" in text)
        os.write(terminal.main, b"qq")
        assert terminal.finish() == 0


# ---- watch ----

def keys_lead_from_page_to_page_and_the_terminal_is_given_back():
    with Supervisor(script()) as daemon:
        terminal = Terminal(daemon.directory, "watch", width=120, height=32)
        def press(keys, expected):
            mark = len(terminal.output)
            os.write(terminal.main, keys)
            terminal.read_until(lambda text: expected in text[mark:])
        terminal.read_until(lambda text: "> gecko-decision" in text)
        assert termios.tcgetattr(terminal.main)[3] & (termios.ICANON | termios.ECHO) == 0
        press(b"\x1b[B", "> desktop-test")
        press(b"j", "> taskcluster-images")
        press(b"\x1bOA", "> desktop-test")
        press(b"\r", "All about desktop-test.")
        press(b"n", "All about taskcluster-images.")
        press(b"p", "All about desktop-test.")
        press(b"\x1b", "> desktop-test")
        press(b"e", "Events, the newest first")
        press(b"t", "processes, ")
        press(b"a", "1 ended within the last hour")
        press(b"?", "Words")
        press(b"q", "> desktop-test")
        press(b"s", "sort: pending")
        press(b"ss", "> desktop-test")
        press(b"s", "sort: lag")
        press(b"\x1b[F", "> idle-59")
        press(b"\x1b[5~", "> idle-43")
        os.write(terminal.main, b"q")
        deadline = time.monotonic() + PATIENCE
        while terminal.process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        assert termios.tcgetattr(terminal.main)[3] & (termios.ICANON | termios.ECHO) == termios.ICANON | termios.ECHO
        assert terminal.finish() == 0
    assert terminal.output.rstrip().endswith("\x1b[?25h"), terminal.output[-100:]


def a_daemon_that_hangs_leaves_its_last_picture_and_says_since_when():
    silent = [False]
    with Supervisor(script(status=lambda _: None if silent[0] else script()["status"](_))) as daemon:
        terminal = Terminal(daemon.directory, "--timeout", "300ms", "watch", width=120, height=32)
        terminal.read_until(lambda text: "> gecko-decision" in text)
        silent[0] = True
        mark = len(terminal.output)
        terminal.read_until(lambda text: any("STALE" in picture and "desktop-test" in picture
                                             for picture in text[mark:].split("NO ANSWER for")[1:]))
        silent[0] = False
        mark = len(terminal.output)
        terminal.read_until(lambda text: "NO ANSWER" not in text[text.rfind("\x1b[H"):] and len(text) > mark + 2000)
        os.write(terminal.main, b"q")
        assert terminal.finish() == 0


def a_dumb_terminal_gets_no_escape_sequence():
    with Supervisor(script()) as daemon:
        terminal = Terminal(daemon.directory, "watch", env={"TERM": "dumb"})
        terminal.read_until(lambda text: text.count("provisiond fox") >= 2)
        assert ESCAPE not in terminal.output
        terminal.process.terminate()
        assert terminal.finish() == 0
        once = run(daemon.directory, "watch", "--once")
        assert once.returncode == 0 and once.stdout.count("provisiond fox") == 1 and "idle-59" in once.stdout


# ---- in tmux ----

def tmux_of(directory, width, height):
    if not have_tmux():
        raise Skip("tmux is missing")
    return Tmux(width, height, PROGRAM, "--run-dir", directory, "watch")


def is_whole(lines, width, height):
    """Drawn to the last row, from the first, and no line was wrapped into the next one."""
    return (len(lines) == height and lines[0].startswith("provisiond fox") and lines[-1].startswith("q quit")
            and all(len(line) <= width for line in lines)
            and sum(line.lstrip("> ").startswith("gecko-decision ") for line in lines) == 1)


def looks_right_in_tmux(width, height):
    with Supervisor(script()) as daemon, tmux_of(daemon.directory, width, height) as tmux:
        lines = tmux.until(lambda lines: is_whole(lines, width, height), "the first picture")
        text = "\n".join(lines)
        for word in ("ALARM latency gecko-decision for 2m", "us-west-2", "OLDEST", "STATE", "AGE", "WHY", "more",
                     "$12.30 per hour committed of $100.00", "gecko-decision: why of gecko-decision"):
            assert word in text, f"{word} is missing:\n{text}"
        tmux.press("Down")
        lines = tmux.until(lambda lines: any(line.startswith("> desktop-test") for line in lines), "the mark to move")
        told = " ".join(lines[-4:])
        assert "nobody else waits for it." in told, f"the reason of the marked type is not told in full:\n{told}"
        tmux.press("Enter")
        tmux.until(lambda lines: lines[0] == "All about desktop-test." and lines[-1].startswith("q back"), "the type's page")
        tmux.press("End")
        tmux.until(lambda lines: any("launch.failed" in line for line in lines), "its last events")
        tmux.press("q")
        tmux.until(lambda lines: is_whole(lines, width, height), "the list again")
        tmux.press("t")
        tmux.until(lambda lines: "processes" in lines[0] and any(line.startswith("PROCESS") for line in lines), "processes")
        tmux.press("Escape")
        tmux.resize(200 - width, 40)
        tmux.until(lambda lines: is_whole(lines, 200 - width, 40), "the list in the other size")


def watch_looks_right_in_a_tmux_of_120x32():
    looks_right_in_tmux(120, 32)


def watch_looks_right_in_a_tmux_of_80x24():
    looks_right_in_tmux(80, 24)


# ---- completion ----

ASK_BASH = """
source "$1"; shift
COMP_CWORD=$1; shift
COMP_WORDS=("$@")
_provisionctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


class Bash:
    def __init__(self):
        self.folder = tempfile.mkdtemp(prefix="bash-")
        self.script = Path(self.folder, "provisionctl.bash")
        self.script.write_text(run("/nonexistent", "completion", "bash").stdout)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder)

    def offers(self, *words, run_dir="/nonexistent"):
        """What bash would offer for the last word."""
        got = subprocess.run(["bash", "--norc", "-c", ASK_BASH, "bash", str(self.script), str(len(words)), "provisionctl",
                              *words], capture_output=True, text=True, timeout=PATIENCE, check=True,
                             env={"PATH": f"{Path(PROGRAM).parent}:/usr/bin:/bin", "PROVISIOND_RUN_DIR": str(run_dir)})
        assert not got.stderr, got.stderr
        return got.stdout.split()


def the_completion_knows_every_command_and_its_options():
    table = run("/nonexistent", "--help").stdout.split("Commands:\n")[1].split("\nOptions:")[0]
    commands = re.findall(r"^  ([a-z-]+) ", table, re.M)
    with Bash() as bash:
        assert bash.offers("") == commands, bash.offers("")
        assert bash.offers("ex") == ["explain"] and bash.offers("--run-dir", "/tmp", "ev") == ["events"]
        assert {"--json", "--all", "--timeout"} <= set(bash.offers("alarms", "--"))
        assert "--follow" not in bash.offers("alarms", "--") and bash.offers("events", "--fol") == ["--follow"]
        assert bash.offers("budget", "") == ["accept"] and bash.offers("import", "w") == ["worker-manager"]
        assert "maxDailyCost" in bash.offers("caps", "") and bash.offers("caps", "maxCapacity", "") == []
        assert str(bash.script) in bash.offers("apply", f"{bash.folder}/prov")
        if shutil.which("shellcheck"):
            checked = subprocess.run(["shellcheck", "-s", "bash", str(bash.script)], capture_output=True, text=True,
                                     timeout=PATIENCE, check=False)
            assert checked.returncode == 0, checked.stdout


def names_are_the_running_daemons_and_none_where_none_answers():
    with Supervisor(script()) as daemon, Bash() as bash:
        assert bash.offers("explain", "gecko", run_dir=daemon.directory) == ["gecko-decision"]
        assert set(bash.offers("status", "", run_dir=daemon.directory)) >= {"us-west-2", *NAMES}
        assert bash.offers("freeze", "", run_dir=daemon.directory) == ["us-west-2"]
        assert bash.offers("diff", "b2gtest", "@", "1", "desk", run_dir=daemon.directory) == ["desktop-test"]
        assert bash.offers("lift", "", run_dir=daemon.directory) == ["type:"]
        assert bash.offers("lift", "type", ":", run_dir=daemon.directory)[0] == "gecko-decision"
        assert bash.offers("lift", "type", ":", "desk", run_dir=daemon.directory) == ["desktop-test"]
        assert bash.offers("--run-dir", daemon.directory, "pause", "task") == ["taskcluster-images"]
        assert bash.offers("explain", "") == [] and bash.offers("pause", "b2gtest", "", run_dir=daemon.directory) == []


if __name__ == "__main__":
    sys.exit(run_tests(
        alarms_are_listed_and_the_exit_status_tells, all_alarms_are_those_of_the_last_hour_too,
        top_tells_memory_and_processor_of_the_daemons_own_children, top_is_drawn_anew_on_a_terminal_and_sorted_by_keys,
        keys_lead_from_page_to_page_and_the_terminal_is_given_back,
        a_daemon_that_hangs_leaves_its_last_picture_and_says_since_when, a_dumb_terminal_gets_no_escape_sequence,
        watch_looks_right_in_a_tmux_of_120x32, watch_looks_right_in_a_tmux_of_80x24,
        the_completion_knows_every_command_and_its_options, names_are_the_running_daemons_and_none_where_none_answers))
