/* SPDX-License-Identifier: MPL-2.0 */
/* lock.c: flock on a file. Runs in: supervisor, at start. The files are left where they are: removing one that somebody
 * else has just opened would give two daemons a lock each. */
#include "supervisor/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/text.h"

static int take(const char *path, const char *what, struct error *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    if (errno == EWOULDBLOCK)
        error_set(err, ERROR_LOCAL, "another provisiond runs for %s (%s is locked)", what, path);
    else
        error_set_errno(err, ERROR_LOCAL, "%s", path);
    close(fd);
    return -1;
}

int lock_deployment(const char *deployment_id, struct error *err)
{
    const char *directory = access("/run/lock", W_OK | X_OK) == 0 ? "/run/lock" : "/tmp";
    char path[200], what[120];

    text_format(what, sizeof what, "deployment id %s", deployment_id);
    if (text_format(path, sizeof path, "%s/provisiond-%s.lock", directory, deployment_id) != 0)
        return error_set(err, ERROR_LOCAL, "deployment id %s is too long", deployment_id);
    return take(path, what, err);
}

int lock_directory(const char *directory, struct error *err)
{
    char path[300];

    if (text_format(path, sizeof path, "%s/provisiond.lock", directory) != 0)
        return error_set(err, ERROR_LOCAL, "%s: the path is too long", directory);
    return take(path, directory, err);
}
