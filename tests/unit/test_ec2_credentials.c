/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_credentials.c: credentials from environment, file and a metadata service that answers by a script
 * (case B50). The secrets are markers, and no message may hold one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/text.h"
#include "test_common_http_server.h"
#include "test_ec2_environment.h"
#include "worker/ec2/credentials.h"
#include "worker/ec2/credentials_profile.h"
#include "worker/ec2/credentials_sources.h"

#define MARKER "MARKERsecret"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"

static struct loop *loop;
static struct http_client *http;
static struct server *server;
static struct credentials *credentials;
static char endpoint[64];

/* ---- files ---- */

static void profiles_are_read_from_ini(void **state)
{
    static const char text[] =
        "# comment\n[default]\naws_access_key_id = AKID1\r\naws_secret_access_key=" MARKER "/+=\n"
        "; more\n\n[other]\n\taws_secret_access_key\t=  two \naws_access_key_id=AKID2\n"
        "aws_session_token = tok=en\nregion = x\n[half]\naws_access_key_id = A\n"
        "[role]\nrole_arn = arn:x\nsource_profile = default\n[last]";
    struct aws_profile out = {0};

    (void)state;
    aws_profile_add(&out, text, "default", false);
    assert_string_equal(out.keys.access_key, "AKID1");
    assert_string_equal(secret_reveal(out.keys.secret_key), MARKER "/+=");
    assert_null(out.keys.session_token);
    aws_profile_clear(&out);
    aws_profile_add(&out, text, "other", false);
    assert_string_equal(out.keys.access_key, "AKID2");
    assert_string_equal(secret_reveal(out.keys.secret_key), "two");
    assert_string_equal(secret_reveal(out.keys.session_token), "tok=en");
    aws_profile_clear(&out);
    aws_profile_add(&out, text, "role", false);
    assert_string_equal(out.role_arn, "arn:x");
    assert_string_equal(out.source_profile, "default");
    aws_profile_add(&out, "[profile  role ]\nrole_arn = arn:y\nexternal_id=e\n", "role", true);
    assert_string_equal(out.role_arn, "arn:x"); /* the credentials file was first */
    assert_string_equal(out.external_id, "e");
    aws_profile_clear(&out);
    aws_profile_add(&out, text, "missing", false);
    assert_false(out.found);
    aws_profile_add(&out, text, "last", false);
    assert_true(out.found);
    aws_profile_clear(&out);
    aws_profile_add(&out, "", "default", false);
    assert_false(out.found);
}

static void make_credentials(void)
{
    struct credentials_options options = {
        .metadata_endpoint = endpoint, .sts_endpoint = endpoint, .region = "us-west-2"};

    assert_int_equal(credentials_create(&credentials, http, &options, NULL), 0);
}

