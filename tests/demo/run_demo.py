#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The main job, shown: the 2016 day on the simulated cloud with a real provisiond and all its processes.

Starts build/simcloud and build/provisiond, shows a live table, does what the operator of 2016 did (a definition with
the wrong image, later the right one), and ends with a summary and BUILD/demo/report.json. docs/demo.md explains it."""
import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import fleet          # noqa: E402
import make_config    # noqa: E402
import make_scenario  # noqa: E402
import report         # noqa: E402
from processes import BUILD, ROOT, Cloud, Daemon, Failed, Stream, complain  # noqa: E402
from screen import Screen  # noqa: E402

DRAW_EVERY = 0.5
AFTER_THE_END = 5  # seconds of watching after the last act, so that the last figures are seen to agree


class Saboteur:
    """KILL=1: stops the sick type's worker, and kills the successor that the supervisor starts."""

    def __init__(self, daemon, stream, at):
        self.daemon, self.stream, self.at = daemon, stream, at
        self.step, self.pid, self.log = 0, None, {}

    def act(self, story_time, say):
        pid = self.daemon.worker_pid(fleet.SICK)
        if self.step == 0 and story_time >= self.at and pid:
            os.kill(pid, signal.SIGSTOP)
            self.pid, self.step = pid, 1
            self.log = {"stopped_pid": pid, "stopped_at": story_time}
            say(f"  -- kill -STOP {pid}: the worker of {fleet.SICK} hangs --")
        elif self.step == 1 and pid and pid != self.pid:
            self.log.update(respawned_pid=pid, respawned_at=story_time)
            say(f"  -- the supervisor has killed it and started {pid} --")
            os.kill(pid, signal.SIGKILL)
            self.pid, self.step = pid, 2
            self.log["killed_at"] = story_time
            say(f"  -- kill -9 {pid} --")
        elif self.step == 2 and pid and pid != self.pid:
            self.log.update(successor_pid=pid, successor_at=story_time)
            self.step = 3
            say(f"  -- started again as {pid} --")


class Run:
    """One run of the story: processes, clock, screen, and what was seen on the way."""

    def __init__(self, options, folder, run_dir):
        self.options, self.folder, self.run_dir = options, folder, run_dir
        self.cloud = self.daemon = self.stream = self.saboteur = None
        self.seen = {"sick_states": {}, "boundaries": {}}
        self.truth = None
        self.begun = None

    def story_time(self):
        return (time.time() - self.begun) * self.options.speed

    def start(self, scenario, write_config):
        self.cloud = Cloud(scenario, self.folder, self.options.speed)
        self.begun = time.time() - self.cloud.state()["now_s"] / self.options.speed
        config = write_config(self.cloud.url)
        self.daemon = Daemon(config, self.folder, self.run_dir)
        self.stream = Stream(self.run_dir)

    def stop(self):
        for part in (self.stream, self.daemon, self.cloud):
            if part is not None:
                part.stop() if hasattr(part, "stop") else part.close()

    def watch(self, screen, chapter, until):
        """Shows what happens until a moment of the story."""
        next_truth = next_draw = 0.0
        while self.story_time() < until:
            self.stream.listen(0.1)
            now = time.monotonic()
            if not self.daemon.alive():
                raise Failed(f"provisiond ended with status {self.daemon.child.returncode}:\n"
                             + self.daemon.log_end())
            if now >= next_truth:
                next_truth = now + 1
                self.truth = sum(count for region in self.cloud.state()["regions"].values()
                                 for state, count in region.items() if state != "terminated")
            if self.saboteur:
                self.saboteur.act(self.story_time(), screen.say)
            if now >= next_draw:
                next_draw = now + DRAW_EVERY
                screen.show(chapter, self.story_time(), self.stream, self.truth)

    def note_sick(self, act):
        data = self.stream.data(f"type.{fleet.SICK}.")
        if data:
            self.seen["sick_states"][act] = f"{data.get('state')}: {data.get('why')}"


def tell_2016(run, screen, options):
    """The acts and what the operator does between them."""
    speed, act = options.speed, options.act
    with_sick = not options.without_sick
    acts = {"act1": (fleet.LEAD_IN, fleet.LEAD_IN + act), "act2": (fleet.LEAD_IN + act, fleet.LEAD_IN + 2 * act)}
    if options.kill:
        run.saboteur = Saboteur(run.daemon, run.stream, acts["act1"][0] + act * 0.15)
    run.watch(screen, "before", acts["act1"][0])
    screen.say(f"\nAct 1: desktop-test has {fleet.SICK_PENDING:,} tasks and an HVM image on instances that boot only PV"
               if with_sick else "\nAct 1, without desktop-test")
    run.watch(screen, "act 1", acts["act1"][1] - 0.2 * speed)
    run.note_sick("act1")
    if with_sick:
        make_config.write_type(run.folder, fleet.SICK, act=2, speed=speed)
        run.daemon.reload()
    screen.say("\nAct 2: the image is right again; thousands of valid launches want the same launch rate and room"
               if with_sick else "\nAct 2, without desktop-test")
    run.watch(screen, "act 2", acts["act2"][1])
    run.note_sick("act2")
    run.watch(screen, "after", acts["act2"][1] + AFTER_THE_END * speed)
    return acts


