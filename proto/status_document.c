/* SPDX-License-Identifier: MPL-2.0 */
/* status_document.c: docs/STATUS.md, generated from status.def, so that readers' page and publisher cannot differ.
 * Runs in: tests/tools/status_document and the test that compares. Owns nothing. */
#include "proto/status_document.h"

#include <string.h>

struct status_row {
    const char *topic, *name, *unit, *doc; /* unit NULL: a word */
};

static const struct status_row rows[] = {
#define FIGURE(topic, name, unit, doc) {#topic, #name, unit, doc},
#define WORD(topic, name, doc) {#topic, #name, NULL, doc},
#include "proto/status.def"
#undef FIGURE
#undef WORD
};

static const char introduction[] =
    "# The status stream\n"
    "\n"
    "This page is generated from `proto/status.def` (`build/tools/status_document`); a test fails when it differs.\n"
    "\n"
    "Subscribe on `status.sock` in `runDir` (ZeroMQ SUB). A message is two frames: the topic, and one JSON object\n"
    "\n"
    "    {\"incarnation\": \"...\", \"sequence\": N, \"asOf\": ms, \"refresh\": {\"index\": i, \"count\": n}, "
    "\"data\": {...}}\n"
    "\n"
    "`refresh` is there only in a full refresh, which comes at least every `statusInterval`. Topics end in a dot, "
    "since\n"
    "subscriptions match prefixes: `supervisor.`, `type.NAME.`, `region.NAME.`, `event.KIND.`, `alarm.KIND.`.\n"
    "A gap in `sequence` says that messages were lost; a new `incarnation` says that the supervisor is another one.\n"
    "\n"
    "A figure is `{\"value\": N or null, \"unit\": \"...\", \"asOf\": ms UTC or null}`: no number without its age. "
    "null is\n"
    "unknown, and unknown is never zero. A word is a string.\n"
    "\n"
    "The control command `status` answers with `{\"incarnation\", \"sequence\", \"asOf\", \"statusInterval\" "
    "(seconds),\n"
    "\"supervisor\": data, \"types\": [data], \"regions\": [data], \"alarms\": [data]}`.\n";

static void print_topic(FILE *out, const char *topic)
{
    fprintf(out, "\n| name | unit | meaning |\n| --- | --- | --- |\n");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strcmp(rows[i].topic, topic) == 0)
            fprintf(out, "| `%s` | %s | %s |\n", rows[i].name, rows[i].unit ? rows[i].unit : "word", rows[i].doc);
    }
}

static const char others[] =
    "\n## event.KIND.\n"
    "\n"
    "`data` is `{\"sequence\": N, \"at\": ms UTC, \"kind\": \"...\", \"type\": \"...\", \"region\": \"...\", \"text\": "
    "\"...\",\n"
    "...}`; `type` and `region` are empty where the event concerns none. The control command `events` answers with\n"
    "`{\"events\": [the same objects]}`, oldest first.\n"
    "\n"
    "## alarm.KIND.\n"
    "\n"
    "`data` is `{\"id\": N, \"kind\": \"...\", \"subject\": a type, a region, a cap or \"\", \"text\": \"...\", "
    "\"since\": ms UTC,\n"
    "\"raised\": true or false}`. `id` with the message's `incarnation` names one raise; a new text keeps both. When "
    "an\n"
    "alarm is cleared it is published once with `raised` false and is in no later full refresh: whoever missed that\n"
    "message sees it by its absence. Both are events too: `alarm-raised` and `alarm-cleared`.\n"
    "\n"
    "The control command `alarms` answers with `{\"incarnation\": \"...\", \"asOf\": ms, \"started\": ms, "
    "\"alarms\":\n"
    "[the raised ones], \"ended\": [those of this run that are over, oldest first, each with \"ended\": ms]}`; "
    "`started`\n"
    "is when this run of the supervisor began, and of those before it nothing is known here but the events.\n"
    "\n"
    "## explain\n"
    "\n"
    "The control command `explain TYPE` answers with\n"
    "\n"
    "    {\"type\": name, \"asOf\": ms, \"sentence\": \"...\", \"reason\": code, \"data\": {the type's data, as "
    "above},\n"
    "     \"lots\": [{\"region\", \"zone\", \"instanceType\", \"market\", \"count\", \"capacity\", \"maxPrice\"}],\n"
    "     \"denials\": [{\"placement\", \"wanted\", \"granted\", \"by\": name of the cap or breaker, "
    "\"breaker\": its class\n"
    "                  or \"\", \"at\": ms of the last time, \"since\": ms, \"times\": n}],\n"
    "     \"breakers\": [{\"scope\", \"failure\", \"code\", \"state\", \"until\": ms or null, \"liftedBy\"}],\n"
    "     \"leases\": [{\"grant\", \"placement\", \"count\", \"state\", \"age_s\"}]}\n"
    "\n"
    "`maxPrice` is in dollars an hour for each instance. A wish that is refused in one arbitration after the other is "
    "refused\n"
    "once, since `since`; `times` says how often that began anew within the last hour.\n";

void status_document(FILE *out)
{
    fputs(introduction, out);
    fputs("\n## supervisor.\n", out);
    print_topic(out, "supervisor");
    fputs("\n## type.NAME.\n", out);
    print_topic(out, "type");
    fputs("\n## region.NAME.\n", out);
    print_topic(out, "region");
    fputs(others, out);
}
