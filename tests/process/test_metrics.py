#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 240
"""provisiond-metrics: a scripted publisher on one side, HTTP and promtool on the other; and once the real daemon.
The documents of docs/prometheus are checked here too: configuration, rules, and that the dashboard asks for metrics that
exist."""
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket as sockets
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from status_stream import BUILD, PATIENCE, Program, Publisher, Skip, data_of, figures_of, run_tests, until  # noqa: E402

DOCUMENTS = ROOT / "docs/prometheus"
SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (-?[0-9.e+-]+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """{(name, sorted labels): value}; a line that is no sample is a fault."""
    samples = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        match = SAMPLE.match(line)
        assert match, f"no sample: {line!r}"
        key = (match.group(1), tuple(sorted(LABEL.findall(match.group(2) or ""))))
        assert key not in samples, f"twice: {key}"
        samples[key] = float(match.group(3))
    return samples


class Scene:
    def __init__(self, *words):
        self.folder = Path(tempfile.mkdtemp(prefix="metrics-"))
        self.publisher = Publisher(self.folder)
        self.publisher.types = {"fox": data_of("type", "fox", pending=7, oldestWait=65), "owl": data_of("type", "owl", pending=0)}
        self.publisher.regions = {"us-west-2": data_of("region", "us-west-2")}
        self.program = Program("provisiond-metrics", "--run-dir", self.folder, "--listen", "127.0.0.1:0", *words)
        host, port = self.program.wait_line("metrics.ready").split("listen=")[1].split()[0].rsplit(":", 1)
        self.host, self.port = host, int(port)
        self.publisher.wait_subscriber()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.program.__exit__()
        self.publisher.close()
        shutil.rmtree(self.folder)

    def ask(self, path="/metrics", method="GET"):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read().decode()
        finally:
            connection.close()

    def samples(self):
        return parse(self.ask()[2])

    def value(self, metric, **labels):
        return self.samples().get((f"provisiond_{metric}", tuple(sorted(labels.items()))))

    def published(self):
        """Publishes in full and waits until the exporter has read it."""
        before = self.value("status_refreshes_total")
        self.publisher.refresh()
        until(lambda: self.value("status_refreshes_total") > before, "the refresh to be read", self.program)
        return self.samples()


def every_figure_has_one_metric_or_is_left_out_on_purpose():
    listed = [line.split() for line in subprocess.run([str(BUILD / "provisiond-metrics"), "--list"], check=True, text=True,
                                                      capture_output=True, timeout=PATIENCE).stdout.splitlines()]
    for topic in ("supervisor", "type", "region"):
        wanted = {name for name, _ in figures_of(topic)[0]} - {"pid", "credentialsPid"}
        got = [figure for of, figure, _ in listed if of == topic]
        assert wanted <= set(got), f"{topic}: rows are missing in provisiond-metrics_table.c: {wanted - set(got)}"
        assert len(set(got)) == len(got), topic
    names = [name for _, _, name in listed]
    assert len(set(names)) == len(names)


def values_reach_a_scrape_in_base_units():
    with Scene() as scene:
        scene.publisher.types["fox"]["lastLaunch"].update(value=1469131560500)
        scene.publisher.supervisor["committed"].update(value=12.25)
        scene.published()
        assert scene.value("up") == 1
        assert scene.value("type_pending_tasks", type="fox") == 7 and scene.value("type_pending_tasks", type="owl") == 0
        assert scene.value("type_oldest_wait_seconds", type="fox") == 65
        assert scene.value("type_last_launch_timestamp_seconds", type="fox") == 1469131560.5
        assert scene.value("committed_dollars_per_hour") == 12.25
        assert scene.value("region_instances", region="us-west-2") == 1
        assert scene.value("type_state", type="fox", state="live") == 1
        assert scene.value("type_state", type="fox", state="quarantined") == 0
        scene.publisher.types["fox"]["state"] = "unlaunchable"
        scene.published()
        assert scene.value("type_state", type="fox", state="unlaunchable") == 1


def unknown_is_absent_and_never_zero():
    with Scene() as scene:
        scene.publisher.types["fox"] = data_of("type", "fox", pending=None, claimed=(3, 0))
        scene.publisher.supervisor["dailyCeiling"] = {"value": None, "unit": "dollars", "asOf": None}
        scene.publisher.types["owl"]["pending"]["asOf"] = None
        scene.published()
        assert scene.value("type_pending_tasks", type="fox") is None and scene.value("type_claimed_tasks", type="fox") == 3
        assert scene.value("daily_ceiling_dollars") is None and scene.value("spent_today_dollars") == 1
        assert scene.value("type_pending_tasks", type="owl") is None, "a number without an age"


def old_figures_vanish_and_their_age_stays():
    with Scene("--max-age", "100s") as scene:
        scene.publisher.types["fox"] = data_of("type", "fox", pending=(5, 99 - 60), occupying=(783, 200), running=(783, 200))
        scene.published()
        assert scene.value("type_pending_tasks", type="fox") == 5
        assert scene.value("type_occupying_units", type="fox") is None
        age = scene.publisher.types["fox"]["occupying"]["asOf"] / 1000
        assert abs(scene.value("type_as_of_timestamp_seconds", type="fox", source="inventory") - age) < 0.01


def a_silent_daemon_takes_its_figures_along():
    with Scene("--max-age", "1s") as scene:
        scene.published()
        until(lambda: scene.value("up") == 0, "up to be 0", scene.program)
        samples = scene.samples()
        assert not any(name in ("provisiond_type_pending_tasks", "provisiond_occupying_units", "provisiond_type_state",
                                "provisiond_deployment_info") for name, _ in samples), samples
        assert scene.value("status_age_seconds") > 1
        scene.publisher.types["fox"] = data_of("type", "fox", pending=8)

        def is_back():
            scene.publisher.refresh()
            return scene.value("up") == 1
        until(is_back, "up to be 1 again", scene.program)


def what_a_refresh_no_longer_shows_is_forgotten():
    with Scene() as scene:
        scene.published()
        del scene.publisher.types["owl"]
        scene.published()
        assert scene.value("type_pending_tasks", type="owl") is None and scene.value("type_pending_tasks", type="fox") == 7


def a_refresh_that_lost_a_message_forgets_nobody():
    with Scene() as scene:
        scene.published()
        publisher = scene.publisher
        publisher.send("supervisor.", publisher.supervisor, (0, 4))
        publisher.sequence += 1
        publisher.send("type.fox.", publisher.types["fox"], (3, 4))
        until(lambda: scene.value("status_messages_lost_total") == 1, "the loss to be seen", scene.program)
        assert scene.value("type_pending_tasks", type="owl") == 0


def alarms_stand_until_they_are_cleared_or_missed():
    with Scene() as scene:
        first = scene.publisher.raise_alarm("lag", "fox")
        scene.publisher.raise_alarm("budget", "")
        scene.published()
        assert scene.value("alarm_raised", kind="lag", subject="fox") == 1
        assert scene.value("alarm_raised", kind="budget", subject="") == 1
        scene.publisher.clear_alarm(first)
        scene.published()
        assert scene.value("alarm_raised", kind="lag", subject="fox") is None
        scene.publisher.alarms.clear()
        scene.published()
        assert scene.value("alarm_raised", kind="budget", subject="") is None


def a_new_supervisor_starts_afresh():
    with Scene() as scene:
        scene.published()
        scene.publisher.incarnation, scene.publisher.sequence = "run-2", 0
        scene.publisher.send("type.bear.", data_of("type", "bear"))
        until(lambda: scene.value("type_pending_tasks", type="bear") == 1, "bear", scene.program)
        assert scene.value("type_pending_tasks", type="fox") is None
        assert scene.value("status_messages_lost_total") == 0


def labels_are_escaped_and_bounded():
    with Scene("--max-types", "3") as scene:
        odd = 'a"b\\c'
        scene.publisher.types[odd] = data_of("type", odd, pending=9, reason="Q\"; drop", state="dancing")
        scene.published()
        assert scene.value("type_pending_tasks", type=odd.replace("\\", "\\\\").replace('"', '\\"')) == 9
        assert scene.value("type_reason_info", type='a\\"b\\\\c', reason="other") == 1
        assert scene.value("type_state", type='a\\"b\\\\c', state="other") == 1
        for number in range(50):
            scene.publisher.types[f"more-{number}"] = data_of("type", f"more-{number}")
        for number in range(200):
            scene.publisher.send(f"event.kind-{number}.", {"sequence": number, "at": 1, "kind": "x", "type": "", "region": "", "text": ""})
        samples = scene.published()
        types = {dict(labels).get("type") for _, labels in samples} - {None}
        kinds = {dict(labels)["kind"] for name, labels in samples if name == "provisiond_events_total"}
        assert len(types) == 3 and len(kinds) == 65, (types, len(kinds))
        assert scene.value("status_types_left_out_total") == 50 and scene.value("events_total", kind="other") == 136


def rubbish_in_the_stream_is_counted_and_harmless():
    with Scene() as scene:
        for frames in (("type.fox.",), ("type.fox.", "{"), ("nodot", "{}"), ("type.fox.", "[]"), ("a", "b", "c"), (b"\xff\xfe.", "{}"),
                       ("type.fox.", json.dumps({"incarnation": "x", "sequence": -1, "asOf": 0, "data": {}})),
                       ("type.fox.", json.dumps({"incarnation": "x", "sequence": 1, "asOf": 0, "data": 7})),
                       ("type.fox.", b"\x00" * 100)):
            scene.publisher.send_raw(*frames)
        until(lambda: scene.value("status_messages_unreadable_total") == 9, "nine to be counted", scene.program)
        scene.publisher.types["fox"].update(pending="many", state=7, claimed={"value": "3", "asOf": "now"}, running=[])
        scene.published()
        assert scene.value("type_pending_tasks", type="fox") is None and scene.value("type_pending_tasks", type="owl") == 0


def other_paths_and_methods_are_refused():
    with Scene() as scene:
        assert scene.ask("/")[0] == 200 and scene.ask("/-/healthy")[0] == 200
        assert scene.ask("/etc/passwd")[0] == 404 and scene.ask("/metrics", "POST")[0] == 405
        status, headers, body = scene.ask("/metrics", "HEAD")
        assert status == 200 and body == "" and headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"


def slow_and_silent_scrapers_delay_nobody():
    with Scene() as scene:
        for number in range(300):
            scene.publisher.types[f"t{number}"] = data_of("type", f"t{number}")
        idle = []
        for number in range(30):
            stranger = sockets.create_connection((scene.host, scene.port), PATIENCE)
            stranger.sendall(b"GET /metrics HTTP/1.1\r\n" + (b"Host: x\r\n\r\n" if number % 2 else b""))
            idle.append(stranger)
        scene.published()
        assert scene.value("type_pending_tasks", type="t299") == 1
        for stranger in idle:
            stranger.close()
        scene.published()


def usage_and_addresses_in_use_end_with_2():
    with Scene() as scene:
        for words in (["--listen", f"127.0.0.1:{scene.port}"], ["--listen", "localhost:1"], ["--max-age", "soon"], ["word"]):
            with Program("provisiond-metrics", "--run-dir", scene.folder, *words) as other:
                assert other.process.wait(PATIENCE) == 2, (words, other.read())
        assert scene.program.finish(signal.SIGTERM) == 0


def promtool(*words, text=None):
    if not shutil.which("promtool"):
        raise Skip("promtool is not here (Debian package prometheus)")
    done = subprocess.run(["promtool", *map(str, words)], input=text, text=True, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def promtool_finds_nothing_to_say_about_the_metrics():
    with Scene() as scene:
        scene.publisher.raise_alarm("lag", "fox")
        scene.publisher.send("event.started.", {"sequence": 1, "at": 1, "kind": "started", "type": "", "region": "", "text": ""})
        scene.published()
        output = promtool("check", "metrics", text=scene.ask()[2])
        assert output.strip() == "", output


def the_example_configuration_and_the_rules_pass_promtool():
    promtool("check", "config", DOCUMENTS / "prometheus.yml")
    promtool("test", "rules", DOCUMENTS / "alerts_test.yml")


def expressions_of_the_dashboard():
    document = json.loads((DOCUMENTS / "grafana-dashboard.json").read_text())
    return [target["expr"] for panel in document["panels"] for target in panel["targets"]]


def rules_and_dashboard_ask_for_metrics_that_exist():
    with Scene() as scene:
        scene.publisher.raise_alarm("lag", "fox")
        exposed = {name for name, _ in scene.published()}
    asked = set(re.findall(r"\bprovisiond_\w+", (DOCUMENTS / "alerts.yml").read_text() + " ".join(expressions_of_the_dashboard())))
    assert asked <= exposed, asked - exposed
    assert len(expressions_of_the_dashboard()) > 20


def the_dashboards_expressions_are_promql():
    rules = [{"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m").replace("$type", ".*")}
             for number, expression in enumerate(expressions_of_the_dashboard())]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rules.json"
        path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))  # JSON is YAML
        assert f"{len(rules)} rules found" in promtool("check", "rules", path)


