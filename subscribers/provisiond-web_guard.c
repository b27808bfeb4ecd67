/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_guard.c: who may read, who may act. Runs in: provisiond-web. Owns: the token.
 * Reading: the Host header must be an IP address, localhost or a name that was allowed, so that a page of somebody
 * else's cannot reach this one under its own name (DNS rebinding). Acting: a token in the Authorization header, which
 * no browser sends by itself, from this page's own origin, as JSON: a foreign page can send none of the three. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/log.h"
#include "subscribers/provisiond-web.h"

#define TOKEN_LEAST 16
#define TOKEN_MOST 512

static int read_file(int file, const char *path, char text[TOKEN_MOST + 2], size_t *size, struct error *err)
{
    struct stat status;
    ssize_t got;

    if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))
        return error_set(err, ERROR_USAGE, "%s: is no regular file", path);
    /* Its group may read it: systemd's credentials and packages give a service its token that way. */
    if (status.st_mode & 027)
        return error_set(err, ERROR_USAGE, "%s: others may read it or its group write it; chmod 640 or 600", path);
    got = read(file, text, TOKEN_MOST + 1);
    if (got < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    *size = (size_t)got;
    while (*size > 0 && strchr(" \t\r\n", text[*size - 1]))
        --*size;
    if (*size < TOKEN_LEAST || *size > TOKEN_MOST)
        return error_set(err, ERROR_USAGE, "%s: a token has %d to %d bytes", path, TOKEN_LEAST, TOKEN_MOST);
    return 0;
}

int guard_read_token(struct guard *guard, const char *path, struct error *err)
{
    char text[TOKEN_MOST + 2];
    size_t size = 0;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

    if (file < 0)
        return error_set_errno(err, ERROR_USAGE, "%s", path);
    int result = read_file(file, path, text, &size, err);
    if (result == 0)
        guard->token = secret_create(text, size);
    secret_wipe(text, sizeof text);
    close(file);
    return result;
}

/* "name:port", "[::1]:port": the name without port and brackets. */
static bool host_name(const char *host, char *out, size_t size)
{
    const char *end = host[0] == '[' ? strchr(host, ']') : strchr(host, ':');

    if (host[0] == '[' && !end)
        return false;
    host += host[0] == '[';
    return text_format(out, size, "%.*s", end ? (int)(end - host) : (int)strlen(host), host) == 0 && *out;
}

bool guard_host_allowed(const struct guard *guard, const char *host)
{
    char name[256];
    struct in6_addr address;

    if (!host || strlen(host) >= sizeof name || !host_name(host, name, sizeof name))
        return false;
    if (strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1 ||
        inet_pton(AF_INET6, name, &address) == 1)
        return true;
    for (size_t i = 0; i < guard->host_count; i++)
        if (strcasecmp(guard->hosts[i], name) == 0)
            return true;
    return false;
}

/* What it takes does not depend on where the two differ. */
static bool token_matches(const struct guard *guard, const char *given)
{
    unsigned char ours[32], theirs[32];

    text_sha256(secret_reveal(guard->token), secret_size(guard->token), ours);
    text_sha256(given, strlen(given), theirs);
    return CRYPTO_memcmp(ours, theirs, sizeof ours) == 0;
}

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* An Origin names scheme and host; without one no browser script has sent this. */
static bool own_origin(struct MHD_Connection *connection)
{
    const char *origin = header(connection, "Origin"), *site = header(connection, "Sec-Fetch-Site");
    const char *host = header(connection, "Host");

    if (site && strcmp(site, "same-origin") != 0)
        return false;
    if (!origin)
        return true;
    const char *name = strstr(origin, "://");
    return name && host && strcasecmp(name + 3, host) == 0;
}

unsigned guard_refuses(const struct guard *guard, struct MHD_Connection *connection, const char **why)
{
    const char *given = header(connection, "Authorization"), *type = header(connection, "Content-Type");

    if (!guard->token) {
        *why = "this dashboard is read-only: it was started without --token-file";
        return MHD_HTTP_FORBIDDEN;
    }
    if (!own_origin(connection)) {
        *why = "only this dashboard's own page may act";
        return MHD_HTTP_FORBIDDEN;
    }
    if (!type || strncasecmp(type, "application/json", 16) != 0 || (type[16] && type[16] != ';')) {
        *why = "a request to act is application/json";
        return MHD_HTTP_UNSUPPORTED_MEDIA_TYPE;
    }
    if (!given || !text_starts(given, "Bearer ") || !token_matches(guard, given + strlen("Bearer "))) {
        log_repeating(LOG_WARN_LEVEL, "token.refused", "token", "", "%s", given ? "reason=wrong" : "reason=none");
        *why = "the token is wrong";
        return MHD_HTTP_UNAUTHORIZED;
    }
    return 0;
}
