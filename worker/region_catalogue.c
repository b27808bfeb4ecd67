/* SPDX-License-Identifier: MPL-2.0 */
/* region_catalogue.c: what EC2 says of images, instance types, subnets and so on, for preflight: one answer serves all
 * types, and one call asks for what all of them want. Part of lane 4, lowest in rank.
 * Runs in: region worker. Owns: the cache and the questions that wait for it. A thing that EC2 does not have is an
 * answer too (null), and is kept as long as one that it has: an operator who repairs it waits that long at most.
 * A quota that may not be read is such an answer, too. */
#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/ec2/describe.h"
#include "worker/preflight.h"
#include "worker/region_worker.h"

#define FRESH SPAN_SECONDS(60)
#define PEER_SIZE 128
#define MOST_WAITING 2000
#define MOST_PAGES 20

/* What is asked of EC2, which item of its answer belongs to which name. Quotas are another service's. */
static const struct {
    enum ec2_catalogue what;
    const char *set, *name;
} kinds[CATALOGUE_KIND_COUNT] = {
    [CATALOGUE_IMAGES] = {EC2_IMAGES, "imagesSet", "imageId"},
    [CATALOGUE_TYPES] = {EC2_INSTANCE_TYPES, "instanceTypeSet", "instanceType"},
    [CATALOGUE_OFFERINGS] = {EC2_OFFERINGS, "instanceTypeOfferingSet", "instanceType"},
    [CATALOGUE_SUBNETS] = {EC2_SUBNETS, "subnetSet", "subnetId"},
    [CATALOGUE_GROUPS] = {EC2_SECURITY_GROUPS, "securityGroupInfo", "groupId"},
    [CATALOGUE_GROUP_NAMES] = {EC2_SECURITY_GROUP_NAMES, "securityGroupInfo", "groupName"},
    [CATALOGUE_KEYS] = {EC2_KEY_PAIRS, "keySet", "keyName"},
};

struct catalogue_question {
    struct catalogue_question *next;
    char peer[PEER_SIZE];
    int64_t id;
    enum catalogue_kind kind;
    json_t *names;
    struct mono asked;
};

/* One kind: what is known, and the call under way. */
struct shelf {
    struct region_worker *worker;
    enum catalogue_kind kind;
    json_t *known; /* name -> {"item": item or null, "at": mono us} */
    bool under_way, page_due;
    json_t *asked; /* names of the call under way */
    json_t *found; /* its items so far */
    char token[1024];
    int pages;
};

struct catalogue_lane {
    struct shelf shelves[CATALOGUE_KIND_COUNT];
    struct catalogue_question *questions;
    size_t waiting;
};

static struct catalogue_lane *lane_of(struct region_worker *worker)
{
    if (worker->catalogue)
        return worker->catalogue;
    worker->catalogue = calloc(1, sizeof *worker->catalogue);
    if (!worker->catalogue)
        log_panic("memory.ended", "part=catalogue");
    for (int i = 0; i < CATALOGUE_KIND_COUNT; i++)
        worker->catalogue->shelves[i] =
            (struct shelf){.worker = worker, .kind = (enum catalogue_kind)i, .known = json_object()};
    return worker->catalogue;
}

/* ---- answers ---- */

static void answer(struct region_worker *worker, const struct catalogue_question *question, json_t *items,
                   const char *code)
{
    struct message message = {.kind = PROTO_FOUND};
    struct error err;
    message.as.FOUND.id = question->id;
    message.as.FOUND.known = items != NULL;
    text_copy(message.as.FOUND.code, CODE_SIZE, code);
    message.as.FOUND.items = items ? json_text(items) : NULL;
    CRASH_POINT(region_before_catalogue_answer);
    if (message_send(worker->lookups, question->peer, strlen(question->peer), &message, &err) < 0)
        log_info("lookup.unanswered", "problem=%s", log_quote(err.text));
    free(message.as.FOUND.items);
}

static void forget(struct catalogue_lane *lane, struct catalogue_question **place)
{
    struct catalogue_question *question = *place;
    *place = question->next;
    lane->waiting--;
    json_decref(question->names);
    free(question);
}

/* An entry counts when it is fresh, or was read after the question came. */
static const json_t *entry_of(const struct shelf *shelf, const char *name, struct mono asked, struct mono now)
{
    const json_t *entry = json_object_get(shelf->known, name);
    struct mono at = {json_integer_value(json_object_get(entry, "at"))};
    if (!entry || (mono_since(at, now).us > FRESH.us && mono_before(at, asked)))
        return NULL;
    return entry;
}

