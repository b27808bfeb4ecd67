/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_http.c: requests that are answered, and requests that were never sent.
 * What a server must see is counted by the server itself; no check depends on how long something took. */
#include "test_common_http_fixture.h"

/* ---- answered ---- */

static enum server_next say_hello(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "HTTP/1.1 103 Early Hints\r\nServer-Authorization: early\r\n\r\n"
                   "HTTP/1.1 401 Unauthorized\r\ndate: Thu, 21 Jul 2016 20:06:00 GMT\r\nContent-Type: text/plain\r\n"
                   "www-authenticate: Hawk ts=\"1\"\r\nServer-Authorization:  Hawk mac=\"x\" \r\n"
                   "Content-Length: 5\r\n\r\nhello");
    return SERVER_KEEP;
}

static void an_answer_is_given_whole(void **state)
{
    struct result result = {0};

    (void)state;
    server = server_start(say_hello);
    fetch_get("/", &result);
    assert_int_equal(result.outcome, HTTP_ANSWERED);
    assert_int_equal(result.status, 401);
    assert_string_equal(result.body, "hello");
    assert_int_equal(result.body_size, 5);
    assert_string_equal(result.date, "Thu, 21 Jul 2016 20:06:00 GMT");
    assert_string_equal(result.content_type, "text/plain");
    assert_string_equal(result.hawk, "WWW-Authenticate: Hawk ts=\"1\"\nServer-Authorization: Hawk mac=\"x\"");
    assert_string_equal(result.problem, "");
    assert_false(mono_before(result.finished, result.sent));
}

static enum server_next say_ok(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "HTTP/1.1 103 Early Hints\r\nDate: early\r\nContent-Type: early\r\n\r\n"
                   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    return SERVER_KEEP;
}

static void the_request_is_sent_as_given(void **state)
{
    static const char *const headers[] = {"X-One: 1", "Authorization: secret", "Content-Type: text/plain", NULL};
    static char body[1500000]; /* long enough for curl to ask with Expect, if it were let */
    struct result result = {0};
    char url[128];

    (void)state;
    server = server_start(say_ok);
    memset(body, 'b', sizeof body);
    text_copy(url, sizeof url, url_of("http", server->port, "/a/../b?x=%2F&y"));
    struct http_request request = get(url, &result);
    request.method = "PUT";
    request.headers = headers;
    request.body = body;
    request.body_size = sizeof body;
    assert_true(http_start(client, &request, NULL) > 0);
    memset(body, 'c', sizeof body); /* all was copied */
    memset(url, 0, sizeof url);
    wait_for_all();
    assert_int_equal(result.outcome, HTTP_ANSWERED);
    assert_string_equal(result.body, "abcdef");
    assert_string_equal(result.date, "");
    assert_string_equal(result.content_type, "");
    finish_serving();
    assert_memory_equal(server->last_request, "PUT /a/../b?x=%2F&y HTTP/1.1\r\n", 30);
    assert_non_null(strstr(server->last_request, "\r\nX-One: 1\r\n"));
    assert_non_null(strstr(server->last_request, "\r\nAuthorization: secret\r\n"));
    assert_non_null(strstr(server->last_request, "\r\nContent-Type: text/plain\r\n"));
    assert_non_null(strstr(server->last_request, "\r\nUser-Agent: provisiond-test/1\r\n"));
    assert_non_null(strstr(server->last_request, "\r\nContent-Length: 1500000\r\n"));
    assert_null(strstr(server->last_request, "\r\nExpect"));
    assert_int_equal(strspn(strstr(server->last_request, "\r\n\r\n") + 4, "b"), 1500000);
    forget_server();
}

