/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_credentials_roles.c: the sources that answer over HTTP by name: a profile's role, web identity, the
 * container endpoint; each against a scripted server. The secrets are markers, and no message may hold one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "common/text.h"
#include "test_common_http_server.h"
#include "test_ec2_environment.h"
#include "worker/ec2/credentials.h"
#include "worker/ec2/credentials_sources.h"

#define MARKER "MARKERsecret"
#define STS_GOOD(id)                                                                                                   \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>"          \
    "<AccessKeyId>" id "</AccessKeyId><SecretAccessKey>" MARKER "</SecretAccessKey><SessionToken>ses&amp;sion"         \
    "</SessionToken><Expiration>2016-07-21T20:06:00Z</Expiration></Credentials></AssumeRoleResult>"                    \
    "</AssumeRoleResponse>"
#define STS_BAD(code)                                                                                                  \
    "<ErrorResponse><Error><Type>Sender</Type><Code>" code "</Code><Message>no</Message></Error></ErrorResponse>"
#define EXPIRES INT64_C(1469131560000)
#define HOUR INT64_C(3600000)

struct answer {
    const char *has[4]; /* what the request must hold */
    const char *has_not;
    int status;
    const char *body;
};

static struct loop *loop;
static struct http_client *http;
static struct server *server;
static struct credentials *credentials;
static char endpoint[64], folder[64], path[128], wrong[400];
static const struct answer *script;
static int script_size;

static enum server_next follow_script(struct server *s, int fd, const char *request, int number)
{
    char head[128];

    (void)s;
    if (number > script_size) {
        text_format(wrong, sizeof wrong, "more than %d requests", script_size);
        return SERVER_CLOSE;
    }
    const struct answer *answer = &script[number - 1];
    for (int i = 0; i < 4 && answer->has[i]; i++)
        if (!strstr(request, answer->has[i]))
            text_format(wrong, sizeof wrong, "request %d lacks %s: %.200s", number, answer->has[i], request);
    if (answer->has_not && strstr(request, answer->has_not))
        text_format(wrong, sizeof wrong, "request %d has %s", number, answer->has_not);
    text_format(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n\r\n", answer->status,
                strlen(answer->body));
    server_say(fd, head);
    server_say(fd, answer->body);
    return SERVER_KEEP;
}

static void write_file(const char *name, const char *text)
{
    text_format(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void begin(const struct answer *answers, int count)
{
    script = answers;
    script_size = count;
    wrong[0] = '\0';
    clear_environment();
    text_copy(folder, sizeof folder, "/tmp/provisiond-roles-XXXXXX");
    assert_non_null(mkdtemp(folder));
    assert_int_equal(loop_create(&loop, NULL), 0);
    assert_int_equal(http_create(&http, loop, NULL, NULL), 0);
    server = server_start(follow_script);
    text_format(endpoint, sizeof endpoint, "http://127.0.0.1:%d", server->port);
}

static void make(void)
{
    char sts[96];
    text_format(sts, sizeof sts, "%s/{region}/", endpoint);
    struct credentials_options options = {.metadata_endpoint = "", .sts_endpoint = sts, .region = "us-west-2"};

    assert_int_equal(credentials_create(&credentials, http, &options, NULL), 0);
}

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
    static const char *const files[] = {"credentials", "config", "token", "aws"};

    assert_null(strstr(credentials_problem(credentials), MARKER));
    credentials_destroy(&credentials);
    http_destroy(&http);
    server_stop(server);
    loop_destroy(&loop);
    int requests = server->request_count;
    server_free(server);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        text_format(path, sizeof path, "%s/%s", folder, files[i]);
        unlink(path);
    }
    rmdir(folder);
    if (wrong[0])
        fail_msg("%s", wrong);
    assert_int_equal(requests, script_size);
}

#define RUN(answers) begin(answers, sizeof(answers) / sizeof((answers)[0]))

static void use_files(void)
{
    write_file("credentials", "[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = " MARKER "\n");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    write_file("config",
               "[profile ours]\nrole_arn = arn:aws:iam::1:role/x\nsource_profile = base\n"
               "external_id = e+1\nrole_session_name = me\n[profile outer]\nrole_arn=a\nsource_profile=ours\n");
    setenv("AWS_CONFIG_FILE", path, 1);
}

