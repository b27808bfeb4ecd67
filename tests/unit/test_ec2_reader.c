/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_reader.c: EC2's answers as streams, whole, in single bytes, broken and hostile (cases B29, B30, B31, B44).
 * Answers made from botocore's model are read in tests/conformance/test_ec2_botocore.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/ec2/ec2.h"

#define MOST_SEEN 64

struct seen {
    struct proto_ROW rows[MOST_SEEN];
    struct proto_PRICE prices[MOST_SEEN];
    size_t row_count, price_count, item_count;
    json_t *items;
    char set[64];
    struct ec2_error error;
    char next_token[1024];
    int result;
};

static void take_row(void *context, const struct proto_ROW *row)
{
    struct seen *seen = context;

    if (seen->row_count < MOST_SEEN)
        seen->rows[seen->row_count] = *row;
    seen->row_count++;
}

static void take_price(void *context, const struct proto_PRICE *price)
{
    struct seen *seen = context;

    if (seen->price_count < MOST_SEEN)
        seen->prices[seen->price_count] = *price;
    seen->price_count++;
}

static void take_item(void *context, const char *set, const json_t *item)
{
    struct seen *seen = context;

    text_copy(seen->set, sizeof seen->set, set);
    json_array_append_new(seen->items, json_deep_copy(item));
    seen->item_count++;
}

static struct seen *read_sized(const char *text, size_t size, int status, size_t piece)
{
    struct seen *seen = calloc(1, sizeof *seen);
    struct ec2_reader_calls calls = {take_row, take_price, take_item, seen};
    struct ec2_reader *reader = ec2_reader_create(&calls, "ours");

    seen->items = json_array();
    for (size_t at = 0; at < size; at += piece)
        if (ec2_reader_feed(reader, text + at, size - at < piece ? size - at : piece) != 0)
            break;
    seen->result = ec2_reader_finish(reader, status, &seen->error, seen->next_token, sizeof seen->next_token);
    ec2_reader_destroy(&reader);
    return seen;
}

static struct seen *read_text(const char *text, int status)
{
    return read_sized(text, strlen(text), status, SIZE_MAX / 2);
}

static void drop(struct seen *seen)
{
    json_decref(seen->items);
    free(seen);
}

#define INSTANCE_TAIL "<placement><availabilityZone>us-west-2a</availabilityZone></placement>"
#define LAUNCHED "<launchTime>2016-07-21T20:06:00.000Z</launchTime>"
#define PAGE_HEAD                                                                                                      \
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"                                                                     \
    "<DescribeInstancesResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n<requestId>r-1</requestId>\n"     \
    "<reservationSet>"
#define PAGE_TAIL "</reservationSet><nextToken>t&amp;1</nextToken></DescribeInstancesResponse>"
#define ONE(fields)                                                                                                    \
    "<item><reservationId>r-9</reservationId><groupSet/><instancesSet><item>" fields "</item></instancesSet></item>"

static const char listing[] = PAGE_HEAD
    "<item><reservationId>r-1</reservationId><ownerId>1</ownerId><groupSet><item><groupId>sg-1</groupId></item></"
    "groupSet>"
    "<instancesSet>"
    "<item><instanceId>i-0123456789abcdef0</instanceId><imageId>ami-1</imageId>"
    "<instanceState><code>16</code><name>running</name></instanceState><instanceType>m3.large</instanceType>" LAUNCHED
    "<placement><availabilityZone>us-west-2a</availabilityZone><groupName/><tenancy>default</tenancy></placement>"
    "<monitoring><state>disabled</state></monitoring><instanceLifecycle>spot</instanceLifecycle>"
    "<clientToken>p-1</clientToken><groupSet><item><groupId>sg-1</groupId><groupName>g</groupName></item></groupSet>"
    "<networkInterfaceSet><item><attachment><status>attached</status></attachment></item></networkInterfaceSet>"
    "<tagSet><item><key>provisiond:deployment</key><value>ours</value></item>"
    "<item><value>desktop-test</value><key>provisiond:type</key></item>"
    "<item><key>provisiond:grant</key><value>42</value></item><item><key>provisiond:revision</key><value>7</value></"
    "item>"
    "<item><key>provisiond:capacity</key><value>2</value></item>"
    "<item><key>provisiond:incarnation</key><value>inc</value></item>"
    "<item><key>provisiond:spec</key><value>abc</value></item>"
    "<item><key>Name</key><value>a &amp; b &#x41;</value></item></tagSet></item>"
    "<item><instanceId>i-2</instanceId><instanceState><code>48</code><name>terminated</name></instanceState>" LAUNCHED
    "<stateReason><code>Server.SpotInstanceTermination</code><message>m</message></stateReason>"
    "<tagSet><item><key>provisiond:type</key><value>b</value></item></tagSet></item>"
    "</instancesSet></item>" PAGE_TAIL;

