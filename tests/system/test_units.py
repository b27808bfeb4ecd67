#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
# time-limit: 300
"""What `make install` and `make deb` put on a machine: units, man pages, examples, package, each looked at by the tool
whose business it is (systemd-analyze, mandoc, lintian, provisiond --check)."""
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402
EXPOSED_AT_MOST = 2.0
INSTRUMENTED = "san-" in BUILD.name

points = Points()
check = points.check
skip = points.skip


def run(*words, **more):
    done = subprocess.run([str(word) for word in words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          stdin=subprocess.DEVNULL, timeout=200, cwd=ROOT, **more)
    return done.returncode, done.stdout


def installed(folder):
    status, text = run("make", "install", f"BUILD={os.environ.get('BUILD', 'build')}", f"DESTDIR={folder}", "PREFIX=/usr")
    check(status == 0, "make install DESTDIR= PREFIX= installs", text[-2000:])
    names = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    expected = {"usr/sbin/provisiond", "usr/sbin/provisiond-worker", "usr/bin/provisionctl",
                "usr/lib/systemd/system/provisiond.service", "usr/share/man/man8/provisiond.8",
                "usr/share/doc/provisiond/examples/etc/provisiond.json", "usr/lib/sysusers.d/provisiond.conf",
                "usr/share/bash-completion/completions/provisionctl"}
    check(expected <= names, "programs, units, man pages, users and examples are where they belong", expected - names)
    check(all(name.startswith("usr/") for name in names), "nothing is installed outside PREFIX")
    text = "".join((folder / name).read_text() for name in names if name.endswith(".service"))
    check("@PREFIX@" not in text and "/usr/sbin/provisiond --config" in text, "the units name the installed programs")


def programs_of(folder):
    return sorted(path.name for place in ("usr/bin", "usr/sbin") for path in (folder / place).iterdir())


def looked_at_by_systemd(folder):
    units = sorted((folder / "usr/lib/systemd/system").glob("*.service"))
    if not shutil.which("systemd-analyze"):
        return skip("the units are sound", "systemd-analyze is not here")
    # systemd's own units stand beside ours, so that what ours refer to is found.
    for name in ("sysinit.target", "basic.target", "network-online.target", "multi-user.target", "shutdown.target",
                 "kill"):
        there = Path("/bin/kill") if name == "kill" else Path("/usr/lib/systemd/system") / name
        target = folder / ("bin/kill" if name == "kill" else f"usr/lib/systemd/system/{name}")
        target.parent.mkdir(exist_ok=True)
        if there.exists():
            shutil.copy(there, target)
    for unit in units:
        status, text = run("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", f"--root={folder}", unit.name)
        check(status == 0 and not text.strip(), f"systemd-analyze verify {unit.name} has nothing to say", text)
        status, text = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
        figure = re.search(r"exposure level for \S+: ([0-9.]+)", text)
        level = float(figure.group(1)) if figure else 10
        check(level <= EXPOSED_AT_MOST, f"systemd-analyze security {unit.name}: {level}, at most {EXPOSED_AT_MOST}", text)
    unit = (folder / "usr/lib/systemd/system/provisiond.service").read_text()
    for line in ("Type=notify", "KillMode=mixed", "Restart=on-failure", "RestartPreventExitStatus=2", "RestartSec=1",
                 "StartLimitIntervalSec=0", "TasksMax=8192", "LimitNOFILE=65536", "User=provisiond", "StateDirectory=provisiond",
                 "RuntimeDirectory=provisiond", "LoadCredential=aws:provisiond.aws",
                 "LoadCredential=taskcluster:provisiond.taskcluster", "ExecReload=/usr/bin/provisionctl --timeout 30s reload"):
        check(line in unit.splitlines(), f"provisiond.service says {line}")


def pages(folder):
    found = sorted((ROOT / "docs/man").glob("*.[1-8]"))
    names = {page.stem for page in found}
    check(set(programs_of(folder)) <= names, "every installed program has a man page", set(programs_of(folder)) - names)
    status, text = run("tests/lib/man_pages.py", BUILD, "--check")
    check(status == 0, "the generated parts of the pages are what the tables say (make docs renews them)", text)
    if not shutil.which("mandoc"):
        return skip("mandoc has nothing to say", "mandoc is not here")
    for page in found:
        status, text = run("mandoc", "-T", "lint", "-W", "warning", page)
        check(status == 0 and not text.strip(), f"mandoc -T lint {page.name} has nothing to say", text)


def examples(folder):
    example = folder / "usr/share/doc/provisiond/examples/etc/provisiond.json"
    status, text = run(BUILD / "provisiond", "--config", example, "--check")
    check(status == 0 and "2 workerTypes" in text, "the example configuration is valid", text)
    status, printed = run(BUILD / "provisiond", "--config", example, "--print-config")
    again = folder / "again.json"
    again.write_text(printed)
    status, twice = run(BUILD / "provisiond", "--config", again, "--print-config")
    check(status == 0 and twice == printed, "what --print-config prints is read back to the same", twice[:500])
    status, text = run(BUILD / "provisiond-notifier", "--config", example.parent / "notifier.json", "--print-config")
    check(status == 0, "the example of the notifier is valid", text)
    example.write_text(example.read_text().replace('"policy"', '"polcy"'))
    status, text = run(BUILD / "provisiond", "--config", example, "--check")
    check(status == 2 and "polcy" in text, "a wrong member in it is refused with its name (control)", text)


def package():
    if not shutil.which("dpkg-deb") or not shutil.which("dpkg-shlibdeps"):
        return skip("make deb builds a package", "dpkg-dev is not here")
    if INSTRUMENTED:
        return skip("make deb builds a package", "an instrumented build is not packaged")
    status, text = run("make", "deb", f"BUILD={os.environ.get('BUILD', 'build')}")
    check(status == 0 and list(BUILD.glob("provisiond_*.deb")), "make deb builds a package", text)
    if not shutil.which("lintian"):
        return skip("lintian has nothing to say", "lintian is not here")
    status, text = run("lintian", "--allow-root", "--tag-display-limit", "0", *BUILD.glob("provisiond_*.deb"))
    text = "\n".join(line for line in text.splitlines() if "root privileges" not in line)
    check(status == 0 and not text.strip(), "lintian has neither errors nor warnings", text)


def main():
    folder = Path(tempfile.mkdtemp(prefix="pd-install-"))
    try:
        installed(folder)
        looked_at_by_systemd(folder)
        pages(folder)
        examples(folder)
        package()
    finally:
        shutil.rmtree(folder)
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
