/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_journal.c: the writer of the decision journal: files that can be read alone, the bound of the folder with
 * several writers, and a disk that fails or is full. */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/journal.h"
#include "common/text.h"

#define FILE_LIMIT 65536
#define STEP 65536 /* what each writer may add before it looks */

struct scene {
    char folder[64];
    int64_t number;
};

static int set_up(void **state)
{
    struct scene *scene = calloc(1, sizeof *scene);

    strcpy(scene->folder, "/tmp/pd-journal-XXXXXX");
    assert_non_null(mkdtemp(scene->folder));
    *state = scene;
    return 0;
}

static int count_files(const struct scene *scene, int64_t *total, const char *prefix)
{
    DIR *folder = opendir(scene->folder);
    struct dirent *entry;
    int count = 0;

    *total = 0;
    while (folder && (entry = readdir(folder))) {
        struct stat status;
        if (strstr(entry->d_name, ".jsonl") && fstatat(dirfd(folder), entry->d_name, &status, 0) == 0) {
            count += text_starts(entry->d_name, prefix);
            *total += status.st_size;
        }
    }
    if (folder)
        closedir(folder);
    return count;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    char command[128];

    (void)text_format(command, sizeof command, "rm -rf '%s'", scene->folder);
    int result = system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): its own folder, one thread */
    free(scene);
    return result;
}

static struct journal *open_one(struct scene *scene, const char *name, int64_t total)
{
    struct error err;
    struct journal *journal = journal_open(
        &(struct journal_options){
            .folder = scene->folder, .name = name, .file_limit = FILE_LIMIT, .total_limit = total},
        json_pack("{s:s}", "journal", "test"), &err);

    assert_non_null(journal);
    return journal;
}

/* About 1 KB. */
static void add_as(struct scene *scene, struct journal *journal, enum journal_wish wish)
{
    char filling[1000];

    memset(filling, 'x', sizeof filling - 1);
    filling[sizeof filling - 1] = '\0';
    journal_add(journal,
                json_pack("{s:I, s:b, s:s}", "number", (json_int_t)++scene->number, "whole", wish == JOURNAL_WHOLE,
                          "filling", filling),
                wish == JOURNAL_WHOLE);
}

/* Waits while the writer is behind, for at most a minute. */
static enum journal_wish add_one(struct scene *scene, struct journal *journal)
{
    enum journal_wish wish;

    for (int i = 0; (wish = journal_wish(journal, clock_now())) == JOURNAL_NOTHING && i < 60000; i++)
        usleep(1000);
    assert_int_not_equal(wish, JOURNAL_NOTHING);
    add_as(scene, journal, wish);
    return wish;
}

/* Each line is JSON; the first is the header, the second is complete, and the numbers go up one by one. */
static void check_file(const char *path)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    json_int_t last = 0;

    assert_non_null(file);
    for (int i = 0; fgets(line, sizeof line, file); i++) {
        json_t *entry = json_loads(line, 0, NULL);
        assert_non_null(entry);
        assert_int_equal(line[strlen(line) - 1], '\n');
        json_int_t number = json_integer_value(json_object_get(entry, "number"));
        if (i == 0)
            assert_string_equal(json_string_value(json_object_get(entry, "journal")), "test");
        else
            assert_int_equal(json_is_true(json_object_get(entry, "whole")), i == 1);
        if (i > 1)
            assert_int_equal(number, last + 1);
        last = number;
        json_decref(entry);
    }
    fclose(file);
}

static void check_files(const struct scene *scene)
{
    DIR *folder = opendir(scene->folder);
    struct dirent *entry;
    char path[400];

    while ((entry = readdir(folder)))
        if (strstr(entry->d_name, ".jsonl")) {
            (void)text_format(path, sizeof path, "%s/%s", scene->folder, entry->d_name);
            check_file(path);
        }
    closedir(folder);
}

