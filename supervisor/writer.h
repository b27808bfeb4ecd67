/* SPDX-License-Identifier: MPL-2.0 */
/* writer.h: writes one file whole: beside its place, to the disk, then renamed into it; on a thread of its own, since a
 * disk may take seconds and the main loop waits for none.
 * Runs in: supervisor. Owns: the thread and its copy of the text. */
#ifndef SUPERVISOR_WRITER_H
#define SUPERVISOR_WRITER_H

#include <stdbool.h>

#include "common/error.h"

struct writer;

/* NULL with *err when no thread can be had. */
struct writer *writer_start(const char *path, const char *text, struct error *err);
bool writer_is_done(const struct writer *writer);
/* 0, or -1 with *err; only when done. */
int writer_result(const struct writer *writer, struct error *err);
/* Waits for the thread. NULL-safe. */
void writer_destroy(struct writer **writer);

#endif
