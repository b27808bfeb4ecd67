/* SPDX-License-Identifier: MPL-2.0 */
/* queue_names.c: see queue_names.h. Runs in: type worker. Pure. */
#include "worker/queue/queue_names.h"

#include <string.h>

#include "common/text.h"

int queue_names(const struct queue_options *options, char *base, size_t base_size, char *name, size_t name_size,
                struct error *err)
{
    struct buffer text = {0};
    size_t length = strlen(options->root_url);

    while (length > 0 && options->root_url[length - 1] == '/')
        length--;
    text_url_encode(&text, options->provisioner_id);
    buffer_print(&text, "%%2F");
    text_url_encode(&text, options->worker_type);
    int result = text_copy(name, name_size, buffer_text(&text));
    buffer_free(&text);
    if (result != 0 || text_format(base, base_size, "%.*s/api/queue/v1", (int)length, options->root_url) != 0)
        return error_set(err, ERROR_INPUT, "rootUrl, provisionerId or workerType is too long");
    return 0;
}
