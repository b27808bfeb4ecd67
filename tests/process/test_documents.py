#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Generated pages are what their tables say: each build/tools/NAME_document writes docs/NAME.md; `make docs` renews."""
import difflib
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BUILD = (ROOT / os.environ.get("BUILD", "build")).resolve()


def main():
    sources = sorted((ROOT / "tests/tools").glob("*_document.c"))
    print(f"1..{len(sources)}")
    failed = 0
    for number, source in enumerate(sources, 1):
        page = ROOT / "docs" / (source.stem[:-len("_document")].upper() + ".md")
        written = subprocess.run([str(BUILD / "tools" / source.stem)], capture_output=True, text=True, timeout=60,
                                 check=False)
        kept = page.read_text() if page.exists() else ""
        same = written.returncode == 0 and written.stdout == kept
        failed += not same
        print(f"{'ok' if same else 'not ok'} {number} - docs/{page.name} is what {source.name} writes")
        if not same:
            for line in list(difflib.unified_diff(kept.splitlines(), written.stdout.splitlines(), lineterm=""))[:40]:
                print(f"# {line}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
