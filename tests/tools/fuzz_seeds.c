/* SPDX-License-Identifier: MPL-2.0 */
/* fuzz_seeds.c: writes the first inputs of a fuzzer into a folder, made from the same tables as the code: one message
 * of each kind at its lower bounds, the printed default settings, and one example of each foreign format.
 *
 *   fuzz_seeds TARGET DIRECTORY */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "proto/config.h"
#include "proto/control.h"
#include "proto/messages.h"

static int write_seed(const char *directory, const char *name, const char *bytes, size_t size)
{
    char path[512];
    if (text_format(path, sizeof(path), "%s/%s", directory, name) < 0)
        return -1;
    FILE *file = fopen(path, "w");
    if (!file)
        return -1;
    size_t written = fwrite(bytes, 1, size, file);
    return fclose(file) == 0 && written == size ? 0 : -1;
}

/* ---- one message a row of the table, every field at its lower bound ---- */

static char filler[] = "0000000000000000000000000000000000000000000000000000000000000000";

static void fill_text(char *out, size_t least)
{
    memcpy(out, filler, least);
    out[least] = '\0';
}

#define FILL_I(name, least, most, doc) at->name = (least);
#define FILL_S(name, least, most, doc) fill_text(at->name, least);
#define FILL_B(name, doc) at->name = false;
#define FILL_T(name, most, doc) at->name = "{}";
#define FILL_R(record, name, most, doc) at->name = NULL, at->name##_count = 0;

