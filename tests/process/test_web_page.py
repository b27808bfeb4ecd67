#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 600
"""The dashboard as a person sees it: provisiond-web before a scripted daemon, once before the real one, in a real headless
Chromium. Skipped with a word where there is no Chromium, node or playwright-core."""
import json
import os
import shutil
import signal
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from browser import Browser  # noqa: E402
from status_stream import Program, Skip, data_of, run_tests, until  # noqa: E402
from web_scene import Scene  # noqa: E402

UPLOT = ROOT / "build/npm/node_modules/uplot/dist/uPlot.iife.min.js"
HEADLINE = "(document.querySelector('h1')?.textContent.replace(/\\u00a0/g, ' ') ?? '')"
NOT_LIVE = "document.title.startsWith('NOT LIVE') && !document.querySelector('#banner').hidden"


class Page:
    """A scene and a browser that has opened it; at the end the console must have been silent."""

    def __init__(self, *words, path="/", **options):
        why = Browser.missing()
        if why:
            raise Skip(why)
        self.words, self.path, self.options = words, path, options

    def __enter__(self):
        self.scene = Scene(*self.words, **self.options).__enter__()
        self.browser = Browser().__enter__()
        self.scene.published()
        self.browser.goto(self.scene.url + self.path)
        return self.scene, self.browser

    def __exit__(self, kind, *_):
        said = self.browser.do("complaints") if kind is None else []
        self.browser.__exit__()
        self.scene.__exit__()
        assert said == [], said


def rows(browser, section):
    return browser.evaluate(f"[...document.querySelectorAll('section[aria-label=\"{section}\"] tbody tr')].map(row => row.children[0].firstChild.textContent)")


def it_says_who_waits_why_and_what_it_costs():
    with Page() as (scene, browser):
        scene.publisher.types["desktop-test"] = data_of("type", "desktop-test", pending=6000, oldestWait=30, state="quarantined", reason="quarantined", why="It is quarantined.")
        scene.publisher.supervisor = data_of("supervisor", "", deployment="fox", ledger="ok", committed=12.4, committedCeiling=50, spentToday=83.1, dailyCeiling=100)
        scene.publisher.refresh()
        browser.wait(f"{HEADLINE} === '2 types wait, longest gecko-decision 4m12s'")
        page = browser.text("main")
        for words in ("It wants 3 units more, but the launch rate is used up.", "$12.40 of $50.00", "$83.10 of $100.00", "25 %", "83 %", "quarantined"):
            assert words in page, (words, page)
        assert rows(browser, "Waiting") == ["gecko-decision", "desktop-test"], "the longest first"
        assert rows(browser, "Not waiting") == ["owl"]


def it_follows_the_stream_without_a_reload():
    with Page() as (scene, browser):
        browser.wait(f"{HEADLINE}.startsWith('1 type waits, gecko-decision 4m12s')")
        scene.publisher.types["owl"] = data_of("type", "owl", pending=4, oldestWait=600, why="Its turn comes.")
        scene.publisher.send("type.owl.", scene.publisher.types["owl"])
        browser.wait(f"{HEADLINE} === '2 types wait, longest owl 10m00s'")
        assert rows(browser, "Waiting") == ["owl", "gecko-decision"]
        for name in ("owl", "gecko-decision"):
            scene.publisher.types[name] = data_of("type", name, pending=0)
        scene.publisher.refresh()
        browser.wait(f"{HEADLINE} === 'Nobody waits'")


def what_is_not_known_is_not_shown_as_nobody_waits():
    with Page() as (scene, browser):
        scene.publisher.types = {"owl": data_of("type", "owl", pending=None), "fox": data_of("type", "fox", pending=(0, 3600), demandProblem="the queue does not answer")}
        scene.publisher.refresh()
        browser.wait(f"{HEADLINE} === 'Who waits is not known'")
        scene.publisher.types["elk"] = data_of("type", "elk", pending=0)
        scene.publisher.refresh()
        browser.wait(f"{HEADLINE} === 'Nobody is known to wait'")
        page = browser.text("main")
        assert "The demand of 2 types is not known." in page and "STALE" in page and "the queue does not answer" in page, page


def a_silent_daemon_makes_the_whole_page_say_so():
    with Page() as (scene, browser):
        for _ in range(3):
            scene.published()
        browser.wait(f"{HEADLINE}.startsWith('1 type waits')")
        assert browser.evaluate("document.querySelector('#banner').hidden")
        browser.wait(NOT_LIVE)
        banner = browser.text("#banner")
        assert "the daemon is silent" in banner and "how it was then" in banner, banner
        assert browser.evaluate("document.body.classList.contains('stopped') && document.querySelector('#banner').getAttribute('role') === 'alert'")
        assert browser.evaluate(HEADLINE).startswith("Last known: 1 type waits")
        scene.published()
        browser.wait("!document.title.includes('NOT LIVE') && document.querySelector('#banner').hidden")


