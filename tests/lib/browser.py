# SPDX-License-Identifier: MPL-2.0
"""A real headless Chromium for tests of the dashboard: Debian's chromium, driven by npm's playwright-core through
browser.js. Browser.missing() says what is not there, so that a test can be skipped with that word."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "build/npm/node_modules"
CHROMIUM = "/usr/bin/chromium"


class Browser:
    """A context manager; one page. Its processes live in a session of their own and end with it."""

    @staticmethod
    def missing():
        if not os.access(CHROMIUM, os.X_OK):
            return f"no {CHROMIUM} (Debian's package chromium)"
        if not shutil.which("node"):
            return "no node (Debian's package nodejs)"
        if not (MODULES / "playwright-core").is_dir():
            return "no playwright-core in build/npm (./bootstrap packages)"
        return None

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="web-browser-")
        env = dict(os.environ, NODE_PATH=str(MODULES), HOME=self.folder)
        self.process = subprocess.Popen(["node", str(ROOT / "tests/lib/browser.js"), CHROMIUM, f"{self.folder}/profile"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
        try:
            self.read()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stdout.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def read(self):
        line = self.process.stdout.readline()
        answer = json.loads(line) if line else {"ok": False, "error": "the browser's driver ended"}
        if not answer["ok"]:
            raise AssertionError(answer["error"])
        return answer["value"]

    def do(self, deed, **words):
        self.process.stdin.write(json.dumps({"do": deed, **words}) + "\n")
        self.process.stdin.flush()
        return self.read()

    def goto(self, url):
        return self.do("goto", url=url)

    def evaluate(self, script):
        return self.do("evaluate", script=script)

    def wait(self, script, seconds=30):
        """Until the expression is true."""
        try:
            return self.do("wait", script=script, ms=seconds * 1000)
        except AssertionError as error:
            page = self.evaluate("document.title + ' | ' + document.body.innerText.slice(0, 600)")
            raise AssertionError(f"{script}: {error}\npage: {page}") from error

    def text(self, selector):
        return self.evaluate(f"document.querySelector({json.dumps(selector)})?.innerText ?? null")
