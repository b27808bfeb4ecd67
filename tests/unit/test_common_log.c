/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_log.c: lines are whole, safe and never block; repetitions are held back. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/log.h"
#include "common/log_repeat.h"

/* stderr of the test, replaced by one end of a pipe or of a socket pair; the other end is read here. */
static int real_stderr = -1, reader = -1;

static void replace_stderr(int ends[2])
{
    fflush(stderr);
    real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
    assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    close(ends[1]);
    reader = ends[0];
    assert_int_equal(fcntl(reader, F_SETFL, O_NONBLOCK), 0);
}

static int set_up(void **state)
{
    int ends[2];

    (void)state;
    alarm(60); /* a write that blocks ends the test program */
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends);
    log_open("worker", LOG_INFO_LEVEL);
    return 0;
}

static void restore_stderr(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    close(reader);
}

static int tear_down(void **state)
{
    (void)state;
    restore_stderr();
    log_context("type", NULL);
    return 0;
}

/* All that was written so far. */
static const char *taken(void)
{
    static char text[1 << 20];
    size_t used = 0;
    ssize_t got;

    while (used < sizeof text - 1 && (got = read(reader, text + used, sizeof text - 1 - used)) > 0)
        used += (size_t)got;
    text[used] = '\0';
    return text;
}

static int count_of(const char *text, const char *word)
{
    int count = 0;

    for (; (text = strstr(text, word)); text += strlen(word))
        count++;
    return count;
}

static void a_line_has_its_parts_in_order(void **state)
{
    char expected[128];

    (void)state;
    log_context("type", "desktop-test");
    log_info("launch.failed", "grant=%d code=%s", 12, "InvalidAMIID.NotFound");
    const char *line = taken();
    assert_memory_equal(line, "time=20", 7);
    snprintf(expected, sizeof expected,
             " level=info process=worker type=desktop-test pid=%d event=launch.failed grant=12 "
             "code=InvalidAMIID.NotFound\n",
             (int)getpid());
    assert_string_equal(strchr(line, ' '), expected);
}

static void context_is_replaced_and_removed(void **state)
{
    (void)state;
    log_context("type", "a");
    log_context("type", "two words");
    log_info("x", "n=1");
    assert_non_null(strstr(taken(), " type=\"two words\" pid="));
    log_context("type", NULL);
    log_context("never-there", NULL);
    log_info("x", "n=1");
    assert_null(strstr(taken(), "type="));
}

static void context_holds_eight_keys(void **state)
{
    char key[8];

    (void)state;
    for (int i = 0; i < 9; i++) {
        snprintf(key, sizeof key, "k%d", i);
        log_context(key, "v");
    }
    log_info("x", "n=1");
    const char *line = taken();
    assert_non_null(strstr(line, " k7=v"));
    assert_null(strstr(line, " k8=v"));
    for (int i = 0; i < 9; i++) {
        snprintf(key, sizeof key, "k%d", i);
        log_context(key, NULL);
    }
}

static void levels_below_the_least_are_left_out(void **state)
{
    enum log_level level;

    (void)state;
    log_debug("x", "n=%d", 1);
    assert_string_equal(taken(), "");
    assert_int_equal(log_level_parse("debug", &level), 0);
    log_set_level(level);
    log_debug("x", "n=%d", 1);
    assert_non_null(strstr(taken(), "level=debug"));
    assert_int_equal(log_level_parse("fatal", &level), -1);
    assert_int_equal(log_level_parse(NULL, &level), -1);
}

static void a_value_cannot_begin_a_line(void **state)
{
    (void)state;
    log_warn("x", "answer=%s", "a\nlevel=error\r\x1b[31m");
    const char *line = taken();
    assert_int_equal(count_of(line, "\n"), 1);
    assert_non_null(strstr(line, "answer=a level=error  [31m\n"));
}

static void long_lines_are_cut_to_what_a_pipe_takes_whole(void **state)
{
    static char value[20000];

    (void)state;
    memset(value, 'v', sizeof value - 1);
    log_info("x", "value=%s", value);
    const char *line = taken();
    assert_int_equal(strlen(line), 4096);
    assert_string_equal(line + 4096 - 5, "v...\n");
}

