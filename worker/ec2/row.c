/* SPDX-License-Identifier: MPL-2.0 */
/* row.c: the fields of instances and spot prices that we read, as tables. A row that cannot be read is still a row: it
 * occupies, and it never ends a listing (DESIGN section 4); an unknown state word stays as EC2 wrote it (case B29).
 * Runs in: type and region workers. Pure. Owns nothing. */
#include "worker/ec2/row.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct text_field {
    const char *path;
    size_t offset, size;
    bool may_be_cut;
};

#define ROW_TEXT(path, field, cut)                                                                                     \
    {                                                                                                                  \
        path, offsetof(struct proto_ROW, field), sizeof(((struct proto_ROW *)0)->field), cut                           \
    }

static const struct text_field row_fields[] = {
    ROW_TEXT("instanceId", id, false),
    ROW_TEXT("instanceState/name", state, false),
    ROW_TEXT("currentState/name", state, false), /* TerminateInstances */
    ROW_TEXT("placement/availabilityZone", zone, false),
    ROW_TEXT("instanceType", instanceType, false),
    ROW_TEXT("imageId", imageId, false),
    ROW_TEXT("stateReason/code", reason, true),
    ROW_TEXT("clientToken", token, false),
};

int copy_whole_characters(char *out, size_t size, const char *text)
{
    if (text_copy(out, size, text) == 0)
        return 0;
    size_t end = strlen(out);
    while (end > 0 && ((unsigned char)text[end] & 0xc0) == 0x80) /* the next byte goes on with a character */
        end--;
    out[end] = '\0';
    return -1;
}

/* FNV-1a: a name for what has none; nothing rests on it but telling rows apart. */
static void add_print(uint64_t *prints, const char *text)
{
    if (*prints == 0)
        *prints = 1469598103934665603u;
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        *prints = (*prints ^ *at) * 1099511628211u;
}

void instance_item_text(struct instance_item *item, const char *path, const char *text)
{
    struct wall launched;

    add_print(&item->prints, path);
    add_print(&item->prints, text);
    for (size_t i = 0; i < sizeof row_fields / sizeof row_fields[0]; i++) {
        const struct text_field *field = &row_fields[i];
        if (strcmp(field->path, path) == 0) {
            if (copy_whole_characters((char *)&item->row + field->offset, field->size, text) != 0 && !field->may_be_cut)
                item->spoilt = true;
            return;
        }
    }
    if (strcmp(path, "launchTime") == 0) {
        item->has_launch_time = wall_parse(text, &launched) == 0 && launched.ms > 0;
        item->row.launchWall = item->has_launch_time ? launched.ms : 0;
        item->spoilt = item->spoilt || !item->has_launch_time;
    } else if (strcmp(path, "instanceLifecycle") == 0) {
        item->spot = strcmp(text, "spot") == 0;
    } else if (strcmp(path, "tagSet/item/key") == 0) {
        copy_whole_characters(item->tag_key, sizeof item->tag_key, text);
    } else if (strcmp(path, "tagSet/item/value") == 0) {
        copy_whole_characters(item->tag_value, sizeof item->tag_value, text);
    }
}

/* A whole number of decimal digits in the range, or `otherwise`: anybody may edit tags. */
static int64_t tag_number(const char *text, int64_t most, int64_t otherwise)
{
    char *end;

    if (text[0] < '0' || text[0] > '9')
        return otherwise;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    return errno != 0 || *end != '\0' || number > most ? otherwise : number;
}

void instance_item_tag_end(struct instance_item *item)
{
    struct proto_ROW *row = &item->row;
    const char *value = item->tag_value;
    bool cut = false;

    if (strcmp(item->tag_key, "provisiond:type") == 0)
        cut = copy_whole_characters(row->type, sizeof row->type, value) != 0;
    else if (strcmp(item->tag_key, "provisiond:deployment") == 0)
        cut = copy_whole_characters(item->deployment, sizeof item->deployment, value) != 0;
    else if (strcmp(item->tag_key, "provisiond:incarnation") == 0)
        cut = copy_whole_characters(row->incarnation, sizeof row->incarnation, value) != 0;
    else if (strcmp(item->tag_key, "provisiond:spec") == 0)
        cut = copy_whole_characters(row->specHash, sizeof row->specHash, value) != 0;
    else if (strcmp(item->tag_key, "provisiond:grant") == 0)
        row->grant = tag_number(value, INT64_MAX, 0);
    else if (strcmp(item->tag_key, "provisiond:revision") == 0)
        row->revision = tag_number(value, INT64_MAX, 0);
    else if (strcmp(item->tag_key, "provisiond:capacity") == 0)
        row->capacity = tag_number(value, 10000, 0);
    item->spoilt = item->spoilt || cut;
    item->tag_key[0] = item->tag_value[0] = '\0';
}

void instance_item_end(struct instance_item *item, bool with_launch_time)
{
    struct proto_ROW *row = &item->row;

    text_copy(row->market, sizeof row->market, market_name(item->spot ? MARKET_SPOT : MARKET_ON_DEMAND));
    bool nameless = row->id[0] == '\0' || strlen(row->id) + 1 == sizeof row->id;
    if (nameless) /* the same row has the same name in the next listing */
        text_format(row->id, sizeof row->id, "unreadable-%016" PRIx64, item->prints);
    /* Without a launch time an instance would look older than every limit, and be condemned. */
    if (nameless || item->spoilt || row->state[0] == '\0' || (with_launch_time && !item->has_launch_time))
        text_copy(row->state, sizeof row->state, instance_state_name(INSTANCE_UNREADABLE));
}

void price_item_text(struct price_item *item, const char *path, const char *text)
{
    struct proto_PRICE *price = &item->price;
    struct wall seen;
    bool cut = false;

    if (strcmp(path, "instanceType") == 0)
        cut = copy_whole_characters(price->instanceType, sizeof price->instanceType, text) != 0;
    else if (strcmp(path, "availabilityZone") == 0)
        cut = copy_whole_characters(price->zone, sizeof price->zone, text) != 0;
    else if (strcmp(path, "productDescription") == 0)
        cut = copy_whole_characters(item->product, sizeof item->product, text) != 0;
    else if (strcmp(path, "spotPrice") == 0)
        cut = copy_whole_characters(item->money, sizeof item->money, text) != 0;
    else if (strcmp(path, "timestamp") == 0 && wall_parse(text, &seen) == 0 && seen.ms >= 0) {
        price->seenWall = seen.ms;
        item->has_time = true;
    }
    item->spoilt = item->spoilt || cut;
}

bool price_item_end(struct price_item *item)
{
    struct money money;

    if (item->spoilt || !item->has_time || !item->price.zone[0] || !item->price.instanceType[0])
        return false;
    if (item->product[0] && strcmp(item->product, "Linux/UNIX") != 0 &&
        strcmp(item->product, "Linux/UNIX (Amazon VPC)") != 0)
        return false;
    if (money_parse_round_up(item->money, &money) != 0 || money.micros <= 0)
        return false;
    item->price.price = item->price.current = money.micros;
    return true;
}