static void check_listing(const struct seen *seen)
{
    const struct proto_ROW *row = &seen->rows[0];

    assert_int_equal(seen->result, 0);
    assert_string_equal(seen->next_token, "t&1");
    assert_int_equal(seen->row_count, 2);
    assert_int_equal(seen->item_count, 0);
    assert_string_equal(row->id, "i-0123456789abcdef0");
    assert_string_equal(row->type, "desktop-test");
    assert_string_equal(row->imageId, "ami-1");
    assert_string_equal(row->instanceType, "m3.large");
    assert_string_equal(row->zone, "us-west-2a");
    assert_string_equal(row->market, "spot");
    assert_string_equal(row->state, "running");
    assert_string_equal(row->token, "p-1");
    assert_string_equal(row->incarnation, "inc");
    assert_string_equal(row->specHash, "abc");
    assert_string_equal(row->reason, "");
    assert_int_equal(row->grant, 42);
    assert_int_equal(row->revision, 7);
    assert_int_equal(row->capacity, 2);
    assert_true(row->launchWall == 1469131560000);
    row = &seen->rows[1];
    assert_string_equal(row->state, "terminated");
    assert_string_equal(row->reason, "Server.SpotInstanceTermination");
    assert_string_equal(row->market, "on-demand");
    assert_string_equal(row->type, "b"); /* nothing is left over from the row before */
    assert_string_equal(row->token, "");
    assert_int_equal(row->grant, 0);
}

static void a_listing_is_read_whole_and_byte_by_byte(void **state)
{
    static const size_t pieces[] = {1, 2, 7, 64, 100000};

    (void)state;
    for (size_t i = 0; i < sizeof pieces / sizeof pieces[0]; i++) {
        struct seen *seen = read_sized(listing, sizeof listing - 1, 200, pieces[i]);
        check_listing(seen);
        drop(seen);
    }
}

static void a_listing_cut_off_anywhere_is_no_listing(void **state)
{
    (void)state;
    for (size_t size = 0; size < sizeof listing - 1; size += 7) {
        struct seen *seen = read_sized(listing, size, 200, 512);
        assert_int_equal(seen->result, -1);
        assert_string_equal(seen->error.code, "UnreadableAnswer");
        assert_int_equal(seen->error.status, 200);
        assert_int_equal(ec2_classify(&seen->error), FAILURE_NO_ANSWER);
        drop(seen);
    }
}

static void launches_and_terminations_give_rows(void **state)
{
    struct seen *seen = read_text(
        "<RunInstancesResponse xmlns='urn:x'><reservationId>r</reservationId><groupSet/><instancesSet>"
        "<item><instanceId>i-1</instanceId><instanceState><code>0</code><name>pending</name></instanceState>" LAUNCHED
            INSTANCE_TAIL "</item><item><instanceId>i-2</instanceId><instanceState><code>0</code><name>pending</name>"
        "</instanceState>" LAUNCHED INSTANCE_TAIL "</item></instancesSet></RunInstancesResponse>",
        200);

    (void)state;
    assert_int_equal(seen->result, 0);
    assert_int_equal(seen->row_count, 2);
    assert_string_equal(seen->rows[1].id, "i-2");
    assert_string_equal(seen->rows[1].state, "pending");
    assert_string_equal(seen->next_token, "");
    drop(seen);
    seen =
        read_text("<TerminateInstancesResponse><instancesSet><item><instanceId>i-1</instanceId><currentState><code>32"
                  "</code><name>shutting-down</name></currentState><previousState><code>16</code><name>running</name>"
                  "</previousState></item></instancesSet></TerminateInstancesResponse>",
                  200);
    assert_int_equal(seen->row_count, 1);
    assert_string_equal(seen->rows[0].state, "shutting-down");
    drop(seen);
}