def a_lost_server_makes_the_whole_page_say_so():
    with Page() as (scene, browser):
        browser.wait(f"{HEADLINE}.startsWith('1 type waits')")
        os.kill(scene.program.process.pid, signal.SIGSTOP)
        try:
            browser.wait(NOT_LIVE)
            assert "lost its server" in browser.text("#banner")
        finally:
            os.kill(scene.program.process.pid, signal.SIGCONT)
        scene.published()
        browser.wait("!document.title.includes('NOT LIVE')")


def a_server_that_never_heard_the_daemon_is_not_live():
    why = Browser.missing()
    if why:
        raise Skip(why)
    with Scene(publish=False) as scene, Browser() as browser:
        browser.goto(scene.url)
        browser.wait(NOT_LIVE, 40)
        assert "nothing heard from the daemon" in browser.text("#banner")


def a_type_has_its_page_with_its_last_decision_and_charts():
    with Page(path="/#/type/gecko-decision", control=True) as (scene, browser):
        browser.wait(f"{HEADLINE}.startsWith('gecko-decision')")
        browser.wait("document.querySelector('main').innerText.includes('us-east-1a · m3.medium · spot')")
        browser.wait("document.querySelector('main').innerText.includes('bbbbbbbbbbbb')")
        page = browser.text("main")
        for words in ("4m12s", "launch-rate", "It wants 3 units more", "None: every placement is open.", "live"):
            assert words in page, (words, page)
        if UPLOT.exists():
            browser.wait("document.querySelectorAll('figure canvas').length === 5")
            assert browser.evaluate("document.querySelector('#charts-note').hidden")
        browser.do("click", selector="button[data-span=day]")
        browser.wait("document.querySelector('button[data-span=day]').getAttribute('aria-pressed') === 'true'")


def without_uplot_there_are_tables_and_the_page_says_so():
    with Page() as (scene, browser):
        browser.do("stub", pattern="**/uplot.js", body="")
        browser.goto(scene.url + "/?fresh#/type/gecko-decision")
        browser.wait("document.querySelectorAll('figure table tbody tr').length > 0")
        assert browser.evaluate("!document.querySelector('#charts-note').hidden && document.querySelectorAll('canvas').length === 0")
        assert "tables instead of charts" in browser.text("footer")
        browser.do("unstub")


def every_page_opens_and_says_how_old_it_is():
    with Page(control=True) as (scene, browser):
        scene.publisher.raise_alarm("demand", "owl", "the queue does not answer")
        scene.publisher.regions["us-west-2"] = data_of("region", "us-west-2", state="stale", problem="the last listing failed", instances=(40, 3600))
        scene.publisher.refresh()
        for page, words in (("regions", ("us-west-2", "the last listing failed", "STALE")), ("budget", ("Committed an hour", "gecko-decision")),
                            ("alarms", ("the queue does not answer",)), ("events", ("long ago", "started"))):
            browser.do("click", selector=f"nav a[href='#/{page}']")
            for word in words:
                browser.wait(f"document.querySelector('main').innerText.includes({json.dumps(word)})")
            assert browser.evaluate("document.querySelector('nav a[aria-current]').textContent").strip().lower().startswith(page[:5])
        browser.wait("document.querySelector('#alarm-count').textContent === '1'")


def hostile_words_stay_words():
    with Page() as (scene, browser):
        name = "<img src=x onerror=document.title=1>"
        scene.publisher.types[name] = data_of("type", name, pending=9, oldestWait=9999, why="<script>document.title='owned'</script><b>bold</b>", state="<i>x</i>")
        scene.publisher.refresh()
        browser.wait(f"{HEADLINE}.includes('<img src=x')")
        browser.do("click", selector="section[aria-label=Waiting] tbody a")
        browser.wait("document.querySelector('.lead').textContent.includes('<b>bold</b>')")
        assert browser.evaluate("document.querySelectorAll('main img, main script, main b').length") == 0


def it_can_be_used_by_keyboard_and_read_aloud():
    with Page() as (scene, browser):
        browser.wait(f"{HEADLINE}.startsWith('1 type waits')")
        browser.do("press", key="Tab")
        assert browser.evaluate("document.activeElement.textContent") == "Skip to content"
        browser.do("press", key="Enter")
        assert browser.evaluate("document.activeElement.id") == "view"
        browser.do("press", key="Tab")
        assert browser.evaluate("document.activeElement.textContent") == "gecko-decision"
        scene.publisher.types["owl"] = data_of("type", "owl", pending=4, oldestWait=6000)
        scene.publisher.refresh()
        browser.wait(f"{HEADLINE}.startsWith('2 types wait, longest owl')")
        assert browser.evaluate("document.activeElement.textContent") == "gecko-decision", "the focus moved with the rows"
        scene.publisher.types["gecko-decision"] = data_of("type", "gecko-decision", pending=3, oldestWait=9000)
        scene.publisher.refresh()
        browser.wait(f"{HEADLINE}.startsWith('2 types wait, longest gecko-decision')")
        assert browser.evaluate("document.activeElement.textContent") == "gecko-decision", "the row that rose lost the focus"
        tree = browser.do("snapshot")
        for words in ("banner", "navigation \"Pages\"", "main", "heading \"2 types wait", "table", "columnheader \"oldest waits\"", "rowheader \"owl", "meter \""):
            assert words in tree, (words, tree)
        browser.do("press", key="Enter")
        browser.wait(f"{HEADLINE}.startsWith('gecko-decision')")
        assert browser.evaluate("document.activeElement.id") == "view"


