/* SPDX-License-Identifier: MPL-2.0 */
/* secret.c: keeps secrets in memory pages of their own.
 * Runs in: every process. Owns: one private mapping for each secret, marked MADV_DONTDUMP, wiped before it is unmapped.
 * The struct is opaque on purpose: no formatter and no JSON function takes it; secret_reveal is the one way out, and
 * `make lint` can find every use of it. A page each is affordable: a process holds a handful of secrets. */
#include "common/secret.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct secret {
    size_t size;   /* of the secret */
    size_t mapped; /* of the whole mapping */
    char bytes[];
};

struct secret *secret_create(const void *bytes, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t mapped = sizeof(struct secret) + size + 1;
    struct secret *secret = mmap(NULL, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (secret == MAP_FAILED)
        return NULL;
    /* Fails only on kernels without the flag; a secret in a core file is then the lesser evil than no secret. */
    (void)madvise(secret, mapped, MADV_DONTDUMP);
    secret->size = size;
    secret->mapped = mapped;
    if (size > 0)
        memcpy(secret->bytes, bytes, size);
    secret->bytes[size] = '\0';
    return secret;
}

struct secret *secret_copy(const struct secret *other)
{
    return other ? secret_create(other->bytes, other->size) : NULL;
}

void secret_destroy(struct secret **secret)
{
    int saved = errno;

    if (!secret || !*secret)
        return;
    size_t mapped = (*secret)->mapped;
    secret_wipe(*secret, mapped);
    munmap(*secret, mapped);
    *secret = NULL;
    errno = saved;
}

const char *secret_reveal(const struct secret *secret)
{
    return secret ? secret->bytes : "";
}

size_t secret_size(const struct secret *secret)
{
    return secret ? secret->size : 0;
}

struct secret *secret_from_environment(const char *name)
{
    char *value = getenv(name);

    if (!value)
        return NULL;
    size_t size = strlen(value);
    struct secret *secret = secret_create(value, size);
    /* The text itself stays in the process's start area (/proc/PID/environ) unless it is overwritten there. */
    secret_wipe(value, size);
    unsetenv(name);
    return secret;
}

void secret_wipe(void *bytes, size_t size)
{
    if (bytes && size > 0)
        explicit_bzero(bytes, size);
}
