/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_secret.c: secrets are copied, hidden from core files, and gone when destroyed. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/secret.h"

static void a_secret_is_a_copy(void **state)
{
    char mine[] = "hunter2";
    struct secret *secret = secret_create(mine, strlen(mine));
    struct secret *copy = secret_copy(secret);

    (void)state;
    secret_wipe(mine, sizeof mine);
    assert_int_equal(mine[0], 0);
    assert_string_equal(secret_reveal(secret), "hunter2");
    assert_int_equal(secret_size(secret), 7);
    errno = EIO;
    secret_destroy(&secret);
    assert_int_equal(errno, EIO);
    assert_null(secret);
    assert_string_equal(secret_reveal(copy), "hunter2");
    secret_destroy(&copy);
}

static void nothing_is_an_empty_secret(void **state)
{
    struct secret *none = NULL;
    struct secret *empty = secret_create(NULL, 0);

    (void)state;
    assert_string_equal(secret_reveal(none), "");
    assert_int_equal(secret_size(none), 0);
    assert_null(secret_copy(none));
    secret_destroy(&none);
    secret_destroy(NULL);
    assert_string_equal(secret_reveal(empty), "");
    secret_destroy(&empty);
    secret_wipe(NULL, 0);
}

static void bytes_may_hold_a_nul(void **state)
{
    struct secret *secret = secret_create("a\0b", 3);

    (void)state;
    assert_int_equal(secret_size(secret), 3);
    assert_memory_equal(secret_reveal(secret), "a\0b", 4);
    secret_destroy(&secret);
}

/* The flags that the kernel keeps for the mapping at `address`, from /proc/self/smaps. */
static void read_flags(const void *address, char *flags, size_t size)
{
    FILE *maps = fopen("/proc/self/smaps", "r");
    char line[512];
    int inside = 0;

    assert_non_null(maps);
    flags[0] = '\0';
    while (fgets(line, sizeof line, maps)) {
        unsigned long from, to;
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            inside = (unsigned long)address >= from && (unsigned long)address < to;
        else if (inside && strncmp(line, "VmFlags:", 8) == 0)
            snprintf(flags, size, "%s", line);
    }
    fclose(maps);
}

static void core_files_leave_it_out(void **state)
{
    struct secret *secret = secret_create("hunter2", 7);
    char flags[512];

    (void)state;
    read_flags(secret_reveal(secret), flags, sizeof flags);
    if (flags[0] == '\0') {
        secret_destroy(&secret);
        skip(); /* this kernel tells no flags */
    }
    assert_non_null(strstr(flags, " dd")); /* do not dump */
    secret_destroy(&secret);
}

static void the_environment_forgets_it(void **state)
{
    (void)state;
    setenv("PROVISIOND_TEST_SECRET", "hunter2", 1);
    char *place = getenv("PROVISIOND_TEST_SECRET");
    struct secret *secret = secret_from_environment("PROVISIOND_TEST_SECRET");
    assert_string_equal(secret_reveal(secret), "hunter2");
    assert_null(getenv("PROVISIOND_TEST_SECRET"));
    assert_memory_equal(place, "\0\0\0\0\0\0\0", 7); /* glibc keeps the text that setenv made */
    assert_null(secret_from_environment("PROVISIOND_TEST_SECRET"));
    secret_destroy(&secret);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_a_copy),         cmocka_unit_test(nothing_is_an_empty_secret),
        cmocka_unit_test(bytes_may_hold_a_nul),       cmocka_unit_test(core_files_leave_it_out),
        cmocka_unit_test(the_environment_forgets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
