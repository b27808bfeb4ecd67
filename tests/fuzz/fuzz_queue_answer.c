/* SPDX-License-Identifier: MPL-2.0 */
/* fuzz_queue_answer.c: libFuzzer target of the queue's JSON answers. Whatever arrives, a count that is accepted is
 * never negative: unknown is -1 by the absence of a field, never by a server's word (case B21). */
#include <stdint.h>
#include <stdlib.h>

#include "worker/queue/queue_parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void count_worker(void *context, const char *worker_id)
{
    *(size_t *)context += worker_id[0] != '\0';
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *body = (const char *)bytes;
    int64_t pending = 0, claimed = 0;
    struct wall oldest = {0};
    struct error err = {0};
    char text[1024];
    size_t workers = 0;

    if (queue_parse_counts(body, size, true, &pending, &claimed, &err) == 0 && (pending < 0 || claimed < 0))
        abort();
    if (queue_parse_counts(body, size, false, &pending, &claimed, &err) == 0 && (pending < 0 || claimed != -1))
        abort();
    queue_parse_oldest(body, size, &oldest, &err);
    queue_parse_claimed(body, size, count_worker, &workers, text, sizeof(text), &err);
    queue_parse_code(body, size, text, sizeof(text));
    return 0;
}
