/* SPDX-License-Identifier: MPL-2.0 */
/* http_transfer.c: sets up one curl easy handle, collects what comes back, and judges the outcome.
 * Runs in: type workers, region workers and helpers; NEVER in the supervisor. Owns the easy handle and the bytes.
 *
 * Sent or not sent: curl calls the PREREQ function when the connection (with TLS) stands and before a byte of the
 * request is written. A request that fails before that call was never seen by the server: HTTP_NOT_SENT. After it, only
 * a whole answer tells anything; byte counts do not, for a write that failed may still have delivered a part.
 * The same call, made a second time for one request, means that curl is about to re-send it on a new connection (it
 * does so when a kept one turns out closed): that is refused, so that one http_start is one request at most. */
#include "common/http_transfer.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_LIMIT SPAN_SECONDS(10)
#define TOTAL_LIMIT SPAN_SECONDS(30)
#define LONGEST_LIMIT SPAN_SECONDS(60)
#define SIZE_LIMIT ((size_t)8 << 20)
#define HAWK_LIMIT 8192
/* This host, and the metadata services that speak only to this host. */
#define NOT_PROXIED "localhost,127.0.0.0/8,::1,169.254.169.254,169.254.170.2,fd00:ec2::254"

static void set_problem(struct http_transfer *transfer, const char *text)
{
    if (transfer->own_problem[0] == '\0')
        text_copy(transfer->own_problem, sizeof transfer->own_problem, text);
}

static int on_before_request(void *context, char *remote_ip, char *local_ip, int remote_port, int local_port)
{
    struct http_transfer *transfer = context;

    (void)remote_ip;
    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (transfer->may_be_sent) {
        set_problem(transfer, "the server closed the kept connection without an answer; not sent a second time");
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->may_be_sent = true;
    return CURL_PREREQFUNC_OK;
}

static bool is_success(struct http_transfer *transfer)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    return status >= 200 && status < 300;
}

/* Returning less than was given makes curl fail the transfer. */
static size_t on_body(char *bytes, size_t one, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    size_t size = one * count;
    char text[96];

    if (size > transfer->size_limit - transfer->received) {
        text_format(text, sizeof text, "the answer is over %zu bytes", transfer->size_limit);
        set_problem(transfer, text);
        return 0;
    }
    transfer->received += size;
    if (!transfer->on_data || !is_success(transfer)) {
        buffer_add(&transfer->body, bytes, size);
        return size;
    }
    if (transfer->on_data(transfer->context, bytes, size) == 0 && !transfer->cancelled)
        return size;
    set_problem(transfer, "given up by the reader of the answer");
    return 0;
}

/* The value when the line is the header `name`, without the blanks around it; else NULL. */
static const char *header_value(const char *line, size_t size, const char *name, int *length)
{
    size_t skip = strlen(name);

    if (size <= skip || line[skip] != ':' || strncasecmp(line, name, skip) != 0)
        return NULL;
    for (skip++; skip < size && (line[skip] == ' ' || line[skip] == '\t'); skip++)
        ;
    while (size > skip && strchr(" \t\r\n", line[size - 1]))
        size--;
    *length = (int)(size - skip);
    return line + skip;
}

static void keep_hawk(struct http_transfer *transfer, const char *line, size_t size, const char *name)
{
    int length;
    const char *value = header_value(line, size, name, &length);

    if (!value || transfer->hawk.size + (size_t)length > HAWK_LIMIT)
        return;
    buffer_print(&transfer->hawk, "%s%s: %.*s", transfer->hawk.size > 0 ? "\n" : "", name, length, value);
}

static size_t on_header(char *line, size_t one, size_t count, void *context)
{
    struct http_transfer *transfer = context;
    size_t size = one * count;
    const char *value;
    int length;

    if (size >= 5 && strncmp(line, "HTTP/", 5) == 0) { /* a new head: what a 1xx one said does not count */
        transfer->date[0] = '\0';
        transfer->content_type[0] = '\0';
        buffer_clear(&transfer->hawk);
    }
    value = header_value(line, size, "Date", &length);
    if (value)
        text_format(transfer->date, sizeof transfer->date, "%.*s", length, value);
    value = header_value(line, size, "Content-Type", &length);
    if (value)
        text_format(transfer->content_type, sizeof transfer->content_type, "%.*s", length, value);
    keep_hawk(transfer, line, size, "WWW-Authenticate");
    keep_hawk(transfer, line, size, "Server-Authorization");
    return size;
}