/* New reference: all that was asked for, or NULL when some of it is not known yet. */
static json_t *collect(const struct shelf *shelf, const struct catalogue_question *question, struct mono now)
{
    json_t *items = json_object();
    const json_t *name;
    size_t i;
    json_array_foreach(question->names, i, name)
    {
        const json_t *entry = entry_of(shelf, json_string_value(name), question->asked, now);
        if (!entry) {
            json_decref(items);
            return NULL;
        }
        json_object_set(items, json_string_value(name), json_object_get(entry, "item"));
    }
    return items;
}

static void answer_those_known(struct region_worker *worker, struct mono now)
{
    struct catalogue_lane *lane = lane_of(worker);
    for (struct catalogue_question **place = &lane->questions; *place;) {
        json_t *items = collect(&lane->shelves[(*place)->kind], *place, now);
        if (!items) {
            place = &(*place)->next;
            continue;
        }
        answer(worker, *place, items, "");
        json_decref(items);
        forget(lane, place);
    }
}

static void answer_failed(struct shelf *shelf, const char *code)
{
    struct catalogue_lane *lane = lane_of(shelf->worker);
    for (struct catalogue_question **place = &lane->questions; *place;) {
        if ((*place)->kind != shelf->kind) {
            place = &(*place)->next;
            continue;
        }
        answer(shelf->worker, *place, NULL, code);
        forget(lane, place);
    }
}

/* ---- the call ---- */

static void on_item(void *context, const char *set, const json_t *item)
{
    struct shelf *shelf = context;
    const char *name = json_string_value(json_object_get(item, kinds[shelf->kind].name));
    if (strcmp(set, kinds[shelf->kind].set) != 0 || !name)
        return;
    if (shelf->kind != CATALOGUE_OFFERINGS) {
        json_object_set_new(shelf->found, name, json_deep_copy(item));
        return;
    }
    json_t *zones = json_object_get(shelf->found, name);
    if (!zones) {
        zones = json_array();
        json_object_set_new(shelf->found, name, zones);
    }
    json_array_append(zones, json_object_get(item, "location"));
}

static void end_call(struct shelf *shelf)
{
    json_decref(shelf->asked);
    json_decref(shelf->found);
    shelf->asked = shelf->found = NULL;
    shelf->under_way = shelf->page_due = false;
}

static void keep_all(struct shelf *shelf, struct mono now)
{
    const json_t *name;
    size_t i;
    json_array_foreach(shelf->asked, i, name)
    {
        json_t *item = json_object_get(shelf->found, json_string_value(name));
        json_object_set_new(
            shelf->known, json_string_value(name),
            json_pack("{s:o, s:I}", "item", item ? json_incref(item) : json_null(), "at", (json_int_t)now.us));
    }
}

static void on_page(void *context, const struct cloud_answer *given)
{
    struct shelf *shelf = context;
    if (given->ending == CLOUD_DONE && *given->next_token && ++shelf->pages < MOST_PAGES) {
        text_copy(shelf->token, sizeof shelf->token, given->next_token);
        shelf->page_due = true;
        return;
    }
    if (given->ending == CLOUD_DONE && !*given->next_token) {
        keep_all(shelf, clock_now());
        end_call(shelf);
        answer_those_known(shelf->worker, clock_now());
        return;
    }
    const char *code = given->ending == CLOUD_DONE ? "TooManyPages" : given->error.code;
    log_repeating(LOG_WARN_LEVEL, "catalogue.failed", catalogue_kind_name(shelf->kind), code, "kind=%s code=%s text=%s",
                  catalogue_kind_name(shelf->kind), code, log_quote(given->error.message));
    end_call(shelf);
    answer_failed(shelf, code);
}

/* One quota a call. Not known is kept like what EC2 does not have. */
static void on_quota(void *context, json_t *item)
{
    struct shelf *shelf = context;
    struct mono now = clock_now();
    if (item)
        json_object_set_new(shelf->found, json_string_value(json_array_get(shelf->asked, 0)), item);
    keep_all(shelf, now);
    end_call(shelf);
    answer_those_known(shelf->worker, now);
}

