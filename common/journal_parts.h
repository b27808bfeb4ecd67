/* SPDX-License-Identifier: MPL-2.0 */
/* journal_parts.h: what journal.c (queue and thread) and journal_file.c (files and their bound) share.
 * Private to common/journal*.c. Runs in: the journal's thread. Owns: see journal.h. */
#ifndef COMMON_JOURNAL_PARTS_H
#define COMMON_JOURNAL_PARTS_H

#include "common/journal.h"

/* The file that is open, and how to begin another. Only the journal's thread touches it. */
struct journal_file {
    char folder[512], name[96], header[512];
    int64_t file_limit, total_limit;
    int fd;               /* -1: none */
    int64_t size, looked; /* bytes in it; at which size the folder was looked at last */
    int64_t number;
};

/* Begins a new file and keeps the folder within its bound. -1: see errno. */
int journal_file_begin(struct journal_file *file);
/* Appends a line; what could be written of it only in part is taken back. */
int journal_file_append(struct journal_file *file, const char *line, size_t size);
/* True when the next complete entry is to begin a new file. Looks at the folder now and then. */
bool journal_file_full(struct journal_file *file);
void journal_file_end(struct journal_file *file);

#endif
