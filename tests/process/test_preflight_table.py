#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""docs/preflight.md's table of checks: one row for each finding that the code knows, and tests that there are."""
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
from points import Points  # noqa: E402
points = Points()
check = points.check


def rows():
    """check -> (codes, tests): tests are (file, function)."""
    text = (ROOT / "docs/preflight.md").read_text()
    table = text.split("| check | code |", 1)[1].split("\n\n", 1)[0]
    for line in table.splitlines()[2:]:
        what, code, tests = [cell.strip() for cell in line.strip("|").split("|")][:3]
        named = []
        for part in tests.split(";"):
            words = re.findall(r"`([^`]+)`", part)
            named += [(words[0], function) for function in words[1:]] if words else []
        yield what, re.findall(r"`([a-z0-9-]+)`", code), named


def exists(file, function):
    """The function is in the file and is run by it: its name stands there twice at least."""
    found = [path for path in (ROOT / "tests").glob(file + ".*") if path.suffix in (".c", ".py")]
    return bool(found) and len(re.findall(rf"\b{function}\b", found[0].read_text())) >= 2


def main():
    header = (ROOT / "worker/preflight.h").read_text()
    codes = re.findall(r'^ +C\(FINDING_\w+, "([a-z0-9-]+)"\)', header, re.MULTILINE)
    listed = [code for _, of_row, _ in rows() for code in of_row]
    check(len(codes) > 20 and set(codes) == set(listed), f"each of {len(codes)} findings has a row, and no row has another",
          sorted(set(codes) ^ set(listed)))
    check(len(listed) == len(set(listed)), "none has two", listed)
    untested = [what for what, _, named in rows() if not named]
    check(not untested, "each row names a test", untested)
    missing = [f"{file}: {function}" for _, _, named in rows() for file, function in named if not exists(file, function)]
    check(not missing, "each test that is named exists and is run", missing)
    return points.end()


if __name__ == "__main__":
    sys.exit(main())
