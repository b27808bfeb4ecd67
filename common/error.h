/* SPDX-License-Identifier: MPL-2.0 */
/* error.h: one error, with its class and a sentence for a person.
 * Runs in: every process. Owns nothing: the caller owns the struct, usually on its stack.
 * Every function that can fail takes a struct error pointer as its last argument (NULL is allowed) and
 * returns 0, or -1 with the error filled. One cause is kept, the one set last, whatever the struct held before (it need
 * not be cleared first); callers may put a prefix before it. */
#ifndef COMMON_ERROR_H
#define COMMON_ERROR_H

enum error_code {
    ERROR_NONE = 0,
    ERROR_USAGE,   /* a wrong command line: exit 2 */
    ERROR_INPUT,   /* a file or message with wrong content: exit 2 at start, kept out at reload */
    ERROR_LOCAL,   /* a local resource: file system, socket path, memory: exit 2 at start */
    ERROR_REMOTE,  /* a remote service answered with something that cannot be used */
    ERROR_TIMEOUT, /* no answer within the limit */
    ERROR_LIMIT    /* a size or count limit was passed */
};

struct error {
    enum error_code code;
    char text[512]; /* never holds a secret */
};

/* Fills *err (if not NULL) and returns -1, so that "report and fail" is one line. */
int error_set(struct error *err, enum error_code code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* As error_set, with ": <strerror(errno)>" appended. Keeps errno. */
int error_set_errno(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Puts "<prefix>: " before the text. Returns -1. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Clears *err (NULL is allowed). */
void error_clear(struct error *err);

#endif
