/* SPDX-License-Identifier: MPL-2.0 */
/* journal_file.c: the journal's files and the bound of their folder; see journal.h.
 * Runs in: the journal's thread. Owns: the open file, with a lock on it that tells other writers to leave it alone. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/journal_parts.h"
#include "common/text.h"

#define LOOK_EVERY 65536 /* bytes: what each writer may add before it looks at the folder again */
#define FILE_MODE 0600
#define FOLDER_MODE 0700

/* ---- the folder ---- */

struct old_file {
    char name[256];
    int64_t size;
    struct timespec changed;
};

static int compare_ages(const void *left, const void *right)
{
    const struct old_file *a = left, *b = right;

    if (a->changed.tv_sec != b->changed.tv_sec)
        return a->changed.tv_sec < b->changed.tv_sec ? -1 : 1;
    if (a->changed.tv_nsec != b->changed.tv_nsec)
        return a->changed.tv_nsec < b->changed.tv_nsec ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool is_journal(const char *name)
{
    size_t length = strlen(name);

    return name[0] != '.' && length > 6 && strcmp(name + length - 6, ".jsonl") == 0;
}

/* All journal files with their sizes; the caller frees. */
static struct old_file *list_files(DIR *folder, size_t *count, int64_t *total)
{
    struct old_file *files = NULL;
    size_t room = 0;
    const struct dirent *entry;
    struct stat status;

    *count = 0;
    *total = 0;
    while ((entry = readdir(folder)) != NULL) {
        if (!is_journal(entry->d_name) || fstatat(dirfd(folder), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0 ||
            !S_ISREG(status.st_mode))
            continue;
        if (*count == room) {
            room = room ? room * 2 : 64;
            files = realloc(files, room * sizeof *files);
            if (!files)
                abort();
        }
        struct old_file *file = &files[(*count)++];
        text_copy(file->name, sizeof file->name, entry->d_name);
        file->size = status.st_size;
        file->changed = status.st_mtim;
        *total += status.st_size;
    }
    return files;
}

/* True when it is gone. A file that somebody writes stays. */
static bool remove_unused(int folder, const char *name)
{
    int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    bool gone = fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && unlinkat(folder, name, 0) == 0;

    if (fd >= 0)
        close(fd);
    return gone;
}

/* Removes the oldest files until `limit` is kept; returns how much is left. */
static int64_t keep_bound(const char *path, int64_t limit)
{
    DIR *folder = opendir(path);
    int64_t total;
    size_t count;

    if (!folder)
        return 0;
    struct old_file *files = list_files(folder, &count, &total);
    if (total > limit && count > 0) {
        qsort(files, count, sizeof *files, compare_ages);
        for (size_t i = 0; i < count && total > limit; i++)
            if (remove_unused(dirfd(folder), files[i].name))
                total -= files[i].size;
    }
    free(files);
    closedir(folder);
    return total;
}

/* ---- the file ---- */

static int append(struct journal_file *file, const char *text, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t written = write(file->fd, text + done, size - done);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -1;
        done += (size_t)written;
    }
    file->size += (int64_t)size;
    return 0;
}

int journal_file_append(struct journal_file *file, const char *line, size_t size)
{
    if (append(file, line, size) == 0)
        return 0;
    int saved = errno;
    if (ftruncate(file->fd, file->size) != 0) /* a full disk lets a file shrink */
        saved = errno;
    errno = saved;
    return -1;
}

static int open_next(struct journal_file *file)
{
    char stamp[40], path[1024];

    wall_format(clock_wall(), stamp, sizeof stamp);
    for (char *at = stamp; *at; at++) /* "2016-07-21T20:06:00.000Z" -> "20160721T200600.000Z" */
        while (*at == '-' || *at == ':')
            memmove(at, at + 1, strlen(at));
    if (text_format(path, sizeof path, "%s/%s-%s-%04lld.jsonl", file->folder, file->name, stamp,
                    (long long)++file->number) != 0) {
        errno = ENAMETOOLONG;
        return -1;
    }
    file->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    return file->fd < 0 ? -1 : flock(file->fd, LOCK_EX | LOCK_NB);
}

int journal_file_begin(struct journal_file *file)
{
    journal_file_end(file);
    file->size = file->looked = 0;
    if (mkdir(file->folder, FOLDER_MODE) != 0 && errno != EEXIST)
        return -1;
    (void)keep_bound(file->folder, file->total_limit - (file->total_limit < LOOK_EVERY ? 0 : LOOK_EVERY));
    if (open_next(file) != 0)
        return -1;
    return journal_file_append(file, file->header, strlen(file->header));
}

bool journal_file_full(struct journal_file *file)
{
    if (file->fd < 0 || file->size >= file->file_limit)
        return true;
    if (file->size - file->looked < LOOK_EVERY)
        return false;
    file->looked = file->size;
    return keep_bound(file->folder, file->total_limit) > file->total_limit;
}

void journal_file_end(struct journal_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    file->fd = -1;
}
