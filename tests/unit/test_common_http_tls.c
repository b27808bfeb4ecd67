/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_http_tls.c: requests over TLS, against certificates that the test makes for itself: an unknown issuer or
 * a wrong name is NOT_SENT, and what breaks after the request has left is UNKNOWN here, too. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "test_common_http_fixture.h"

static EVP_PKEY *key;
static X509 *certificate;       /* for 127.0.0.1, signed by itself */
static X509 *wrong_certificate; /* for another name, with the same key */
static char ca_file[] = "/tmp/test_common_http_tls.XXXXXX";

static X509 *make_certificate(const char *names, long serial)
{
    X509 *made = X509_new();
    X509_NAME *name = X509_get_subject_name(made);
    X509_EXTENSION *alternatives = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

    X509_set_version(made, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made), serial);
    X509_gmtime_adj(X509_getm_notBefore(made), -86400);
    X509_gmtime_adj(X509_getm_notAfter(made), 86400);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)names, -1, -1, 0);
    X509_set_issuer_name(made, name);
    X509_set_pubkey(made, key);
    X509_add_ext(made, alternatives, -1);
    X509_EXTENSION_free(alternatives);
    if (X509_sign(made, key, EVP_sha256()) == 0)
        abort();
    return made;
}

static int make_certificates(void **state)
{
    int fd = mkstemp(ca_file);
    FILE *file = fdopen(fd, "w");

    (void)state;
    key = EVP_EC_gen("P-256");
    certificate = make_certificate("IP:127.0.0.1", 1);
    wrong_certificate = make_certificate("DNS:elsewhere.example", 2);
    PEM_write_X509(file, certificate);
    PEM_write_X509(file, wrong_certificate);
    return fclose(file);
}

static int drop_certificates(void **state)
{
    (void)state;
    unlink(ca_file);
    X509_free(certificate);
    X509_free(wrong_certificate);
    EVP_PKEY_free(key);
    return 0;
}

/* A server for one connection, on a thread: handshake, one request, then as it was told. */
struct tls_server {
    X509 *shown;
    bool answers; /* else it resets the connection when the request is there */
    int listener, port;
    pthread_t thread;
    bool saw_request;
};

static void speak(struct tls_server *self, SSL *ssl)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure";
    char request[4096];

    if (SSL_accept(ssl) != 1 || SSL_read(ssl, request, sizeof request) <= 0)
        return;
    self->saw_request = true;
    if (!self->answers)
        return;
    SSL_write(ssl, answer, sizeof answer - 1);
    SSL_shutdown(ssl);
}

static void *run_tls_server(void *context)
{
    struct tls_server *self = context;
    struct linger at_once = {1, 0};
    int fd = accept(self->listener, NULL, NULL);
    SSL_CTX *settings = SSL_CTX_new(TLS_server_method());
    SSL *ssl = SSL_new(settings);

    signal(SIGPIPE, SIG_IGN);
    if (SSL_use_certificate(ssl, self->shown) != 1 || SSL_use_PrivateKey(ssl, key) != 1)
        abort();
    SSL_set_fd(ssl, fd);
    speak(self, ssl);
    if (!self->answers)
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    SSL_free(ssl);
    SSL_CTX_free(settings);
    close(fd);
    return NULL;
}

static void ask(struct tls_server *self, const char *trusted, struct result *result)
{
    const struct http_options options = {.ca_file = trusted};

    server_listen(&self->listener, &self->port, 8);
    assert_int_equal(pthread_create(&self->thread, NULL, run_tls_server, self), 0);
    open_client(&options);
    struct http_request request = get(url_of("https", self->port, "/"), result);
    request.fresh_connection = true;
    fetch(&request);
    assert_int_equal(result->calls, 1);
    http_destroy(&client);
    loop_destroy(&loop);
    pthread_join(self->thread, NULL);
    close(self->listener);
}

static void a_trusted_certificate_is_answered(void **state)
{
    struct tls_server tls = {.shown = certificate, .answers = true};
    struct result result = {0};

    (void)state;
    ask(&tls, ca_file, &result);
    assert_string_equal(result.problem, "");
    assert_int_equal(result.outcome, HTTP_ANSWERED);
    assert_string_equal(result.body, "secure");
}

static void an_unknown_issuer_is_not_sent(void **state)
{
    struct tls_server tls = {.shown = certificate, .answers = true};
    struct result result = {0};

    (void)state;
    ask(&tls, NULL, &result);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    assert_false(tls.saw_request);
}

static void a_wrong_name_is_not_sent(void **state)
{
    struct tls_server tls = {.shown = wrong_certificate, .answers = true};
    struct result result = {0};

    (void)state;
    ask(&tls, ca_file, &result);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    assert_non_null(strstr(result.problem, "subject name"));
    assert_false(tls.saw_request);
}

static void a_reset_after_the_request_is_unknown(void **state)
{
    struct tls_server tls = {.shown = certificate, .answers = false};
    struct result result = {0};

    (void)state;
    ask(&tls, ca_file, &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_true(tls.saw_request);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_trusted_certificate_is_answered),
        cmocka_unit_test(an_unknown_issuer_is_not_sent),
        cmocka_unit_test(a_wrong_name_is_not_sent),
        cmocka_unit_test(a_reset_after_the_request_is_unknown),
    };
    return cmocka_run_group_tests(tests, make_certificates, drop_certificates);
}
