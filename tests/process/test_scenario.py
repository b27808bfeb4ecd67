#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The checked-in scenario of the demo is the one that its generator writes, and the daemon accepts the demo's files."""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
sys.path.insert(0, str(ROOT / "tests/demo"))
import fleet          # noqa: E402
import make_config    # noqa: E402
import make_scenario  # noqa: E402
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402

points = Points()
check = points.check


def main():
    kept = json.loads((ROOT / "tests/scenarios/2016-07-21.json").read_text())
    check(kept == make_scenario.scenario_2016(), "tests/scenarios/2016-07-21.json is what make_scenario.py 2016 writes")
    names = fleet.all_names()
    check(len(names) == 100 and len(set(names)) == 100 and set(kept["queues"]) == set(names),
          "a hundred types, each with a queue", len(names))
    with tempfile.TemporaryDirectory() as folder:
        config = make_config.write_2016(folder, "http://127.0.0.1:1", Path(folder) / "run")
        checked = subprocess.run([str(BUILD / "provisiond"), "--check", "--config", str(config)], capture_output=True,
                                 text=True, check=False)
        check(checked.returncode == 0, "the daemon accepts the demo's configuration and its hundred definitions",
              checked.stderr)
        make_config.write_type(Path(folder), fleet.SICK, act=2)
        images = {region["launchSpec"]["ImageId"] for region in
                  json.loads((Path(folder) / "workertypes.d" / f"{fleet.SICK}.json").read_text())["regions"]}
        check(images == {fleet.IMAGE_PV}, "in act 2 the sick type has the image that its instance types boot", images)
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
