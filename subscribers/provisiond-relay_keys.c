/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-relay_keys.c: reads public keys of subscribers and the relay's own secret key.
 * Runs in: provisiond-relay. Owns: the list until keys_clear. A list with one wrong line is rejected whole: an operator
 * who mistypes a key shall hear of it, and the list before stays. */
#include "subscribers/provisiond-relay.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/text.h"

#define FILE_LIMIT (1024 * 1024)
#define MOST_KEYS 100000

/* ---- files ---- */

static int read_whole(const char *path, struct buffer *out, mode_t forbidden, struct error *err)
{
    char piece[4096];
    struct stat status;
    ssize_t got = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), result = -1;

    if (fd < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode))
        error_set(err, ERROR_INPUT, "%s: is no regular file", path);
    else if (status.st_mode & forbidden)
        error_set(err, ERROR_INPUT, "%s: holds a secret and may be read by others; chmod 600 it", path);
    else
        result = 0;
    while (result == 0 && (got = read(fd, piece, sizeof piece)) > 0) {
        buffer_add(out, piece, (size_t)got);
        if (out->size > FILE_LIMIT)
            result = error_set(err, ERROR_LIMIT, "%s: is over %d bytes", path, FILE_LIMIT);
    }
    if (result == 0 && got < 0)
        result = error_set_errno(err, ERROR_LOCAL, "%s", path);
    secret_wipe(piece, sizeof piece);
    close(fd);
    return result;
}

/* ---- one key ---- */

/* libzmq's decoder takes any character without a word; ours may hold only those of the alphabet. */
static bool is_z85(const char *text)
{
    static const char alphabet[] =
        "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";

    return strlen(text) == KEY_TEXT_SIZE - 1 && strspn(text, alphabet) == KEY_TEXT_SIZE - 1;
}

static bool decode(const char *text, unsigned char bytes[KEY_BYTES])
{
    return is_z85(text) && zmq_z85_decode(bytes, text) != NULL;
}

static struct relay_key *add_key(struct relay_keys *keys)
{
    struct relay_key *list = realloc(keys->list, (keys->count + 1) * sizeof *list);

    if (!list)
        abort();
    keys->list = list;
    list[keys->count] = (struct relay_key){.allowance = ALLOWANCE_OF_KEY};
    return &list[keys->count++];
}

static int take_line(struct relay_keys *keys, char *line, const char *path, int number, struct error *err)
{
    char *rest = NULL, *word = strtok_r(line, " \t\r", &rest);
    unsigned char bytes[KEY_BYTES];

    if (!word || strcmp(word, "#") == 0)
        return 0;
    if (!decode(word, bytes))
        return error_set(err, ERROR_INPUT,
                         "%s: line %d: is no public key: 40 characters of Z85, as provisionctl keygen "
                         "writes them",
                         path, number);
    if (keys->count >= MOST_KEYS)
        return error_set(err, ERROR_LIMIT, "%s: there are more than %d keys", path, MOST_KEYS);
    if (keys_find(keys, bytes))
        return 0;
    struct relay_key *key = add_key(keys);
    memcpy(key->bytes, bytes, sizeof bytes);
    text_copy(key->text, sizeof key->text, word);
    word = strtok_r(NULL, " \t\r", &rest);
    text_copy(key->label, sizeof key->label, word ? word : key->text);
    return 0;
}

static int take_file(struct relay_keys *keys, const char *path, struct error *err)
{
    struct buffer text = {0};
    char *rest = NULL;
    int number = 0;
    int result = read_whole(path, &text, 0, err);

    rest = text.bytes;
    for (char *line = strsep(&rest, "\n"); result == 0 && line; line = strsep(&rest, "\n"))
        result = take_line(keys, line, path, ++number, err);
    buffer_free(&text);
    return result;
}

static bool is_public(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name);

    return entry->d_name[0] != '.' && length > 4 && strcmp(entry->d_name + length - 4, ".pub") == 0;
}

static int take_directory(struct relay_keys *keys, const char *path, struct error *err)
{
    DIR *directory = opendir(path);
    char whole[PATH_MAX];
    int result = 0;

    if (!directory)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    for (struct dirent *entry; result == 0 && (entry = readdir(directory));) {
        if (!is_public(entry))
            continue;
        if (text_format(whole, sizeof whole, "%s/%s", path, entry->d_name) != 0)
            result = error_set(err, ERROR_LOCAL, "%s: the path is too long", path);
        else
            result = take_file(keys, whole, err);
    }
    closedir(directory);
    return result;
}

int keys_read(const char *path, struct relay_keys *out, struct error *err)
{
    struct relay_keys fresh = {0};
    struct stat status;

    if (stat(path, &status) != 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    if ((S_ISDIR(status.st_mode) ? take_directory : take_file)(&fresh, path, err) != 0) {
        keys_clear(&fresh);
        return -1;
    }
    *out = fresh;
    return 0;
}

void keys_clear(struct relay_keys *keys)
{
    free(keys->list);
    *keys = (struct relay_keys){0};
}

struct relay_key *keys_find(const struct relay_keys *keys, const unsigned char bytes[KEY_BYTES])
{
    for (size_t i = 0; i < keys->count; i++)
        if (memcmp(keys->list[i].bytes, bytes, KEY_BYTES) == 0)
            return &keys->list[i];
    return NULL;
}

struct relay_key *keys_find_text(const struct relay_keys *keys, const char *text)
{
    for (size_t i = 0; i < keys->count; i++)
        if (text_equal(keys->list[i].text, text))
            return &keys->list[i];
    return NULL;
}

int keys_read_secret(const char *path, struct secret **secret, char public_key[KEY_TEXT_SIZE], struct error *err)
{
    struct buffer text = {0};
    int result = read_whole(path, &text, 077, err);

    if (result == 0 && text.size > 0 && text.bytes[text.size - 1] == '\n')
        text.bytes[--text.size] = '\0';
    if (result == 0 && (!is_z85(buffer_text(&text)) || zmq_curve_public(public_key, text.bytes) != 0))
        result = error_set(err, ERROR_INPUT, "%s: is no secret key as provisionctl keygen writes it", path);
    if (result == 0 && !(*secret = secret_create(text.bytes, text.size)))
        result = error_set(err, ERROR_LOCAL, "memory ended");
    buffer_free(&text);
    return result;
}