static void namespace_prefixes_are_ignored(void **state)
{
    struct seen *seen =
        read_text("<e:DescribeInstancesResponse xmlns:e='urn:e'><e:reservationSet><e:item>"
                  "<e:instancesSet><e:item><e:instanceId>i-1</e:instanceId><e:instanceState><e:name>running"
                  "</e:name></e:instanceState>"
                  "<e:launchTime>2016-07-21T20:06:00Z</e:launchTime></e:item></e:instancesSet></e:item>"
                  "</e:reservationSet></e:DescribeInstancesResponse>",
                  200);

    (void)state;
    assert_int_equal(seen->result, 0);
    assert_string_equal(seen->rows[0].state, "running");
    drop(seen);
}

/* A row that cannot be read occupies; it never ends the scan, and is never taken for an old or a gone one. */
static void unreadable_rows_are_kept_as_such(void **state)
{
    static const char *const bad[] = {
        PAGE_HEAD ONE("<instanceState><name>running</name></instanceState>" LAUNCHED) PAGE_TAIL,
        PAGE_HEAD ONE("<instanceId></instanceId><instanceState><name>running</name></instanceState>" LAUNCHED)
            PAGE_TAIL,
        PAGE_HEAD ONE("<instanceId>i-1</instanceId>" LAUNCHED) PAGE_TAIL,
        PAGE_HEAD ONE("<instanceId>i-1</instanceId><instanceState><name>running</name></instanceState>") PAGE_TAIL,
        PAGE_HEAD ONE("<instanceId>i-1</instanceId><instanceState><name>running</name></instanceState>"
                      "<launchTime>yesterday</launchTime>") PAGE_TAIL,
        PAGE_HEAD ONE("<instanceId>i-012345678901234567890123456789012345</instanceId>"
                      "<instanceState><name>running</name></instanceState>" LAUNCHED) PAGE_TAIL,
        PAGE_HEAD ONE("<instanceId>i-1</instanceId><instanceState><name>running</name></instanceState>" LAUNCHED
                      "<tagSet><item><key>provisiond:type</key><value>\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                      "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9"
                      "\xc3\xa9\xc3\xa9\xc3\xa9</value></item></tagSet>") PAGE_TAIL,
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct seen *seen = read_text(bad[i], 200);
        assert_int_equal(seen->result, 0);
        assert_int_equal(seen->row_count, 1);
        assert_string_equal(seen->rows[0].state, "unreadable");
        assert_true(seen->rows[0].id[0] != '\0');
        struct message message = {.kind = PROTO_ROWS};
        char *text;
        size_t size;
        message.as.ROWS = (struct proto_ROWS){.listing = 1, .rows = seen->rows, .rows_count = 1};
        assert_int_equal(message_encode(&message, &text, &size, NULL), 0); /* it can be sent on */
        free(text);
        drop(seen);
    }
}

static void a_nameless_row_has_the_same_name_in_each_listing(void **state)
{
    static const char page[] =
        PAGE_HEAD ONE("<imageId>a</imageId>" LAUNCHED) ONE("<imageId>b</imageId>" LAUNCHED) PAGE_TAIL;
    struct seen *first = read_text(page, 200), *again = read_text(page, 200);

    (void)state;
    assert_int_equal(first->row_count, 2);
    assert_string_equal(first->rows[0].id, again->rows[0].id);
    assert_string_not_equal(first->rows[0].id, first->rows[1].id);
    drop(first);
    drop(again);
}

static void odd_words_and_tags_are_taken_with_care(void **state)
{
    struct seen *seen = read_text(
        PAGE_HEAD ONE("<instanceId>i-1</instanceId><instanceState><name>hibernating</name></instanceState>" LAUNCHED
                      "<instanceLifecycle>capacity-block</instanceLifecycle><tagSet>"
                      "<item><key>provisiond:grant</key><value>-5</value></item>"
                      "<item><key>provisiond:revision</key><value>99999999999999999999</value></item>"
                      "<item><key>provisiond:capacity</key><value>2x</value></item></tagSet>")
            ONE("<instanceId>i-2</instanceId><instanceState><name>running</name></instanceState>" LAUNCHED
                "<tagSet><item><key>provisiond:deployment</key><value>theirs</value></item></tagSet>") PAGE_TAIL,
        200);

    (void)state;
    assert_int_equal(seen->row_count, 1); /* another deployment's is not ours to count */
    assert_string_equal(seen->rows[0].state, "hibernating");
    assert_string_equal(seen->rows[0].market, "on-demand");
    assert_int_equal(seen->rows[0].grant, 0);
    assert_int_equal(seen->rows[0].revision, 0);
    assert_int_equal(seen->rows[0].capacity, 0);
    drop(seen);
}