def play_2016(run, options):
    scenario = ROOT / "tests/scenarios/2016-07-21.json"
    if options.act != fleet.ACT:
        scenario = run.folder / "scenario.json"
        scenario.write_text(json.dumps(make_scenario.scenario_2016(options.act, options.spacing)))
    with_sick = not options.without_sick
    settings = {"deploymentId": options.deployment, "breakers": not options.breakers_off,
                "preflight": options.preflight}
    run.start(scenario, lambda url: make_config.write_2016(run.folder, url, run.run_dir, options.speed, with_sick,
                                                           **settings))
    title = "2016-07-21, replayed" + (" (breakers off)" if options.breakers_off else "") + \
        (" (preflight on)" if options.preflight else "")
    screen = Screen(title, ([fleet.SICK] if with_sick else []) + list(fleet.SMALL), options.plain)
    acts = tell_2016(run, screen, options)
    run.stop()
    return report.of_2016(run, options, acts)


def play_real(run, options):
    traces = sorted(Path(options.traces).glob("*.dat"))
    if not traces:
        raise Failed(f"no traces *.dat in {options.traces}: REAL=1 needs the project's shared traces")
    pools = [path.stem for path in traces]
    scenario = run.folder / "scenario.json"
    scenario.write_text(json.dumps(make_scenario.scenario_real(options.traces, options.hours)))
    run.start(scenario, lambda url: make_config.write_real(run.folder, url, run.run_dir, pools, options.speed,
                                                           deploymentId=options.deployment))
    screen = Screen(f"{len(pools)} real pools, {options.hours:g} h at speed {options.speed:g}", pools, options.plain)
    end = 60 + options.hours * 3600
    run.watch(screen, "real", end + 120)  # the last arrivals get their instances, too
    run.stop()
    return report.of_real(run, options, pools, end)


def parse():
    parser = argparse.ArgumentParser(description="replays the 2016 day on real processes")
    parser.add_argument("--speed", type=float, help="story seconds in one second (default 1; with --real 60)")
    parser.add_argument("--breakers-off", action="store_true", help="isolation must not rest on quarantine")
    parser.add_argument("--preflight", action="store_true", help="with the check that 2016 lacked")
    parser.add_argument("--without-sick", action="store_true", help="the same day without desktop-test")
    parser.add_argument("--kill", action="store_true", help="stop and kill desktop-test's worker")
    parser.add_argument("--real", action="store_true", help="load from the traces of seven real pools")
    parser.add_argument("--traces", default=str(ROOT.parent / "shared/traces"), help="folder of the traces")
    parser.add_argument("--hours", type=float, default=24, help="of the traces")
    parser.add_argument("--act", type=float, default=fleet.ACT, help="seconds of each act")
    parser.add_argument("--spacing", type=float, default=make_scenario.SMALL_SPACING,
                        help="mean seconds between arrivals of a small type")
    parser.add_argument("--folder", default=str(BUILD / "demo"), help="where journal, logs and report go")
    parser.add_argument("--deployment", default="demo", help="deployment id: two runs at a time need two")
    parser.add_argument("--plain", action="store_true", help="lines instead of a live table")
    options = parser.parse_args()
    options.speed = options.speed or (60.0 if options.real else 1.0)
    return options


def interrupted(number, frame):
    raise KeyboardInterrupt


def main():
    options = parse()
    signal.signal(signal.SIGTERM, interrupted)
    folder = Path(options.folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    run_dir = tempfile.mkdtemp(prefix="provisiond-demo-")  # short: socket paths end at 107 bytes
    run = Run(options, folder, Path(run_dir))
    try:
        document = play_real(run, options) if options.real else play_2016(run, options)
        (folder / "report.json").write_text(json.dumps(document, indent=2) + "\n")
        print(f"\nreport: {folder / 'report.json'}   journal: {folder / 'journal.jsonl'}   "
              f"log: {folder / 'provisiond.log'}")
        return 0
    except Failed as failure:
        complain(f"demo: {failure}")
        return 1
    except KeyboardInterrupt:
        complain("demo: interrupted")
        return 130
    finally:
        run.stop()
        shutil.rmtree(run_dir, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
