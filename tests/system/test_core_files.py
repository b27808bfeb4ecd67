#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Every process of a running daemon that holds secrets is aborted, where a shell leaves a core file: none of them leaves
one. The secrets are not in any command line or environment but the supervisor's own, which later children need (B54)."""
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
from harness import PATIENCE, Tap, World, simple_type, wait_until  # noqa: E402

ACCESS = "AKIDOFTHETEST"
AWS = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": "MARKERaws-secret-key", "AWS_SESSION_TOKEN": "MARKERaws-token"}
SCENARIO = {"queues": {"alpha": {}}, "workers": {"bootTime": 0.3, "firstClaimAfter": 0.1, "idleAfter": 3600},
            "credentials": [{"accessKeyId": ACCESS, "secretAccessKey": AWS["AWS_SECRET_ACCESS_KEY"],
                             "sessionToken": AWS["AWS_SESSION_TOKEN"]}]}
ROLES = {"types/alpha.pid", "regions/us-east-1.pid", "helpers/credentials.pid"}


def core_files(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith("core")]


def shell_leaves_one(folder):
    subprocess.run(["/bin/sh", "-c", "kill -ABRT $$"], cwd=folder, check=False)
    found = core_files(folder)
    for name in found:
        (folder / name).unlink()
    return bool(found)


def no_process_leaves_one(tap):
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    here = os.getcwd()
    made = World(SCENARIO, [simple_type("alpha")], environment=AWS, deploymentId=f"cores-{os.getpid()}", preflight=False)
    os.chdir(made.folder)  # where a core file would be
    try:
        with made as world:
            world.add_tasks("alpha", 1)
            world.until(lambda: world.cloud.state()["types"]["alpha"]["claimed"] == 1, "a launch with these credentials")
            pids = {role: int((world.folder / "run" / role).read_text()) for role in ROLES}
            shown = {f"{what} of {role}": Path(f"/proc/{pid}/{what}").read_bytes() for role, pid in pids.items()
                     for what in ("cmdline", "environ")}
            tap.check(all(shown.values()) and not [where for where, text in shown.items() if b"MARKER" in text],
                      "no secret in the command line or environment of worker, region worker and helper", shown)
            possible = shell_leaves_one(world.folder)
            for pid in (*pids.values(), world.daemon.child.pid):
                os.kill(pid, signal.SIGABRT)
            world.daemon.child.wait()
            wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids.values()), PATIENCE, "all to end")
            left = core_files(world.folder)
            if possible:
                tap.check(not left, f"none of {len(pids) + 1} aborted processes left a core file, where a shell leaves one", left)
            else:
                tap.skip("no process left a core file", "none can here")
    finally:
        os.chdir(here)


if __name__ == "__main__":
    sys.exit(Tap().run(no_process_leaves_one))
