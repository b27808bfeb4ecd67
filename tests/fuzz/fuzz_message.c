/* SPDX-License-Identifier: MPL-2.0 */
/* fuzz_message.c: libFuzzer target of the message decoder. Any bytes may arrive on a socket; what decodes must encode
 * again and decode to the same text. Seeds come from the message table (tests/tools/fuzz_seeds.c). */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct message first = {0}, second = {0};
    struct error err = {0};
    char *text = NULL, *again = NULL;
    size_t text_size = 0, again_size = 0;

    if (message_decode(bytes, size, &first, &err) < 0)
        return 0;
    if (message_encode(&first, &text, &text_size, &err) < 0 || message_decode(text, text_size, &second, &err) < 0 ||
        message_encode(&second, &again, &again_size, &err) < 0)
        abort();
    if (text_size != again_size || memcmp(text, again, text_size) != 0)
        abort();
    free(text);
    free(again);
    message_clear(&first);
    message_clear(&second);
    return 0;
}
