/* SPDX-License-Identifier: MPL-2.0 */
/* reader.c: reads one EC2 answer as a stream with expat. Names are taken without their namespace; a document type
 * (entity bombs, HTML) and deep nesting are refused; a text is cut at 64 KiB, so memory does not grow with the body.
 * Runs in: type and region workers. Owns: the parser and the item under way. Does no I/O. */
#include <expat.h>
#include <stdlib.h>
#include <string.h>

#include "worker/ec2/ec2.h"
#include "worker/ec2/row.h"

#define DEPTH_LIMIT 24
#define PATH_LIMIT 1024
#define TEXT_LIMIT 65536
#define TOKEN_LIMIT 1024
#define UNREADABLE_CODE "UnreadableAnswer"

enum item_kind { ITEM_NONE, ITEM_INSTANCE, ITEM_PRICE, ITEM_OTHER };

struct ec2_reader {
    XML_Parser parser;
    struct ec2_reader_calls calls;
    char deployment[NAME_SIZE];

    char path[PATH_LIMIT]; /* "DescribeImagesResponse/imagesSet/item" */
    size_t path_size;
    size_t starts[DEPTH_LIMIT]; /* where the name of each level begins in path */
    size_t depth;
    struct buffer text; /* of the innermost element so far */
    bool leaf;          /* no element has ended inside the current one */

    enum item_kind kind;
    size_t item_depth; /* of the item under way */
    struct instance_item instance;
    struct price_item price;
    json_t *other;

    bool refused; /* it is an EC2 error answer */
    bool failed;
    bool long_token;
    char why[128];
    char next_token[TOKEN_LIMIT];
    struct ec2_error error;
};

static void give_up(struct ec2_reader *reader, const char *why)
{
    if (!reader->failed)
        text_copy(reader->why, sizeof reader->why, why);
    reader->failed = true;
    XML_StopParser(reader->parser, XML_FALSE);
}

/* The path below the root, or below the item under way. */
static const char *path_below(const struct ec2_reader *reader, size_t depth)
{
    return reader->depth > depth ? reader->path + reader->starts[depth] : "";
}

static bool is_item_at(const struct ec2_reader *reader, const char *path)
{
    return strcmp(path_below(reader, 1), path) == 0;
}

static enum item_kind kind_of_item(const struct ec2_reader *reader)
{
    if (is_item_at(reader, "reservationSet/item/instancesSet/item") || is_item_at(reader, "instancesSet/item"))
        return ITEM_INSTANCE;
    if (is_item_at(reader, "spotPriceHistorySet/item"))
        return ITEM_PRICE;
    if (reader->depth == 3 && strcmp(path_below(reader, 2), "item") == 0 && !is_item_at(reader, "reservationSet/item"))
        return ITEM_OTHER;
    return ITEM_NONE;
}

static void start_item(struct ec2_reader *reader)
{
    reader->kind = kind_of_item(reader);
    reader->item_depth = reader->depth;
    if (reader->kind == ITEM_INSTANCE)
        reader->instance = (struct instance_item){0};
    else if (reader->kind == ITEM_PRICE)
        reader->price = (struct price_item){0};
    else if (reader->kind == ITEM_OTHER && !(reader->other = json_object()))
        abort();
}

static void XMLCALL on_start(void *context, const XML_Char *name, const XML_Char **attributes)
{
    struct ec2_reader *reader = context;
    const char *colon = strrchr(name, ':');
    const char *bare = colon ? colon + 1 : name;
    size_t size = strlen(bare);

    (void)attributes;
    if (reader->failed)
        return;
    if (reader->depth == DEPTH_LIMIT || reader->path_size + size + 2 > PATH_LIMIT) {
        give_up(reader, "elements nested too deep");
        return;
    }
    if (reader->depth > 0)
        reader->path[reader->path_size++] = '/';
    reader->starts[reader->depth++] = reader->path_size;
    memcpy(reader->path + reader->path_size, bare, size + 1);
    reader->path_size += size;
    reader->leaf = true;
    buffer_clear(&reader->text);
    if (reader->kind == ITEM_NONE)
        start_item(reader);
}