/* Sets one option and remembers the first failure. */
#define SET(option, value)                                                                                             \
    do {                                                                                                               \
        CURLcode code_of_set = curl_easy_setopt(easy, option, value);                                                  \
        if (code_of_set != CURLE_OK && result == CURLE_OK)                                                             \
            result = code_of_set;                                                                                      \
    } while (0)

static CURLcode set_manners(CURL *easy, struct http_transfer *transfer, const struct http_options *options)
{
    CURLcode result = CURLE_OK;

    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1); /* a refused HTTP/2 stream is silently sent again */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A name that is still being looked up when its time is over must not hold up the loop. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_PROXY, options->proxy ? options->proxy : ""); /* "": none, whatever the environment says */
    SET(CURLOPT_NOPROXY, NOT_PROXIED);
    SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* The hashed directory alone: the bundle that is built in costs 0.8 MB in each process. */
    SET(CURLOPT_CAINFO, options->ca_file);
    SET(CURLOPT_CAPATH, options->ca_path ? options->ca_path : "/etc/ssl/certs");
    if (options->user_agent)
        SET(CURLOPT_USERAGENT, options->user_agent);
    SET(CURLOPT_ERRORBUFFER, transfer->curl_problem);
    SET(CURLOPT_PREREQFUNCTION, on_before_request);
    SET(CURLOPT_PREREQDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, on_body);
    SET(CURLOPT_WRITEDATA, transfer);
    SET(CURLOPT_HEADERFUNCTION, on_header);
    SET(CURLOPT_HEADERDATA, transfer);
    return result;
}

static long limit_ms(struct span wanted, struct span fallback)
{
    struct span limit = span_min(wanted.us > 0 ? wanted : fallback, LONGEST_LIMIT);

    return (long)(limit.us + 999) / 1000; /* up: curl takes 0 as "no limit" */
}

static CURLcode set_request(CURL *easy, struct http_transfer *transfer, const struct http_request *request)
{
    bool is_get = strcmp(request->method, "GET") == 0, is_post = strcmp(request->method, "POST") == 0;
    bool has_body = request->body || is_post || strcmp(request->method, "PUT") == 0;
    CURLcode result = CURLE_OK;

    SET(CURLOPT_URL, request->url);
    SET(CURLOPT_PATH_AS_IS, 1L); /* it may be signed */
    SET(CURLOPT_HTTPHEADER, transfer->headers);
    if (has_body) {
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(request->body ? request->body_size : 0));
        SET(CURLOPT_COPYPOSTFIELDS, request->body ? request->body : "");
    }
    if (!(is_post || (is_get && !has_body)))
        SET(CURLOPT_CUSTOMREQUEST, request->method);
    SET(CURLOPT_CONNECTTIMEOUT_MS, limit_ms(request->connect_limit, CONNECT_LIMIT));
    SET(CURLOPT_TIMEOUT_MS, limit_ms(request->total_limit, TOTAL_LIMIT));
    SET(CURLOPT_FRESH_CONNECT, request->fresh_connection ? 1L : 0L);
    SET(CURLOPT_FORBID_REUSE, request->fresh_connection ? 1L : 0L);
    return result;
}

static int check_header(const char *line, struct error *err)
{
    size_t name = strcspn(line, ":");

    if (name == 0 || line[name] == '\0' || strcspn(line, " \t") < name)
        return error_set(err, ERROR_INPUT, "a request header is not of the form \"Name: value\"");
    for (const char *at = line; *at; at++)
        if (((unsigned char)*at < 0x20 && *at != '\t') || *at == 0x7f)
            return error_set(err, ERROR_INPUT, "the request header %.*s holds a control character", (int)name, line);
    return 0;
}

static int add_header(struct curl_slist **list, const char *line, struct error *err)
{
    struct curl_slist *longer = curl_slist_append(*list, line);

    if (!longer)
        return error_set(err, ERROR_LOCAL, "no memory for a request header");
    *list = longer;
    return 0;
}