static void methods_are_sent_as_named(void **state)
{
    static const struct {
        const char *method, *body, *start, *length;
    } known[] = {
        {"GET", NULL, "GET / ", NULL},
        {"DELETE", NULL, "DELETE / ", NULL},
        {"POST", NULL, "POST / ", "\r\nContent-Length: 0\r\n"},
        {"PUT", NULL, "PUT / ", "\r\nContent-Length: 0\r\n"},
        {"POST", "a\0b", "POST / ", "\r\nContent-Length: 3\r\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct result result = {0};
        set_up(NULL);
        server = server_start(say_ok);
        struct http_request request = get(url_of("http", server->port, "/"), &result);
        request.method = known[i].method;
        request.body = known[i].body;
        request.body_size = 3;
        fetch(&request);
        assert_int_equal(result.outcome, HTTP_ANSWERED);
        finish_serving();
        assert_memory_equal(server->last_request, known[i].start, strlen(known[i].start));
        if (known[i].length)
            assert_non_null(strstr(server->last_request, known[i].length));
        else
            assert_null(strstr(server->last_request, "Content-Length"));
        forget_server();
        loop_destroy(&loop);
    }
}

static void connections_are_kept_or_fresh_as_asked(void **state)
{
    (void)state;
    for (int fresh = 0; fresh <= 1; fresh++) {
        set_up(NULL);
        server = server_start(say_ok);
        for (int i = 0; i < 3; i++) {
            struct result result = {0};
            struct http_request request = get(url_of("http", server->port, "/"), &result);
            request.fresh_connection = fresh;
            fetch(&request);
            assert_int_equal(result.outcome, HTTP_ANSWERED);
        }
        finish_serving();
        assert_int_equal(server->request_count, 3);
        assert_int_equal(server->connection_count, fresh ? 3 : 1);
        forget_server();
        loop_destroy(&loop);
    }
}

static enum server_next redirect(struct server *self, int fd, const char *request, int number)
{
    char text[200];

    (void)request;
    (void)number;
    text_format(text, sizeof text,
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%d/other\r\n"
                "Content-Length: 0\r\n\r\n",
                self->port);
    server_say(fd, text);
    return SERVER_KEEP;
}

static void a_redirect_is_not_followed(void **state)
{
    struct result result = {0};

    (void)state;
    server = server_start(redirect);
    fetch_get("/", &result);
    assert_int_equal(result.outcome, HTTP_ANSWERED);
    assert_int_equal(result.status, 302);
    finish_serving();
    assert_int_equal(server->request_count, 1);
    forget_server();
}

/* ---- not sent ---- */

static void a_refused_connection_is_not_sent(void **state)
{
    struct result result = {0};
    int listener, port;

    (void)state;
    server_listen(&listener, &port, -1); /* bound, so that nobody else has it, but nobody listens */
    struct http_request request = get(url_of("http", port, "/"), &result);
    fetch(&request);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    assert_int_equal(result.status, 0);
    assert_string_not_equal(result.problem, "");
    close(listener);
}

static void a_connection_that_never_comes_is_not_sent(void **state)
{
    struct result result = {0};
    int listener, port, fillers[4];

    (void)state;
    server_listen(&listener, &port, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < 4; i++) { /* a full queue: the kernel leaves further attempts without an answer */
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        assert_true(connect(fillers[i], (struct sockaddr *)&address, sizeof address) <= 0);
    }
    struct http_request request = get(url_of("http", port, "/"), &result);
    request.connect_limit = SPAN_MS(200);
    fetch(&request);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    for (int i = 0; i < 4; i++)
        close(fillers[i]);
    close(listener);
}

static enum server_next greet_with_text(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "this is no TLS server\r\n");
    return SERVER_CLOSE;
}

static void failed_tls_is_not_sent(void **state)
{
    struct result result = {0};

    (void)state;
    server = server_start(say_ok);
    server->greet = greet_with_text;
    struct http_request request = get(url_of("https", server->port, "/"), &result);
    fetch(&request);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    finish_serving();
    assert_int_equal(server->request_count, 0);
    forget_server();
}

static void a_name_that_does_not_exist_is_not_sent(void **state)
{
    struct result result = {0};
    struct http_request request = get("https://name.invalid/", &result); /* RFC 2606 */

    (void)state;
    fetch(&request);
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HTTP_TEST(an_answer_is_given_whole),
        HTTP_TEST(the_request_is_sent_as_given),
        cmocka_unit_test(methods_are_sent_as_named),
        cmocka_unit_test(connections_are_kept_or_fresh_as_asked),
        HTTP_TEST(a_redirect_is_not_followed),
        HTTP_TEST(a_refused_connection_is_not_sent),
        HTTP_TEST(a_connection_that_never_comes_is_not_sent),
        HTTP_TEST(failed_tls_is_not_sent),
        HTTP_TEST(a_name_that_does_not_exist_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
