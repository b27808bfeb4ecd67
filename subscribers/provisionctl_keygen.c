/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_keygen.c: the command `keygen NAME`: a CURVE key pair for the relay or for one of its subscribers, in
 * NAME.key (secret, for its owner alone) and NAME.pub (for the other side).
 * Runs in: provisionctl; asks no daemon. Overwrites nothing: a key that is lost is lost for all who trust it. */
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/secret.h"
#include "common/text.h"
#include "subscribers/provisionctl.h"

#define KEY_SIZE 41 /* Z85, with the NUL */

static int write_file(const char *path, mode_t mode, const char *text, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

    if (fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    ssize_t size = (ssize_t)strlen(text);
    int result = fchmod(fd, mode) == 0 && write(fd, text, (size_t)size) == size && fsync(fd) == 0 ? 0 : -1;
    if (result != 0)
        error_set_errno(err, ERROR_LOCAL, "%s", path);
    if (close(fd) != 0 && result == 0)
        result = error_set_errno(err, ERROR_LOCAL, "%s", path);
    if (result != 0)
        unlink(path);
    return result;
}

/* The label that stands behind the public key in an allow-list: the last part of the name, without blanks. */
static void make_label(const char *name, char *out, size_t size)
{
    const char *slash = strrchr(name, '/');

    text_copy(out, size, slash ? slash + 1 : name);
    for (char *c = out; *c; c++)
        if ((unsigned char)*c <= ' ' || *c == 0x7f)
            *c = '_';
}

static void print_pair(bool as_json, const char *secret_path, const char *public_path, const char *public_key)
{
    if (!as_json) {
        printf("%s (secret)\n%s (public: %s)\n", secret_path, public_path, public_key);
        return;
    }
    json_t *pair =
        json_pack("{s:s, s:s, s:s}", "secretFile", secret_path, "publicFile", public_path, "publicKey", public_key);
    ctl_print_json(pair, stdout);
    json_decref(pair);
}

static int write_pair(const struct ctl *ctl, char *public_key, char *secret_key, struct error *err)
{
    char secret_path[PATH_MAX], public_path[PATH_MAX], label[64], line[KEY_SIZE + sizeof label + 2];

    if (text_format(secret_path, sizeof secret_path, "%s.key", ctl->name) != 0 ||
        text_format(public_path, sizeof public_path, "%s.pub", ctl->name) != 0)
        return error_set(err, ERROR_USAGE, "the name is too long");
    make_label(ctl->name, label, sizeof label);
    text_format(line, sizeof line, "%s\n", secret_key);
    int result = write_file(secret_path, 0600, line, err);
    secret_wipe(line, sizeof line);
    if (result != 0)
        return -1;
    text_format(line, sizeof line, "%s %s\n", public_key, label);
    result = write_file(public_path, 0644, line, err);
    if (result != 0)
        unlink(secret_path);
    else
        print_pair(ctl->json, secret_path, public_path, public_key);
    return result;
}

enum ctl_exit ctl_keygen(struct ctl *ctl)
{
    char public_key[KEY_SIZE], secret_key[KEY_SIZE];
    struct error err;

    if (!zmq_has("curve") || zmq_curve_keypair(public_key, secret_key) != 0) {
        error_set(&err, ERROR_LOCAL, "this libzmq was built without CURVE");
        return ctl_fail(CTL_REFUSED, &err);
    }
    int result = write_pair(ctl, public_key, secret_key, &err);
    secret_wipe(secret_key, sizeof secret_key);
    return result == 0 ? CTL_OK : ctl_fail(CTL_REFUSED, &err);
}
