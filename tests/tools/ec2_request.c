/* SPDX-License-Identifier: MPL-2.0 */
/* ec2_request.c: sends EC2 requests as the workers do, for tests/conformance/test_ec2_botocore.py: each line of
 * standard input is a JSON object that names a request; each line of standard output is what our reader made of the
 * answer. Builds, signs, sends (common/http) and reads with the workers' own code; adds nothing to the request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/http.h"
#include "common/json.h"
#include "worker/ec2/describe.h"
#include "worker/ec2/ec2.h"

#define MOST_NAMES 64

static const char *text_of(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, name));

    return text ? text : otherwise;
}

static int64_t number_of(const json_t *object, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(object, name);

    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

static size_t names_of(const json_t *object, const char *name, const char **out)
{
    size_t count = 0;
    const json_t *list = json_object_get(object, name);

    for (size_t i = 0; i < json_array_size(list) && count < MOST_NAMES; i++)
        out[count++] = json_string_value(json_array_get(list, i));
    return count;
}

/* ---- building ---- */

static void build_grant(struct proto_GRANT *grant, const json_t *line)
{
    *grant = (struct proto_GRANT){.grant = number_of(line, "grant", 1),
                                  .count = number_of(line, "count", 1),
                                  .capacity = number_of(line, "capacity", 1),
                                  .revision = number_of(line, "revision", 1),
                                  .maxPrice = number_of(line, "maxPrice", 100000),
                                  .generation = 1,
                                  .sendByMono = 1};
    text_copy(grant->token, sizeof grant->token, text_of(line, "token", "token-1"));
    text_copy(grant->region, sizeof grant->region, text_of(line, "region", "us-west-2"));
    text_copy(grant->zone, sizeof grant->zone, text_of(line, "zone", "us-west-2a"));
    text_copy(grant->instanceType, sizeof grant->instanceType, text_of(line, "instanceType", "m3.large"));
    text_copy(grant->market, sizeof grant->market, text_of(line, "market", "spot"));
    memset(grant->specHash, '7', sizeof grant->specHash - 1);
}

static int build_run(struct ec2_form *form, const json_t *line, struct error *err)
{
    struct proto_GRANT grant;
    struct launch_spec spec = {.capacity = 1, .utility = 1};
    struct definition definition = {.file = "test.json", .tags = json_object_get(line, "tags")};
    struct ec2_launch launch = {.grant = &grant,
                                .spec = &spec,
                                .definition = &definition,
                                .deployment_id = text_of(line, "deployment", "test"),
                                .incarnation = "incarnation-1",
                                .provisioner_id = "aws-provisioner-v1",
                                .root_url = "https://tc.example.com",
                                .dry_run = json_is_true(json_object_get(line, "dryRun"))};

    build_grant(&grant, line);
    spec.launch = json_object_get(line, "launchSpec");
    spec.user_data = json_object_get(line, "userData");
    text_copy(spec.region, sizeof spec.region, grant.region);
    text_copy(spec.zone, sizeof spec.zone, grant.zone);
    text_copy(spec.instance_type, sizeof spec.instance_type, grant.instanceType);
    text_copy(spec.hash, sizeof spec.hash, grant.specHash);
    text_copy(definition.name, sizeof definition.name, text_of(line, "workerType", "alpha"));
    return ec2_run_instances(form, &launch, err);
}

static int build_catalogue(struct ec2_form *form, const json_t *line, struct error *err)
{
    static const char *const words[] = {"images",          "instance-types",       "offerings", "subnets",
                                        "security-groups", "security-group-names", "key-pairs", "zones"};
    const char *names[MOST_NAMES];
    size_t count = names_of(line, "names", names);

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (text_equal(words[i], text_of(line, "what", NULL))) {
            ec2_describe_catalogue(form, (enum ec2_catalogue)i, names, count, text_of(line, "nextToken", NULL));
            return 0;
        }
    }
    return error_set(err, ERROR_USAGE, "what?");
}

/* Any parameters: [["Name", "value"], ...]. */
static int build_form(struct ec2_form *form, const json_t *line)
{
    const json_t *list = json_object_get(line, "parameters");

    ec2_form_start(form, text_of(line, "action", "DescribeInstances"));
    for (size_t i = 0; i < json_array_size(list); i++)
        ec2_form_add(form, json_string_value(json_array_get(json_array_get(list, i), 0)),
                     json_string_value(json_array_get(json_array_get(list, i), 1)));
    return 0;
}

static int build(struct ec2_form *form, const json_t *line, struct error *err)
{
    const char *request = text_of(line, "request", ""), *names[MOST_NAMES];
    size_t count = names_of(line, "names", names);

    *form = (struct ec2_form){0};
    if (strcmp(request, "run") == 0)
        return build_run(form, line, err);
    if (strcmp(request, "catalogue") == 0)
        return build_catalogue(form, line, err);
    if (strcmp(request, "form") == 0)
        return build_form(form, line);
    if (strcmp(request, "deployment") == 0)
        ec2_describe_deployment(form, text_of(line, "deployment", "test"), text_of(line, "nextToken", NULL));
    else if (strcmp(request, "client-token") == 0)
        ec2_describe_client_token(form, text_of(line, "token", "token-1"));
    else if (strcmp(request, "ids") == 0)
        ec2_describe_ids(form, names, count);
    else if (strcmp(request, "terminate") == 0)
        ec2_terminate_instances(form, names, count);
    else if (strcmp(request, "prices") == 0)
        ec2_describe_spot_prices(form, names, count, (struct wall){number_of(line, "start", 1469131560000)},
                                 text_of(line, "nextToken", NULL));
    else
        return error_set(err, ERROR_USAGE, "unknown request \"%s\"", request);
    return 0;
}

