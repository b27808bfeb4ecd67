/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl.h: what the files of provisionctl share: the options, the exit codes, asking the daemon.
 * Runs in: provisionctl, an operator's short-lived program. It sees only proto and common; the daemon owns the truth.
 * Owns: one ZeroMQ context. */
#ifndef SUBSCRIBERS_PROVISIONCTL_H
#define SUBSCRIBERS_PROVISIONCTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "common/clock.h"
#include "proto/messages.h"

enum ctl_exit {
    CTL_OK = 0,
    CTL_REFUSED = 1,   /* the daemon said no, or its answer cannot be used */
    CTL_USAGE = 2,     /* the command line is wrong */
    CTL_NO_ANSWER = 3, /* no daemon, or it does not answer in time */
    CTL_ALARM = 4      /* of alarms: at least one is raised */
};

struct ctl {
    const char *run_dir;
    struct span timeout;
    const char *name;   /* the type, region or scope; "" if none */
    const char *second; /* the word after it; "" if none */
    bool json, follow, force, all, once;
    int64_t last;    /* events to show first */
    bool colour;     /* escape sequences may be used */
    void *context;   /* ZeroMQ */
    int64_t next_id; /* of the next CONTROL */
};

/* One function a command; returns the exit code, messages for the operator are printed. */
typedef enum ctl_exit ctl_function(struct ctl *ctl);
ctl_function ctl_history, ctl_show, ctl_diff, ctl_apply, ctl_rollback, ctl_preflight, ctl_dryrun, ctl_import;
ctl_function ctl_priority, ctl_caps, ctl_refresh_prices;
ctl_function ctl_status, ctl_watch, ctl_events, ctl_explain, ctl_keygen, ctl_backup, ctl_replay;
ctl_function ctl_alarms, ctl_top, ctl_completion;

/* A row of the table of commands, which gives --help, the man page and the completion. */
struct ctl_command {
    const char *name, *argument; /* "TYPE" needed, "[TYPE]" may be given, "" none */
    ctl_function *function;      /* NULL: sent as it is, the answer's sentence is printed */
    const char *options;         /* letters of the options that it takes besides the common ones */
    const char *help;
};
const struct ctl_command *ctl_command_table(size_t *count);
const char *ctl_option_name(int letter); /* without its dashes; NULL: there is none */

/* Sends one CONTROL and waits for its ANSWER, at most the timeout. CTL_OK: `answer` is filled and the caller clears it
 * (it may still say "refused"); otherwise err holds the sentence to print. */
enum ctl_exit ctl_ask(struct ctl *ctl, const char *command, const char *argument, struct message *answer,
                      struct error *err);
/* As ctl_ask, but a refusal gives CTL_REFUSED and the body's JSON object is returned in *body (new reference). */
enum ctl_exit ctl_ask_body(struct ctl *ctl, const char *command, const char *argument, json_t **body,
                           struct error *err);
/* Prints the answer's sentence, to stderr when it was refused, and with --json all of the answer. Clears it. */
enum ctl_exit ctl_print_answer(const struct ctl *ctl, struct message *answer);
/* Sends an order and prints the answer so. */
enum ctl_exit ctl_order(struct ctl *ctl, const char *command, const char *argument);
/* Prints "provisionctl: ..." to stderr and returns `code`. */
enum ctl_exit ctl_fail(enum ctl_exit code, const struct error *err);

/* Waits longer than for a word of the daemon itself: type workers are asked. */
void ctl_be_patient(struct ctl *ctl);
/* Prints an indented JSON document, sorted. */
void ctl_print_json(const json_t *value, FILE *out);
/* Prints the findings of a preflight, errors first, at most so many warnings. */
void ctl_print_findings(const json_t *findings, FILE *out);
/* Every difference of two JSON values, one line each: "path: old -> new". Returns how many. */
size_t ctl_print_difference(const char *path, const json_t *before, const json_t *after, FILE *out);
/* Reads every *.json of a directory: an object file's name without .json -> document. New reference or NULL. */
json_t *ctl_read_directory(const char *path, struct error *err);
/* What a document defines: "TYPE", or "set:NAME" by the file's name where it has no workerType: an AMI set. */
int ctl_document_name(const json_t *document, const char *path, char *out, size_t size, struct error *err);

/* ---- figures of the status (proto/status.def) ---- */

struct ctl_figure {
    bool known; /* the value is not null */
    double value;
    int64_t as_of; /* ms UTC, 0 unknown */
};
struct ctl_figure ctl_figure_of(const json_t *data, const char *name);
/* Text without control characters, which could drive the terminal; borrowed ring of 8 buffers of 1 KB. */
const char *ctl_word_of(const json_t *object, const char *name);
/* "4s" since a point in time, "?" if it is not known. */
void ctl_age(int64_t as_of, int64_t now, char *out, size_t size);
/* Lines of whole words, at most so wide; 0: one line. */
void ctl_print_wrapped(const char *text, int width, FILE *out);
/* All figures and words of one topic ("type", "region", "supervisor"), one line each with unit and age. */
void ctl_print_all(const char *topic, const json_t *data, int64_t now, FILE *out);

/* ---- what a person reads; provisionctl_pages.h has the pages that watch shows beside the list ---- */

enum ctl_order { ORDER_LAG, ORDER_PENDING, ORDER_UNITS, ORDER_NAME, ORDER_COUNT };

/* The status as tables, as `status` and `watch` show it. */
struct ctl_screen {
    int width;            /* columns, 0: as wide as it gets */
    int rows;             /* lines at most, 0: all */
    const char *selected; /* the name of the type that is marked; NULL: no marks */
    enum ctl_order order;
};
void ctl_print_status(const struct ctl *ctl, const json_t *status, const struct ctl_screen *screen, FILE *out);
/* The types in that order; the caller frees the array, not its elements. */
const json_t **ctl_order_types(const json_t *status, enum ctl_order order, size_t *count);
struct ctl_screen ctl_screen_size(void); /* of the terminal; 0, 0 where there is none */

#endif
