/* SPDX-License-Identifier: MPL-2.0 */
/* crash.c: see crash.h. Runs in: supervisor (main thread and ledger's) and workers of the crash build only; in other
 * builds this file holds nothing. Owns: a counter. */
#include "common/crash.h"

#ifdef CRASH_POINTS

#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[] = {
#define POINT(name, doc) #name,
#include "common/crash_points.def"
#undef POINT
};

bool crash_variable(const char *variable)
{
    return strncmp(variable, "PROVISIOND_CRASH_", strlen("PROVISIOND_CRASH_")) == 0;
}

void crash_point(enum crash_point point)
{
    static atomic_int passed;
    const char *wanted = getenv("PROVISIOND_CRASH_AT"), *mark = getenv("PROVISIOND_CRASH_MARK");
    size_t size = strlen(names[point]);

    if (!wanted || !mark || strncmp(wanted, names[point], size) != 0 || (wanted[size] && wanted[size] != ':'))
        return;
    int nth = wanted[size] ? atoi(wanted + size + 1) : 1;
    if (atomic_fetch_add(&passed, 1) + 1 < nth)
        return;
    int file = open(mark, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0)
        return; /* somebody has died here already */
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

#endif
