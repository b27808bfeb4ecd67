/* SPDX-License-Identifier: MPL-2.0 */
/* Encodings and digests, all arithmetic of the latter left to OpenSSL. See encoding.h. */
#include "encoding.h"

#include "memory.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

char *percent_decode(const char *text, size_t length, bool plus_is_space)
{
    char *out = must_alloc(length + 1);
    size_t written = 0;
    for (size_t i = 0; i < length; i++) {
        int high = -1, low = -1;
        if (text[i] == '%' && i + 2 < length) {
            high = hex_value(text[i + 1]);
            low = hex_value(text[i + 2]);
        }
        if (high >= 0 && low >= 0) {
            out[written++] = (char)(high * 16 + low);
            i += 2;
        } else {
            out[written++] = plus_is_space && text[i] == '+' ? ' ' : text[i];
        }
    }
    return out;
}

void percent_encode(struct text *out, const char *text)
{
    static const char digits[] = "0123456789ABCDEF";
    for (; *text != '\0'; text++) {
        unsigned char byte = (unsigned char)*text;
        if ((byte < 0x80 && isalnum(byte)) || strchr("-_.~", byte) != NULL) {
            text_add_bytes(out, text, 1);
        } else {
            char escape[3] = {'%', digits[byte >> 4], digits[byte & 15]};
            text_add_bytes(out, escape, sizeof escape);
        }
    }
}

void hex_encode(const unsigned char *bytes, size_t length, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < length; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * length] = '\0';
}

void sha256_hex(const char *data, size_t length, char out[DIGEST_HEX_SIZE])
{
    unsigned char digest[DIGEST_SIZE];
    SHA256((const unsigned char *)data, length, digest);
    hex_encode(digest, sizeof digest, out);
}

void hmac_sha256(const void *key, size_t key_length, const char *data, size_t length, unsigned char out[DIGEST_SIZE])
{
    HMAC(EVP_sha256(), key, (int)key_length, (const unsigned char *)data, length, out, NULL);
}

char *base64_encode(const void *bytes, size_t length)
{
    char *out = must_alloc(4 * ((length + 2) / 3) + 1);
    EVP_EncodeBlock((unsigned char *)out, bytes, (int)length);
    return out;
}

char *base64_decode(const char *text, size_t length, size_t *length_out)
{
    size_t padding = 0;
    while (padding < 2 && padding < length && text[length - 1 - padding] == '=')
        padding++;
    if (length % 4 != 0 || length > 64 * 1024 * 1024)
        return NULL;
    char *out = must_alloc(length / 4 * 3 + 1);
    int written = EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)length);
    if (written < 0) {
        free(out);
        return NULL;
    }
    *length_out = (size_t)written - padding;
    out[*length_out] = '\0';
    return out;
}

void base64_make_url_safe(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != '=')
            *to++ = *from == '+' ? '-' : *from == '/' ? '_' : *from;
    }
    *to = '\0';
}

bool equal_in_constant_time(const char *a, const char *b)
{
    size_t length = strlen(a);
    return length == strlen(b) && CRYPTO_memcmp(a, b, length) == 0;
}
