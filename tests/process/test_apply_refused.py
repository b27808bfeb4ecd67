#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 120
"""What an operator may send by mistake: an applied file whose workerType is no text is refused, and nobody dies of it."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from test_supervisor import Daemon, Tap  # noqa: E402

NO_TEXTS = (5, 1.5, None, True, [], ["alpha"], {}, {"alpha": 1})


def no_text(tap):
    with Daemon() as daemon:
        daemon.until_live("alpha")
        for value in NO_TEXTS:
            for name in ("", "alpha"):
                told = daemon.ask("apply", name, {"document": {"workerType": value}, "force": True})
                tap.check(not told["ok"] and "no workerType" in told["text"],
                          f"apply {name or 'without a name'}: workerType {value} is refused", told)
        tap.check(daemon.child.poll() is None and daemon.type("alpha")["state"] == "live",
                  "the supervisor and its type live on")


if __name__ == "__main__":
    sys.exit(Tap().run(no_text))