static int copy_headers(struct http_transfer *transfer, const char *const *lines, struct error *err)
{
    /* Without an Expect header of curl's own there is no second try after a 417. */
    if (add_header(&transfer->headers, "Expect:", err) != 0)
        return -1;
    for (; lines && *lines; lines++)
        if (check_header(*lines, err) != 0 || add_header(&transfer->headers, *lines, err) != 0)
            return -1;
    return 0;
}

static int check_method(const char *method, struct error *err)
{
    static const char *const methods[] = {"GET", "POST", "PUT", "DELETE"};

    for (size_t i = 0; i < sizeof methods / sizeof methods[0]; i++)
        if (text_equal(method, methods[i]))
            return 0;
    return error_set(err, ERROR_INPUT, "the request method is none of GET, POST, PUT and DELETE");
}

int http_transfer_create(struct http_transfer **out, const struct http_options *options,
                         const struct http_request *request, struct error *err)
{
    if (check_method(request->method, err) != 0 || http_check_url(request->url, options->allow_plain_http, err) != 0)
        return -1;
    struct http_transfer *transfer = calloc(1, sizeof *transfer);
    if (!transfer)
        return error_set(err, ERROR_LOCAL, "no memory for a request");
    transfer->on_data = request->on_data;
    transfer->on_done = request->on_done;
    transfer->context = request->context;
    transfer->size_limit = request->size_limit > 0 ? request->size_limit : SIZE_LIMIT;
    transfer->sent = clock_now();
    transfer->easy = curl_easy_init();
    if (!transfer->easy) {
        error_set(err, ERROR_LOCAL, "no memory for a request");
        goto error;
    }
    if (copy_headers(transfer, request->headers, err) != 0)
        goto error;
    CURLcode result = set_manners(transfer->easy, transfer, options);
    if (result == CURLE_OK)
        result = set_request(transfer->easy, transfer, request);
    if (result != CURLE_OK) {
        error_set(err, ERROR_LOCAL, "a request cannot be set up: %s", curl_easy_strerror(result));
        goto error;
    }
    *out = transfer;
    return 0;
error:
    http_transfer_destroy(&transfer);
    return -1;
}

void http_transfer_destroy(struct http_transfer **transfer)
{
    if (!transfer || !*transfer)
        return;
    curl_easy_cleanup((*transfer)->easy); /* before the headers, which it still points to */
    curl_slist_free_all((*transfer)->headers);
    buffer_free(&(*transfer)->body);
    buffer_free(&(*transfer)->hawk);
    free(*transfer);
    *transfer = NULL;
}

static enum http_outcome judge(const struct http_transfer *transfer, CURLcode result, long status)
{
    if (transfer->cancelled)
        return transfer->may_be_sent ? HTTP_UNKNOWN : HTTP_CANCELLED;
    if (!transfer->may_be_sent)
        return HTTP_NOT_SENT;
    return result == CURLE_OK && status > 0 ? HTTP_ANSWERED : HTTP_UNKNOWN;
}

static const char *problem_of(const struct http_transfer *transfer, CURLcode result)
{
    if (transfer->cancelled)
        return "cancelled";
    if (transfer->own_problem[0])
        return transfer->own_problem;
    if (transfer->curl_problem[0])
        return transfer->curl_problem;
    return result == CURLE_OK ? "there was no status line" : curl_easy_strerror(result);
}

void http_transfer_conclude(struct http_transfer *transfer, CURLcode result, struct http_response *out)
{
    long status = 0;

    curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
    if (!transfer->may_be_sent)
        status = 0; /* a proxy's refusal is not the server's answer */
    enum http_outcome outcome = judge(transfer, result, status);
    *out = (struct http_response){
        .outcome = outcome,
        .status = (int)status,
        .body = buffer_text(&transfer->body),
        .body_size = transfer->body.size,
        .date = transfer->date,
        .content_type = transfer->content_type,
        .hawk = buffer_text(&transfer->hawk),
        .sent = transfer->sent,
        .finished = clock_now(),
        .problem = outcome == HTTP_ANSWERED ? "" : problem_of(transfer, result),
    };
}
