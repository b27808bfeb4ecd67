/* SPDX-License-Identifier: MPL-2.0 */
/* lock.c: flock on a file. Runs in: supervisor, at start and end. A file may be removed by its holder only, and who
 * gets a lock looks whether it is still the file of that name: somebody may have removed it after we had opened it. */
#include "supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/text.h"

#define MOST_TRIES 100

static bool is_file_of(int fd, const char *path)
{
    struct stat ours, there;

    return fstat(fd, &ours) == 0 && lstat(path, &there) == 0 && ours.st_dev == there.st_dev &&
           ours.st_ino == there.st_ino;
}

static int take(const char *path, const char *what, struct error *err)
{
    int fd = -1;

    for (int try = 0; try < MOST_TRIES; try++) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0)
            return error_set_errno(err, ERROR_LOCAL, "%s", path);
        if (flock(fd, LOCK_EX | LOCK_NB) != 0)
            break;
        if (is_file_of(fd, path))
            return fd;
        close(fd);
        fd = -1;
        errno = EWOULDBLOCK; /* if this was the last try: they come and go */
    }
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_LOCAL, "another provisiond runs for %s (%s is locked)", what, path);
    else
        error_set_errno(err, ERROR_LOCAL, "%s", path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static int path_of(const char *deployment_id, char path[200])
{
    const char *directory = access("/run/lock", W_OK | X_OK) == 0 ? "/run/lock" : "/tmp";

    return text_format(path, 200, "%s/provisiond-%s.lock", directory, deployment_id);
}

int lock_deployment(const char *deployment_id, struct error *err)
{
    char path[200], what[120];

    text_format(what, sizeof what, "deployment id %s", deployment_id);
    if (path_of(deployment_id, path) != 0)
        return error_set(err, ERROR_LOCAL, "deployment id %s is too long", deployment_id);
    return take(path, what, err);
}

void lock_release(const char *deployment_id, int fd)
{
    char path[200];

    if (path_of(deployment_id, path) == 0 && is_file_of(fd, path))
        unlink(path);
    close(fd);
}

int lock_directory(const char *directory, struct error *err)
{
    char path[300];

    if (text_format(path, sizeof path, "%s/provisiond.lock", directory) != 0)
        return error_set(err, ERROR_LOCAL, "%s: the path is too long", directory);
    return take(path, directory, err);
}