static void a_profiles_role_is_assumed_and_renewed_ahead(void **state)
{
    static const struct answer answers[] = {
        {{"POST /us-west-2/ ",
          "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&"
          "RoleSessionName=me&ExternalId=e%2B1",
          "Credential=AKIDBASE/", "/us-west-2/sts/aws4_request"},
         MARKER,
         200,
         STS_GOOD("ASIA1")},
        {{"Action=AssumeRole&"}, NULL, 200, STS_GOOD("ASIA2")}};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    use_files();
    setenv("AWS_PROFILE", "ours", 1);
    make();
    assert_null(credentials_now(credentials));
    step_through(now, EXPIRES - HOUR);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA1");
    assert_string_equal(secret_reveal(credentials_now(credentials)->secret_key), MARKER);
    assert_string_equal(secret_reveal(credentials_now(credentials)->session_token), "ses&sion");
    assert_string_equal(credentials_problem(credentials), "");
    step_through(mono_add(now, SPAN_SECONDS(100)), EXPIRES - 301000);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA1");
    step_through(mono_add(now, SPAN_SECONDS(200)), EXPIRES - 299000);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA2");
    end();
}

static void what_sts_refuses_is_said_and_tried_again(void **state)
{
    static const struct answer answers[] = {
        {{"AssumeRole"}, NULL, 403, STS_BAD("AccessDenied")},
        {{"AssumeRole"}, NULL, 200, "<html>"},
        {{"AssumeRole"}, NULL, 200, "<a><AccessKeyId>" MARKER "</AccessKeyId></a>"},
        {{"AssumeRole"}, NULL, 200, "<!DOCTYPE a [<!ENTITY b \"" MARKER "\">]><a>&b;</a>"},
        {{"AssumeRole"}, NULL, 200, STS_GOOD("ASIA1")}};
    static const char *const words[] = {"HTTP 403 AccessDenied: no", "not XML", "lacks SecretAccessKey", "not XML", ""};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    use_files();
    setenv("AWS_PROFILE", "ours", 1);
    make();
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        now = mono_add(now, SPAN_SECONDS(11));
        step_through(now, 0);
        if (!strstr(credentials_problem(credentials), words[i]))
            fail_msg("\"%s\" instead of %s", credentials_problem(credentials), words[i]);
        assert_null(strstr(credentials_problem(credentials), MARKER));
    }
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA1");
    end();
}

static void a_role_that_leads_to_a_role_is_two_calls(void **state)
{
    static const struct answer answers[] = {
        {{"Action=AssumeRole&", "RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx&", "Credential=AKIDBASE/"},
         "X-Amz-Security-Token",
         200,
         STS_GOOD("ASIA1")},
        {{"Action=AssumeRole&", "RoleArn=a&RoleSessionName=provisiond", "Credential=ASIA1/",
          "X-Amz-Security-Token: ses&sion"},
         MARKER,
         200,
         STS_GOOD("ASIA2")},
        {{"Credential=AKIDBASE/"}, NULL, 200, STS_GOOD("ASIA3")},
        {{"Credential=ASIA3/"}, NULL, 403, STS_BAD("AccessDenied")}};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    use_files();
    setenv("AWS_PROFILE", "outer", 1);
    make();
    step_through(now, EXPIRES - HOUR);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA2");
    step_through(mono_add(now, SPAN_SECONDS(100)), EXPIRES);
    assert_non_null(strstr(credentials_problem(credentials), "AccessDenied"));
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA2"); /* not the half-way ones */
    end();
}