static void each_file_can_be_read_alone_and_the_folder_is_bounded(void **state)
{
    struct scene *scene = *state;
    struct journal *journal = open_one(scene, "a", 5 * FILE_LIMIT);
    int64_t total, most = 0;
    int wholes = 0;

    for (int i = 0; i < 2000; i++) {
        wholes += add_one(scene, journal) == JOURNAL_WHOLE;
        if (i % 20 == 0) {
            (void)count_files(scene, &total, "a-");
            most = total > most ? total : most;
        }
    }
    journal_close(&journal);
    int files = count_files(scene, &total, "a-");
    print_message("2,000,000 bytes in %d files' worth; %d files and %lld bytes are left, at most %lld were there\n",
                  wholes, files, (long long)total, (long long)most);
    assert_true(wholes >= 6);
    assert_in_range(files, 2, 8);
    assert_in_range(most, 2 * FILE_LIMIT, 5 * FILE_LIMIT + STEP);
    check_files(scene);
}

/* A file that somebody writes stays, however old it is; when that alone is too much, its writer begins a new one. */
static void writers_leave_each_other_alone(void **state)
{
    struct scene *scene = *state;
    struct journal *quiet = open_one(scene, "quiet", 2 * FILE_LIMIT), *busy = open_one(scene, "busy", 2 * FILE_LIMIT);
    int64_t total;

    add_one(scene, quiet);
    for (int i = 0; count_files(scene, &total, "quiet-") == 0 && i < 60000; i++)
        usleep(1000);
    for (int i = 0; i < 500; i++)
        add_one(scene, busy);
    assert_int_equal(count_files(scene, &total, "quiet-"), 1);
    journal_close(&quiet);
    for (int i = 0; i < 500; i++)
        add_one(scene, busy);
    journal_close(&busy);
    assert_int_equal(count_files(scene, &total, "quiet-"), 0);
    assert_in_range(total, 1, 2 * FILE_LIMIT + STEP);
}

static bool wait_for_problem(struct journal *journal, char *problem, size_t size)
{
    for (int i = 0; i < 60000; i++) {
        if (journal_problem(journal, problem, size))
            return true;
        usleep(1000);
    }
    return false;
}

static void a_full_disk_stops_only_the_journal(void **state)
{
    struct scene *scene = *state;
    struct journal *journal = open_one(scene, "full", 20 * FILE_LIMIT);
    struct rlimit before, small = {.rlim_cur = 20500};
    char problem[256] = "";
    enum journal_wish wish;

    getrlimit(RLIMIT_FSIZE, &before);
    small.rlim_max = before.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0); /* a write is cut in the middle, the next one fails */
    for (int i = 0; i < 40 && (wish = journal_wish(journal, clock_now())) != JOURNAL_NOTHING; i++)
        add_as(scene, journal, wish);
    assert_true(wait_for_problem(journal, problem, sizeof problem));
    print_message("%s\n", problem);
    assert_int_equal(journal_wish(journal, clock_now()), JOURNAL_NOTHING);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    struct mono later = mono_add(clock_now(), JOURNAL_TRY_AGAIN);
    assert_int_equal(journal_wish(journal, mono_add(later, SPAN_SECONDS(1))), JOURNAL_WHOLE);
    journal_add(journal, json_pack("{s:I, s:b}", "number", (json_int_t)++scene->number, "whole", 1), true);
    for (int i = 0; journal_problem(journal, problem, sizeof problem) && i < 60000; i++)
        usleep(1000);
    assert_false(journal_problem(journal, problem, sizeof problem));
    journal_close(&journal);
    int64_t total;
    assert_int_equal(count_files(scene, &total, "full-"), 2);
    check_files(scene); /* no half line is left */
}

static void a_folder_that_cannot_be_is_a_problem_and_no_more(void **state)
{
    struct scene *scene = *state;
    struct scene nowhere = {.folder = "/dev/null/journal"};
    struct journal *journal = open_one(&nowhere, "x", 5 * FILE_LIMIT);
    char problem[256];

    add_one(scene, journal);
    assert_true(wait_for_problem(journal, problem, sizeof problem));
    assert_non_null(strstr(problem, "Not a directory"));
    journal_close(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_file_can_be_read_alone_and_the_folder_is_bounded, set_up, tear_down),
        cmocka_unit_test_setup_teardown(writers_leave_each_other_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_full_disk_stops_only_the_journal, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_is_a_problem_and_no_more, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