static void XMLCALL on_text(void *context, const XML_Char *text, int size)
{
    struct ec2_reader *reader = context;
    size_t room = TEXT_LIMIT - reader->text.size;

    if (reader->leaf)
        buffer_add(&reader->text, text, (size_t)size < room ? (size_t)size : room);
}

/* "processorInfo/supportedArchitectures/item" -> "processorInfo.supportedArchitectures", and true: in a list. */
static bool flat_name(const char *path, char *out, size_t size)
{
    bool in_list = false;
    size_t used = 0;

    out[0] = '\0';
    while (*path) {
        size_t length = strcspn(path, "/");
        if (length == 4 && strncmp(path, "item", 4) == 0)
            in_list = true;
        else if (used + length + 2 < size)
            used += (size_t)snprintf(out + used, size - used, "%s%.*s", used ? "." : "", (int)length, path);
        path += length;
        path += *path == '/';
    }
    return in_list;
}

static void keep_other(struct ec2_reader *reader, const char *path, const char *text)
{
    char name[PATH_LIMIT];
    bool in_list = flat_name(path, name, sizeof name);
    json_t *value = json_string(text); /* NULL if it is not UTF-8, which expat has made sure of */

    if (!in_list) {
        json_object_set_new(reader->other, name, value);
        return;
    }
    json_t *list = json_object_get(reader->other, name);
    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(reader->other, name, list);
    }
    json_array_append_new(list, value);
}

/* An element without inner elements is over. */
static void take_leaf(struct ec2_reader *reader)
{
    const char *text = buffer_text(&reader->text);
    const char *below_item = reader->kind != ITEM_NONE ? path_below(reader, reader->item_depth) : "";
    const char *name = reader->path + reader->starts[reader->depth - 1];

    if (reader->kind == ITEM_INSTANCE && below_item[0])
        instance_item_text(&reader->instance, below_item, text);
    else if (reader->kind == ITEM_PRICE && below_item[0])
        price_item_text(&reader->price, below_item, text);
    else if (reader->kind == ITEM_OTHER && below_item[0])
        keep_other(reader, below_item, text);
    else if (reader->depth == 2 && strcmp(name, "nextToken") == 0)
        reader->long_token = text_copy(reader->next_token, sizeof reader->next_token, text) != 0;
    else if (is_item_at(reader, "Errors/Error/Code") || is_item_at(reader, "Error/Code")) /* EC2's and STS's form */
        copy_whole_characters(reader->error.code, sizeof reader->error.code, text);
    else if (is_item_at(reader, "Errors/Error/Message") || is_item_at(reader, "Error/Message"))
        copy_whole_characters(reader->error.message, sizeof reader->error.message, text);
}

static void finish_instance(struct ec2_reader *reader)
{
    struct instance_item *item = &reader->instance;
    bool terminating = text_starts(reader->path, "TerminateInstancesResponse");

    instance_item_end(item, !terminating);
    bool foreign = reader->deployment[0] && item->deployment[0] && strcmp(reader->deployment, item->deployment) != 0;
    if (!foreign && reader->calls.instance)
        reader->calls.instance(reader->calls.context, &item->row);
}

/* The set that the item is in: "imagesSet". */
static void finish_other(struct ec2_reader *reader)
{
    char set[NAME_SIZE];
    const char *name = path_below(reader, 1);

    text_format(set, sizeof set, "%.*s", (int)strcspn(name, "/"), name);
    if (reader->calls.item)
        reader->calls.item(reader->calls.context, set, reader->other);
    json_decref(reader->other);
    reader->other = NULL;
}

static void finish_item(struct ec2_reader *reader)
{
    if (reader->kind == ITEM_INSTANCE)
        finish_instance(reader);
    else if (reader->kind == ITEM_PRICE && price_item_end(&reader->price) && reader->calls.price)
        reader->calls.price(reader->calls.context, &reader->price.price);
    else if (reader->kind == ITEM_OTHER)
        finish_other(reader);
    reader->kind = ITEM_NONE;
}

