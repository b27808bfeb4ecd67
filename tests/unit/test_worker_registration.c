/* SPDX-License-Identifier: MPL-2.0 */
/* test_worker_registration.c: the secrets that instances show worker-manager: golden values made with openssl(1), as
 * the boot snippet of docs/registration.md makes them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "worker/registration_secret.h"

/* printf %s pd-0385ad0f1f4668dd-7 | openssl dgst -sha256 -hmac key-of-32-bytes-and-not-one-less
 * printf %s i-0123456789abcdef0 | openssl dgst -sha256 -hmac GRANT -binary | base64 | tr '+/=' '-_A' */
#define GRANT_SECRET "d813d21b9eb6df03ca5b20df03dd13eea27e0d34fdc0feb1c9761cc8a4f8260e"
#define STATIC_SECRET "6f-BJHNp2vogT0omzMvp_cMcIfKyciAjJhizRoW5nWEA"

static void secrets_are_what_openssl_makes(void **state)
{
    struct secret *key = secret_create("key-of-32-bytes-and-not-one-less", 32);
    struct secret *grant = registration_grant_secret(key, "pd-0385ad0f1f4668dd-7");
    struct secret *first = registration_static_secret(grant, "i-0123456789abcdef0");

    (void)state;
    assert_string_equal(secret_reveal(grant), GRANT_SECRET);
    assert_string_equal(secret_reveal(first), STATIC_SECRET);
    assert_int_equal(secret_size(first), STATIC_SECRET_LENGTH);
    secret_destroy(&key);
    secret_destroy(&grant);
    secret_destroy(&first);
}

static void another_grant_or_instance_has_another_secret(void **state)
{
    struct secret *key = secret_create("key-of-32-bytes-and-not-one-less", 32);
    struct secret *grant = registration_grant_secret(key, "pd-0385ad0f1f4668dd-8");
    struct secret *other = registration_static_secret(grant, "i-0123456789abcdef0");
    struct secret *another = registration_static_secret(grant, "i-0123456789abcdef1");

    (void)state;
    assert_string_not_equal(secret_reveal(grant), GRANT_SECRET);
    assert_string_not_equal(secret_reveal(other), STATIC_SECRET);
    assert_string_not_equal(secret_reveal(other), secret_reveal(another));
    assert_int_equal(strspn(secret_reveal(another), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"),
                     STATIC_SECRET_LENGTH);
    secret_destroy(&key);
    secret_destroy(&grant);
    secret_destroy(&other);
    secret_destroy(&another);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_are_what_openssl_makes),
        cmocka_unit_test(another_grant_or_instance_has_another_secret),
    };
    return cmocka_run_group_tests_name("registration secrets", tests, NULL, NULL);
}
