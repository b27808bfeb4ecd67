# SPDX-License-Identifier: MPL-2.0
"""A program in a tmux pane of a given size: what a person sees of it, as text. The server is one of its own."""
import os
import shutil
import subprocess
import tempfile
import time

DEADLINE = 30


def have_tmux():
    return shutil.which("tmux") is not None


class Tmux:
    def __init__(self, width, height, *words):
        self.folder = tempfile.mkdtemp(prefix="tmux-")
        self.command = ["tmux", "-S", f"{self.folder}/socket", "-f", "/dev/null"]
        env = dict(os.environ, LC_ALL="C.UTF-8")
        env.pop("NO_COLOR", None)
        env.pop("TMUX", None)
        subprocess.run([*self.command, "new-session", "-d", "-x", str(width), "-y", str(height), " ".join(map(str, words)),
                        ";", "set-option", "-g", "status", "off"], check=True, env=env, timeout=DEADLINE)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self.command, "kill-server"], check=False, capture_output=True, timeout=DEADLINE)
        shutil.rmtree(self.folder)

    def press(self, *keys):
        subprocess.run([*self.command, "send-keys", *keys], check=True, timeout=DEADLINE)

    def resize(self, width, height):
        subprocess.run([*self.command, "resize-window", "-x", str(width), "-y", str(height)], check=True, timeout=DEADLINE)

    def picture(self):
        return subprocess.run([*self.command, "capture-pane", "-p"], check=True, capture_output=True, text=True,
                              timeout=DEADLINE).stdout

    def until(self, condition, what, seconds=DEADLINE):
        """The lines of the first picture that fits."""
        deadline = time.monotonic() + seconds
        picture = ""
        while time.monotonic() < deadline:
            picture = self.picture()
            if condition(picture.splitlines()):
                return picture.splitlines()
            time.sleep(0.05)
        raise AssertionError(f"waited for {what}; the screen shows:\n{picture}")
