/* SPDX-License-Identifier: MPL-2.0 */
/* type_check.c: see type_check.h. Runs in: type worker. Nothing here waits: each loop turn asks what is due. */
#include "worker/type_check.h"

#include <stdlib.h>
#include <string.h>

#include "common/crash.h"
#include "common/log.h"
#include "common/text.h"
#include "worker/type_worker.h"

#define ANSWER_LIMIT SPAN_SECONDS(20) /* a region worker that does not answer: it is starting, or gone */
#define ASK_AGAIN SPAN_SECONDS(1)

static void add_region(struct type_check *check, const char *region)
{
    if (check->region_count == CONFIG_MAX_REGIONS)
        return;
    for (size_t i = 0; i < check->region_count; i++)
        if (text_equal(check->facts[i].region, region))
            return;
    text_copy(check->facts[check->region_count++].region, NAME_SIZE, region);
}

static struct preflight_input input_of(const struct type_check *check)
{
    return (struct preflight_input){.definition = check->definition,
                                    .candidates = check->candidates,
                                    .images_only = check->images_only,
                                    .forced = check->forced};
}

/* What nobody names needs no asking, and is known. */
static void add_look(struct type_check *check, size_t region, enum catalogue_kind kind, struct mono now)
{
    struct preflight_input input = input_of(check);
    json_t *names = preflight_names(&input, check->facts[region].region, kind);
    if (json_array_size(names) == 0)
        check->facts[region].of[kind] = json_object();
    else
        check->looks[check->look_count++] =
            (struct type_look){.region = region, .kind = kind, .due = now, .open = true};
    json_decref(names);
}

void type_check_begin(struct type_worker *worker, struct type_check *check, struct span wait, struct mono now)
{
    (void)worker;
    type_check_clear(check);
    for (size_t i = 0; i < check->definition->spec_count; i++)
        add_region(check, check->definition->specs[i].region);
    for (size_t i = 0; i < check->region_count; i++)
        for (int kind = 0; kind < CATALOGUE_KIND_COUNT; kind++)
            add_look(check, i, (enum catalogue_kind)kind, now);
    check->limit = mono_add(now, wait);
    check->running = true;
}

static void ask(struct type_worker *worker, const struct type_check *check, struct type_look *look, struct mono now)
{
    const char *region = check->facts[look->region].region;
    struct preflight_input input = input_of(check);
    struct message message = {.kind = PROTO_LOOKUP};
    struct error err;
    void *socket = type_lookup_socket(worker, region);
    json_t *names = preflight_names(&input, region, look->kind);
    look->id = ++worker->next_lookup;
    look->due = mono_add(now, ANSWER_LIMIT);
    message.as.LOOKUP.id = look->id;
    text_copy(message.as.LOOKUP.kind, sizeof message.as.LOOKUP.kind, catalogue_kind_name(look->kind));
    message.as.LOOKUP.argument = json_text(names);
    CRASH_POINT(type_before_catalogue);
    if (!socket || message_send(socket, NULL, 0, &message, &err) < 0) {
        look->id = 0;
        look->due = mono_add(now, ASK_AGAIN);
    }
    free(message.as.LOOKUP.argument);
    json_decref(names);
}

bool type_check_complete(const struct type_check *check)
{
    for (size_t i = 0; i < check->look_count; i++)
        if (check->looks[i].open)
            return false;
    return true;
}

bool type_check_step(struct type_worker *worker, struct type_check *check, struct mono now)
{
    if (!check->running)
        return false;
    if (type_check_complete(check) || mono_reached(check->limit, now)) {
        check->running = false;
        return true;
    }
    for (size_t i = 0; i < check->look_count; i++) {
        struct type_look *look = &check->looks[i];
        if (!look->open || !mono_reached(look->due, now))
            continue;
        if (look->id != 0)
            text_format(check->problem, sizeof check->problem, "the region worker of %s does not answer",
                        check->facts[look->region].region);
        ask(worker, check, look, now);
    }
    return false;
}

bool type_check_found(struct type_check *check, const struct proto_FOUND *found, struct mono now)
{
    for (size_t i = 0; i < check->look_count; i++) {
        struct type_look *look = &check->looks[i];
        struct catalogue_facts *facts = &check->facts[look->region];
        if (!look->open || look->id != found->id)
            continue;
        json_t *items = found->known ? json_loads(found->items, JSON_REJECT_DUPLICATES, NULL) : NULL;
        look->id = 0;
        look->due = mono_add(now, ASK_AGAIN);
        if (!json_is_object(items)) {
            json_decref(items);
            text_format(check->problem, sizeof check->problem, "%s of %s: %s", catalogue_kind_name(look->kind),
                        facts->region, found->code);
            return true;
        }
        look->open = false;
        facts->of[look->kind] = items;
        return true;
    }
    return false;
}

struct mono type_check_deadline(const struct type_check *check)
{
    struct mono next = check->running ? check->limit : MONO_NEVER;
    for (size_t i = 0; check->running && i < check->look_count; i++)
        if (check->looks[i].open)
            next = mono_min(next, check->looks[i].due);
    return next;
}

void type_check_clear(struct type_check *check)
{
    for (size_t i = 0; i < check->region_count; i++)
        for (int kind = 0; kind < CATALOGUE_KIND_COUNT; kind++)
            json_decref(check->facts[i].of[kind]);
    memset(check->facts, 0, sizeof check->facts);
    check->region_count = check->look_count = 0;
    check->running = false;
    check->problem[0] = '\0';
}
