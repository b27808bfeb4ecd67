/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_status.c: the commands `status` and `watch`.
 * Runs in: provisionctl. Owns nothing but the terminal while `watch` runs, which it gives back at the end. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "subscribers/provisionctl.h"
#include "subscribers/provisionctl_table.h"

static const json_t *find_named(const json_t *list, const char *name)
{
    const json_t *element;
    size_t i;
    json_array_foreach(list, i, element)
    {
        const char *own = json_string_value(json_object_get(element, "name"));
        if (own && strcmp(own, name) == 0)
            return element;
    }
    return NULL;
}

static struct ctl_screen screen_size(void)
{
    struct winsize size;
    struct ctl_screen screen = {0, 0};
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        screen.width = size.ws_col;
        screen.rows = size.ws_row;
    }
    return screen;
}

static enum ctl_exit print_one(const struct ctl *ctl, const json_t *status)
{
    const json_t *type = find_named(json_object_get(status, "types"), ctl->name);
    const json_t *region = find_named(json_object_get(status, "regions"), ctl->name);
    struct error err;
    if (!type && !region) {
        error_set(&err, ERROR_REMOTE, "there is no workerType or region \"%s\"", ctl->name);
        return ctl_fail(CTL_REFUSED, &err);
    }
    ctl_print_all(type ? "type" : "region", type ? type : region, clock_wall().ms, stdout);
    return CTL_OK;
}

enum ctl_exit ctl_status(struct ctl *ctl)
{
    struct error err;
    json_t *status;
    struct ctl_screen screen = screen_size();
    enum ctl_exit code = ctl_ask_body(ctl, "status", "", &status, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    screen.rows = 0;
    if (ctl->json) {
        json_dumpf(status, stdout, JSON_INDENT(2));
        fputc('\n', stdout);
    } else if (ctl->name[0]) {
        code = print_one(ctl, status);
    } else {
        ctl_print_status(ctl, status, &screen, stdout);
    }
    json_decref(status);
    return code;
}

/* ---- watch ---- */

#define HEAD_ROWS 16 /* lines of a screen that are not types: totals, regions, heads */
#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define HOME "\033[H"
#define CLEAR_LINE "\033[K\n"
#define CLEAR_REST "\033[J"

/* Draws over the old picture line by line: a cleared screen would flicker. */
static void draw(const char *picture, bool terminal)
{
    if (!terminal) {
        printf("%s\n", picture);
        fflush(stdout);
        return;
    }
    fputs(HOME, stdout);
    for (const char *line = picture; *line;) {
        size_t length = strcspn(line, "\n");
        fwrite(line, 1, length, stdout);
        fputs(CLEAR_LINE, stdout);
        line += length + (line[length] == '\n');
    }
    fputs(CLEAR_REST, stdout);
    fflush(stdout);
}

/* One picture; returns how long to wait for the next, and the last code. */
static struct span redraw(struct ctl *ctl, bool terminal, enum ctl_exit *code)
{
    struct error err;
    json_t *status;
    char *picture = NULL;
    size_t size = 0;
    struct ctl_screen screen = screen_size();
    struct span wait = SPAN_SECONDS(1);
    FILE *out = open_memstream(&picture, &size);
    if (screen.rows > 0)
        screen.rows = screen.rows > HEAD_ROWS + 4 ? screen.rows - HEAD_ROWS : 4;
    *code = ctl_ask_body(ctl, "status", "", &status, &err);
    if (*code == CTL_OK) {
        double seconds = json_number_value(json_object_get(status, "statusInterval"));
        if (seconds >= 0.05 && seconds <= 3600)
            wait = SPAN_MS(seconds * 1000);
        ctl_print_status(ctl, status, &screen, out);
        json_decref(status);
    } else {
        fprintf(out, "%sprovisionctl: %s%s\n", style_begin(STYLE_BAD, ctl->colour), err.text,
                style_end(STYLE_BAD, ctl->colour));
    }
    fclose(out);
    draw(picture, terminal);
    free(picture);
    return wait;
}

/* Waits for the time or a signal: true when the operator ended it. A new window size ends the wait early. */
static bool wait_or_signal(int signals, struct span wait)
{
    struct pollfd item = {.fd = signals, .events = POLLIN};
    struct signalfd_siginfo info;
    if (poll(&item, 1, (int)span_ms(wait)) <= 0 || read(signals, &info, sizeof info) != (ssize_t)sizeof info)
        return false;
    return info.ssi_signo != SIGWINCH;
}

enum ctl_exit ctl_watch(struct ctl *ctl)
{
    bool terminal = ctl->colour || (isatty(STDOUT_FILENO) && getenv("TERM"));
    enum ctl_exit code = CTL_OK;
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGWINCH);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    int signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    fputs(terminal ? HIDE_CURSOR HOME CLEAR_REST : "", stdout);
    while (!wait_or_signal(signals, redraw(ctl, terminal, &code)))
        ;
    fputs(terminal ? SHOW_CURSOR : "", stdout);
    fflush(stdout);
    close(signals);
    return CTL_OK;
}
