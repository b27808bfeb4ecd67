/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_terminal.h: a whole screen: drawing over the last picture, keys, signals, and giving the terminal back.
 * Runs in: provisionctl, for watch and top. Owns: the terminal's settings while it is open, and one signalfd.
 * Where standard output is no terminal, pictures follow one another; where standard input is none, there are no keys.
 */
#ifndef SUBSCRIBERS_PROVISIONCTL_TERMINAL_H
#define SUBSCRIBERS_PROVISIONCTL_TERMINAL_H

#include <stdbool.h>
#include <termios.h>

#include "common/clock.h"

/* What wait gives: a character that was typed, or one of these. */
enum key {
    KEY_TIMEOUT = 256, /* nothing, until the time was over */
    KEY_RESIZED,
    KEY_SIGNAL, /* somebody ended us, or nobody is at the terminal any more */
    KEY_UP,
    KEY_DOWN,
    KEY_PAGE_UP,
    KEY_PAGE_DOWN,
    KEY_FIRST,
    KEY_LAST,
    KEY_ENTER,
    KEY_BACK,   /* Escape or Backspace */
    KEY_UNKNOWN /* a key of which we know nothing */
};

struct terminal {
    bool draws; /* escape sequences may be used */
    bool keys;
    int signals;
    struct termios before;
};

void terminal_open(struct terminal *terminal);
void terminal_close(struct terminal *terminal);
/* Lines `first` and following of the text as far as there is room, then the footer in the last row. Lines are cut at
 * the width. Without a terminal: the whole text and no footer. */
void terminal_draw(const struct terminal *terminal, const char *text, int first, const char *footer);
int terminal_wait(struct terminal *terminal, struct span wait);

#endif
