/* SPDX-License-Identifier: MPL-2.0 */
/* writer.c: see writer.h. Runs in: supervisor; write_file() on the writer's thread, which touches nothing but its own
 * struct. A reader of the directory never sees half a file. */
#include "supervisor/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

#define FILE_MODE 0640
#define DIRECTORY_MODE 0750

struct writer {
    char path[600], fresh[620];
    char *text;
    pthread_t thread;
    struct error error;
    int result;
    atomic_bool done;
};

static int write_whole(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = write(fd, text, size);
        if (written < 0 && errno != EINTR)
            return -1;
        text += written > 0 ? written : 0;
        size -= written > 0 ? (size_t)written : 0;
    }
    return fsync(fd);
}

static int directory_of(const char *path, char *out, size_t size)
{
    const char *slash = strrchr(path, '/');

    return slash && slash > path ? text_format(out, size, "%.*s", (int)(slash - path), path) : -1;
}

/* The new name is durable only when its directory is. */
static void sync_directory(const char *path)
{
    char directory[600];

    if (directory_of(path, directory, sizeof directory) != 0)
        return;
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

/* The first AMI set may come before its directory. */
static void make_directory(const char *path)
{
    char directory[600];

    if (directory_of(path, directory, sizeof directory) == 0)
        mkdir(directory, DIRECTORY_MODE);
}

static int write_beside(struct writer *writer)
{
    make_directory(writer->path);
    int fd = open(writer->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);

    if (fd < 0)
        return error_set_errno(&writer->error, ERROR_LOCAL, "%s", writer->fresh);
    int written = write_whole(fd, writer->text, strlen(writer->text));
    if (written != 0)
        error_set_errno(&writer->error, ERROR_LOCAL, "%s", writer->fresh);
    if (close(fd) != 0 && written == 0)
        return error_set_errno(&writer->error, ERROR_LOCAL, "%s", writer->fresh);
    return written;
}

static void *write_file(void *context)
{
    struct writer *writer = context;

    writer->result = write_beside(writer);
    if (writer->result == 0 && rename(writer->fresh, writer->path) != 0)
        writer->result = error_set_errno(&writer->error, ERROR_LOCAL, "%s", writer->path);
    if (writer->result != 0)
        unlink(writer->fresh);
    else
        sync_directory(writer->path);
    atomic_store(&writer->done, true);
    return NULL;
}

/* "dir/.name.json.new": directories are read for *.json without a leading dot. */
static int name_fresh(struct writer *writer, struct error *err)
{
    const char *slash = strrchr(writer->path, '/');
    const char *name = slash ? slash + 1 : writer->path;

    if (text_format(writer->fresh, sizeof writer->fresh, "%.*s.%s.new", (int)(name - writer->path), writer->path, name))
        return error_set(err, ERROR_INPUT, "%s: the path is too long", writer->path);
    return 0;
}

struct writer *writer_start(const char *path, const char *text, struct error *err)
{
    struct writer *writer = calloc(1, sizeof *writer);
    sigset_t all, before;
    int result = -1;

    if (!writer || !(writer->text = strdup(text)))
        abort();
    if (text_copy(writer->path, sizeof writer->path, path) == 0 && name_fresh(writer, err) == 0) {
        sigfillset(&all); /* signals are the main thread's */
        pthread_sigmask(SIG_SETMASK, &all, &before);
        result = pthread_create(&writer->thread, NULL, write_file, writer);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (result != 0)
            error_set(err, ERROR_LOCAL, "no thread to write %s: %s", path, strerror(result));
    }
    if (result == 0)
        return writer;
    free(writer->text);
    free(writer);
    return NULL;
}

bool writer_is_done(const struct writer *writer)
{
    return atomic_load(&writer->done);
}

int writer_result(const struct writer *writer, struct error *err)
{
    if (writer->result != 0 && err)
        *err = writer->error;
    return writer->result;
}

void writer_destroy(struct writer **writer)
{
    if (!*writer)
        return;
    pthread_join((*writer)->thread, NULL);
    free((*writer)->text);
    free(*writer);
    *writer = NULL;
}
