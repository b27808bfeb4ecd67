/* SPDX-License-Identifier: MPL-2.0 */
/* registration.c: the list of what worker-manager shall know, and the requests that make it so; see registration.h.
 * Each entry is tried until it is done, waiting 1 s, doubling to 2 min, with 25 % jitter; no entry waits for another.
 * Runs in: type worker. Never blocks. No secret is logged. */
#include "worker/registration.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/queue/hawk.h"
#include "worker/queue/queue_parse.h"
#include "worker/registration_secret.h"

#define FIRST_DELAY SPAN_SECONDS(1)
#define LONGEST_DELAY SPAN_SECONDS(120)
#define AFTER_LIFETIME SPAN_SECONDS(3600)
#define LONGEST_LIFETIME SPAN_SECONDS(30 * 86400)
#define KEY_LIMIT 4096
#define KEY_LEAST 32
#define ANSWER_LIMIT (256 * 1024)
#define FAILURES_TOLD 3 /* of one entry: a single 5xx is nobody's business */

enum entry_state { ENTRY_NEW, ENTRY_REGISTERED, ENTRY_ENDED, ENTRY_OVER };

struct entry {
    struct registration *registration;
    char id[INSTANCE_ID_SIZE], region[NAME_SIZE], token[65];
    int64_t capacity;
    enum entry_state state;
    bool in_flight;
    bool removing; /* the request under way is the DELETE */
    int failures;
    struct mono seen; /* when a launch or a listing last showed it */
    struct mono next_try;
};

struct registration {
    struct http_client *http;
    struct registration_options options;
    char base[400]; /* up to the pool, encoded */
    char pool[160];
    struct secret *key;
    struct entry **entries; /* sorted by id */
    size_t count, room;
    int in_flight;
    char problem[256];
};

/* ---- the list ---- */

