/* SPDX-License-Identifier: MPL-2.0 */
/* fuzz_ec2_answer.c: libFuzzer target of the EC2 answer reader (expat). The first byte chooses the HTTP status and the
 * size of the pieces in which the rest arrives, since a stream may be cut anywhere. */
#include <stdint.h>
#include <stdlib.h>

#include "worker/ec2/ec2.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void take_instance(void *context, const struct proto_ROW *row)
{
    *(size_t *)context += row->id[0] != '\0';
}

static void take_price(void *context, const struct proto_PRICE *price)
{
    *(size_t *)context += price->price > 0;
}

static void take_item(void *context, const char *set, const json_t *item)
{
    *(size_t *)context += set[0] != '\0' && json_is_object(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const int statuses[] = {200, 400, 500, 503};
    size_t rows = 0;
    struct ec2_reader_calls calls = {take_instance, take_price, take_item, &rows};
    struct ec2_error error = {0};
    char next_token[1024];

    if (size < 1)
        return 0;
    struct ec2_reader *reader = ec2_reader_create(&calls, "fuzz");
    if (!reader)
        abort();
    size_t piece = 1 + (bytes[0] >> 2);
    for (size_t at = 1; at < size; at += piece) {
        size_t rest = size - at;
        if (ec2_reader_feed(reader, (const char *)bytes + at, rest < piece ? rest : piece) < 0)
            break;
    }
    int end = ec2_reader_finish(reader, statuses[bytes[0] & 3], &error, next_token, sizeof(next_token));
    if (end == 1)
        ec2_classify(&error);
    ec2_reader_destroy(&reader);
    return 0;
}
