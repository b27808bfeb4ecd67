/* SPDX-License-Identifier: MPL-2.0 */
/* Percent, hexadecimal and base64 encodings, and SHA-256 and HMAC by OpenSSL. */
#ifndef SIM_ENCODING_H
#define SIM_ENCODING_H

#include "text.h"

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_SIZE 32
#define DIGEST_HEX_SIZE (2 * DIGEST_SIZE + 1)
#define DIGEST_BASE64_SIZE 45

/* Caller frees; '+' is a space only in forms and queries. Bytes behind an encoded NUL are lost. */
char *percent_decode(const char *text, size_t length, bool plus_is_space);
void percent_encode(struct text *out, const char *text); /* RFC 3986 unreserved stay */

void sha256_hex(const char *data, size_t length, char out[DIGEST_HEX_SIZE]);
void hmac_sha256(const void *key, size_t key_length, const char *data, size_t length, unsigned char out[DIGEST_SIZE]);
void hex_encode(const unsigned char *bytes, size_t length, char *out); /* out: 2 * length + 1 */

char *base64_encode(const void *bytes, size_t length); /* caller frees */
/* Caller frees; NULL when it is not base64. The result has a closing NUL beyond *length_out. */
char *base64_decode(const char *text, size_t length, size_t *length_out);
void base64_make_url_safe(char *text); /* in place: - _ and no padding */

bool equal_in_constant_time(const char *a, const char *b);

#endif