static void XMLCALL on_end(void *context, const XML_Char *name)
{
    struct ec2_reader *reader = context;

    (void)name;
    if (reader->failed) /* expat may still end the element at which it was stopped */
        return;
    if (reader->leaf)
        take_leaf(reader);
    if (reader->kind == ITEM_INSTANCE && strcmp(path_below(reader, reader->item_depth), "tagSet/item") == 0)
        instance_item_tag_end(&reader->instance);
    if (reader->kind != ITEM_NONE && reader->depth == reader->item_depth)
        finish_item(reader);
    if (reader->depth == 1) {
        const char *root = reader->path;
        size_t size = strlen(root);
        reader->refused = strcmp(root, "Response") == 0 || strcmp(root, "ErrorResponse") == 0;
        if (size < 8 || strcmp(root + size - 8, "Response") != 0)
            give_up(reader, "not an answer of EC2");
    }
    reader->depth--;
    reader->path_size = reader->starts[reader->depth] - (reader->depth > 0);
    reader->path[reader->path_size] = '\0';
    reader->leaf = false;
    buffer_clear(&reader->text);
}

static void XMLCALL on_doctype(void *context, const XML_Char *name, const XML_Char *system, const XML_Char *public_id,
                               int internal)
{
    (void)name;
    (void)system;
    (void)public_id;
    (void)internal;
    give_up(context, "a document type: HTML, or entities to expand");
}

struct ec2_reader *ec2_reader_create(const struct ec2_reader_calls *calls, const char *deployment_id)
{
    struct ec2_reader *reader = calloc(1, sizeof *reader);

    if (!reader || !(reader->parser = XML_ParserCreate(NULL)))
        abort();
    reader->calls = *calls;
    text_copy(reader->deployment, sizeof reader->deployment, deployment_id);
    XML_SetUserData(reader->parser, reader);
    XML_SetElementHandler(reader->parser, on_start, on_end);
    XML_SetCharacterDataHandler(reader->parser, on_text);
    XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
    return reader;
}

static int parse(struct ec2_reader *reader, const char *bytes, int size, bool last)
{
    if (reader->failed)
        return -1;
    if (XML_Parse(reader->parser, bytes, size, last) == XML_STATUS_OK)
        return 0;
    if (!reader->failed)
        text_format(reader->why, sizeof reader->why, "line %lu: %s", XML_GetCurrentLineNumber(reader->parser),
                    XML_ErrorString(XML_GetErrorCode(reader->parser)));
    reader->failed = true;
    return -1;
}

int ec2_reader_feed(struct ec2_reader *reader, const char *bytes, size_t size)
{
    const size_t most = 1 << 20; /* expat counts in int */

    for (; size > 0; bytes += size < most ? size : most, size -= size < most ? size : most)
        if (parse(reader, bytes, (int)(size < most ? size : most), false) != 0)
            return -1;
    return reader->failed ? -1 : 0;
}

static int unreadable(const struct ec2_reader *reader, int http_status, struct ec2_error *error)
{
    *error = (struct ec2_error){.status = http_status, .code = UNREADABLE_CODE};
    text_format(error->message, sizeof error->message, "HTTP %d, and the body is not EC2's XML: %s", http_status,
                reader->why[0] ? reader->why : "cut off or empty");
    return -1;
}

int ec2_reader_finish(struct ec2_reader *reader, int http_status, struct ec2_error *error, char *next_token,
                      size_t room)
{
    bool good_status = http_status >= 200 && http_status < 300;

    *error = (struct ec2_error){0};
    if (room > 0)
        next_token[0] = '\0';
    if (parse(reader, "", 0, true) != 0)
        return unreadable(reader, http_status, error);
    if (reader->refused && reader->error.code[0]) {
        *error = reader->error;
        error->status = http_status;
        return 1;
    }
    if (reader->refused || !good_status) {
        text_copy(reader->why, sizeof reader->why, "status and content do not agree");
        return unreadable(reader, http_status, error);
    }
    if (reader->long_token || text_copy(next_token, room, reader->next_token) != 0) {
        text_copy(reader->why, sizeof reader->why, "its NextToken is too long");
        return unreadable(reader, http_status, error);
    }
    return 0;
}

void ec2_reader_destroy(struct ec2_reader **reader)
{
    if (!reader || !*reader)
        return;
    XML_ParserFree((*reader)->parser);
    json_decref((*reader)->other);
    buffer_free(&(*reader)->text);
    free(*reader);
    *reader = NULL;
}
