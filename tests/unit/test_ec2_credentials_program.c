/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_credentials_program.c: credential_process: how a command is cut into words, what the program gets and does
 * not get, and how it ends: in time, late, with too much to say. The secrets are markers, and no message may hold one.
 * Which profile leads where is compared with botocore in tests/conformance/test_credentials_botocore.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"
#include "test_ec2_environment.h"
#include "worker/ec2/credentials.h"
#include "worker/ec2/credentials_program.h"

#define MARKER "MARKERsecret"
#define GOOD "'{\"Version\": 1, \"AccessKeyId\": \"AKIDPROGRAM\", \"SecretAccessKey\": \"" MARKER "\"}'"

static struct loop *loop;
static struct program *program;
static char folder[64], path[128], problem[512];
static struct aws_credentials got;
static int answers;

/* ---- words ---- */

static void check_words(const char *command, const char *const *expected)
{
    char text[256], *words[5];
    int count = 0;

    text_copy(text, sizeof text, command);
    int result = program_cut_words(text, words, 4);
    if (!expected) {
        assert_int_equal(result, -1);
        return;
    }
    assert_int_equal(result, 0);
    for (; expected[count]; count++)
        assert_string_equal(words[count], expected[count]);
    assert_null(words[count]);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void a_command_is_cut_as_a_shell_would(void **state)
{
    (void)state;
    check_words("one", WORDS("one"));
    check_words("  one\ttwo ", WORDS("one", "two"));
    check_words("'one two' \"three four\"", WORDS("one two", "three four"));
    check_words("a'b c'd\"e f\"", WORDS("ab cde f"));
    check_words("'' x", WORDS("", "x"));
    check_words("a\\ b \\'", WORDS("a b", "'"));
    check_words("\"a\\\"b\\\\c\\d\"", WORDS("a\"b\\c\\d"));
    check_words("'a\\'", WORDS("a\\"));
    check_words("$HOME *", WORDS("$HOME", "*"));
    check_words("", NULL);
    check_words("   ", NULL);
    check_words("'open", NULL);
    check_words("open\\", NULL);
    check_words("1 2 3 4 5", NULL);
}

/* ---- programs ---- */

static void on_done(void *context, struct aws_credentials *fresh, const char *why)
{
    (void)context;
    answers++;
    text_copy(problem, sizeof problem, why);
    if (fresh)
        got = *fresh;
}

static void begin(const char *script, struct mono now)
{
    clear_environment();
    text_copy(folder, sizeof folder, "/tmp/provisiond-program-XXXXXX");
    assert_non_null(mkdtemp(folder));
    text_format(path, sizeof path, "%s/program", folder);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", script);
    fclose(file);
    chmod(path, 0700);
    assert_int_equal(loop_create(&loop, NULL), 0);
    program = program_create(loop, on_done, NULL);
    answers = 0;
    problem[0] = '\0';
    program_start(program, path, now);
}

static void wait_for_answer(struct mono now)
{
    struct mono limit = mono_add(clock_now(), SPAN_SECONDS(30));

    while (answers == 0 && !mono_reached(limit, clock_now())) {
        assert_int_equal(loop_wait(loop, mono_add(clock_now(), SPAN_MS(50)), NULL), 0);
        program_step(program, now);
    }
    assert_int_equal(answers, 1);
    assert_null(strstr(problem, MARKER));
}

static void end(void)
{
    program_destroy(&program);
    loop_destroy(&loop);
    aws_credentials_clear(&got);
    unlink(path);
    rmdir(folder);
}

static void what_it_says_is_taken(void **state)
{
    (void)state;
    begin("echo " GOOD, clock_now());
    wait_for_answer(clock_now());
    assert_string_equal(problem, "");
    assert_string_equal(got.access_key, "AKIDPROGRAM");
    assert_string_equal(secret_reveal(got.secret_key), MARKER);
    assert_null(got.session_token);
    assert_int_equal(got.expires.ms, 0);
    end();
}

/* It lists its descriptors: the shell's own, that of the script (which the shell keeps at 10 or above), and ls's. */
static void it_inherits_no_descriptor(void **state)
{
    int high = dup(STDERR_FILENO);

    (void)state;
    assert_true(high > STDERR_FILENO);
    begin("for fd in 3 4 5 6 7 8 9; do test -e /proc/self/fd/$fd && exit 9; done; cat; echo " GOOD, clock_now());
    wait_for_answer(clock_now());
    assert_string_equal(problem, "");
    close(high);
    end();
}

static void how_it_fails_is_said_without_its_words(void **state)
{
    static const struct {
        const char *script, *word;
    } cases[] = {{"echo " GOOD "; echo " MARKER " >&2; exit 3", "status 3"},
                 {"echo " MARKER, "not JSON"},
                 {"echo '\"" MARKER "\"'", "not JSON"},
                 {"echo '{\"Version\": 1, \"AccessKeyId\": \"" MARKER "\"}'", "lacks SecretAccessKey"},
                 {"echo '{\"Version\": 2}'", "Version"},
                 {"kill -9 $$", "signal 9"},
                 {"exec /nonexistent/program", "could not be started"},
                 {"while :; do echo 0123456789012345678901234567890123456789; done", "more than 65536 bytes"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        begin(cases[i].script, clock_now());
        wait_for_answer(clock_now());
        if (!strstr(problem, cases[i].word))
            fail_msg("\"%s\" instead of %s", problem, cases[i].word);
        end();
    }
}

static pid_t read_pid(const char *file)
{
    FILE *in = fopen(file, "re");
    int pid = 0;

    if (!in || fscanf(in, "%d", &pid) != 1)
        pid = 0;
    if (in)
        fclose(in);
    return pid;
}

static bool is_alive(pid_t pid)
{
    char file[64], state = 'X';

    text_format(file, sizeof file, "/proc/%d/stat", (int)pid);
    FILE *in = fopen(file, "re");
    if (in && fscanf(in, "%*d (%*[^)]) %c", &state) != 1)
        state = 'X';
    if (in)
        fclose(in);
    return !strchr("XZ", state);
}

/* Begins a script of which one command prints a pid, and returns that pid. */
static pid_t begin_and_read_pid(const char *printing, const char *then, struct mono now)
{
    struct mono limit = mono_add(clock_now(), SPAN_SECONDS(30));
    char mark[160] = "/tmp/provisiond-program-mark-XXXXXX", script[400];
    pid_t child = 0;

    close(mkstemp(mark));
    text_format(script, sizeof script, "%s > %s\n%s", printing, mark, then);
    begin(script, now);
    while ((child = read_pid(mark)) == 0 && !mono_reached(limit, clock_now()))
        program_step(program, now);
    unlink(mark);
    assert_true(child > 0);
    return child;
}

static void assert_gone(pid_t child)
{
    struct mono limit = mono_add(clock_now(), SPAN_SECONDS(30));

    while (is_alive(child) && !mono_reached(limit, clock_now()))
        usleep(1000);
    assert_false(is_alive(child));
}

static void one_that_hangs_is_killed_with_its_children(void **state)
{
    struct mono now = clock_now();
    pid_t child = begin_and_read_pid("sleep 600 &\necho $!", "wait", now);

    (void)state;
    program_step(program, mono_add(now, SPAN_SECONDS(59)));
    assert_int_equal(answers, 0);
    wait_for_answer(mono_add(now, SPAN_SECONDS(61)));
    assert_non_null(strstr(problem, "60 s"));
    assert_gone(child);
    end();
}

/* The helper ends while it runs: so does it. */
static void destroying_ends_it(void **state)
{
    pid_t child = begin_and_read_pid("echo $$", "exec sleep 600", clock_now());

    (void)state;
    end();
    assert_gone(child);
    assert_int_equal(answers, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_cut_as_a_shell_would),
        cmocka_unit_test(what_it_says_is_taken),
        cmocka_unit_test(it_inherits_no_descriptor),
        cmocka_unit_test(how_it_fails_is_said_without_its_words),
        cmocka_unit_test(one_that_hangs_is_killed_with_its_children),
        cmocka_unit_test(destroying_ends_it),
    };
    return cmocka_run_group_tests_name("ec2 credentials: programs", tests, NULL, NULL);
}