static void refusals_are_read_with_their_status(void **state)
{
    struct seen *seen =
        read_text("<?xml version=\"1.0\"?><Response><Errors><Error><Code>InsufficientInstanceCapacity</Code>"
                  "<Message>no &lt;room&gt;</Message></Error></Errors><RequestID>r</RequestID></Response>",
                  500);

    (void)state;
    assert_int_equal(seen->result, 1);
    assert_int_equal(seen->error.status, 500);
    assert_string_equal(seen->error.code, "InsufficientInstanceCapacity");
    assert_string_equal(seen->error.message, "no <room>");
    drop(seen);
    seen = read_text("<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>"
                     "<Code>ExpiredToken</Code><Message>m</Message></Error></ErrorResponse>",
                     403);
    assert_int_equal(seen->result, 1);
    assert_string_equal(seen->error.code, "ExpiredToken");
    drop(seen);
}

/* Case B31, and entity bombs. */
static void bodies_that_are_not_ec2s_are_no_answer(void **state)
{
    static const struct {
        int status;
        const char *body;
    } bad[] = {
        {502, "<html><head><title>502 Bad Gateway</title></head><body><hr></body></html>"},
        {200, "<html><body>maintenance</body></html>"},
        {200, "<!DOCTYPE html><html></html>"},
        {503, ""},
        {200, ""},
        {200, "{\"message\": \"x\"}"},
        {200, "<Response></Response>"},
        {400, "<Response><Errors></Errors></Response>"},
        {500, "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"},
        {302, "<DescribeInstancesResponse/>"},
        {200, "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse><more/>"},
        {200, "<DescribeInstancesResponse>\xff\xfe</DescribeInstancesResponse>"},
        {200, "<DescribeInstancesResponse><a>&#x1b;</a></DescribeInstancesResponse>"},
        {200, "<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'xxxxxxxxxx'><!ENTITY y '&x;&x;&x;&x;&x;&x;&x;&x;'>]>"
              "<DescribeInstancesResponse>&y;</DescribeInstancesResponse>"},
        {200, "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><DescribeInstancesResponse/>"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct seen *seen = read_text(bad[i].body, bad[i].status);
        if (seen->result != -1)
            fail_msg("taken for an answer: %s", bad[i].body);
        assert_int_equal(seen->error.status, bad[i].status);
        assert_int_equal(ec2_classify(&seen->error), FAILURE_NO_ANSWER);
        drop(seen);
    }
}

static struct buffer repeated(const char *head, const char *piece, int times, const char *tail)
{
    struct buffer text = {0};

    buffer_print(&text, "%s", head);
    for (int i = 0; i < times; i++)
        buffer_print(&text, "%s", piece);
    buffer_print(&text, "%s", tail);
    return text;
}

static void depth_and_lengths_are_bounded(void **state)
{
    struct buffer deep = repeated("<DescribeInstancesResponse>", "<a>", 100000, "");
    struct buffer name = repeated("<", "verylongname", 1000, "/>");
    struct buffer token = repeated("<DescribeInstancesResponse><nextToken>", "0123456789", 1000,
                                   "</nextToken></DescribeInstancesResponse>");
    struct buffer text = repeated("<DescribeImagesResponse><imagesSet><item><description>", "0123456789", 100000,
                                  "</description></item></imagesSet></DescribeImagesResponse>");
    struct seen *seen;

    (void)state;
    struct buffer *bad[] = {&deep, &name, &token};
    for (size_t i = 0; i < 3; i++) {
        seen = read_sized(bad[i]->bytes, bad[i]->size, 200, 4096);
        assert_int_equal(seen->result, -1);
        drop(seen);
        buffer_free(bad[i]);
    }
    seen = read_sized(text.bytes, text.size, 200, 4096);
    assert_int_equal(seen->result, 0);
    assert_int_equal(seen->item_count, 1);
    assert_int_equal(json_string_length(json_object_get(json_array_get(seen->items, 0), "description")), 65536);
    drop(seen);
    buffer_free(&text);
}

#define PRICE(price, time, product)                                                                                    \
    "<item><instanceType>m3.large</instanceType><productDescription>" product "</productDescription><spotPrice>" price \
    "</spotPrice><timestamp>" time "</timestamp><availabilityZone>us-west-2a</availabilityZone></item>"
#define NOON "2016-07-21T12:00:00.000Z"

static void prices_are_exact_and_bad_ones_are_left_out(void **state)
{
    struct seen *seen = read_text(
        "<DescribeSpotPriceHistoryResponse><spotPriceHistorySet>" PRICE("0.031300", NOON, "Linux/UNIX")
            PRICE("0.0000001", NOON, "Linux/UNIX") PRICE("0", NOON, "Linux/UNIX") PRICE("-1", NOON, "Linux/UNIX")
                PRICE("NaN", NOON, "Linux/UNIX") PRICE("", NOON, "Linux/UNIX") PRICE("1e3", NOON, "Linux/UNIX")
                    PRICE("0.1", "soon", "Linux/UNIX") PRICE("0.2", NOON, "Windows")
                        PRICE("12", NOON,
                              "Linux/UNIX") "</spotPriceHistorySet><nextToken/></DescribeSpotPriceHistoryResponse>",
        200);

    (void)state;
    assert_int_equal(seen->result, 0);
    assert_int_equal(seen->price_count, 3);
    assert_true(seen->prices[0].price == 31300 && seen->prices[0].current == 31300);
    assert_true(seen->prices[0].seenWall == 1469102400000);
    assert_string_equal(seen->prices[0].zone, "us-west-2a");
    assert_true(seen->prices[1].price == 1);
    assert_true(seen->prices[2].price == 12000000);
    assert_string_equal(seen->next_token, "");
    drop(seen);
}

static void other_sets_become_flat_items(void **state)
{
    struct seen *seen = read_text(
        "<DescribeInstanceTypesResponse><instanceTypeSet><item><instanceType>m3.large</instanceType>"
        "<supportedVirtualizationTypes><item>hvm</item><item>paravirtual</item></supportedVirtualizationTypes>"
        "<processorInfo><supportedArchitectures><item>x86_64</item></supportedArchitectures></processorInfo>"
        "<networkInfo><enaSupport>unsupported</enaSupport></networkInfo><vCpuInfo><defaultVCpus>2</defaultVCpus></"
        "vCpuInfo>"
        "</item><item><instanceType>c5.large</instanceType></item></instanceTypeSet></DescribeInstanceTypesResponse>",
        200);
    char *text;

    (void)state;
    assert_int_equal(seen->item_count, 2);
    assert_string_equal(seen->set, "instanceTypeSet");
    text = json_dumps(seen->items, JSON_COMPACT | JSON_SORT_KEYS);
    assert_string_equal(text, "[{\"instanceType\":\"m3.large\",\"networkInfo.enaSupport\":\"unsupported\","
                              "\"processorInfo.supportedArchitectures\":[\"x86_64\"],"
                              "\"supportedVirtualizationTypes\":[\"hvm\",\"paravirtual\"],"
                              "\"vCpuInfo.defaultVCpus\":\"2\"},{\"instanceType\":\"c5.large\"}]");
    free(text);
    drop(seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_listing_is_read_whole_and_byte_by_byte),
        cmocka_unit_test(a_listing_cut_off_anywhere_is_no_listing),
        cmocka_unit_test(launches_and_terminations_give_rows),
        cmocka_unit_test(namespace_prefixes_are_ignored),
        cmocka_unit_test(unreadable_rows_are_kept_as_such),
        cmocka_unit_test(a_nameless_row_has_the_same_name_in_each_listing),
        cmocka_unit_test(odd_words_and_tags_are_taken_with_care),
        cmocka_unit_test(refusals_are_read_with_their_status),
        cmocka_unit_test(bodies_that_are_not_ec2s_are_no_answer),
        cmocka_unit_test(depth_and_lengths_are_bounded),
        cmocka_unit_test(prices_are_exact_and_bad_ones_are_left_out),
        cmocka_unit_test(other_sets_become_flat_items),
    };
    return cmocka_run_group_tests_name("ec2 reader", tests, NULL, NULL);
}
