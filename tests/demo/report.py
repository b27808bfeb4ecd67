# SPDX-License-Identifier: MPL-2.0
"""Makes the report and the summary of a finished run: from the journal, and from what the status stream said."""
import fleet
import make_config
import measure


def status_age_max(stream, speed):
    return round(max(stream.age_max.values(), default=float("nan")) * speed, 3)


def live_agreement(story, run):
    """The status figure of live instances beside the truth. A figure speaks of the time from the listing that it rests
    on (asOf) until it is received: it is right if it counts no fewer than lived all that time and no more than lived
    at some moment of it. Returns the last figure's comparison, the worst difference, and the oldest figure's age."""
    worst, oldest, last = 0, 0.0, None
    for received, value, as_of in run.stream.live_samples:
        since, until = ((moment - story.begun) * run.options.speed for moment in (as_of, received))
        least, most = story.live_between(since, until)
        if max(least - value, value - most) > worst:
            worst = max(least - value, value - most)
            run.seen["worst_live"] = {"since": since, "until": until, "shown": value, "within": [least, most]}
        oldest = max(oldest, until - since)
        last = (value, story.live_at(since), [least, most])
    return last or (None, None, None), worst, oldest


def common(run, options, story, intervals):
    (shown, true, within), worst, oldest = live_agreement(story, run)
    return {
        "status_age_max_s": status_age_max(run.stream, options.speed),
        "live_instances_reported": shown,
        "live_instances_true": true,
        "live_instances_true_within_poll": within,
        "live_instances_worst_difference": worst,
        "live_instances_worst": run.seen.get("worst_live"),
        "live_instances_age_max_s": round(oldest, 3),
        "grants": run.stream.figure("supervisor.", "grants"),
        "speed": options.speed,
        "queue_poll_s": intervals["demandPoll"],
        "inventory_poll_s": intervals["inventoryPoll"],
        "status_interval_s": intervals["statusInterval"],
    }


def small_of(story, since, until, end):
    return {name: measure.summary(story.waits_between([name], since, until, end)) for name in fleet.SMALL}


def of_2016(run, options, acts):
    story = measure.Story(run.cloud.journal, options.speed)
    end = story.replay()
    first, last = acts["act1"][0], acts["act2"][1]
    others = story.waits_between(list(fleet.ordinary()), first, last, end)
    refused = story.failures[fleet.SICK]
    document = {
        "types": len(fleet.all_names(not options.without_sick)),
        "sick": {
            "name": fleet.SICK,
            "pending_start": story.pending_most[fleet.SICK],
            "launch_calls_failed": sum(1 for t, _ in refused if t < acts["act1"][1] + 3 * options.speed),
            "codes": sorted({str(code) for _, code in refused}),
            "state": run.seen["sick_states"].get("act1"),
            "state_act2": run.seen["sick_states"].get("act2"),
            "launched_act2": story.launched[fleet.SICK],
        },
        "small": small_of(story, first, last, end),
        "act1": small_of(story, *acts["act1"], end),
        "act2": small_of(story, *acts["act2"], end),
        "others_p99_pending_to_launch_request_s": round(measure.percentile(others, 99) or 0, 3),
        "duration_s": round(last - first, 3),
        "breakers": not options.breakers_off,
        "preflight": options.preflight,
        "without_sick": options.without_sick,
        "kill": run.saboteur.log if run.saboteur else None,
        "worker_deaths": {name: (data.get("deaths") or {}).get("value") for name, data in run.stream.types().items()
                          if (data.get("deaths") or {}).get("value")},
    }
    document.update(common(run, options, story, make_config.INTERVALS_2016))
    print_summary(story, document, fleet.all_names(not options.without_sick), end)
    return document


