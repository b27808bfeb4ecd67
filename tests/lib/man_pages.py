#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The generated parts of the man pages: between the lines '.\\" begin NAME' and '.\\" end NAME' stands what a program
of the build prints. `make docs` writes them anew, tests/system/test_units.py compares.
    tests/lib/man_pages.py BUILD [--check]"""
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PART = re.compile(r'(\.\\" begin (\S+)\n).*?(\.\\" end \2\n)', re.DOTALL)


def escape(text):
    return text.replace("\\", "\\e").replace("-", "\\-")


def commands_of(build):
    """The table of commands that provisionctl --help prints."""
    text = subprocess.run([str(build / "provisionctl"), "--help"], check=True, capture_output=True, text=True).stdout
    rows = re.findall(r"^  (\S+)\s+((?:\[?(?:[A-Z@|]+|accept)\]?\s)*)\s*(\S.*)$",
                      text.split("Commands:\n")[1].split("\nOptions:")[0], re.MULTILINE)
    lines = [".Bl -tag -width Ds"]
    for name, argument, sentence in rows:
        words = [f"Op Ar {word.strip('[]')}" if word.startswith("[") else f"Ar {word}" for word in argument.split()]
        sentence = escape(sentence).replace("; ", ";\n")
        lines += [f".It Cm {name} {' '.join(words)}".rstrip(), sentence[:1].upper() + sentence[1:] + "."]
    return "\n".join(lines + [".El"]) + "\n"


def part(build, name):
    if name == "commands":
        return commands_of(build)
    return subprocess.run([str(build / "tools/man_settings"), name], check=True, capture_output=True, text=True).stdout


def renewed(build, page):
    return PART.sub(lambda match: match.group(1) + part(build, match.group(2)) + match.group(3), page.read_text())


def main():
    build, stale = Path(sys.argv[1]), 0
    for page in sorted((ROOT / "docs/man").glob("*.[1-8]")):
        text = renewed(build, page)
        if text != page.read_text():
            stale += 1
            print(f"{page.relative_to(ROOT)}: {'is not' if '--check' in sys.argv else 'now'} what the tables say")
            if "--check" not in sys.argv:
                page.write_text(text)
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
