#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""What 1,000 subscribers of the relay, 100 of them deaf, cost the supervisor: build/bench/relay.json.

A real supervisor with scripted workers (bidding_worker.py) that bid again and again, a real relay with CURVE over tcp on
loopback, and the crowd (build/tools/relay_crowd) in one process. Two arms, in turns within one run, in changing order:
    without  the relay runs, nobody subscribed        with  900 read all there is, 100 are connected and never read
The figure is the supervisor's own: from the turn of its loop in which it read a bid to the moment when the grant left,
the ledger's commit in between, in microseconds (`afterBidUs` of its log line grant.sent). The worker's own wait (bid sent
to grant read) stands beside it. In the field the crowd is on other hosts: here it runs as SCHED_IDLE, so that it has only
what nobody else wants, and the shares of the processor of all three are reported. --layout says who runs where, in both
arms alike: `apart`, the advice of docs/subscribers.md for so large a crowd, gives relay and crowd the last processor and
the daemon with its workers the others; in `shared` the kernel puts everybody where it likes.
A window in which processes that are none of ours used more than --others of a core is measured anew: how often is told."""
import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
for folder in ("tests/lib", "tests/process", "tests/demo"):
    sys.path.insert(0, str(ROOT / folder))
from processes import end, wait_until  # noqa: E402
from status_stream import BUILD, Program  # noqa: E402
from test_supervisor import Daemon  # noqa: E402

PATIENCE = 120
ARMS = ("without", "with")
SETTLE_S = 8  # after a change of arms, before its samples count
TICKS = os.sysconf("SC_CLK_TCK")


def clock_us():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def cpu_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def cpu_of_all():
    """Everything on this machine, idle time and waiting for disks left out."""
    fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    return sum(int(field) for number, field in enumerate(fields) if number not in (3, 4)) / TICKS


def connections(port):
    """(established, of these with bytes that nobody took) of the relay's side."""
    found = stuck = 0
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(":")[1], 16) == port and fields[3] == "01":
            found += 1
            stuck += int(fields[4].split(":")[0], 16) > 0
    return found, stuck


def processors(layout):
    """(the daemon's and its workers', the relay's and its crowd's) of those that this process may use."""
    mine = sorted(os.sched_getaffinity(0))
    if layout == "shared":
        return set(mine), set(mine)
    if len(mine) < 2:
        raise SystemExit("relay.py: --layout apart wants two processors; say --layout shared")
    return set(mine[:-1]), set(mine[-1:])


def confine(pid, cpus):
    """A process that runs, with all its threads."""
    for task in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(task), cpus)


