/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_prices.c: refresh-prices SOURCE DIR: from an offer file of AWS's public price list to
 * prices.d/REGION.json, each renamed into place when it is whole. SOURCE is a file or a URL, such as
 *   https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/AmazonEC2/current/us-west-2/index.json
 * Runs in: provisionctl; asks no daemon. The whole document is held in memory, which for a large region takes
 * gigabytes: run it where there are some, and copy the small results. Nothing is written unless the source was
 * understood. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/http.h"
#include "common/json.h"
#include "common/text.h"
#include "proto/price_list.h"
#include "subscribers/provisionctl.h"

#define SOURCE_LIMIT ((size_t)2 * 1024 * 1024 * 1024 - 1)
#define FETCH_LIMIT                                                                                                    \
    SPAN_SECONDS(60) /* no call takes longer (case B20): a slower line uses another program, and a file */

struct fetch {
    const char *url;
    json_t *document;
    struct error *err;
    bool over;
};

static void on_fetched(void *context, const struct http_response *response)
{
    struct fetch *fetch = context;

    fetch->over = true;
    if (response->outcome != HTTP_ANSWERED)
        error_set(fetch->err, ERROR_REMOTE, "%s: %s", fetch->url, response->problem);
    else if (response->status != 200)
        error_set(fetch->err, ERROR_REMOTE, "%s: HTTP status %d", fetch->url, response->status);
    else
        fetch->document = json_read_text(fetch->url, response->body, response->body_size, fetch->err);
}

static json_t *fetch_url(const char *url, struct error *err)
{
    const struct http_options options = {.user_agent = "provisionctl"};
    struct fetch fetch = {.url = url, .err = err};
    const struct http_request request = {.method = "GET",
                                         .url = url,
                                         .total_limit = FETCH_LIMIT,
                                         .size_limit = SOURCE_LIMIT,
                                         .on_done = on_fetched,
                                         .context = &fetch};
    struct http_client *client = NULL;
    struct loop *loop = NULL;

    if (loop_create(&loop, err) == 0 && http_create(&client, loop, &options, err) == 0 &&
        http_start(client, &request, err) > 0) {
        while (!fetch.over && loop_wait(loop, http_deadline(client), err) == 0)
            http_step(client, clock_now());
    }
    http_destroy(&client);
    loop_destroy(&loop);
    return fetch.document;
}

/* ---- the files ---- */

static int write_whole(const char *path, const char *text, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    size_t size = strlen(text), written = 0;

    if (fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    while (written < size) {
        ssize_t count = write(fd, text + written, size - written);
        if (count < 0 && errno != EINTR)
            break;
        written += count > 0 ? (size_t)count : 0;
    }
    int result = written == size && fsync(fd) == 0 ? 0 : error_set_errno(err, ERROR_LOCAL, "%s", path);
    close(fd);
    return result;
}

static void print_region(bool as_json, const char *path, size_t prices)
{
    if (!as_json) {
        printf("%s: %zu prices\n", path, prices);
        return;
    }
    json_t *row = json_pack("{s:s, s:I}", "file", path, "prices", (json_int_t)prices);
    json_dumpf(row, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(row);
}

/* The daemon reads only names that end in .json: it never sees half a file. */
static int write_region(const struct ctl *ctl, const char *region, const json_t *document, struct error *err)
{
    char path[600], fresh[610];
    char *text = json_dumps(document, JSON_INDENT(1) | JSON_SORT_KEYS);

    if (!text || strchr(region, '/') || text_format(path, sizeof path, "%s/%s.json", ctl->second, region) != 0 ||
        text_format(fresh, sizeof fresh, "%s.new", path) != 0) {
        free(text);
        return error_set(err, ERROR_INPUT, "the file of region %.80s cannot be named", region);
    }
    int result = write_whole(fresh, text, err);
    if (result == 0 && rename(fresh, path) != 0)
        result = error_set_errno(err, ERROR_LOCAL, "%s", path);
    if (result != 0)
        unlink(fresh);
    else
        print_region(ctl->json, path, json_object_size(json_object_get(document, "prices")));
    free(text);
    return result;
}

static int write_all(const struct ctl *ctl, json_t *files, struct error *err)
{
    const char *region;
    json_t *document;

    if (mkdir(ctl->second, 0755) != 0 && errno != EEXIST)
        return error_set_errno(err, ERROR_LOCAL, "%s", ctl->second);
    json_object_foreach(files, region, document)
    {
        if (write_region(ctl, region, document, err) != 0)
            return -1;
    }
    if (!ctl->json)
        puts("they count after provisionctl reload");
    return 0;
}

enum ctl_exit ctl_refresh_prices(struct ctl *ctl)
{
    bool is_url = text_starts(ctl->name, "https://") || text_starts(ctl->name, "http://");
    struct error err = {0};
    json_t *offer = is_url ? fetch_url(ctl->name, &err) : json_read_file(ctl->name, SOURCE_LIMIT, &err);
    json_t *files = offer ? price_list_from_offer(offer, ctl->name, &err) : NULL;
    int result = files ? write_all(ctl, files, &err) : -1;

    json_decref(files);
    json_decref(offer);
    return result == 0 ? CTL_OK : ctl_fail(CTL_REFUSED, &err);
}