static int message_seeds(const char *directory)
{
    int failures = 0;
#define RECORD(NAME, FIELDS, doc)
#define MESSAGE(NAME, number, senders, states, FIELDS, doc)                                                            \
    {                                                                                                                  \
        struct message message = {.kind = PROTO_##NAME};                                                               \
        struct proto_##NAME *at = &message.as.NAME;                                                                    \
        char *text = NULL;                                                                                             \
        size_t size = 0;                                                                                               \
        FIELDS(FILL_I, FILL_S, FILL_B, FILL_T, FILL_R)                                                                 \
        if (message_encode(&message, &text, &size, NULL) < 0 || write_seed(directory, #NAME, text, size) < 0)          \
            failures++;                                                                                                \
        free(text);                                                                                                    \
    }
#include "proto/messages.def"
#undef RECORD
#undef MESSAGE
    return failures ? -1 : 0;
}

/* ---- requests ---- */

/* "command\nname\nargument", of each row of control.def with what it may be about; and the frame of one. */
static int control_seeds(const char *directory)
{
    static const char frame[] =
        "{\"m\":\"CONTROL\",\"id\":1,\"command\":\"status\",\"name\":\"\",\"argument\":\"\",\"who\":\"w\"}";
    static const char *const names[] = {"", "alpha", "us-west-2", "set:a", "i-1", "7", "accept", "type:alpha"};
    static const char *const arguments[] = {
        "",
        "{\"last\":5}",
        "{\"file\":\"/nowhere/copy.db\"}",
        "{\"revision\":1}",
        "{\"priority\":3}",
        "{\"maxCapacity\":5,\"headroom\":0.1,\"maxHourlyCost\":\"2\"}",
        "{\"force\":true,\"document\":{\"us-west-2\":{\"hvm\":{\"x86_64\":\"ami-1\"}}}}"};
    char text[400], file[100];
    int failed = write_seed(directory, "frame", frame, strlen(frame));

    for (int command = 0; command < CONTROL_COMMAND_COUNT; command++)
        for (size_t name = 0; name < sizeof names / sizeof names[0]; name++)
            for (size_t argument = 0; argument < sizeof arguments / sizeof arguments[0]; argument++) {
                const struct control_row *row = control_row((enum control_command)command);
                text_format(text, sizeof text, "%s\n%s\n%s", row->name, names[name], arguments[argument]);
                text_format(file, sizeof file, "%s-%zu-%zu", row->name, name, argument);
                failed |= write_seed(directory, file, text, strlen(text));
            }
    return failed;
}

/* ---- files and foreign answers ---- */

static const char settings[] =
    "{\"deploymentId\":\"d\",\"rootUrl\":\"http://127.0.0.1:1\",\"maxCapacity\":10,\"maxInstances\":10,"
    "\"maxHourlyCost\":\"1.00\",\"regions\":[{\"name\":\"us-west-2\",\"zones\":[\"us-west-2a\"]}]}";
static const char definition[] =
    "{\"workerType\":\"t\",\"minCapacity\":0,\"maxCapacity\":4,\"scalingRatio\":0,\"minPrice\":0.01,\"maxPrice\":\"1\","
    "\"canUseSpot\":true,\"canUseOndemand\":false,\"launchSpec\":{\"KeyName\":\"k\"},\"userData\":{\"a\":1},"
    "\"instanceTypes\":[{\"instanceType\":\"m3.large\",\"capacity\":1,\"utility\":1,\"launchSpec\":{},\"userData\":{}}]"
    ","
    "\"regions\":[{\"region\":\"us-west-2\",\"launchSpec\":{\"ImageId\":\"ami-1\"},\"userData\":{}}]}";
static const char listing[] =
    " <?xml version=\"1.0\"?><DescribeInstancesResponse><reservationSet><item><instancesSet><item>"
    "<instanceId>i-0123456789abcdef0</instanceId><instanceState><name>running</name></instanceState><tagSet><item>"
    "<key>provisiond:type</key><value>a&amp;b</value></item></tagSet></item></instancesSet></item></reservationSet>"
    "<nextToken>n</nextToken></DescribeInstancesResponse>";
static const char refusal[] =
    "\x01<Response><Errors><Error><Code>Unsupported</Code><Message>m</Message></Error></Errors></Response>";
static const char prices[] =
    " <DescribeSpotPriceHistoryResponse><spotPriceHistorySet><item><instanceType>m3.large</instanceType><spotPrice>0.1"
    "</spotPrice><timestamp>2016-07-21T20:06:00Z</timestamp><availabilityZone>us-west-2a</availabilityZone></item>"
    "</spotPriceHistorySet></DescribeSpotPriceHistoryResponse>";
static const char counts[] = "{\"taskQueueId\":\"p/t\",\"pendingTasks\":3,\"claimedTasks\":1}";
static const char claimed[] = "{\"tasks\":[{\"workerId\":\"i-1\",\"workerGroup\":\"g\"}],\"continuationToken\":\"c\"}";

static const struct seed {
    const char *target, *name, *text;
} seeds[] = {
    {"fuzz_configuration", "settings", settings}, {"fuzz_configuration", "definition", definition},
    {"fuzz_ec2_answer", "listing", listing},      {"fuzz_ec2_answer", "refusal", refusal},
    {"fuzz_ec2_answer", "prices", prices},        {"fuzz_queue_answer", "counts", counts},
    {"fuzz_queue_answer", "claimed", claimed},
};

static int apply_seed(const char *directory)
{
    char text[2000];

    text_format(text, sizeof text, "apply\n\n{\"force\":true,\"document\":%s}", definition);
    int failed = write_seed(directory, "apply", text, strlen(text));
    static const char no_text[] = "apply\n\n{\"document\":{\"workerType\":5}}";
    failed |= write_seed(directory, "apply-no-text", no_text, strlen(no_text));
    text_format(text, sizeof text, "dryrun\n\n{\"documents\":[%s],\"sets\":{}}", definition);
    return write_seed(directory, "dryrun", text, strlen(text)) | failed;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: fuzz_seeds TARGET DIRECTORY\n");
        return 2;
    }
    int failed = 0;
    if (strcmp(argv[1], "fuzz_message") == 0)
        failed = message_seeds(argv[2]);
    if (strcmp(argv[1], "fuzz_control") == 0)
        failed = control_seeds(argv[2]) | apply_seed(argv[2]);
    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++) {
        if (strcmp(seeds[i].target, argv[1]) == 0 &&
            write_seed(argv[2], seeds[i].name, seeds[i].text, strlen(seeds[i].text)) < 0)
            failed = -1;
    }
    if (failed)
        fprintf(stderr, "fuzz_seeds: not all seeds of %s could be written to %s\n", argv[1], argv[2]);
    return failed ? 1 : 0;
}
