/* SPDX-License-Identifier: MPL-2.0 */
/* secret.h: text that cannot be printed by mistake: no format specifier takes it, its memory is kept out of core
 * files and is wiped when it is destroyed (cases B54 and the 2019-08 token logs).
 * Runs in: every process. Owns: its copy of the bytes. */
#ifndef COMMON_SECRET_H
#define COMMON_SECRET_H

#include <stddef.h>

#include "common/error.h"

struct secret;

/* Copies `size` bytes; the caller wipes its own. NULL when memory ends. Caller owns the result. */
struct secret *secret_create(const void *bytes, size_t size);
struct secret *secret_copy(const struct secret *other);
void secret_destroy(struct secret **secret); /* NULL-safe, wipes, keeps errno */

/* The bytes, also NUL-terminated, for signing and sending only: never for a log or a message. NULL gives "". */
const char *secret_reveal(const struct secret *secret);
size_t secret_size(const struct secret *secret);

/* The value of an environment variable, which is then overwritten in the process's environment and unset. */
struct secret *secret_from_environment(const char *name);

/* What a small file holds, without line ends after it. NULL with *err filled: not there (errno ENOENT), unreadable,
 * empty, or longer than `limit`. The text is never copied into a buffer of a library. */
struct secret *secret_from_file(const char *path, size_t limit, struct error *err);

/* Wipes memory in a way that the compiler may not drop. */
void secret_wipe(void *bytes, size_t size);

#endif
