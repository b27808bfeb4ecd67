/* SPDX-License-Identifier: MPL-2.0 */
/* text.h: small text tools: bounded formatting, a growing buffer, hex, base64 and URL encoding.
 * Runs in: every process. Owns: the bytes of a struct buffer until buffer_free. */
#ifndef COMMON_TEXT_H
#define COMMON_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* snprintf that returns -1 when the text did not fit (and leaves it cut and terminated), else 0. */
int text_format(char *out, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Copies, cutting at size - 1; returns -1 when it was cut. NULL counts as "". */
int text_copy(char *out, size_t size, const char *from);
bool text_equal(const char *a, const char *b); /* NULL equals only NULL */
bool text_starts(const char *text, const char *prefix);

/* A growing, always NUL-terminated byte buffer. Zero-initialised is empty. Memory running out aborts. */
struct buffer {
    char *bytes;
    size_t size;
    size_t room;
};
void buffer_add(struct buffer *buffer, const void *bytes, size_t size);
void buffer_print(struct buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buffer_clear(struct buffer *buffer);             /* empty, keeps its memory */
void buffer_free(struct buffer *buffer);              /* wipes and frees */
const char *buffer_text(const struct buffer *buffer); /* "" when empty */

/* Lower-case hex; out holds 2 x size + 1 bytes. */
void text_hex(const void *bytes, size_t size, char *out);
/* RFC 3986: everything but unreserved characters becomes %XX (upper-case hex), as SigV4 asks. */
void text_url_encode(struct buffer *out, const char *text);
/* Base64 by OpenSSL, without line breaks. */
void text_base64(struct buffer *out, const void *bytes, size_t size);
/* SHA-256 and HMAC-SHA-256 by OpenSSL; raw 32 bytes. */
void text_sha256(const void *bytes, size_t size, unsigned char out[32]);
void text_hmac_sha256(const void *key, size_t key_size, const void *bytes, size_t size, unsigned char out[32]);
/* `size` random bytes from the kernel as hex; out holds 2 x size + 1 bytes. */
void text_random_hex(size_t size, char *out);

#endif
