/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_http_unknown.c: requests that were sent and have no whole answer are UNKNOWN, and were sent once.
 * The server behaves badly on purpose, and counts what it sees. */
#include "test_common_http_fixture.h"

static enum server_next say_ok(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    return SERVER_KEEP;
}

static enum server_next reset(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)fd;
    (void)request;
    (void)number;
    return SERVER_RESET;
}

static void a_reset_before_the_answer_is_unknown(void **state)
{
    struct result result = {0};

    (void)state;
    server = server_start(reset);
    fetch_get("/", &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_int_equal(result.status, 0);
    assert_string_not_equal(result.problem, "");
    finish_serving();
    assert_int_equal(server->request_count, 1);
    forget_server();
}

static enum server_next hang_up(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)fd;
    (void)request;
    (void)number;
    return SERVER_CLOSE;
}

static void a_hang_up_before_the_answer_is_unknown(void **state)
{
    struct result result = {0};

    (void)state;
    server = server_start(hang_up);
    fetch_get("/", &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    finish_serving();
    assert_int_equal(server->request_count, 1);
    forget_server();
}

static enum server_next answer_the_first(struct server *self, int fd, const char *request, int number)
{
    return number == 1 ? say_ok(self, fd, request, number) : SERVER_RESET;
}

static enum server_next answer_the_first_then_hang_up(struct server *self, int fd, const char *request, int number)
{
    return number == 1 ? say_ok(self, fd, request, number) : SERVER_CLOSE;
}

/* The request after an answered one is reset; the server must see it once, on a fresh connection and on a kept one. */
static void check_single_send(server_answer_function *answer, bool fresh)
{
    struct result first = {0}, second = {0};

    set_up(NULL);
    server = server_start(answer);
    fetch_get("/", &first);
    assert_int_equal(first.outcome, HTTP_ANSWERED);
    struct http_request request = get(url_of("http", server->port, "/launch"), &second);
    request.method = "POST";
    request.body = "x";
    request.body_size = 1;
    request.fresh_connection = fresh;
    fetch(&request);
    assert_int_equal(second.calls, 1);
    assert_int_equal(second.outcome, HTTP_UNKNOWN);
    finish_serving();
    assert_int_equal(server->request_count, 2);
    assert_int_equal(strstr(server->last_request, "POST /launch") == server->last_request, 1);
    if (fresh) {
        assert_int_equal(server->connection_count, 2);
        assert_null(strstr(second.problem, "kept connection")); /* it was not even tried on one */
    }
    forget_server();
    loop_destroy(&loop);
}

static void a_request_is_never_sent_twice(void **state)
{
    (void)state;
    check_single_send(answer_the_first, true);
    check_single_send(answer_the_first_then_hang_up, true);
    check_single_send(answer_the_first, false);
    check_single_send(answer_the_first_then_hang_up, false);
}

static enum server_next hang(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)fd;
    (void)request;
    (void)number;
    return SERVER_KEEP;
}

static void silence_ends_at_the_limit_and_is_unknown(void **state)
{
    struct result result = {.outcome = HTTP_NOT_SENT};
    int64_t limit = 400;

    (void)state;
    server = server_start(hang);
    /* On a machine so busy that nothing was sent within the limit, a longer one. */
    for (; result.outcome == HTTP_NOT_SENT && limit < 60000; limit *= 2) {
        result.calls = 0;
        struct http_request request = get(url_of("http", server->port, "/"), &result);
        request.total_limit = SPAN_MS(limit);
        fetch(&request);
        assert_int_equal(result.calls, 1);
    }
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_non_null(strstr(result.problem, "timed out"));
    finish_serving();
    assert_int_equal(server->request_count, 1);
    forget_server();
}

static enum server_next say_ten_bytes(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789");
    return SERVER_KEEP;
}

static void answers_over_the_cap_are_unknown(void **state)
{
    struct result over = {0}, just = {0};

    (void)state;
    server = server_start(say_ten_bytes);
    struct http_request request = get(url_of("http", server->port, "/"), &over);
    request.size_limit = 9;
    fetch(&request);
    assert_int_equal(over.outcome, HTTP_UNKNOWN);
    assert_int_equal(over.status, 200);
    assert_string_equal(over.problem, "the answer is over 9 bytes");
    request.context = &just;
    request.size_limit = 10;
    fetch(&request);
    assert_int_equal(just.outcome, HTTP_ANSWERED);
    assert_int_equal(just.body_size, 10);
}

static enum server_next say_half(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)number;
    if (strstr(request, "GET /chunked"))
        server_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    else
        server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc");
    return SERVER_CLOSE;
}

static void bodies_that_are_cut_off_are_unknown(void **state)
{
    struct result counted = {0}, chunked = {0};

    (void)state;
    server = server_start(say_half);
    fetch_get("/counted", &counted);
    fetch_get("/chunked", &chunked);
    assert_int_equal(counted.outcome, HTTP_UNKNOWN);
    assert_int_equal(counted.status, 200);
    assert_int_equal(chunked.outcome, HTTP_UNKNOWN);
    assert_int_equal(chunked.status, 200);
}

static enum server_next say_nonsense(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "SSH-2.0-what\r\n\r\n");
    return SERVER_CLOSE;
}

static void nonsense_is_unknown(void **state)
{
    struct result result = {0};

    (void)state;
    server = server_start(say_nonsense);
    fetch_get("/", &result);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_int_equal(result.status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HTTP_TEST(a_reset_before_the_answer_is_unknown),
        HTTP_TEST(a_hang_up_before_the_answer_is_unknown),
        cmocka_unit_test(a_request_is_never_sent_twice),
        HTTP_TEST(silence_ends_at_the_limit_and_is_unknown),
        HTTP_TEST(answers_over_the_cap_are_unknown),
        HTTP_TEST(bodies_that_are_cut_off_are_unknown),
        HTTP_TEST(nonsense_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
