/* SPDX-License-Identifier: MPL-2.0 */
/* workers.c: the growing list of worker ids.
 * Runs in: type worker. Pure. Owns: the copies of the ids. */
#include "worker/queue/workers.h"

#include <stdlib.h>
#include <string.h>

void workers_clear(struct workers *workers)
{
    for (size_t i = 0; i < workers->count; i++)
        free(workers->ids[i]);
    free(workers->ids);
    *workers = (struct workers){0};
}

void workers_add(void *context, const char *id)
{
    struct workers *workers = context;

    if (workers->count == workers->room) {
        workers->room = workers->room ? 2 * workers->room : 64;
        workers->ids = realloc(workers->ids, workers->room * sizeof *workers->ids);
        if (!workers->ids)
            abort();
    }
    if (!(workers->ids[workers->count++] = strdup(id)))
        abort();
}
