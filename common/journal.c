/* SPDX-License-Identifier: MPL-2.0 */
/* journal.c: the queue between a loop and the thread that writes its journal; see journal.h.
 * Runs in: supervisor and type workers; write_all() and below on the journal's own thread. Entries are handed over
 * whole: each json_t is touched by one thread at a time. The lock is held for moments only, never during a write. */
#include "common/journal.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/journal_parts.h"
#include "common/text.h"

#define MOST_QUEUED 64
#define CLOSE_LIMIT_SECONDS 2

struct queued {
    json_t *entry;
    bool whole;
};

struct journal {
    struct journal_file file; /* the thread's */
    pthread_t thread;
    pthread_mutex_t lock; /* for all below */
    pthread_cond_t news;
    struct queued queue[MOST_QUEUED]; /* a ring */
    size_t first, count, wholes;      /* wholes: complete entries among them */
    bool want_whole, ends;
    bool behind; /* the queue was full, and is not empty again yet */
    char problem[256];
    struct mono try_again;
};

/* ---- the thread ---- */

/* False at the end. */
static bool take(struct journal *journal, struct queued *out)
{
    pthread_mutex_lock(&journal->lock);
    while (journal->count == 0 && !journal->ends)
        pthread_cond_wait(&journal->news, &journal->lock);
    bool some = journal->count > 0;
    if (some) {
        *out = journal->queue[journal->first];
        journal->first = (journal->first + 1) % MOST_QUEUED;
        journal->count--;
        journal->wholes -= out->whole;
    }
    pthread_mutex_unlock(&journal->lock);
    return some;
}

static void tell(struct journal *journal, int problem, bool full)
{
    pthread_mutex_lock(&journal->lock);
    if (problem)
        text_format(journal->problem, sizeof journal->problem, "%.200s: %s", journal->file.folder, strerror(problem));
    else
        journal->problem[0] = '\0';
    if (problem)
        journal->try_again = mono_add(clock_now(), JOURNAL_TRY_AGAIN);
    journal->want_whole |= problem || (full && journal->wholes == 0);
    pthread_mutex_unlock(&journal->lock);
}

/* 0, or the errno. What builds on an entry that was lost is of no use: it goes, too. */
static int write_entry(struct journal *journal, const struct queued *queued)
{
    struct journal_file *file = &journal->file;
    size_t size = 0;

    if (queued->whole && journal_file_begin(file) != 0)
        return errno;
    if (file->fd < 0)
        return 0;
    char *text = json_dumps(queued->entry, JSON_COMPACT | JSON_REAL_PRECISION(17));
    if (!text || !(size = strlen(text)))
        abort();
    text[size] = '\n'; /* in place of the NUL */
    int problem = journal_file_append(file, text, size + 1) == 0 ? 0 : errno;
    free(text);
    return problem;
}

static void *write_all(void *context)
{
    struct journal *journal = context;
    struct queued queued;

    while (take(journal, &queued)) {
        bool writes = queued.whole || journal->file.fd >= 0;
        int problem = write_entry(journal, &queued);
        json_decref(queued.entry);
        if (problem)
            journal_file_end(&journal->file);
        if (writes)
            tell(journal, problem, journal_file_full(&journal->file));
    }
    journal_file_end(&journal->file);
    return NULL;
}

/* ---- the loop's side ---- */

static int start_thread(struct journal *journal)
{
    sigset_t all, before;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int result = pthread_create(&journal->thread, NULL, write_all, journal);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return result;
}

static void destroy(struct journal *journal)
{
    for (; journal->count > 0; journal->count--) {
        json_decref(journal->queue[journal->first].entry);
        journal->first = (journal->first + 1) % MOST_QUEUED;
    }
    pthread_cond_destroy(&journal->news);
    pthread_mutex_destroy(&journal->lock);
    free(journal);
}

struct journal *journal_open(const struct journal_options *options, json_t *header, struct error *err)
{
    struct journal *journal = calloc(1, sizeof *journal);
    char *line = json_dumps(header, JSON_COMPACT);

    if (!journal || !line)
        abort();
    journal->file =
        (struct journal_file){.file_limit = options->file_limit, .total_limit = options->total_limit, .fd = -1};
    journal->want_whole = true;
    pthread_mutex_init(&journal->lock, NULL);
    pthread_cond_init(&journal->news, NULL);
    int result = text_copy(journal->file.folder, sizeof journal->file.folder, options->folder) != 0 ||
                         text_copy(journal->file.name, sizeof journal->file.name, options->name) != 0 ||
                         text_format(journal->file.header, sizeof journal->file.header, "%s\n", line) != 0
                     ? ENAMETOOLONG
                     : start_thread(journal);
    free(line);
    json_decref(header);
    if (result == 0)
        return journal;
    error_set(err, ERROR_LOCAL, "%s: no journal: %s", options->folder, strerror(result));
    destroy(journal);
    return NULL;
}

enum journal_wish journal_wish(struct journal *journal, struct mono now)
{
    pthread_mutex_lock(&journal->lock);
    bool waits = journal->problem[0] && !mono_reached(journal->try_again, now);
    if (journal->count == 0 || journal->count == MOST_QUEUED)
        journal->behind = journal->count > 0;
    bool behind = waits || journal->behind;
    journal->want_whole |= behind;
    bool whole = journal->want_whole;
    pthread_mutex_unlock(&journal->lock);
    return behind ? JOURNAL_NOTHING : whole ? JOURNAL_WHOLE : JOURNAL_CHANGE;
}

void journal_add(struct journal *journal, json_t *entry, bool whole)
{
    pthread_mutex_lock(&journal->lock);
    bool takes = journal->count < MOST_QUEUED;
    if (takes) {
        journal->queue[(journal->first + journal->count) % MOST_QUEUED] = (struct queued){entry, whole};
        journal->count++;
        journal->wholes += whole;
        pthread_cond_signal(&journal->news);
    }
    journal->want_whole = takes ? journal->want_whole && !whole : true;
    pthread_mutex_unlock(&journal->lock);
    if (!takes)
        json_decref(entry);
}

bool journal_problem(struct journal *journal, char *out, size_t size)
{
    pthread_mutex_lock(&journal->lock);
    bool wrong = journal->problem[0] != '\0';
    text_copy(out, size, journal->problem);
    pthread_mutex_unlock(&journal->lock);
    return wrong;
}

void journal_close(struct journal **journal)
{
    struct timespec limit;

    if (!*journal)
        return;
    pthread_mutex_lock(&(*journal)->lock);
    (*journal)->ends = true;
    pthread_cond_signal(&(*journal)->news);
    pthread_mutex_unlock(&(*journal)->lock);
    clock_gettime(CLOCK_REALTIME, &limit);
    limit.tv_sec += CLOSE_LIMIT_SECONDS;
    if (pthread_timedjoin_np((*journal)->thread, NULL, &limit) == 0)
        destroy(*journal); /* else a disk hangs: the process ends without it */
    *journal = NULL;
}
