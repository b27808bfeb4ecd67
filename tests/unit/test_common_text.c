/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_text.c: bounded formatting, the buffer, and encodings and digests against published vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/text.h"

static void formatting_says_when_it_cut(void **state)
{
    char text[8];

    (void)state;
    assert_int_equal(text_format(text, sizeof text, "%s", "1234567"), 0);
    assert_string_equal(text, "1234567");
    assert_int_equal(text_format(text, sizeof text, "%s", "12345678"), -1);
    assert_string_equal(text, "1234567");
}

static void copying_says_when_it_cut(void **state)
{
    char text[4] = "xyz";

    (void)state;
    assert_int_equal(text_copy(text, sizeof text, "abc"), 0);
    assert_string_equal(text, "abc");
    assert_int_equal(text_copy(text, sizeof text, "abcd"), -1);
    assert_string_equal(text, "abc");
    assert_int_equal(text_copy(text, sizeof text, NULL), 0);
    assert_string_equal(text, "");
    assert_int_equal(text_copy(text, 0, "a"), -1);
}

static void texts_are_compared(void **state)
{
    (void)state;
    assert_true(text_equal("a", "a"));
    assert_false(text_equal("a", "b"));
    assert_true(text_equal(NULL, NULL));
    assert_false(text_equal(NULL, ""));
    assert_false(text_equal("", NULL));
    assert_true(text_starts("abc", "ab"));
    assert_true(text_starts("abc", ""));
    assert_false(text_starts("ab", "abc"));
    assert_false(text_starts(NULL, "a"));
}

static void a_buffer_grows_and_is_always_terminated(void **state)
{
    struct buffer buffer = {0};

    (void)state;
    assert_string_equal(buffer_text(&buffer), "");
    buffer_add(&buffer, "", 0);
    assert_string_equal(buffer_text(&buffer), "");
    for (int i = 0; i < 1000; i++) {
        buffer_print(&buffer, "%d,", i);
        assert_int_equal(strlen(buffer_text(&buffer)), buffer.size);
    }
    buffer_add(&buffer, "a\0b", 3);
    assert_memory_equal(buffer.bytes + buffer.size - 3, "a\0b", 4);
    buffer_clear(&buffer);
    assert_string_equal(buffer_text(&buffer), "");
    assert_int_equal(buffer.size, 0);
    buffer_print(&buffer, "%s", "again");
    assert_string_equal(buffer_text(&buffer), "again");
    buffer_free(&buffer);
    assert_null(buffer.bytes);
    buffer_free(&buffer);
    buffer_free(NULL);
}

static void url_encoding_spares_the_unreserved_only(void **state)
{
    struct buffer out = {0};

    (void)state;
    text_url_encode(&out, "AZaz09-._~ /+=&?%*!'()\xc3\xa9\n");
    assert_string_equal(buffer_text(&out), "AZaz09-._~%20%2F%2B%3D%26%3F%25%2A%21%27%28%29%C3%A9%0A");
    buffer_free(&out);
}

/* RFC 4648, section 10. */
static void base64_matches_its_vectors(void **state)
{
    static const char *const known[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct buffer out = {0};
        text_base64(&out, known[i][0], strlen(known[i][0]));
        assert_string_equal(buffer_text(&out), known[i][1]);
        buffer_free(&out);
    }
}

static void base64_has_no_seams_between_its_pieces(void **state)
{
    static char zeros[768 * 3 + 1];
    struct buffer out = {0};

    (void)state;
    text_base64(&out, zeros, sizeof zeros);
    assert_int_equal(out.size, (sizeof zeros + 2) / 3 * 4);
    assert_int_equal(strspn(buffer_text(&out), "A"), out.size - 2);
    assert_string_equal(buffer_text(&out) + out.size - 2, "==");
    buffer_free(&out);
}

/* FIPS 180 example; RFC 4231, cases 2 and 6. */
static void digests_match_their_vectors(void **state)
{
    unsigned char raw[32], key[131];
    char hex[65];

    (void)state;
    text_sha256("abc", 3, raw);
    text_hex(raw, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    text_sha256("", 0, raw);
    text_hex(raw, 32, hex);
    assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    text_hmac_sha256("Jefe", 4, "what do ya want for nothing?", 28, raw);
    text_hex(raw, 32, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    text_hmac_sha256(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", 54, raw);
    text_hex(raw, 32, hex);
    assert_string_equal(hex, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    text_hmac_sha256(NULL, 0, "", 0, raw);
    text_hex(raw, 32, hex);
    assert_string_equal(hex, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void random_texts_are_hex_and_differ(void **state)
{
    char first[201], second[201];

    (void)state;
    text_random_hex(100, first);
    text_random_hex(100, second);
    assert_int_equal(strlen(first), 200);
    assert_int_equal(strspn(first, "0123456789abcdef"), 200);
    assert_string_not_equal(first, second);
    text_random_hex(0, first);
    assert_string_equal(first, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formatting_says_when_it_cut),
        cmocka_unit_test(copying_says_when_it_cut),
        cmocka_unit_test(texts_are_compared),
        cmocka_unit_test(a_buffer_grows_and_is_always_terminated),
        cmocka_unit_test(url_encoding_spares_the_unreserved_only),
        cmocka_unit_test(base64_matches_its_vectors),
        cmocka_unit_test(base64_has_no_seams_between_its_pieces),
        cmocka_unit_test(digests_match_their_vectors),
        cmocka_unit_test(random_texts_are_hex_and_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