static void values_are_quoted_when_they_must_be(void **state)
{
    static char value[3000];

    (void)state;
    assert_string_equal(log_quote("plain-1.2/3"), "plain-1.2/3");
    assert_string_equal(log_quote("two words"), "\"two words\"");
    assert_string_equal(log_quote("say \"hi\"\\\n\x01"), "\"say \\\"hi\\\"\\\\\\n?\"");
    assert_string_equal(log_quote("a=b"), "\"a=b\"");
    assert_string_equal(log_quote(""), "\"\"");
    assert_string_equal(log_quote(NULL), "\"\"");
    const char *first = log_quote("1"), *second = log_quote("2"), *third = log_quote("3"), *fourth = log_quote("4");
    assert_string_equal(first, "1");
    assert_string_equal(second, "2");
    assert_string_equal(third, "3");
    assert_string_equal(fourth, "4");
    memset(value, '"', sizeof value - 1);
    assert_in_range(strlen(log_quote(value)), 1000, 1032);
    memset(value, 'a', sizeof value - 1);
    value[1023] = '\xc3'; /* a character that lies across the cut goes as a whole */
    value[1024] = '\xa9';
    assert_string_equal(log_quote(value) + 1020, "aaa...");
}

/* Fills what stands behind stderr, writes, empties it and writes again. */
static void check_full_target(void)
{
    char kilobyte[1024];
    int flags = fcntl(STDERR_FILENO, F_GETFL);

    memset(kilobyte, 'x', sizeof kilobyte);
    assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK), 0);
    while (write(STDERR_FILENO, kilobyte, sizeof kilobyte) > 0)
        ;
    assert_int_equal(fcntl(STDERR_FILENO, F_SETFL, flags), 0);
    log_info("lost.first", "n=1");
    log_info("lost.second", "n=2");
    assert_int_equal(fcntl(STDERR_FILENO, F_GETFL), flags); /* shared with others: not ours to change */
    assert_null(strstr(taken(), "lost."));
    log_info("after", "n=3");
    assert_non_null(strstr(taken(), "event=after dropped=2 n=3\n"));
    log_info("later", "n=4");
    assert_null(strstr(taken(), "dropped="));
}

static void a_full_pipe_loses_lines_and_counts_them(void **state)
{
    (void)state;
    check_full_target();
}

static void a_full_socket_loses_lines_and_counts_them(void **state)
{
    int ends[2];

    (void)state;
    restore_stderr();
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    replace_stderr(ends);
    check_full_target();
}

static void a_reader_that_is_gone_kills_nobody(void **state)
{
    int ends[2];

    (void)state;
    close(reader);
    log_info("x", "n=1"); /* SIGPIPE has its default action here */
    restore_stderr();
    assert_int_equal(pipe(ends), 0);
    replace_stderr(ends);
    log_info("x", "n=2");
    assert_non_null(strstr(taken(), "dropped=1"));
}

static void repetitions_are_held_back_until_the_state_differs(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++)
        log_repeating(LOG_WARN_LEVEL, "queue.down", "root-a", "503", "n=%d", i);
    log_repeating(LOG_WARN_LEVEL, "queue.down", "root-b", "503", "other=1");
    log_repeating(LOG_WARN_LEVEL, "queue.down", "root-a", "timeout", "n=5");
    const char *lines = taken();
    assert_int_equal(count_of(lines, "\n"), 3);
    assert_non_null(strstr(lines, "event=queue.down n=0\n"));
    assert_non_null(strstr(lines, "event=queue.down other=1\n"));
    assert_non_null(strstr(lines, "event=queue.down repeats=4 n=5\n"));
}