class Crowd:
    def __init__(self, folder, address, live, deaf, cpus):
        def stand_back():
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            os.sched_setaffinity(0, cpus)

        self.child = subprocess.Popen(
            [str(BUILD / "tools/relay_crowd"), address, str(folder / "relay.pub"), str(folder / "fox.key"),
             str(folder / "fox.pub"), str(live), str(deaf)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            preexec_fn=stand_back)

    def ask(self, word):
        self.child.stdin.write(word + "\n")
        self.child.stdin.flush()
        answer = self.child.stdout.readline()
        if not answer:
            raise AssertionError("the crowd ended")
        return json.loads(answer)

    def stop(self):
        self.child.stdin.close()
        end(self.child)


class Bench:
    def __init__(self, daemon, relay, port, crowd, options):
        self.daemon, self.relay, self.port, self.crowd, self.options = daemon, relay, port, crowd, options
        self.windows = {arm: [] for arm in ARMS}
        self.disturbed = dict.fromkeys(ARMS, 0)

    def pids(self):
        return {"supervisor": self.daemon.child.pid, "relay": self.relay.process.pid, "crowd": self.crowd.child.pid}

    def watch(self, seconds):
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.daemon.child.poll() is not None:
                raise AssertionError("provisiond ended:\n" + self.daemon.log()[-2000:])
            self.relay.must_live()
            time.sleep(0.2)

    def run(self, arm):
        for _ in range(self.options.tries):
            window = self.measure(arm)
            if window["others"] <= self.options.others:
                break
            self.disturbed[arm] += 1
        self.windows[arm].append(window)

    def measure(self, arm):
        if arm == "with":
            self.crowd.ask("on")
        self.watch(SETTLE_S)
        window = {"log": (self.daemon.folder / "log").stat().st_size, "from": clock_us()}
        before = {name: cpu_of(pid) for name, pid in self.pids().items()}
        all_before = cpu_of_all()
        self.watch(self.options.seconds)
        window["to"] = clock_us()
        window["log_end"] = (self.daemon.folder / "log").stat().st_size
        took = (window["to"] - window["from"]) / 1e6
        window["cpu_share"] = {name: round((cpu_of(pid) - before[name]) / took, 3) for name, pid in self.pids().items()}
        window["others"] = round((cpu_of_all() - all_before) / took - sum(window["cpu_share"].values()), 3)
        window["relay_memory_mb"] = round(self.relay.memory() / 1e6, 1)
        window["connections"], window["stuck"] = connections(self.port)
        if arm == "with":
            window["crowd"] = self.crowd.ask("off")
            wait_until(lambda: connections(self.port)[0] == 0, PATIENCE, "the crowd to be gone")
        return window


def waits_by_supervisor(daemon, window):
    with open(daemon.folder / "log", "rb") as file:
        file.seek(window["log"])
        text = file.read(window["log_end"] - window["log"]).decode(errors="replace")
    return [int(wait) for wait in re.findall(r"event=grant\.sent .*afterBidUs=(\d+)", text)]


def waits_by_workers(daemon, window):
    found = []
    for path in (daemon.folder / "waits").iterdir():
        for line in path.read_text().splitlines():
            at, wait = map(int, line.split())
            if window["from"] <= at < window["to"]:
                found.append(wait)
    return found


def figures(waits):
    waits = sorted(waits)
    at = lambda share: waits[min(len(waits) - 1, int(share * len(waits)))]  # noqa: E731
    return {"samples": len(waits), "min_us": waits[0], "p50_us": at(0.5), "p99_us": at(0.99), "max_us": waits[-1]}


def ratios(arms):
    each = [round(one["p99_us"] / base["p99_us"], 3) for one, base in zip(arms["with"], arms["without"])]
    return {"p99_ratio": each, "min": min(each), "median": round(statistics.median(each), 3), "max": max(each)}


def report(bench, options):
    result = {"subscribers": options.live + options.deaf, "deaf": options.deaf, "types": options.types,
              "bids_a_second": options.types / options.period, "repeats": options.repeats, "window_s": options.seconds,
              "layout": options.layout, "processors": os.cpu_count(),
              "goal_p99_ratio": 1.1}
    for name, waits in (("supervisor", waits_by_supervisor), ("worker", waits_by_workers)):
        samples = {arm: [waits(bench.daemon, window) for window in bench.windows[arm]] for arm in ARMS}
        arms = {arm: [figures(one) for one in samples[arm]] for arm in ARMS}
        pooled = {arm: figures(sum(samples[arm], [])) for arm in ARMS}
        result[name] = {"ratios": ratios(arms), "pooled": pooled,
                        "pooled_p99_ratio": round(pooled["with"]["p99_us"] / pooled["without"]["p99_us"], 3), "arms": arms}
    result["measured_anew"] = bench.disturbed
    keep = ("cpu_share", "others", "relay_memory_mb", "connections", "stuck", "crowd")
    result["machine"] = {arm: [{key: window[key] for key in keep if key in window} for window in bench.windows[arm]]
                         for arm in ARMS}
    return result


def measure(options):
    environment = {"PROVISIOND_WORKER": str(ROOT / "tests/bench/bidding_worker.py"), "BID_PERIOD_S": str(options.period)}
    names = [f"type-{number:02}" for number in range(options.types)]
    daemons, crowds = processors(options.layout)
    os.sched_setaffinity(0, daemons)  # the daemon and its workers inherit it
    with Daemon(types=names, environment=environment, start=False, deploymentId=f"bench-relay-{os.getpid()}", tick="2s",
                statusInterval="5s", breakers=False) as daemon:
        for name in ("relay", "fox"):
            subprocess.run([str(BUILD / "provisionctl"), "keygen", str(daemon.folder / name)], check=True, timeout=30,
                           stdout=subprocess.DEVNULL)
        daemon.start()
        daemon.until_live(*names)
        with Program("provisiond-relay", "--secret-key", daemon.folder / "relay.key", "--allow", daemon.folder / "fox.pub",
                     "--run-dir", daemon.run_dir, "--listen", "tcp://127.0.0.1:0") as relay:
            address = relay.wait_line("relay.ready").split("listen=")[1].split()[0]
            confine(relay.process.pid, crowds)
            crowd = Crowd(daemon.folder, address, options.live, options.deaf, crowds)
            try:
                bench = Bench(daemon, relay, int(address.rsplit(":", 1)[1]), crowd, options)
                bench.watch(options.warm_up)
                for repeat in range(options.repeats):
                    for arm in ARMS if repeat % 2 == 0 else reversed(ARMS):
                        print(f"  repeat {repeat + 1} of {options.repeats}: {arm}", file=sys.stderr, flush=True)
                        bench.run(arm)
                return report(bench, options)
            finally:
                crowd.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--live", type=int, default=900)
    parser.add_argument("--deaf", type=int, default=100)
    parser.add_argument("--types", type=int, default=10)
    parser.add_argument("--period", type=float, default=1, help="seconds between a type's bids, half more or less")
    parser.add_argument("--layout", choices=("apart", "shared"), default="apart")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=60, help="of each arm in each repeat")
    parser.add_argument("--warm-up", type=float, default=10)
    parser.add_argument("--others", type=float, default=0.25, help="of a core that others may use in a window")
    parser.add_argument("--tries", type=int, default=4, help="of each window; the last one counts in any case")
    options = parser.parse_args()
    result = measure(options)
    path = BUILD / "bench/relay.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=2) + "\n")
    for side in ("supervisor", "worker"):
        print(f"  {side:10} p99 with / without: " + json.dumps(result[side]["ratios"]) +
              f" pooled {result[side]['pooled_p99_ratio']}")
        for arm in ARMS:
            print(f"    {arm:8} " + json.dumps(result[side]["pooled"][arm]))
    print("  last windows: " + json.dumps({arm: result["machine"][arm][-1] for arm in ARMS}))
    print(f"  written to {path}")


if __name__ == "__main__":
    main()
