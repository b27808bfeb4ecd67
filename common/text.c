/* SPDX-License-Identifier: MPL-2.0 */
/* text.c: bounded formatting, the growing buffer, and the encodings and digests that OpenSSL gives.
 * Runs in: every process and thread. Owns the bytes of a struct buffer until buffer_free; may touch nothing else.
 * Buffers wipe what they give back, old copies included, because signed requests and user data pass through them.
 * Running out of memory or of the kernel's random numbers aborts: there is no sound way to go on. */
#include "common/text.h"

#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

int text_format(char *out, size_t size, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(out, size, format, arguments);
    va_end(arguments);
    return length < 0 || (size_t)length >= size ? -1 : 0;
}

int text_copy(char *out, size_t size, const char *from)
{
    size_t length = from ? strlen(from) : 0;
    size_t kept = length < size ? length : size - 1;

    if (size == 0)
        return -1;
    if (kept > 0)
        memmove(out, from, kept);
    out[kept] = '\0';
    return kept < length ? -1 : 0;
}

bool text_equal(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

bool text_starts(const char *text, const char *prefix)
{
    return text && prefix && strncmp(text, prefix, strlen(prefix)) == 0;
}

/* Makes room for `more` bytes and the NUL. Copies by hand instead of realloc, which would leave the old bytes behind
 * unwiped. */
static void make_room(struct buffer *buffer, size_t more)
{
    size_t room = buffer->room ? buffer->room : 128;

    if (more > SIZE_MAX / 4 - buffer->size)
        abort();
    if (buffer->bytes && buffer->size + more + 1 <= buffer->room)
        return;
    while (room < buffer->size + more + 1)
        room *= 2;
    char *bytes = malloc(room);
    if (!bytes)
        abort();
    if (buffer->bytes) {
        memcpy(bytes, buffer->bytes, buffer->size);
        explicit_bzero(buffer->bytes, buffer->room);
        free(buffer->bytes);
    }
    bytes[buffer->size] = '\0';
    buffer->bytes = bytes;
    buffer->room = room;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t size)
{
    if (size == 0)
        return;
    make_room(buffer, size);
    memcpy(buffer->bytes + buffer->size, bytes, size);
    buffer->size += size;
    buffer->bytes[buffer->size] = '\0';
}

void buffer_print(struct buffer *buffer, const char *format, ...)
{
    va_list arguments, again;

    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    if (length < 0)
        abort();
    make_room(buffer, (size_t)length);
    vsnprintf(buffer->bytes + buffer->size, (size_t)length + 1, format, again);
    buffer->size += (size_t)length;
    va_end(again);
    va_end(arguments);
}

void buffer_clear(struct buffer *buffer)
{
    buffer->size = 0;
    if (buffer->bytes)
        buffer->bytes[0] = '\0';
}

void buffer_free(struct buffer *buffer)
{
    if (!buffer)
        return;
    if (buffer->bytes)
        explicit_bzero(buffer->bytes, buffer->room);
    free(buffer->bytes);
    *buffer = (struct buffer){0};
}

const char *buffer_text(const struct buffer *buffer)
{
    return buffer->bytes ? buffer->bytes : "";
}

void text_hex(const void *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *from = bytes;

    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[from[i] >> 4];
        out[2 * i + 1] = digits[from[i] & 15];
    }
    out[2 * size] = '\0';
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void text_url_encode(struct buffer *out, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (is_unreserved(*at))
            buffer_add(out, at, 1);
        else
            buffer_print(out, "%%%02X", (unsigned char)*at);
    }
}

void text_base64(struct buffer *out, const void *bytes, size_t size)
{
    /* EVP_EncodeBlock counts in int; pieces of a multiple of three bytes join without padding in between. */
    const size_t piece = 3 * 256;
    unsigned char encoded[4 * 256 + 1];
    const unsigned char *from = bytes;

    while (size > 0) {
        size_t taken = size < piece ? size : piece;
        int length = EVP_EncodeBlock(encoded, from, (int)taken);
        buffer_add(out, encoded, (size_t)length);
        from += taken;
        size -= taken;
    }
    explicit_bzero(encoded, sizeof encoded);
}

void text_sha256(const void *bytes, size_t size, unsigned char out[32])
{
    if (EVP_Digest(bytes, size, out, NULL, EVP_sha256(), NULL) != 1)
        abort();
}

void text_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size, unsigned char out[32])
{
    unsigned int length = 32;

    if (key_size > INT32_MAX || !HMAC(EVP_sha256(), key ? key : "", (int)key_size, bytes, size, out, &length))
        abort();
}

void text_random_hex(size_t size, char *out)
{
    unsigned char piece[64];

    out[0] = '\0';
    while (size > 0) {
        size_t taken = size < sizeof piece ? size : sizeof piece;
        ssize_t got = getrandom(piece, taken, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            abort();
        text_hex(piece, (size_t)got, out);
        out += 2 * got;
        size -= (size_t)got;
    }
    explicit_bzero(piece, sizeof piece);
}