static size_t place_of(const struct registration *registration, const char *id)
{
    size_t low = 0, high = registration->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(registration->entries[middle]->id, id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct entry *find(const struct registration *registration, const char *id)
{
    size_t place = place_of(registration, id);

    return place < registration->count && strcmp(registration->entries[place]->id, id) == 0
               ? registration->entries[place]
               : NULL;
}

static struct entry *insert(struct registration *registration, const char *id)
{
    size_t place = place_of(registration, id);
    struct entry *entry = calloc(1, sizeof *entry);

    if (registration->count == registration->room) {
        registration->room = registration->room ? registration->room * 2 : 64;
        registration->entries = realloc(registration->entries, registration->room * sizeof(struct entry *));
    }
    if (!entry || !registration->entries)
        abort();
    memmove(&registration->entries[place + 1], &registration->entries[place],
            (registration->count - place) * sizeof(struct entry *));
    registration->entries[place] = entry;
    registration->count++;
    entry->registration = registration;
    text_copy(entry->id, sizeof entry->id, id);
    return entry;
}

static struct entry *note(struct registration *registration, const char *region, const char *id, const char *token,
                          int64_t capacity)
{
    struct entry *entry = find(registration, id);

    if (!entry) {
        entry = insert(registration, id);
        text_copy(entry->region, sizeof entry->region, region);
        text_copy(entry->token, sizeof entry->token, token);
        entry->capacity = capacity > 0 ? capacity : 1;
    }
    entry->seen = clock_now();
    return entry;
}

void registration_add(struct registration *registration, const char *region, const char *id, const char *token,
                      int64_t capacity)
{
    note(registration, region, id, token, capacity);
}

static void end_entry(struct entry *entry)
{
    if (entry->state == ENTRY_ENDED || entry->state == ENTRY_OVER)
        return;
    entry->state = ENTRY_ENDED;
    entry->failures = 0;
    entry->next_try = MONO_ZERO;
}

static void take_row(struct registration *registration, const char *region, const struct proto_ROW *row)
{
    bool gone = text_equal(row->state, "terminated");

    if (!*row->token) /* no launch of ours gave it a secret */
        return;
    struct entry *entry = note(registration, region, row->id, row->token, row->capacity);
    if (gone)
        end_entry(entry);
}

void registration_listed(struct registration *registration, const struct proto_INVENTORY *listing, struct span grace)
{
    struct mono began = {listing->beganMono};
    size_t kept = 0;

    for (size_t i = 0; i < listing->rows_count; i++)
        take_row(registration, listing->region, &listing->rows[i]);
    for (size_t i = 0; i < registration->count; i++) {
        struct entry *entry = registration->entries[i];
        bool missing = text_equal(entry->region, listing->region) && mono_before(mono_add(entry->seen, grace), began);
        if (missing)
            end_entry(entry);
        /* EC2 lists a terminated instance for an hour: forgotten earlier, it would be removed at every listing. */
        if (missing && entry->state == ENTRY_OVER && !entry->in_flight)
            free(entry);
        else
            registration->entries[kept++] = entry;
    }
    registration->count = kept;
}

/* ---- one request ---- */

static struct span jittered(struct span delay)
{
    char hex[9];

    text_random_hex(4, hex);
    return span_scale(delay, 0.75 + (double)strtoul(hex, NULL, 16) / (double)UINT32_MAX / 2);
}

static void try_later(struct entry *entry, struct mono now, const char *problem)
{
    int doublings = entry->failures < 7 ? entry->failures : 7;

    entry->failures++;
    entry->next_try = mono_add(now, jittered(span_min(SPAN_US(FIRST_DELAY.us << doublings), LONGEST_DELAY)));
    text_copy(entry->registration->problem, sizeof entry->registration->problem, problem);
    log_repeating(LOG_WARN_LEVEL, "registration.failed", entry->registration->pool, problem, "instance=%s problem=%s",
                  entry->id, log_quote(problem));
}

static bool is_done(const struct entry *entry, int status)
{
    if (status >= 200 && status < 300)
        return true;
    /* Somebody was there before us: an earlier try whose answer was lost, or our predecessor. */
    return entry->removing ? status == 404 : status == 409;
}

static void on_done(void *context, const struct http_response *response)
{
    struct entry *entry = context;
    char code[64] = "", problem[256];

    entry->in_flight = false;
    entry->registration->in_flight--;
    if (response->outcome == HTTP_ANSWERED && is_done(entry, response->status)) {
        if (entry->removing)
            entry->state = ENTRY_OVER;
        else if (entry->state == ENTRY_NEW)
            entry->state = ENTRY_REGISTERED;
        entry->failures = 0;
        return;
    }
    if (response->outcome == HTTP_ANSWERED)
        queue_parse_code(response->body, response->body_size, code, sizeof code);
    if (response->outcome == HTTP_ANSWERED)
        text_format(problem, sizeof problem, "worker-manager: HTTP %d %s", response->status, code);
    else
        text_format(problem, sizeof problem, "worker-manager: %.200s", response->problem);
    try_later(entry, response->finished, problem);
}

static struct secret *body_of(const struct registration *registration, const struct entry *entry)
{
    char expires[40];
    struct span life = span_min(registration->options.lifetime, LONGEST_LIFETIME);
    struct secret *grant = registration_grant_secret(registration->key, entry->token);
    struct secret *secret = registration_static_secret(grant, entry->id);
    struct buffer body = {0};

    wall_format((struct wall){clock_wall().ms + (life.us + AFTER_LIFETIME.us) / 1000}, expires, sizeof expires);
    buffer_print(&body, "{\"expires\": \"%s\", \"capacity\": %lld, \"providerInfo\": {\"staticSecret\": \"%s\"}}",
                 expires, (long long)entry->capacity, secret_reveal(secret));
    struct secret *text = secret_create(body.bytes, body.size);
    buffer_free(&body);
    secret_destroy(&secret);
    secret_destroy(&grant);
    return text;
}

static int send_entry(struct entry *entry, int64_t seconds, struct error *err)
{
    struct registration *registration = entry->registration;
    const char *method = entry->removing ? "DELETE" : "PUT";
    struct buffer header = {0};
    char url[700], nonce[HAWK_NONCE_SIZE];
    int64_t id = -1;
    struct secret *body = entry->removing ? NULL : body_of(registration, entry);

    text_format(url, sizeof url, "%s/%s/%s", registration->base, entry->region, entry->id);
    hawk_nonce(nonce);
    if (hawk_header(&header, registration->options.credentials, method, url, seconds, nonce, err) == 0) {
        const char *headers[] = {header.bytes, "Content-Type: application/json", NULL};
        struct http_request request = {.method = method,
                                       .url = url,
                                       .headers = headers,
                                       .body = body ? secret_reveal(body) : NULL,
                                       .body_size = secret_size(body),
                                       .connect_limit = registration->options.connect_limit,
                                       .total_limit = registration->options.total_limit,
                                       .size_limit = ANSWER_LIMIT,
                                       .on_done = on_done,
                                       .context = entry};
        id = http_start(registration->http, &request, err);
    }
    buffer_free(&header);
    secret_destroy(&body);
    return id > 0 ? 0 : -1;
}

static bool is_due(const struct entry *entry, struct mono now)
{
    return (entry->state == ENTRY_NEW || entry->state == ENTRY_ENDED) && !entry->in_flight &&
           mono_reached(entry->next_try, now);
}

void registration_step(struct registration *registration, int64_t clock_offset, struct mono now)
{
    struct error err;

    for (size_t i = 0; i < registration->count && registration->in_flight < REGISTRATION_AT_ONCE; i++) {
        struct entry *entry = registration->entries[i];
        if (!is_due(entry, now))
            continue;
        entry->removing = entry->state == ENTRY_ENDED;
        if (send_entry(entry, clock_wall().ms / 1000 + clock_offset, &err) != 0) {
            try_later(entry, now, err.text);
            continue;
        }
        entry->in_flight = true;
        registration->in_flight++;
    }
}

struct mono registration_deadline(const struct registration *registration)
{
    struct mono next = MONO_NEVER;

    if (registration->in_flight >= REGISTRATION_AT_ONCE)
        return MONO_NEVER; /* an answer wakes the loop */
    for (size_t i = 0; i < registration->count; i++) {
        const struct entry *entry = registration->entries[i];
        if ((entry->state == ENTRY_NEW || entry->state == ENTRY_ENDED) && !entry->in_flight)
            next = mono_min(next, entry->next_try);
    }
    return next;
}

/* ---- for the worker ---- */

struct secret *registration_secret_of(const struct registration *registration, const char *token)
{
    return registration_grant_secret(registration->key, token);
}

size_t registration_waiting(const struct registration *registration)
{
    size_t waiting = 0;

    for (size_t i = 0; i < registration->count; i++)
        waiting += registration->entries[i]->state == ENTRY_NEW || registration->entries[i]->state == ENTRY_ENDED;
    return waiting;
}

const char *registration_problem(const struct registration *registration)
{
    for (size_t i = 0; i < registration->count; i++)
        if (registration->entries[i]->failures >= FAILURES_TOLD)
            return registration->problem;
    return "";
}

static int read_key(struct registration *registration, struct error *err)
{
    const char *handed = getenv("CREDENTIALS_DIRECTORY");
    char path[600];

    if (*registration->options.key_file)
        text_copy(path, sizeof path, registration->options.key_file);
    else if (handed && *handed)
        text_format(path, sizeof path, "%s/deployment-key", handed);
    else
        return error_set(err, ERROR_INPUT, "registration is static, and there is no deploymentKeyFile");
    registration->key = secret_from_file(path, KEY_LIMIT, err);
    if (!registration->key)
        return error_prefix(err, "the deployment key");
    if (secret_size(registration->key) < KEY_LEAST)
        return error_set(err, ERROR_INPUT, "%s: a deployment key has at least %d bytes", path, KEY_LEAST);
    return 0;
}

static int build_names(struct registration *registration, struct error *err)
{
    const struct registration_options *options = &registration->options;
    struct buffer pool = {0};
    size_t length = strlen(options->root_url);

    while (length > 0 && options->root_url[length - 1] == '/')
        length--;
    text_format(registration->pool, sizeof registration->pool, "%s/%s", options->provisioner_id, options->worker_type);
    text_url_encode(&pool, registration->pool);
    int result = text_format(registration->base, sizeof registration->base, "%.*s/api/worker-manager/v1/workers/%s",
                             (int)length, options->root_url, buffer_text(&pool));
    buffer_free(&pool);
    return result == 0 ? 0 : error_set(err, ERROR_INPUT, "rootUrl or the names of the pool are too long");
}

int registration_create(struct registration **out, struct http_client *http, const struct registration_options *options,
                        struct error *err)
{
    struct registration *registration = calloc(1, sizeof *registration);

    if (!registration)
        abort();
    registration->http = http;
    registration->options = *options;
    if (build_names(registration, err) != 0 || read_key(registration, err) != 0) {
        registration_destroy(&registration);
        return -1;
    }
    *out = registration;
    return 0;
}

void registration_destroy(struct registration **registration)
{
    if (!registration || !*registration)
        return;
    for (size_t i = 0; i < (*registration)->count; i++)
        free((*registration)->entries[i]);
    free((*registration)->entries);
    secret_destroy(&(*registration)->key);
    free(*registration);
    *registration = NULL;
}
