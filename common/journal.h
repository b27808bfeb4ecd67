/* SPDX-License-Identifier: MPL-2.0 */
/* journal.h: appends JSON entries, one a line, to files of a folder that several processes write into, each its own
 * files; a thread does the writing, since a disk may take seconds and no loop waits for one.
 * Runs in: supervisor and type workers. Owns: its thread, its queue, the file that is open.
 *
 * A file begins with a header and a complete entry, so that each can be read alone. It ends at file_limit bytes.
 * Whenever a file begins, and now and then in between, the oldest files of the whole folder that nobody writes (each
 * writer holds a lock on its own) go, until total_limit is kept; a writer whose own file is what is too much begins a
 * new one. Trouble with the disk stops the journal, never its owner: entries are dropped, and it is tried again after a
 * while. */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"

#define JOURNAL_VERSION 1 /* of what the entries mean; headers say it, and replay refuses another */
#define JOURNAL_TRY_AGAIN SPAN_SECONDS(60)

struct journal;

struct journal_options {
    const char *folder;              /* made when it is not there */
    const char *name;                /* files are NAME-TIME-NUMBER.jsonl */
    int64_t file_limit, total_limit; /* bytes */
};

/* What the writer can take now. */
enum journal_wish {
    JOURNAL_NOTHING, /* it is in trouble or behind: the next entry it takes must be complete */
    JOURNAL_CHANGE,  /* an entry that builds on the one before */
    JOURNAL_WHOLE    /* a complete entry: it begins a file */
};

/* `header` (taken over) is the first line of each file. NULL with *err: no thread can be had. */
struct journal *journal_open(const struct journal_options *options, json_t *header, struct error *err);
enum journal_wish journal_wish(struct journal *journal, struct mono now);
/* Takes `entry` over, whatever becomes of it. `whole`: it is complete. */
void journal_add(struct journal *journal, json_t *entry, bool whole);
/* True and the reason while it cannot write. */
bool journal_problem(struct journal *journal, char *out, size_t size);
/* Writes what is queued, for at most two seconds. NULL-safe. */
void journal_close(struct journal **journal);

#endif