static void ask_page(struct shelf *shelf)
{
    struct region_worker *worker = shelf->worker;
    struct ec2_form form = {0};
    struct error err;
    struct cloud_request request = {.form = &form,
                                    .total_limit = region_page_limit(worker),
                                    .not_after = MONO_NEVER,
                                    .rows = {.item = on_item, .context = shelf},
                                    .on_done = on_page,
                                    .context = shelf};
    const char *names[EC2_FILTER_VALUES];
    size_t count = json_array_size(shelf->asked);
    shelf->page_due = false;
    if (shelf->kind == CATALOGUE_QUOTAS) {
        if (region_quota_ask(worker, json_string_value(json_array_get(shelf->asked, 0)), on_quota, shelf) < 0)
            on_quota(shelf, NULL);
        return;
    }
    for (size_t i = 0; i < count; i++)
        names[i] = json_string_value(json_array_get(shelf->asked, i));
    ec2_describe_catalogue(&form, kinds[shelf->kind].what, names, count, shelf->token);
    CRASH_POINT(region_before_catalogue_call);
    if (cloud_start(&worker->cloud, &request, &err) < 0) {
        end_call(shelf);
        answer_failed(shelf, "CannotSend");
    }
    ec2_form_free(&form);
}

/* Names that a question waits for and that are not known. New reference; an empty list: nothing to ask. */
static json_t *wanted(struct region_worker *worker, const struct shelf *shelf, struct mono now)
{
    json_t *list = json_array(), *seen = json_object();
    size_t most = shelf->kind == CATALOGUE_QUOTAS ? 1 : EC2_FILTER_VALUES;
    for (struct catalogue_question *q = lane_of(worker)->questions; q; q = q->next) {
        const json_t *name;
        size_t i;
        if (q->kind != shelf->kind)
            continue;
        json_array_foreach(q->names, i, name)
        {
            const char *text = json_string_value(name);
            if (json_array_size(list) >= most || json_object_get(seen, text) || entry_of(shelf, text, q->asked, now))
                continue;
            json_object_set_new(seen, text, json_true());
            json_array_append_new(list, json_string(text));
        }
    }
    json_decref(seen);
    return list;
}

static struct shelf *next_shelf(struct region_worker *worker)
{
    struct catalogue_lane *lane = lane_of(worker);
    for (int i = 0; i < CATALOGUE_KIND_COUNT; i++)
        if (lane->shelves[i].page_due)
            return &lane->shelves[i];
    for (struct catalogue_question *q = lane->questions; q; q = q->next)
        if (!lane->shelves[q->kind].under_way)
            return &lane->shelves[q->kind];
    return NULL;
}

static void begin_call(struct shelf *shelf, struct mono now)
{
    shelf->asked = wanted(shelf->worker, shelf, now);
    shelf->found = json_object();
    shelf->token[0] = '\0';
    shelf->pages = 0;
    shelf->under_way = true;
}

bool region_catalogue_waits(struct region_worker *worker)
{
    return worker->catalogue && next_shelf(worker);
}

void region_catalogue_step(struct region_worker *worker, struct mono now)
{
    struct shelf *shelf;
    if (!worker->catalogue || !worker->catalogue->questions)
        return;
    answer_those_known(worker, now);
    while ((shelf = next_shelf(worker)) != NULL && region_take_call(worker, now)) {
        if (!shelf->under_way)
            begin_call(shelf, now);
        ask_page(shelf);
    }
}

/* ---- questions ---- */

static bool are_names(const json_t *names)
{
    const json_t *name;
    size_t i;
    json_array_foreach(names, i, name)
    {
        const char *text = json_string_value(name);
        if (!text || !*text || strlen(text) >= 256)
            return false;
    }
    return json_is_array(names);
}

bool region_catalogue_take(struct region_worker *worker, const char *peer, const struct proto_LOOKUP *asked)
{
    int kind = catalogue_kind_of(asked->kind);
    struct catalogue_lane *lane = lane_of(worker);
    struct catalogue_question **last = &lane->questions;
    if (kind < 0)
        return false;
    struct catalogue_question *question = calloc(1, sizeof *question);
    if (!question)
        abort();
    question->id = asked->id;
    question->kind = (enum catalogue_kind)kind;
    question->names = json_loads(asked->argument, JSON_REJECT_DUPLICATES, NULL);
    question->asked = clock_now();
    text_copy(question->peer, sizeof question->peer, peer);
    bool good = are_names(question->names);
    if (!good || lane->waiting >= MOST_WAITING) {
        answer(worker, question, NULL, good ? "Busy" : "BadNames");
        json_decref(question->names);
        free(question);
        return true;
    }
    while (*last)
        last = &(*last)->next;
    *last = question;
    lane->waiting++;
    return true;
}

void region_catalogue_clear(struct region_worker *worker)
{
    struct catalogue_lane *lane = worker->catalogue;
    if (!lane)
        return;
    while (lane->questions)
        forget(lane, &lane->questions);
    for (int i = 0; i < CATALOGUE_KIND_COUNT; i++) {
        end_call(&lane->shelves[i]);
        json_decref(lane->shelves[i].known);
    }
    free(lane);
    worker->catalogue = NULL;
    region_quota_clear(worker);
}