/* ---- reading ---- */

static void take_row(void *context, const struct proto_ROW *row)
{
    json_array_append_new(json_object_get(context, "rows"),
                          json_pack("{s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:s}", "id",
                                    row->id, "type", row->type, "grant", (json_int_t)row->grant, "revision",
                                    (json_int_t)row->revision, "incarnation", row->incarnation, "token", row->token,
                                    "zone", row->zone, "instanceType", row->instanceType, "imageId", row->imageId,
                                    "market", row->market, "state", row->state, "reason", row->reason, "launchWall",
                                    (json_int_t)row->launchWall, "capacity", (json_int_t)row->capacity, "specHash",
                                    row->specHash));
}

static void take_price(void *context, const struct proto_PRICE *price)
{
    json_array_append_new(json_object_get(context, "prices"),
                          json_pack("{s:s, s:s, s:I, s:I}", "zone", price->zone, "instanceType", price->instanceType,
                                    "price", (json_int_t)price->price, "seenWall", (json_int_t)price->seenWall));
}

static void take_item(void *context, const char *set, const json_t *item)
{
    json_array_append_new(json_object_get(context, "items"),
                          json_pack("{s:s, s:o}", "set", set, "item", json_deep_copy(item)));
}

static void on_done(void *context, const struct http_response *response)
{
    json_t *answer = context;
    struct ec2_reader_calls calls = {take_row, take_price, take_item, answer};
    struct ec2_reader *reader = ec2_reader_create(&calls, NULL);
    struct ec2_error error;
    char next_token[1024];

    ec2_reader_feed(reader, response->body, response->body_size);
    int result = ec2_reader_finish(reader, response->status, &error, next_token, sizeof next_token);
    ec2_reader_destroy(&reader);
    json_object_set_new(answer, "outcome", json_integer(response->outcome));
    json_object_set_new(answer, "status", json_integer(response->status));
    json_object_set_new(answer, "problem", json_string(response->problem));
    json_object_set_new(answer, "result", json_integer(result));
    json_object_set_new(answer, "nextToken", json_string(next_token));
    json_object_set_new(answer, "code", json_string(error.code));
    json_object_set_new(answer, "message", json_string(error.message));
    json_object_set_new(answer, "class", json_string(failure_name(ec2_classify(&error))));
}

/* ---- sending ---- */

static int send_form(struct loop *loop, struct http_client *http, const json_t *line, const struct ec2_form *form,
                     json_t *answer, struct error *err)
{
    const char *secret = text_of(line, "secretKey", "secret"), *token = text_of(line, "sessionToken", NULL);
    struct aws_credentials credentials = {.secret_key = secret_create(secret, strlen(secret)),
                                          .session_token = token ? secret_create(token, strlen(token)) : NULL};
    struct ec2_signed headers;
    struct wall now = {number_of(line, "at", clock_wall().ms)};

    text_copy(credentials.access_key, sizeof credentials.access_key, text_of(line, "accessKey", "AKID"));
    int result =
        ec2_sign(&headers, text_of(line, "url", ""), form->body.bytes, form->body.size, text_of(line, "service", "ec2"),
                 text_of(line, "region", "us-west-2"), &credentials, now, err);
    if (result == 0) {
        struct http_request request = {.method = "POST",
                                       .url = text_of(line, "url", ""),
                                       .headers = headers.headers,
                                       .body = form->body.bytes,
                                       .body_size = form->body.size,
                                       .fresh_connection = true,
                                       .on_done = on_done,
                                       .context = answer};
        result = http_start(http, &request, err) > 0 ? 0 : -1;
        ec2_signed_clear(&headers);
    }
    secret_destroy(&credentials.secret_key);
    secret_destroy(&credentials.session_token);
    while (result == 0 && http_in_flight(http) > 0) {
        if (loop_wait(loop, http_deadline(http), err) != 0)
            result = -1;
        http_step(http, clock_now());
    }
    return result;
}

static void run_line(struct loop *loop, struct http_client *http, const char *text)
{
    struct error err = {0};
    struct ec2_form form = {0};
    json_t *line = json_read_text("line", text, strlen(text), &err);
    json_t *answer = json_pack("{s:[], s:[], s:[]}", "rows", "prices", "items");

    if (!line || build(&form, line, &err) != 0 || send_form(loop, http, line, &form, answer, &err) != 0)
        json_object_set_new(answer, "fault", json_string(err.text));
    char *out = json_text(answer);
    printf("%s\n", out);
    fflush(stdout);
    free(out);
    ec2_form_free(&form);
    json_decref(answer);
    json_decref(line);
}

int main(void)
{
    struct http_options options = {.user_agent = "provisiond-test/1"};
    struct loop *loop;
    struct http_client *http;
    struct error err = {0};
    char *text = NULL;
    size_t room = 0;

    if (loop_create(&loop, &err) != 0 || http_create(&http, loop, &options, &err) != 0) {
        fprintf(stderr, "%s\n", err.text);
        return 2;
    }
    while (getline(&text, &room, stdin) > 0)
        run_line(loop, http, text);
    free(text);
    http_destroy(&http);
    loop_destroy(&loop);
    return 0;
}
