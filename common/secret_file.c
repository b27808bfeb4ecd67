/* SPDX-License-Identifier: MPL-2.0 */
/* secret_file.c: a secret that stands in a file of its own: a key, a token, credentials that systemd hands over.
 * Runs in: every process. Owns nothing after a call: the text that was read is wiped. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/secret.h"

static ssize_t read_all(int file, char *text, size_t room)
{
    size_t size = 0;

    while (size < room) {
        ssize_t got = read(file, text + size, room - size);
        if (got == 0)
            break;
        if (got < 0 && errno != EINTR)
            return -1;
        size += got > 0 ? (size_t)got : 0;
    }
    return (ssize_t)size;
}

struct secret *secret_from_file(const char *path, size_t limit, struct error *err)
{
    struct secret *secret = NULL;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (file < 0) {
        int why = errno;
        error_set_errno(err, ERROR_LOCAL, "%s", path);
        errno = why;
        return NULL;
    }
    char *text = calloc(1, limit + 1);
    if (!text)
        abort();
    ssize_t size = read_all(file, text, limit + 1);
    if (size < 0)
        error_set_errno(err, ERROR_LOCAL, "%s", path);
    else if ((size_t)size > limit)
        error_set(err, ERROR_LIMIT, "%s: longer than %zu bytes", path, limit);
    while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
        size--;
    if (size == 0)
        error_set(err, ERROR_INPUT, "%s: is empty", path);
    else if (size > 0 && (size_t)size <= limit && !(secret = secret_create(text, (size_t)size)))
        abort();
    secret_wipe(text, limit + 1);
    free(text);
    close(file);
    errno = 0; /* it is there, whatever else is wrong */
    return secret;
}