static void the_environment_comes_first_and_is_emptied(void **state)
{
    (void)state;
    clear_environment();
    setenv("AWS_ACCESS_KEY_ID", "AKIDENV", 1);
    setenv("AWS_SECRET_ACCESS_KEY", MARKER, 1);
    setenv("AWS_SESSION_TOKEN", "tok", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    make_credentials();
    const struct aws_credentials *now = credentials_now(credentials);
    assert_string_equal(now->access_key, "AKIDENV");
    assert_string_equal(secret_reveal(now->secret_key), MARKER);
    assert_string_equal(secret_reveal(now->session_token), "tok");
    assert_null(getenv("AWS_SECRET_ACCESS_KEY"));
    assert_string_equal(credentials_problem(credentials), "");
    credentials_step(credentials, clock_now(), clock_wall());
    credentials_refused(credentials, clock_now());
    assert_non_null(strstr(credentials_problem(credentials), "refused"));
    credentials_destroy(&credentials);
}

static void half_an_environment_is_named(void **state)
{
    (void)state;
    clear_environment();
    setenv("AWS_SECRET_ACCESS_KEY", MARKER, 1);
    make_credentials();
    assert_null(credentials_now(credentials));
    assert_string_equal(credentials_problem(credentials), "AWS_SECRET_ACCESS_KEY is set and AWS_ACCESS_KEY_ID is not");
    credentials_destroy(&credentials);
}

static void write_file(const char *path, const char *key)
{
    FILE *file = fopen(path, "we");

    assert_non_null(file);
    fprintf(file, "[p]\naws_access_key_id = %s\naws_secret_access_key = " MARKER "\n", key);
    fclose(file);
}

static void a_file_is_read_again_when_it_was_refused_or_missing(void **state)
{
    char path[] = "/tmp/provisiond-test-XXXXXX";
    struct mono now = clock_now();

    (void)state;
    close(mkstemp(path));
    unlink(path);
    clear_environment();
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    setenv("AWS_PROFILE", "p", 1);
    make_credentials();
    assert_null(credentials_now(credentials));
    assert_non_null(strstr(credentials_problem(credentials), "is not there"));
    write_file(path, "AKID1");
    credentials_step(credentials, now, clock_wall());
    assert_string_equal(credentials_now(credentials)->access_key, "AKID1");
    write_file(path, "AKID2");
    credentials_step(credentials, mono_add(now, SPAN_SECONDS(60)), clock_wall());
    assert_string_equal(credentials_now(credentials)->access_key, "AKID1");
    credentials_refused(credentials, now);
    credentials_step(credentials, mono_add(now, SPAN_SECONDS(1)), clock_wall()); /* at once */
    assert_string_equal(credentials_now(credentials)->access_key, "AKID2");
    write_file(path, "AKID3");
    credentials_refused(credentials, mono_add(now, SPAN_SECONDS(2)));
    credentials_step(credentials, mono_add(now, SPAN_SECONDS(2)), clock_wall()); /* but not at loop speed */
    assert_string_equal(credentials_now(credentials)->access_key, "AKID2");
    credentials_step(credentials, mono_add(now, SPAN_SECONDS(60)), clock_wall());
    assert_string_equal(credentials_now(credentials)->access_key, "AKID3");
    unlink(path);
    credentials_destroy(&credentials);
}

/* ---- the metadata service ---- */

struct answer {
    const char *start;
    int status;
    const char *body;
};

static const struct answer *script;
static int script_size;
static char wrong[256];

static enum server_next follow_script(struct server *s, int fd, const char *request, int number)
{
    char head[128];

    (void)s;
    if (number > script_size) {
        text_format(wrong, sizeof wrong, "more than %d requests", script_size);
        return SERVER_CLOSE;
    }
    const struct answer *answer = &script[number - 1];
    bool put = text_starts(request, "PUT ");
    if (!text_starts(request, answer->start) ||
        !strcasestr(request,
                    put ? "\r\nX-aws-ec2-metadata-token-ttl-seconds: 21600" : "\r\nX-aws-ec2-metadata-token: tok"))
        text_format(wrong, sizeof wrong, "request %d: %.100s", number, request);
    text_format(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", answer->status,
                strlen(answer->body));
    server_say(fd, head);
    server_say(fd, answer->body);
    return SERVER_KEEP;
}

#define TOKEN_CALL "PUT /latest/api/token HTTP"
#define ROLE_CALL "GET " ROLE_PATH " HTTP"
#define KEYS_CALL "GET " ROLE_PATH "the-role HTTP"
#define KEYS(id, expires)                                                                                              \
    "{\"Code\": \"Success\", \"AccessKeyId\": \"" id "\", \"SecretAccessKey\": \"" MARKER                              \
    "\", \"Token\": \"session\","                                                                                      \
    " \"Expiration\": \"" expires "\"}"
#define LATER "2016-07-21T20:06:00Z" /* 1469131560000 */

static void begin(const struct answer *answers, int count)
{
    script = answers;
    script_size = count;
    wrong[0] = '\0';
    clear_environment();
    assert_int_equal(loop_create(&loop, NULL), 0);
    assert_int_equal(http_create(&http, loop, NULL, NULL), 0);
    server = server_start(follow_script);
    text_format(endpoint, sizeof endpoint, "http://127.0.0.1:%d", server->port);
    make_credentials();
}

/* One step at the given times, and all the requests that it starts. */
static void step_through(struct mono now, int64_t wall_ms)
{
    credentials_step(credentials, now, (struct wall){wall_ms});
    while (http_in_flight(http) > 0) {
        struct mono limit = mono_add(clock_now(), SPAN_SECONDS(30));
        assert_int_equal(loop_wait(loop, mono_min(http_deadline(http), limit), NULL), 0);
        http_step(http, clock_now());
    }
    credentials_step(credentials, now, (struct wall){wall_ms});
}

static void end(void)
{
    assert_null(strstr(credentials_problem(credentials), MARKER));
    credentials_destroy(&credentials);
    http_destroy(&http);
    server_stop(server);
    loop_destroy(&loop);
    int requests = server->request_count;
    server_free(server);
    if (wrong[0])
        fail_msg("%s", wrong);
    assert_int_equal(requests, script_size);
}

#define RUN(answers) begin(answers, sizeof(answers) / sizeof((answers)[0]))

static void the_roles_credentials_are_fetched_and_refreshed_ahead(void **state)
{
    static const struct answer answers[] = {{TOKEN_CALL, 200, "tok"},
                                            {ROLE_CALL, 200, "the-role\n"},
                                            {KEYS_CALL, 200, KEYS("AKID1", LATER)},
                                            {ROLE_CALL, 200, "the-role"},
                                            {KEYS_CALL, 200, KEYS("AKID2", "2016-07-22T02:06:00Z")}};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    assert_null(credentials_now(credentials));
    assert_true(credentials_problem(credentials)[0] != '\0');
    step_through(now, 1469131560000 - 3600000);
    assert_string_equal(credentials_now(credentials)->access_key, "AKID1");
    assert_string_equal(secret_reveal(credentials_now(credentials)->session_token), "session");
    assert_string_equal(credentials_problem(credentials), "");
    now = mono_add(now, SPAN_SECONDS(60));
    step_through(now, 1469131560000 - 301000); /* more than five minutes are left */
    assert_string_equal(credentials_now(credentials)->access_key, "AKID1");
    step_through(now, 1469131560000 - 299000);
    assert_string_equal(credentials_now(credentials)->access_key, "AKID2");
    end();
}

static void a_token_that_ran_out_is_renewed_once(void **state)
{
    static const struct answer answers[] = {
        {TOKEN_CALL, 200, "tok"}, {ROLE_CALL, 200, "the-role"}, {KEYS_CALL, 200, KEYS("AKID1", LATER)},
        {ROLE_CALL, 401, ""},     {TOKEN_CALL, 200, "tok-2"},   {ROLE_CALL, 200, "the-role"},
        {KEYS_CALL, 401, ""}};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    step_through(now, 0);
    credentials_refused(credentials, now);
    step_through(mono_add(now, SPAN_SECONDS(60)), 0);
    assert_string_equal(credentials_now(credentials)->access_key, "AKID1"); /* the old ones are kept */
    assert_string_equal(credentials_problem(credentials),
                        "metadata service: HTTP 401 instead of the role's credentials");
    end();
}

static void what_is_missing_is_said_and_tried_again_in_ten_seconds(void **state)
{
    static const struct answer answers[] = {{TOKEN_CALL, 200, "tok"},
                                            {ROLE_CALL, 404, ""},
                                            {ROLE_CALL, 200, "two words"},
                                            {ROLE_CALL, 200, "the-role"},
                                            {KEYS_CALL, 200, "{\"Code\": \"Failed\"}"},
                                            {ROLE_CALL, 200, "the-role"},
                                            {KEYS_CALL, 200, "{\"Secret\": \"" MARKER "\"}"},
                                            {ROLE_CALL, 200, "the-role"},
                                            {KEYS_CALL, 200, "\"" MARKER}};
    static const char *const words[] = {"has no role", "cannot be used", "Failed", "lacks AccessKeyId", "not JSON"};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        step_through(now, 0);
        if (!strstr(credentials_problem(credentials), words[i]))
            fail_msg("\"%s\" instead of %s", credentials_problem(credentials), words[i]);
        assert_null(strstr(credentials_problem(credentials), MARKER));
        step_through(mono_add(now, SPAN_SECONDS(9)), 0); /* no request */
        now = mono_add(now, SPAN_SECONDS(10));
    }
    assert_null(credentials_now(credentials));
    end();
}

