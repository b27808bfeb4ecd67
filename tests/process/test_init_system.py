#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 120
"""What starts the real provisiond and waits for it: what the init system is told by sd_notify or on a descriptor, and that
an ordinary user may run it. Workers are scripted (tests/lib/fake_worker.py). systemd itself: tests/container/run.py."""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_supervisor import BUILD, Daemon, PATIENCE, Tap, children_of  # noqa: E402


def init_system(tap):
    folder = Path(tempfile.mkdtemp(prefix="pd-notify-"))
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.bind(str(folder / "notify"))
    listener.settimeout(PATIENCE)

    def until_told(word):
        while True:
            told = listener.recv(4096).decode()
            if word in told:
                return told
    try:
        with Daemon(environment={"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "4000000"},
                    types=("alpha", "ends", "deaf"),
                    fake={"type:ends": {"start": "exit"}, "type:deaf": {"signals": "deaf"}}) as daemon:
            until_told("READY=1")
            tap.check(True, "READY when each worker said hello or failed once")
            tap.check("types" in until_told("STATUS="), "a status line")
            until_told("WATCHDOG=1")
            tap.check(True, "B63: the watchdog is fed, while one worker ends again and again")
            daemon.child.send_signal(signal.SIGHUP)
            tap.check("MONOTONIC_USEC=" in until_told("RELOADING=1"), "RELOADING with its time")
            until_told("READY=1")
            daemon.child.send_signal(signal.SIGTERM)
            until_told("STOPPING=1")
            until_told("EXTEND_TIMEOUT_USEC=")
            tap.check(True, "a stop that takes long, for a worker is deaf, asks for more time")
            tap.check(daemon.child.wait(PATIENCE) == 0, "SIGTERM is an orderly stop")
    finally:
        listener.close()
        shutil.rmtree(folder)


def readiness_by_descriptor(tap):
    """As s6 waits for it: a line, then the end of the pipe, although workers live on."""
    reader, writer = os.pipe()
    try:
        with Daemon(("alpha", "mute"), {"type:mute": {"start": "mute"}}, start=False, helloLimit="3s") as daemon:
            daemon.options = ("--notify-fd", str(writer))
            daemon.start(pass_fds=(writer,))
            os.close(writer)
            writer = -1
            told = []
            daemon.until(lambda: select.select([reader], [], [], 0)[0], "the line")
            ready, failed = daemon.events(kind="ready"), daemon.events("mute", "worker-failing")
            while not told or told[-1]:
                told.append(os.read(reader, 100))
            tap.check(b"".join(told) == b"\n", "--notify-fd: one line when ready, and then the end", told)
            tap.check(ready and failed, "not before each worker said hello or failed once", (ready, failed))
            daemon.until_live("alpha")
            held = [path for pid in children_of(daemon.child.pid) for path in Path(f"/proc/{pid}/fd").iterdir()
                    if os.path.exists(path) and os.stat(path).st_ino == os.fstat(reader).st_ino]
            tap.check(not held, "no worker holds the descriptor", held)
            for wrong in ("77", "1", "x", "-1"):
                done = subprocess.run([str(BUILD / "provisiond"), "--config", str(daemon.folder / "provisiond.json"),
                                       "--notify-fd", wrong], capture_output=True, text=True, timeout=PATIENCE, check=False)
                tap.check(done.returncode == 2 and "--notify-fd" in done.stderr, f"--notify-fd {wrong} is refused", done.stderr)
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)


def unprivileged(tap):
    """In the foreground, as a user that owns its two directories and nothing else."""
    if os.geteuid() != 0 or not all(path.stat().st_mode & 0o001 for path in BUILD.parents):
        tap.skip("an ordinary user may run it", "only root can be somebody else, who must reach the programs")
        return
    nobody = 65534
    with Daemon(start=False) as daemon:
        for path in (daemon.folder, *daemon.folder.rglob("*")):
            os.chown(path, nobody, nobody)
        daemon.start(user=nobody, group=nobody, extra_groups=())
        daemon.until_live("alpha")
        owners = {int(re.search(r"^Uid:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE).group(1))
                  for pid in (daemon.child.pid, *children_of(daemon.child.pid))}
        tap.check(owners == {nobody}, "an ordinary user may run it, with all its processes", owners)
        tap.check(daemon.run_dir.stat().st_mode & 0o007 == 0 and (daemon.folder / "state").stat().st_mode & 0o077 == 0,
                  "state is for that user only, sockets for the group at most")
        daemon.child.send_signal(signal.SIGTERM)
        tap.check(daemon.child.wait(PATIENCE) == 0, "and it stops in order")


if __name__ == "__main__":
    sys.exit(Tap().run(init_system, readiness_by_descriptor, unprivileged))
