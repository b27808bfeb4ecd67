/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_sign.c: SigV4 against AWS's published test suite (aws-sig-v4-test-suite), forms and URLs (case B47). What
 * other implementations think of our requests is tests/conformance/test_ec2_botocore.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "worker/ec2/ec2.h"
#include "worker/ec2/quotas.h"
#include "worker/ec2/sigv4.h"
#include "worker/ec2/url.h"

#define SUITE_KEY "AKIDEXAMPLE"
#define SUITE_SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define SUITE_STAMP "20150830T123600Z"
#define SUITE_TOKEN                                                                                                    \
    "AQoDYXdzEPT//////////"                                                                                            \
    "wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"                     \
    "Ax7mSEI/qkPpKPi/"                                                                                                 \
    "kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAk"                \
    "iY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="

struct vector {
    const char *name, *method, *path, *content_type, *token, *body, *signature;
};

/* Names and signatures as published. */
static const struct vector suite[] = {
    {"get-vanilla", "GET", "/", NULL, NULL, "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {"get-unreserved", "GET", "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", NULL, NULL, "",
     "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {"get-space", "GET", "/example space/", NULL, NULL, "",
     "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {"get-utf8", "GET", "/\xe1\x88\xb4", NULL, NULL, "",
     "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {"post-vanilla", "POST", "/", NULL, NULL, "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {"post-sts-header-before", "POST", "/", NULL, SUITE_TOKEN, "",
     "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
    {"post-x-www-form-urlencoded", "POST", "/", "application/x-www-form-urlencoded", NULL, "Param1=value1",
     "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
    {"post-x-www-form-urlencoded-parameters", "POST", "/", "application/x-www-form-urlencoded; charset=utf8", NULL,
     "Param1=value1", "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe"},
};

static void the_published_suite_is_signed_as_published(void **state)
{
    struct secret *key = secret_create(SUITE_SECRET, strlen(SUITE_SECRET));

    (void)state;
    for (size_t i = 0; i < sizeof suite / sizeof suite[0]; i++) {
        const struct vector *vector = &suite[i];
        struct sigv4_header headers[4];
        size_t count = 0;
        char authorization[1024];
        if (vector->content_type)
            headers[count++] = (struct sigv4_header){"content-type", vector->content_type};
        headers[count++] = (struct sigv4_header){"host", "example.amazonaws.com"};
        headers[count++] = (struct sigv4_header){"x-amz-date", SUITE_STAMP};
        if (vector->token)
            headers[count++] = (struct sigv4_header){"x-amz-security-token", vector->token};
        struct sigv4_request request = {.method = vector->method,
                                        .path = vector->path,
                                        .headers = headers,
                                        .header_count = count,
                                        .body = vector->body,
                                        .body_size = strlen(vector->body),
                                        .stamp = SUITE_STAMP,
                                        .region = "us-east-1",
                                        .service = "service",
                                        .access_key = SUITE_KEY,
                                        .secret_key = key};
        assert_int_equal(sigv4_authorization(&request, authorization, sizeof authorization), 0);
        const char *signature = strstr(authorization, "Signature=");
        assert_non_null(signature);
        if (strcmp(signature + 10, vector->signature) != 0)
            fail_msg("%s: %s", vector->name, authorization);
        assert_true(text_starts(authorization, "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
                                               "aws4_request, SignedHeaders="));
    }
    secret_destroy(&key);
}

static struct aws_credentials make_credentials(const char *token)
{
    struct aws_credentials credentials = {.access_key = SUITE_KEY};

    credentials.secret_key = secret_create(SUITE_SECRET, strlen(SUITE_SECRET));
    credentials.session_token = token ? secret_create(token, strlen(token)) : NULL;
    return credentials;
}

static void drop_credentials(struct aws_credentials *credentials)
{
    secret_destroy(&credentials->secret_key);
    secret_destroy(&credentials->session_token);
}

static void a_signed_post_has_all_its_headers(void **state)
{
    struct aws_credentials credentials = make_credentials(NULL);
    struct ec2_signed out;

    (void)state;
    assert_int_equal(ec2_sign(&out, "https://ec2.us-east-1.amazonaws.com", "A=1", 3, "ec2", "us-east-1", &credentials,
                              (struct wall){1440938160000}, NULL),
                     0);
    assert_string_equal(out.headers[0], "Content-Type: application/x-www-form-urlencoded; charset=utf-8");
    assert_string_equal(out.headers[1], "Host: ec2.us-east-1.amazonaws.com");
    assert_string_equal(out.headers[2], "X-Amz-Date: 20150830T123600Z");
    assert_true(text_starts(out.headers[3],
                            "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/"
                            "ec2/aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="));
    assert_null(out.headers[4]);
    ec2_signed_clear(&out);
    assert_null(out.headers[0]);
    drop_credentials(&credentials);
}

static void a_session_token_is_sent_and_signed(void **state)
{
    struct aws_credentials with = make_credentials("the+token/=="), without = make_credentials(NULL);
    struct ec2_signed a, b;

    (void)state;
    assert_int_equal(ec2_sign(&a, "http://127.0.0.1:8080/ec2/x/", "A=1", 3, "ec2", "x", &with, (struct wall){0}, NULL),
                     0);
    assert_int_equal(
        ec2_sign(&b, "http://127.0.0.1:8080/ec2/x/", "A=1", 3, "ec2", "x", &without, (struct wall){0}, NULL), 0);
    assert_string_equal(a.headers[1], "Host: 127.0.0.1:8080");
    assert_string_equal(a.headers[3], "X-Amz-Security-Token: the+token/==");
    assert_non_null(strstr(a.headers[4], "content-type;host;x-amz-date;x-amz-security-token"));
    assert_string_not_equal(strstr(a.authorization, "Signature="), strstr(b.authorization, "Signature="));
    ec2_signed_clear(&a);
    ec2_signed_clear(&b);
    drop_credentials(&with);
    drop_credentials(&without);
}

/* A service that is asked in JSON: what says which action it is must be signed, like all of X-Amz-*. */
static void a_json_post_signs_its_target(void **state)
{
    struct aws_credentials credentials = make_credentials("token");
    struct ec2_post post = {"http://localhost/q/", "{}", 2, "servicequotas", "r", QUOTAS_TARGET}, other = post;
    struct ec2_signed a, b;

    (void)state;
    other.target = "ServiceQuotasV20190624.Other";
    assert_int_equal(ec2_sign_post(&a, &post, &credentials, (struct wall){0}, NULL), 0);
    assert_int_equal(ec2_sign_post(&b, &other, &credentials, (struct wall){0}, NULL), 0);
    assert_string_equal(a.headers[0], "Content-Type: application/x-amz-json-1.1");
    assert_string_equal(a.headers[4], "X-Amz-Target: ServiceQuotasV20190624.GetServiceQuota");
    assert_true(text_starts(a.headers[5], "Authorization: "));
    assert_null(a.headers[6]);
    assert_non_null(strstr(a.authorization, "/r/servicequotas/aws4_request, SignedHeaders=content-type;host;x-amz-date;"
                                            "x-amz-security-token;x-amz-target, "));
    assert_string_not_equal(strstr(a.authorization, "Signature="), strstr(b.authorization, "Signature="));
    ec2_signed_clear(&a);
    ec2_signed_clear(&b);
    drop_credentials(&credentials);
}

static void a_quota_is_read_and_nothing_else_is_one(void **state)
{
    static const struct {
        int status;
        const char *body, *problem; /* of what is no quota */
    } answers[] = {
        {400, "{\"__type\": \"NoSuchResourceException\", \"Message\": \"none\"}", "NoSuchResourceException"},
        {400, "{\"__type\": \"com.amazon.coral.service#AccessDeniedException\"}", "AccessDeniedException"},
        {200, "{\"Quota\": {\"QuotaCode\": \"L-2\", \"Value\": 5.0}}", "UnreadableAnswer"},
        {200, "{\"Quota\": {\"QuotaCode\": \"L-1\", \"Value\": \"5\"}}", "UnreadableAnswer"},
        {500, "{\"Quota\": {\"QuotaCode\": \"L-1\", \"Value\": 5.0}}", "NoCode"},
        {200, "<html>", NULL},
    };
    static const char good[] = "{\"Quota\": {\"ServiceCode\": \"ec2\", \"QuotaCode\": \"L-1\", \"Value\": 5.0}}";
    struct buffer body = {0};
    struct error err;

    (void)state;
    quotas_request(&body, "L-1");
    assert_string_equal(buffer_text(&body), "{\"QuotaCode\":\"L-1\",\"ServiceCode\":\"ec2\"}");
    buffer_free(&body);
    json_t *item = quotas_read(200, good, strlen(good), "L-1", &err);
    assert_string_equal(json_string_value(json_object_get(item, "value")), "5");
    json_decref(item);
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        assert_null(quotas_read(answers[i].status, answers[i].body, strlen(answers[i].body), "L-1", &err));
        if (answers[i].problem)
            assert_string_equal(err.text, answers[i].problem);
    }
}

static void every_signed_thing_changes_the_signature(void **state)
{
    struct {
        const char *url, *body, *region;
        int64_t at;
    } variants[] = {
        {"http://localhost/", "A=1", "r", 0},    {"http://localhost:81/", "A=1", "r", 0},
        {"http://localhost/p/", "A=1", "r", 0},  {"http://localhost/p%20q/", "A=1", "r", 0},
        {"http://localhost/", "A=2", "r", 0},    {"http://localhost/", "A=1", "s", 0},
        {"http://localhost/", "A=1", "r", 1000},
    };
    struct aws_credentials credentials = make_credentials(NULL);
    char seen[sizeof variants / sizeof variants[0]][80];

    (void)state;
    for (size_t i = 0; i < sizeof variants / sizeof variants[0]; i++) {
        struct ec2_signed out;
        assert_int_equal(ec2_sign(&out, variants[i].url, variants[i].body, 3, "ec2", variants[i].region, &credentials,
                                  (struct wall){variants[i].at}, NULL),
                         0);
        text_copy(seen[i], sizeof seen[i], strstr(out.authorization, "Signature="));
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(seen[j], seen[i]);
        ec2_signed_clear(&out);
    }
    drop_credentials(&credentials);
}

static void what_cannot_be_signed_faithfully_is_refused(void **state)
{
    static const char *const urls[] = {"",
                                       "ec2.example.com",
                                       "ftp://localhost/",
                                       "http://localhost/?a=b",
                                       "http://localhost/a/../b",
                                       "http://localhost/./",
                                       "http://localhost//",
                                       "http://user:pw@localhost/",
                                       "http://local host/"};
    struct aws_credentials credentials = make_credentials(NULL), odd = make_credentials("two\r\nlines");
    struct ec2_signed out;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++)
        if (ec2_sign(&out, urls[i], "", 0, "ec2", "r", &credentials, (struct wall){0}, &err) == 0)
            fail_msg("signed for %s", urls[i]);
    assert_int_equal(ec2_sign(&out, "http://localhost/", "", 0, "ec2", "r", &odd, (struct wall){0}, &err), -1);
    assert_null(strstr(err.text, "two"));
    assert_int_equal(ec2_sign(&out, "http://localhost/", "", 0, "ec2", "", &credentials, (struct wall){0}, &err), -1);
    drop_credentials(&credentials);
    drop_credentials(&odd);
}

static void forms_encode_all_but_the_unreserved(void **state)
{
    struct ec2_form form;

    (void)state;
    ec2_form_start(&form, "DescribeInstances");
    ec2_form_add(&form, "Filter.10.Name", " /:*~+%=&\xc3\xa9");
    ec2_form_add(&form, "Filter.2.Name", "");
    ec2_form_add_integer(&form, "MaxResults", 1000);
    ec2_form_add_bool(&form, "DryRun", true);
    assert_string_equal(buffer_text(&form.body),
                        "Action=DescribeInstances&Version=2016-11-15&Filter.10.Name=%20%2F%3A%2A~%2B%25%3D%26%C3%A9"
                        "&Filter.2.Name=&MaxResults=1000&DryRun=true");
    ec2_form_free(&form);
    ec2_form_start(&form, "GetCallerIdentity");
    assert_string_equal(buffer_text(&form.body), "Action=GetCallerIdentity&Version=2011-06-15");
    ec2_form_free(&form);
}

static void urls_are_cut_as_they_are_sent(void **state)
{
    struct url_parts parts;

    (void)state;
    assert_int_equal(url_split("https://TC.example.com/a%2Fb/c?d=e%20f", &parts, NULL), 0);
    assert_int_equal(parts.port, 443);
    assert_string_equal(parts.authority, parts.host);
    assert_string_equal(parts.path, "/a%2Fb/c");
    assert_string_equal(parts.query, "d=e%20f");
    assert_int_equal(url_split("http://[::1]:8080", &parts, NULL), 0);
    assert_string_equal(parts.authority, "[::1]:8080");
    assert_string_equal(parts.path, "/");
    assert_int_equal(url_split("http://localhost:80/", &parts, NULL), 0);
    assert_int_equal(parts.port, 80);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_suite_is_signed_as_published),
        cmocka_unit_test(a_signed_post_has_all_its_headers),
        cmocka_unit_test(a_session_token_is_sent_and_signed),
        cmocka_unit_test(a_json_post_signs_its_target),
        cmocka_unit_test(a_quota_is_read_and_nothing_else_is_one),
        cmocka_unit_test(every_signed_thing_changes_the_signature),
        cmocka_unit_test(what_cannot_be_signed_faithfully_is_refused),
        cmocka_unit_test(forms_encode_all_but_the_unreserved),
        cmocka_unit_test(urls_are_cut_as_they_are_sent),
    };
    return cmocka_run_group_tests_name("ec2 sign", tests, NULL, NULL);
}