/* Answers to PUT that do not arrive are the hop limit's mark. */
static void the_hop_limit_is_named(void **state)
{
    int listener, port;

    (void)state;
    clear_environment();
    server_listen(&listener, &port, 64); /* accepts, and never answers */
    text_format(endpoint, sizeof endpoint, "http://127.0.0.1:%d", port);
    assert_int_equal(loop_create(&loop, NULL), 0);
    assert_int_equal(http_create(&http, loop, NULL, NULL), 0);
    make_credentials();
    struct mono begun = clock_now();
    step_through(begun, 0);
    assert_non_null(strstr(credentials_problem(credentials), "hop limit"));
    credentials_destroy(&credentials);
    http_destroy(&http);
    loop_destroy(&loop);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_read_from_ini),
        cmocka_unit_test(the_environment_comes_first_and_is_emptied),
        cmocka_unit_test(half_an_environment_is_named),
        cmocka_unit_test(a_file_is_read_again_when_it_was_refused_or_missing),
        cmocka_unit_test(the_roles_credentials_are_fetched_and_refreshed_ahead),
        cmocka_unit_test(a_token_that_ran_out_is_renewed_once),
        cmocka_unit_test(what_is_missing_is_said_and_tried_again_in_ten_seconds),
        cmocka_unit_test(the_hop_limit_is_named),
    };
    return cmocka_run_group_tests_name("ec2 credentials", tests, NULL, NULL);
}