def words_are_readable_in_light_and_dark():
    contrast = """(() => {
      const parse = (c) => c.match(/[\\d.]+/g).slice(0, 3).map((v) => { v /= 255; return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; });
      const light = (c) => { const [r, g, b] = parse(c); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
      const ground = (e) => { while (e) { const c = getComputedStyle(e).backgroundColor; if (!/, 0\\)$|transparent/.test(c)) return c; e = e.parentElement; } return 'rgb(255,255,255)'; };
      return Math.min(...[...document.querySelectorAll('main *, header *')].filter((e) => e.offsetParent && [...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim())).map((e) => {
        const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
        return (a + 0.05) / (b + 0.05); }));
    })()"""
    with Page() as (scene, browser):
        scene.publisher.types["fox"] = data_of("type", "fox", pending=(5, 3600), state="quarantined")
        scene.publisher.raise_alarm("demand", "owl", "no answer")
        scene.publisher.refresh()
        browser.wait("document.querySelector('main').innerText.includes('STALE')")
        for scheme in ("light", "dark"):
            browser.do("scheme", scheme=scheme)
            least = browser.evaluate(contrast)
            assert least >= 4.5, (scheme, least)


def an_operator_with_the_token_can_pause_a_type():
    why = Browser.missing()
    if why:
        raise Skip(why)
    folder = Path(tempfile.mkdtemp(prefix="web-token-"))
    path = folder / "token"
    path.touch(0o600)
    path.write_text("a-token-that-nobody-can-guess")
    with Scene("--token-file", path, control=True) as scene, Browser() as browser:
        scene.published()
        browser.goto(scene.url + "/#/type/gecko-decision")
        browser.do("click", selector="button:text('Pause…')")
        browser.do("fill", selector="dialog input", text="a-wrong-token-of-some-length")
        browser.do("press", key="Enter")
        browser.wait("document.querySelector('dialog').innerText.includes('the token is wrong')")
        assert scene.control.asked("pause") == []
        browser.do("fill", selector="dialog input", text="a-token-that-nobody-can-guess")
        browser.do("click", selector="dialog button.bad")
        browser.wait("document.querySelector('main').innerText.includes('pause of gecko-decision: done')")
        assert [question["name"] for question in scene.control.asked("pause")] == ["gecko-decision"]
        assert all("401" in words for words in browser.do("complaints")), "only the refused token"
    shutil.rmtree(folder)


def without_a_token_there_are_no_buttons():
    with Page(path="/#/type/gecko-decision") as (_, browser):
        browser.wait(f"{HEADLINE}.startsWith('gecko-decision')")
        assert not browser.evaluate("[...document.querySelectorAll('button')].some((b) => b.offsetParent && /Pause|Restart/.test(b.textContent))")


def the_real_daemon_is_shown_and_its_end_too():
    why = Browser.missing()
    if why:
        raise Skip(why)
    sys.path.insert(0, str(ROOT / "tests/system"))
    from harness import World, simple_type  # pylint: disable=import-outside-toplevel
    with World({"queues": {"alpha": {}}}, [simple_type("alpha")], deploymentId=f"web-{os.getpid()}") as world:
        run_dir = world.folder / "run"
        until(lambda: (run_dir / "status.sock").exists(), "the daemon")
        with Program("provisiond-web", "--run-dir", run_dir, "--listen", "127.0.0.1:0") as program, Browser() as browser:
            browser.goto("http://" + program.wait_line("web.ready").split("listen=")[1].split()[0] + "/#/type/alpha")
            world.add_tasks("alpha", 3)
            browser.wait("document.querySelector('main').innerText.includes('launched') && document.querySelector('#pulse-text').textContent.startsWith('live')", 60)
            browser.wait("/asked \\d+s ago/.test(document.querySelector('main').innerText)", 60)
            world.daemon.stop()
            browser.wait(NOT_LIVE, 60)
            assert browser.do("complaints") == []


if __name__ == "__main__":
    sys.exit(run_tests(
        it_says_who_waits_why_and_what_it_costs,
        it_follows_the_stream_without_a_reload,
        what_is_not_known_is_not_shown_as_nobody_waits,
        a_silent_daemon_makes_the_whole_page_say_so,
        a_lost_server_makes_the_whole_page_say_so,
        a_server_that_never_heard_the_daemon_is_not_live,
        a_type_has_its_page_with_its_last_decision_and_charts,
        without_uplot_there_are_tables_and_the_page_says_so,
        every_page_opens_and_says_how_old_it_is,
        hostile_words_stay_words,
        it_can_be_used_by_keyboard_and_read_aloud,
        words_are_readable_in_light_and_dark,
        an_operator_with_the_token_can_pause_a_type,
        without_a_token_there_are_no_buttons,
        the_real_daemon_is_shown_and_its_end_too))