def the_real_daemon_can_be_scraped():
    sys.path.insert(0, str(ROOT / "tests/system"))
    from harness import World, simple_type  # pylint: disable=import-outside-toplevel
    with World({"queues": {"alpha": {}}}, [simple_type("alpha")], deploymentId=f"metrics-{os.getpid()}") as world:
        world.add_tasks("alpha", 3)
        run_dir = world.folder / "run"
        until(lambda: (run_dir / "status.sock").exists(), "the daemon")
        with Program("provisiond-metrics", "--run-dir", run_dir, "--listen", "127.0.0.1:0") as program:
            address = program.wait_line("metrics.ready").split("listen=")[1].split()[0]

            def scrape():
                connection = http.client.HTTPConnection(address, timeout=PATIENCE)
                with contextlib.closing(connection):
                    connection.request("GET", "/metrics")
                    return connection.getresponse().read().decode()
            until(lambda: parse(scrape()).get(("provisiond_type_pending_tasks", (("type", "alpha"),))) == 3,
                  "three pending tasks in the metrics", program)
            text = scrape()
            assert parse(text)[("provisiond_up", ())] == 1
            assert parse(text)[("provisiond_status_messages_unreadable_total", ())] == 0
        if shutil.which("promtool"):
            assert promtool("check", "metrics", text=text).strip() == ""


if __name__ == "__main__":
    sys.exit(run_tests(
        every_figure_has_one_metric_or_is_left_out_on_purpose,
        values_reach_a_scrape_in_base_units,
        unknown_is_absent_and_never_zero,
        old_figures_vanish_and_their_age_stays,
        a_silent_daemon_takes_its_figures_along,
        what_a_refresh_no_longer_shows_is_forgotten,
        a_refresh_that_lost_a_message_forgets_nobody,
        alarms_stand_until_they_are_cleared_or_missed,
        a_new_supervisor_starts_afresh,
        labels_are_escaped_and_bounded,
        rubbish_in_the_stream_is_counted_and_harmless,
        other_paths_and_methods_are_refused,
        slow_and_silent_scrapers_delay_nobody,
        usage_and_addresses_in_use_end_with_2,
        promtool_finds_nothing_to_say_about_the_metrics,
        the_example_configuration_and_the_rules_pass_promtool,
        rules_and_dashboard_ask_for_metrics_that_exist,
        the_dashboards_expressions_are_promql,
        the_real_daemon_can_be_scraped))