def of_real(run, options, pools, end):
    story = measure.Story(run.cloud.journal, options.speed)
    finished = story.replay()
    waits = {name: measure.summary(story.waits_between([name], 0, end, finished)) for name in pools}
    decision = [name for name in pools if name.endswith("-decision")]
    document = {
        "types": len(pools),
        "pools": {name: {
            "arrivals": story.arrivals[name], "claimed": len(story.task_waits[name]),
            "left_pending": story.types[name].pending,
            "wait_median_s": measure.percentile(story.task_waits[name], 50),
            "wait_p95_s": measure.percentile(story.task_waits[name], 95),
            "wait_max_s": max(story.task_waits[name], default=None),
            "launched": story.launched[name], "launch_calls": story.launch_calls[name],
            "launch_calls_failed": len(story.failures[name])} for name in pools},
        "small": {name: waits[name] for name in decision},
        "decision_pools": decision,
        "boot_s": run_boot(), "others_p99_pending_to_launch_request_s": round(measure.percentile(
            story.waits_between([name for name in pools if name not in decision], 0, end, finished), 99) or 0, 3),
        "duration_s": round(end, 3),
    }
    document.update(common(run, options, story, make_config.INTERVALS_REAL))
    print_types(story, pools, finished)
    return document


def run_boot():
    import make_scenario
    return make_scenario.REAL_BOOT["fixed"] + make_scenario.REAL_FIRST_CLAIM


# ---- for people ----------------------------------------------------------------------------------------------------

def seconds(value):
    return "-" if value is None else f"{value:.1f}"


def print_row(name, tasks, wait, launched, failures):
    print(f"  {name:<26}{tasks:>8,}{seconds(wait):>16}{launched:>11,}{failures:>10,}")


def print_types(story, names, end):
    print(f"\n  {'type':<26}{'tasks':>8}{'longest wait s':>16}{'launched':>11}{'refused':>10}")
    for name in names:
        print_row(name, story.arrivals[name], story.longest_wait(name, end), story.launched[name],
                  len(story.failures[name]))


def print_summary(story, document, names, end):
    shown = [name for name in names if name == fleet.SICK or name in fleet.SMALL]
    busiest = sorted((name for name in names if name not in shown), key=lambda name: -story.arrivals[name])
    print_types(story, shown + busiest[:8], end)
    rest = busiest[8:]
    print_row(f"{len(rest)} more types", sum(story.arrivals[name] for name in rest),
              max((story.longest_wait(name, end) or 0 for name in rest), default=None),
              sum(story.launched[name] for name in rest), sum(len(story.failures[name]) for name in rest))
    print("\n  how long a small type's tasks waited for the launch request, seconds")
    print(f"  {'':<26}{'arrivals':>10}{'median':>10}{'p95':>10}{'worst':>10}")
    for act in ("act1", "act2"):
        for name, figures in document[act].items():
            print(f"  {act[:3] + ' ' + act[3:]}: {name:<19}{figures['arrivals']:>10}{seconds(figures['median_s']):>10}"
                  f"{seconds(figures['p95_s']):>10}{seconds(figures['first_pending_to_launch_request_s']):>10}")
    print_yardsticks(document)


def print_yardsticks(document):
    worst = [figures["first_pending_to_launch_request_s"] for act in ("act1", "act2")
             for figures in document[act].values() if figures["first_pending_to_launch_request_s"] is not None]
    sick = document["sick"]
    rows = [
        ("a small type is starved", "2 h (20:06 to 22:05)", f"{seconds(max(worst, default=None))} s at worst"),
        ("one launch that a small type waits for", "59 min (21:06 to 22:05)",
         f"{seconds(max(worst, default=None))} s at worst"),
        ("the bad bids", "one after another, the whole loop", f"{sick['launch_calls_failed']} refused calls"),
        ("what the sick type's state said", "nothing",
         ", ".join([(sick["state"] or "-").split(":")[0]] + sick["codes"])),
        ("instances shown / true", "783 / 2,217",
         f"{document['live_instances_reported']} / {document['live_instances_true']}"),
        ("age of what is shown", "unknown", f"{seconds(document['status_age_max_s'])} s at most"),
        ("how it ended", "maxCapacity cut by hand", "nobody had to do anything"),
        ("the right image ids", "overwritten", "every definition is kept as a revision"),
    ]
    print(f"\n  {'yardstick':<42}{'2016-07-21':<36}now")
    for what, then, now in rows:
        print(f"  {what:<42}{then:<36}{now}")