static void a_web_identity_needs_no_key_and_its_token_is_read_anew(void **state)
{
    static const struct answer answers[] = {
        {{"Action=AssumeRoleWithWebIdentity&", "RoleSessionName=provisiond&WebIdentityToken=token-1"},
         "Authorization",
         200,
         STS_GOOD("ASIA1")},
        {{"WebIdentityToken=token-2"}, "Authorization", 200, STS_GOOD("ASIA2")}};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    write_file("token", "token-1\n");
    setenv("AWS_WEB_IDENTITY_TOKEN_FILE", path, 1);
    setenv("AWS_ROLE_ARN", "arn:x", 1);
    make();
    step_through(now, EXPIRES - HOUR);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA1");
    write_file("token", "token-2\n");
    step_through(mono_add(now, SPAN_SECONDS(100)), EXPIRES);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA2");
    unlink(path);
    step_through(mono_add(now, SPAN_SECONDS(200)), EXPIRES);
    assert_non_null(strstr(credentials_problem(credentials), "token"));
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA2"); /* the old ones are kept */
    end();
}

#define KEYS                                                                                                           \
    "{\"AccessKeyId\": \"ASIAC\", \"SecretAccessKey\": \"" MARKER                                                      \
    "\", \"Token\": \"t\", \"Expiration\": \"2016-07-21T20:06:00Z\"}"

static void the_container_endpoint_gets_its_token(void **state)
{
    static const struct answer answers[] = {{{"GET /creds?id=1 ", "Authorization: from-file"}, NULL, 200, KEYS},
                                            {{"GET /creds?id=1 "}, NULL, 500, MARKER}};
    char url[96];
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    text_format(url, sizeof url, "%s/creds?id=1", endpoint);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url, 1);
    write_file("token", "from-file\n");
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", path, 1);
    make();
    step_through(now, EXPIRES - HOUR);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIAC");
    step_through(mono_add(now, SPAN_SECONDS(100)), EXPIRES);
    assert_string_equal(credentials_problem(credentials), "container endpoint: HTTP 500");
    write_file("token", "two\nlines");
    step_through(mono_add(now, SPAN_SECONDS(200)), EXPIRES);
    assert_non_null(strstr(credentials_problem(credentials), "more than one line"));
    end();
}

static void a_container_endpoint_elsewhere_is_refused_in_plain_http(void **state)
{
    (void)state;
    begin(NULL, 0);
    setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://192.0.2.1/creds", 1);
    setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", MARKER, 1);
    make();
    assert_null(getenv("AWS_CONTAINER_AUTHORIZATION_TOKEN"));
    step_through(clock_now(), 0);
    assert_non_null(strstr(credentials_problem(credentials), "plain http"));
    end();
}

static void what_systemd_hands_over_stands_in_for_the_file(void **state)
{
    (void)state;
    begin(NULL, 0);
    write_file("aws", "[default]\naws_access_key_id = AKIDHANDED\naws_secret_access_key = " MARKER "\n");
    setenv("CREDENTIALS_DIRECTORY", folder, 1);
    make();
    assert_string_equal(credentials_now(credentials)->access_key, "AKIDHANDED");
    end();
}

/* With a clock far ahead fresh credentials look old: they are fetched once a minute, not at each turn. */
static void a_clock_that_is_ahead_makes_no_storm(void **state)
{
    static const struct answer answers[] = {{{"AssumeRole"}, NULL, 200, STS_GOOD("ASIA1")},
                                            {{"AssumeRole"}, NULL, 200, STS_GOOD("ASIA2")}};
    struct mono now = clock_now();

    (void)state;
    RUN(answers);
    use_files();
    setenv("AWS_PROFILE", "ours", 1);
    make();
    for (int second = 0; second <= 60; second++)
        step_through(mono_add(now, SPAN_SECONDS(second)), EXPIRES + HOUR);
    assert_string_equal(credentials_now(credentials)->access_key, "ASIA2");
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profiles_role_is_assumed_and_renewed_ahead),
        cmocka_unit_test(what_sts_refuses_is_said_and_tried_again),
        cmocka_unit_test(a_role_that_leads_to_a_role_is_two_calls),
        cmocka_unit_test(a_web_identity_needs_no_key_and_its_token_is_read_anew),
        cmocka_unit_test(the_container_endpoint_gets_its_token),
        cmocka_unit_test(a_container_endpoint_elsewhere_is_refused_in_plain_http),
        cmocka_unit_test(what_systemd_hands_over_stands_in_for_the_file),
        cmocka_unit_test(a_clock_that_is_ahead_makes_no_storm),
    };
    return cmocka_run_group_tests_name("ec2 credentials: roles", tests, NULL, NULL);
}
