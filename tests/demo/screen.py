# SPDX-License-Identifier: MPL-2.0
"""The demo's live table for people: redrawn in place on a terminal, one plain line every few seconds elsewhere."""
import shutil
import sys
import time

RESET, BOLD, DIM, RED, GREEN, YELLOW, CYAN = "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m", "\033[36m"
STATE_COLOURS = {"live": GREEN, "quarantined": RED, "unlaunchable": RED, "failing": RED, "backing-off": YELLOW, "starting": CYAN,
                 "paused": YELLOW}
PLAIN_EVERY = 5
EVERYDAY = {"event.launched", "event.specification-proven", "event.worker-live", "event.region-listed"}


def value(data, name):
    figure = data.get(name)
    return figure.get("value") if isinstance(figure, dict) else figure


def number(amount, width=6):
    return f"{'?' if amount is None else format(round(amount), ',')}".rjust(width)


def bar(amount, of, width=32):
    if not of or amount is None:
        return "?" * width
    filled = min(width, round(width * amount / of))
    return "█" * filled + "░" * (width - filled)


class Screen:
    """What run_demo shows while the story goes on."""

    def __init__(self, title, important, plain=False):
        self.title, self.important = title, important
        self.live = sys.stdout.isatty() and not plain
        self.next_plain = 0.0
        self.drawn = False

    def show(self, chapter, story_time, stream, truth):
        if self.live:
            self.draw(chapter, story_time, stream, truth)
        elif time.monotonic() >= self.next_plain:
            self.next_plain = time.monotonic() + PLAIN_EVERY
            print(self.plain_line(chapter, story_time, stream, truth), flush=True)

    def say(self, text):
        """A sentence that stays."""
        if self.live:
            sys.stdout.write("\033[H\033[J" if self.drawn else "")
            self.drawn = False
        print(text, flush=True)

    def plain_line(self, chapter, story_time, stream, truth):
        parts = [f"{story_time:6.0f} s  {chapter:<8}",
                 f"instances {number(stream.figure('supervisor.', 'instances'), 4)} shown {number(truth, 4)} true"]
        for name in self.important:
            data = stream.data(f"type.{name}.")
            if data:
                parts.append(f"{name} {number(value(data, 'pending'), 5)} waiting "
                             f"{number(value(data, 'serving'), 4)} serving {data.get('state', '?')}")
        return " | ".join(parts)

    def rows(self, stream, room):
        types = {name: data for name, data in stream.types().items() if name in self.important
                 or value(data, "pending") or value(data, "serving") or data.get("state") not in ("live", None)}
        busy = sorted((name for name in types if name not in self.important),
                      key=lambda name: (-(value(types[name], "pending") or 0), -(value(types[name], "serving") or 0),
                                        name))
        return [(name, types[name]) for name in self.important if name in types] + \
            [(name, types[name]) for name in busy[:max(0, room)]], len(stream.types()) - len(self.important) - \
            min(len(busy), max(0, room))

    def type_line(self, name, data, width):
        state = data.get("state", "?")
        colour = STATE_COLOURS.get(state, "")
        mark = BOLD if name in self.important else ""
        wait = value(data, "oldestWait") if value(data, "pending") else None
        line = (f"{name:<24}{number(value(data, 'pending'))}{'-' if wait is None else format(wait, '.1f'):>9}"
                f"{number(value(data, 'serving'), 9)}{number(value(data, 'leased'), 8)}"
                f"{number(value(data, 'launches'), 10)}{number(value(data, 'launchFailures'), 8)}  ")
        rest = max(10, width - len(line) - 13)
        return f"{mark}{line}{colour}{state:<12}{RESET} {DIM}{(data.get('why') or '')[:rest]}{RESET}"

    def draw(self, chapter, story_time, stream, truth):
        size = shutil.get_terminal_size((110, 40))
        figure = lambda name: stream.figure("supervisor.", name)  # noqa: E731
        units, ceiling = figure("units"), figure("unitsCeiling")
        lines = [
            f"{BOLD}{self.title}{RESET}   {CYAN}{chapter}{RESET}   {story_time:.0f} s",
            f"units {bar(units, ceiling)} {number(units, 1)} of {number(ceiling, 1)}, "
            f"{number(figure('unitsLeased'), 1)} leased   instances shown {BOLD}{number(figure('instances'), 1)}{RESET}, "
            f"true {BOLD}{number(truth, 1)}{RESET}",
            f"grants {number(figure('grants'), 1)}   launched {number(figure('launched'), 1)}   refused "
            f"{number(figure('launchFailures'), 1)}   workers {number(figure('workers'), 1)}   launch tokens "
            + ", ".join(f"{topic[7:-1]} {number(stream.figure(topic, 'launchCalls'), 1)} calls "
                        f"{number(stream.figure(topic, 'launchInstances'), 1)} instances"
                        for topic in sorted(stream.last) if topic.startswith("region.")),
            "",
            f"{DIM}{'type':<24}{'waiting':>6}{'oldest s':>9}{'serving':>8}{'leased':>8}{'launches':>10}"
            f"{'refused':>8}  state        why{RESET}",
        ]
        rows, hidden = self.rows(stream, size.lines - len(lines) - len(self.important) - 9)
        lines += [self.type_line(name, data, size.columns) for name, data in rows]
        lines.append(f"{DIM}... and {hidden} more types, most of them idle{RESET}" if hidden else "")
        telling = [note for note in stream.notes if note[1].startswith("alarm.") or note[1] not in EVERYDAY]
        lines.append("")
        for at, topic, data in telling[-5:]:
            about = data.get("type") or data.get("subject") or data.get("region") or ""
            colour = RED if topic.startswith("alarm") else DIM
            lines.append(f"{colour}{time.strftime('%H:%M:%S', time.localtime(at))} {topic} {about}: "
                         f"{data.get('text') or data}"[:size.columns + len(colour)] + RESET)
        if not self.drawn:
            sys.stdout.write("\033[2J")
            self.drawn = True
        sys.stdout.write("\033[H" + "".join(line + "\033[K\n" for line in lines[:size.lines - 1]) + "\033[J")
        sys.stdout.flush()
