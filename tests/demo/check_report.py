#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Judges a report of the demo: check_report.py REPORT [--without REPORT_WITHOUT_SICK] [--least-arrivals N]

The 2016 day: both small types' worst wait for a launch request in each act, the sick type quarantined after few refused
calls (unless breakers were off), the live figure true within one poll, no status older than twice its interval; with
--without the small types no worse than on a day without the sick type; a report with `kill` must show that the
supervisor replaced the worker twice and that no other worker died. The real pools: every task of the decision pools
claimed, and in time. Prints TAP; exit status 1 when something is not so."""
import argparse
import json
import sys

SLACK = 2.0           # seconds over the queue poll interval
CALLS_FAILED = (1, 20)
REAL_SLACK = 5.0
TYPES_LEAST = 95


class Judge:
    """Collects verdicts."""

    def __init__(self):
        self.verdicts = []

    def expect(self, holds, sentence, figure):
        self.verdicts.append((bool(holds), f"{sentence} ({figure})"))

    def finish(self):
        print(f"1..{len(self.verdicts)}")
        for number, (holds, sentence) in enumerate(self.verdicts, 1):
            print(f"{'ok' if holds else 'not ok'} {number} - {sentence}")
        return 0 if self.verdicts and all(holds for holds, _ in self.verdicts) else 1


def judge_small(judge, report, least):
    limit = report["queue_poll_s"] + SLACK
    for act in ("act1", "act2"):
        judge.expect(len(report[act]) == 2, f"{act}: both small types are there", sorted(report[act]))
        for name, figures in report[act].items():
            judge.expect(figures["arrivals"] >= least, f"{act}: {name} has at least {least} arrivals",
                         figures["arrivals"])
            worst = figures["first_pending_to_launch_request_s"]
            judge.expect(worst is not None and worst <= limit,
                         f"{act}: {name} waits at most {limit:g} s for a launch request", worst)


def judge_sick(judge, report):
    sick = report["sick"]
    judge.expect(sick["pending_start"] >= 6000, "the sick type had 6,000 pending tasks", sick["pending_start"])
    if not report.get("breakers", True):
        return
    if report.get("preflight"):
        judge.expect(sick["launch_calls_failed"] == 0, "preflight: not one refused call", sick["launch_calls_failed"])
        state = sick["state"] or ""
        judge.expect(state.startswith("unlaunchable:") and "is hvm" in state and "boots only paravirtual" in state,
                     "preflight, act 1: its state is unlaunchable and says why", state)
        judge.expect((sick.get("state_act2") or "").startswith("live:") and sick.get("launched_act2", 0) > 0,
                     "preflight, act 2: with the right image it is live and launches",
                     f"{sick.get('launched_act2')} launched, {sick.get('state_act2')}")
        return
    judge.expect(CALLS_FAILED[0] <= sick["launch_calls_failed"] <= CALLS_FAILED[1],
                 f"act 1: from {CALLS_FAILED[0]} to {CALLS_FAILED[1]} refused calls", sick["launch_calls_failed"])
    state = sick["state"] or ""
    judge.expect(state.startswith("quarantined"), "act 1: the sick type is quarantined", state)
    judge.expect(any(code in state for code in sick["codes"]) and sick["codes"],
                 "act 1: its state names EC2's code", sick["codes"])


def judge_status(judge, report):
    limit = 2 * report["status_interval_s"]
    age = report["status_age_max_s"]
    judge.expect(age is not None and age <= limit, f"no status older than {limit:g} s", age)
    shown, within = report["live_instances_reported"], report["live_instances_true_within_poll"]
    judge.expect(shown is not None and within and within[0] <= shown <= within[1],
                 "the live instances shown are the truth within one poll", f"{shown} shown, {within} true")
    judge.expect(report["live_instances_worst_difference"] == 0, "and were so all the time",
                 report["live_instances_worst_difference"])
    limit = 2 * report["inventory_poll_s"] + report["status_interval_s"]
    judge.expect(report["live_instances_age_max_s"] <= limit, f"and never rested on a listing older than {limit:g} s",
                 report["live_instances_age_max_s"])


def judge_without(judge, report, without):
    """Over both acts: sixty waits and more, where one act's thirty would let chance speak."""
    for name, figures in report["small"].items():
        for key in ("median_s", "p95_s"):
            ours, theirs = figures[key], without["small"][name][key]
            margin = max(0.2 * theirs, 0.3)
            judge.expect(ours - theirs <= margin, f"{name}: {key} within {margin:.2f} s of the day without the sick "
                         "type", f"{ours} against {theirs}")


def judge_kill(judge, report):
    kill = report["kill"]
    name = report["sick"]["name"]
    judge.expect("respawned_at" in kill, "the stopped worker was replaced", kill.get("respawned_at"))
    judge.expect("successor_at" in kill, "its killed successor was replaced", kill.get("successor_at"))
    others = {worker: deaths for worker, deaths in report["worker_deaths"].items() if worker != name}
    judge.expect(not others, "no other worker died", others)


def judge_real(judge, report):
    limit = report["boot_s"] + report["queue_poll_s"] + REAL_SLACK
    judge.expect(report["duration_s"] >= 86400, "at least one simulated day", report["duration_s"])
    judge.expect(len(report["pools"]) == 7, "all seven pools", len(report["pools"]))
    for name in report["decision_pools"]:
        pool = report["pools"][name]
        judge.expect(pool["claimed"] == pool["arrivals"] and pool["left_pending"] == 0 and pool["arrivals"] > 0,
                     f"{name}: every task was claimed", f"{pool['claimed']} of {pool['arrivals']}")
        judge.expect(pool["wait_p95_s"] is not None and pool["wait_p95_s"] <= limit,
                     f"{name}: p95 of the waits at most boot + poll + {REAL_SLACK:g} = {limit:g} s",
                     pool["wait_p95_s"])


def main():
    parser = argparse.ArgumentParser(description="judges a report of the demo")
    parser.add_argument("report")
    parser.add_argument("--without", help="report of the same day without the sick type")
    parser.add_argument("--least-arrivals", type=int, default=30)
    options = parser.parse_args()
    with open(options.report, encoding="utf-8") as file:
        report = json.load(file)
    judge = Judge()
    if "pools" in report:
        judge_real(judge, report)
    else:
        judge.expect(report["types"] >= TYPES_LEAST, "about a hundred types", report["types"])
        judge_small(judge, report, options.least_arrivals)
        if not report.get("without_sick"):
            judge_sick(judge, report)
        judge_status(judge, report)
        if report.get("kill"):
            judge_kill(judge, report)
        if options.without:
            with open(options.without, encoding="utf-8") as file:
                judge_without(judge, report, json.load(file))
    return judge.finish()


if __name__ == "__main__":
    sys.exit(main())
