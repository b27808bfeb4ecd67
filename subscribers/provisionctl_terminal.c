/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_terminal.c: see provisionctl_terminal.h. Runs in: provisionctl.
 * Escape sequences are the few that every terminal since the VT100 knows, and xterm's second screen. */
#include "subscribers/provisionctl_terminal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_table.h"

#define BEGIN "\033[?1049h\033[?25l" /* the second screen, no cursor */
#define END "\033[?1049l\033[?25h"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K"
#define CLEAR_REST "\033[J"
#define ESCAPE_WAIT_MS 50 /* for the rest of a key's sequence, on a slow line */

struct ctl_screen ctl_screen_size(void)
{
    struct winsize size;
    struct ctl_screen screen = {0};
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        screen.width = size.ws_col;
        screen.rows = size.ws_row;
    }
    return screen;
}

static void enter(const struct terminal *terminal)
{
    if (terminal->keys) {
        struct termios raw = terminal->before;
        raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
        raw.c_cc[VMIN] = 0;
        raw.c_cc[VTIME] = 0;
        tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    fputs(terminal->draws ? BEGIN HOME CLEAR_REST : "", stdout);
    fflush(stdout);
}

static void leave(const struct terminal *terminal)
{
    fputs(terminal->draws ? END : "", stdout);
    fflush(stdout);
    if (terminal->keys)
        tcsetattr(STDIN_FILENO, TCSANOW, &terminal->before);
}

void terminal_open(struct terminal *terminal)
{
    static const int caught[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP};
    const char *kind = getenv("TERM");
    sigset_t mask;
    sigemptyset(&mask);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&mask, caught[i]);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    terminal->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    terminal->draws = isatty(STDOUT_FILENO) && kind && strcmp(kind, "dumb") != 0;
    terminal->keys = terminal->draws && isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &terminal->before) == 0;
    enter(terminal);
}

void terminal_close(struct terminal *terminal)
{
    leave(terminal);
    close(terminal->signals);
}

/* ---- drawing ---- */

/* Prints one line, at most `width` characters of it; sequences that only colour take no room. */
static void draw_line(const char *line, size_t length, int width)
{
    int column = 0;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\033') {
            size_t end = i + strcspn(line + i, "m");
            fwrite(line + i, 1, (end < length ? end + 1 : length) - i, stdout);
            i = end;
        } else if (((unsigned char)line[i] & 0xc0) != 0x80 && ++column > width) {
            continue;
        } else if (column <= width) {
            fputc(line[i], stdout);
        }
    }
}

static const char *next_line(const char *line)
{
    line += strcspn(line, "\n");
    return *line ? line + 1 : line;
}

/* Draws over the old picture line by line: a cleared screen would flicker. */
void terminal_draw(const struct terminal *terminal, const char *text, int first, const char *footer)
{
    struct ctl_screen screen = ctl_screen_size();
    if (!terminal->draws) {
        printf("%s\n", text);
        fflush(stdout);
        return;
    }
    for (int i = 0; i < first; i++)
        text = next_line(text);
    fputs(HOME, stdout);
    for (int row = 1; row < screen.rows; row++) {
        draw_line(text, strcspn(text, "\n"), screen.width);
        fputs(CLEAR_LINE "\r\n", stdout);
        text = next_line(text);
    }
    draw_line(footer, strlen(footer), screen.width);
    fputs(CLEAR_LINE, stdout);
    fflush(stdout);
}

/* ---- keys ---- */

/* The arrows and their neighbours send ESC [ or ESC O and one of these ends. */
static int key_of_sequence(const char *sequence)
{
    static const struct {
        const char *end;
        int key;
    } keys[] = {{"A", KEY_UP},   {"B", KEY_DOWN},   {"5~", KEY_PAGE_UP}, {"6~", KEY_PAGE_DOWN}, {"H", KEY_FIRST},
                {"F", KEY_LAST}, {"1~", KEY_FIRST}, {"4~", KEY_LAST},    {"7~", KEY_FIRST},     {"8~", KEY_LAST}};
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (strcmp(sequence, keys[i].end) == 0)
            return keys[i].key;
    }
    return KEY_UNKNOWN;
}

static bool more_is_there(int wait_ms)
{
    struct pollfd item = {.fd = STDIN_FILENO, .events = POLLIN};
    return poll(&item, 1, wait_ms) > 0;
}

/* After an escape: alone it is the key itself, else a sequence up to its letter or tilde. */
static int read_sequence(void)
{
    char text[16] = "", one;
    size_t length = 0;
    if (!more_is_there(ESCAPE_WAIT_MS) || read(STDIN_FILENO, &one, 1) != 1)
        return KEY_BACK;
    if (one != '[' && one != 'O')
        return KEY_UNKNOWN;
    while (length + 1 < sizeof text && more_is_there(ESCAPE_WAIT_MS) && read(STDIN_FILENO, &one, 1) == 1) {
        text[length++] = one;
        text[length] = '\0';
        if ((one >= '@' && one <= 'Z') || (one >= 'a' && one <= 'z') || one == '~')
            break;
    }
    return key_of_sequence(text);
}

static int read_key(void)
{
    char one;
    ssize_t got = read(STDIN_FILENO, &one, 1);
    if (got == 0)
        return KEY_SIGNAL; /* hung up: poll said that there is something, and it is the end */
    if (got < 0)
        return errno == EAGAIN || errno == EINTR ? KEY_UNKNOWN : KEY_SIGNAL;
    if (one == '\033')
        return read_sequence();
    if (one == '\r' || one == '\n')
        return KEY_ENTER;
    return one == 127 || one == '\b' ? KEY_BACK : (unsigned char)one;
}

/* Control-Z: the shell gets its terminal back, and we return as we were. */
static int stop_for_a_while(const struct terminal *terminal)
{
    leave(terminal);
    raise(SIGSTOP);
    enter(terminal);
    return KEY_RESIZED;
}

int terminal_wait(struct terminal *terminal, struct span wait)
{
    struct pollfd items[2] = {{.fd = terminal->signals, .events = POLLIN},
                              {.fd = terminal->keys ? STDIN_FILENO : -1, .events = POLLIN}};
    struct signalfd_siginfo info;
    if (poll(items, 2, (int)span_ms(wait)) <= 0)
        return KEY_TIMEOUT;
    if (read(terminal->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGTSTP)
            return stop_for_a_while(terminal);
        return info.ssi_signo == SIGWINCH ? KEY_RESIZED : KEY_SIGNAL;
    }
    return items[1].revents ? read_key() : KEY_TIMEOUT;
}