static void an_hour_later_it_is_said_again(void **state)
{
    static struct log_repeat_table table;
    struct mono start = {INT64_C(1000000)};
    int64_t repeats = -1;

    (void)state;
    assert_true(log_repeat_due(&table, "e", "k", "s", start, &repeats));
    assert_int_equal(repeats, 0);
    for (int minute = 1; minute < 60; minute++)
        assert_false(log_repeat_due(&table, "e", "k", "s", mono_add(start, SPAN_SECONDS(60 * minute)), &repeats));
    assert_true(log_repeat_due(&table, "e", "k", "s", mono_add(start, SPAN_SECONDS(3600)), &repeats));
    assert_int_equal(repeats, 59);
    assert_false(log_repeat_due(&table, "e", "k", "s", mono_add(start, SPAN_SECONDS(7199)), &repeats));
    /* Names are told apart where they meet. */
    assert_true(log_repeat_due(&table, "ek", "", "s", start, &repeats));
    assert_true(log_repeat_due(&table, "", "ek", "s", start, &repeats));
}

static void the_repeat_table_forgets_what_was_not_seen_for_longest(void **state)
{
    static struct log_repeat_table table;
    int64_t repeats;
    char key[16];

    (void)state;
    for (int i = 0; i < LOG_REPEAT_ENTRIES; i++) {
        snprintf(key, sizeof key, "%d", i);
        assert_true(log_repeat_due(&table, "e", key, "s", (struct mono){1000 + i}, &repeats));
    }
    assert_false(log_repeat_due(&table, "e", "0", "s", (struct mono){5000}, &repeats)); /* seen anew */
    assert_true(log_repeat_due(&table, "e", "one more", "s", (struct mono){5001}, &repeats));
    assert_false(log_repeat_due(&table, "e", "0", "s", (struct mono){5002}, &repeats));
    assert_true(log_repeat_due(&table, "e", "1", "s", (struct mono){5003}, &repeats)); /* it had made room */
}

static void child_lines_pass_or_are_wrapped(void **state)
{
    static const char ours[] = "time=2016-07-21T20:06:00.000Z level=info process=worker type=a pid=7 event=x n=1";
    char expected[200];

    (void)state;
    log_child_line("type a", 77, ours);
    snprintf(expected, sizeof expected, "%s\n", ours);
    assert_string_equal(taken(), expected);
    log_child_line("type a", 77, "Assertion \"x\" failed\n");
    assert_non_null(strstr(taken(), "level=warn process=worker pid=77 event=child.said child=\"type a\" "
                                    "text=\"Assertion \\\"x\\\" failed\"\n"));
    log_child_line("a", 77, "time=now level=info but not ours");
    assert_non_null(strstr(taken(), "event=child.said child=a text="));
}

static void in_child(void (*function)(void), int *status)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0, 0};
        setrlimit(RLIMIT_CORE, &none);
        function();
        _exit(99);
    }
    assert_int_equal(waitpid(child, status, 0), child);
}

static void be_fatal(void)
{
    log_fatal("config.bad", "file=%s", "x");
}

static void panic(void)
{
    signal(SIGABRT, SIG_DFL); /* cmocka and the sanitizers catch it */
    log_panic("bug", "n=%d", 1);
}

static void faults_end_the_process_as_they_say(void **state)
{
    int status;

    (void)state;
    in_child(be_fatal, &status);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 2);
    assert_non_null(strstr(taken(), "level=fatal"));
    in_child(panic, &status);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(taken(), "level=panic"));
}

#define LOG_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(a_line_has_its_parts_in_order),
        LOG_TEST(context_is_replaced_and_removed),
        LOG_TEST(context_holds_eight_keys),
        LOG_TEST(levels_below_the_least_are_left_out),
        LOG_TEST(a_value_cannot_begin_a_line),
        LOG_TEST(long_lines_are_cut_to_what_a_pipe_takes_whole),
        LOG_TEST(values_are_quoted_when_they_must_be),
        LOG_TEST(a_full_pipe_loses_lines_and_counts_them),
        LOG_TEST(a_full_socket_loses_lines_and_counts_them),
        LOG_TEST(a_reader_that_is_gone_kills_nobody),
        LOG_TEST(repetitions_are_held_back_until_the_state_differs),
        cmocka_unit_test(an_hour_later_it_is_said_again),
        cmocka_unit_test(the_repeat_table_forgets_what_was_not_seen_for_longest),
        LOG_TEST(child_lines_pass_or_are_wrapped),
        LOG_TEST(faults_end_the_process_as_they_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
