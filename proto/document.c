/* SPDX-License-Identifier: MPL-2.0 */
/* document.c: writes docs/PROTOCOL.md from messages.def and control.def, so that the page cannot differ from the code.
 * Runs in: tests/tools/protocol_document and the test that compares. Owns nothing. */
#include <inttypes.h>

#include "proto/control.h"
#include "proto/shapes.h"

static const char introduction[] =
    "# The words that the processes say to each other\n"
    "\n"
    "This page is generated from `proto/messages.def` and `proto/control.def` (`build/tools/protocol_document`); a "
    "test\n"
    "fails when it differs. Protocol version %d.\n"
    "\n"
    "A message is one ZeroMQ frame of compact JSON, `{\"m\": \"NAME\", ...}`, with exactly the fields of its table: "
    "none\n"
    "missing, none more, no name twice, each in its range. On a ROUTER the routing id, on a SUB the topic goes before "
    "it\n"
    "as a frame of its own. A routing id is 1 or more bytes without a NUL: a client sets one, since those that libzmq\n"
    "makes itself begin with a NUL. Whoever gets a message that does not decode, or that its sender may not send now,\n"
    "drops the sender: the supervisor kills that worker, and goes on.\n"
    "\n"
    "Money is in micro-dollars. Times ending in Mono are microseconds of CLOCK_BOOTTIME, the same for all processes "
    "of\n"
    "this boot; times ending in Wall are milliseconds UTC. -1 means unknown where the range allows it: unknown is "
    "never\n"
    "0. Numbers of retired messages stay reserved.\n"
    "\n"
    "## Sockets, in `runDir`\n"
    "\n"
    "| file | bound by | peers |\n"
    "| --- | --- | --- |\n"
    "| `bus.sock` | supervisor, ROUTER | workers, DEALER; the routing id is the secret given at the spawn |\n"
    "| `control.sock` | supervisor, ROUTER | provisionctl, DEALER |\n"
    "| `status.sock` | supervisor, XPUB | readers, SUB: see [STATUS.md](STATUS.md) |\n"
    "| `inventory-REGION.sock` | region worker, XPUB | type workers, SUB; topic `type.NAME.` |\n"
    "| `lookup-REGION.sock` | region worker, ROUTER | type workers, DEALER |\n"
    "| `keys.sock` | credentials helper, ROUTER | type and region workers, DEALER |\n";

static void print_count(FILE *out, int64_t number)
{
    if (number == INT64_MAX)
        fputs("2^63-1", out);
    else
        fprintf(out, "%" PRId64, number);
}

static void print_type(FILE *out, const struct proto_field *field)
{
    switch (field->kind) {
    case FIELD_INTEGER:
        fputs("integer, ", out);
        print_count(out, field->least);
        fputs(" to ", out);
        print_count(out, field->most);
        return;
    case FIELD_STRING:
        fprintf(out, "string, %" PRId64 " to %" PRId64 " bytes", field->least, field->most);
        return;
    case FIELD_BOOL:
        fputs("true or false", out);
        return;
    case FIELD_TEXT:
        fprintf(out, "string, up to %" PRId64 " bytes", field->most);
        return;
    case FIELD_LIST:
        fprintf(out, "list of up to %" PRId64 " %s", field->most, field->record()->name);
        return;
    }
}

static void print_fields(FILE *out, const struct proto_shape *shape)
{
    fputs("\n| field | type | meaning |\n| --- | --- | --- |\n", out);
    for (size_t i = 0; i < shape->field_count; i++) {
        const struct proto_field *field = &shape->fields[i];
        fprintf(out, "| `%s` | ", field->name);
        print_type(out, field);
        fprintf(out, " | %s |\n", field->doc);
    }
}

static void print_bits(FILE *out, int bits, const char *const *names, int count)
{
    const char *between = "";
    for (int i = 0; i < count; i++) {
        if (bits & (1 << i)) {
            fprintf(out, "%s%s", between, names[i]);
            between = " or ";
        }
    }
}

static void print_message(FILE *out, const struct proto_shape *shape)
{
    static const char *const senders[] = {"type worker", "region worker", "supervisor", "control client",
                                          "credentials helper"};
    static const char *const states[] = {"starting", "live"};
    fprintf(out, "\n### %s (%d)\n\nSaid by: ", shape->name, (int)shape->kind);
    print_bits(out, shape->senders, senders, 5);
    fputs(". While the worker is: ", out);
    print_bits(out, shape->states, states, 2);
    fprintf(out, ".\n\n%s.\n", shape->doc);
    print_fields(out, shape);
}

static void print_commands(FILE *out)
{
    static const char *const needs[] = {
        [NAME_NONE] = "empty", [NAME_OPTIONAL] = "may be empty", [NAME_NEEDED] = "needed"};
    fputs("\n## Control commands\n\n`command` of a CONTROL message.\n\n"
          "| command | name | argument | meaning |\n| --- | --- | --- | --- |\n",
          out);
    for (int i = 0; i < CONTROL_COMMAND_COUNT; i++) {
        const struct control_row *row = control_row((enum control_command)i);
        const char *tick = row->argument[0] ? "`" : "";
        fprintf(out, "| `%s` | %s | %s%s%s | %s |\n", row->name, needs[row->needs_name], tick, row->argument, tick,
                row->doc);
    }
}

void message_document(FILE *out)
{
    fprintf(out, introduction, PROTO_VERSION);
    fputs("\n## Messages\n", out);
    for (size_t i = 0; shape_message_at(i); i++)
        print_message(out, shape_message_at(i));
    fputs("\n## Records, of which messages hold lists\n", out);
    for (size_t i = 0; shape_record_at(i); i++) {
        const struct proto_shape *shape = shape_record_at(i);
        fprintf(out, "\n### %s\n\n%s.\n", shape->name, shape->doc);
        print_fields(out, shape);
    }
    print_commands(out);
}
