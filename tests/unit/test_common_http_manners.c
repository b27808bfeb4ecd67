/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_http_manners.c: what http refuses to send, proxies, and cancelling. */
#include <sys/epoll.h>

#include "common/http_transfer.h"
#include "test_common_http_fixture.h"

static enum server_next say_ok(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    return SERVER_KEEP;
}

/* ---- refused by http_start ---- */

static void check_refused(const struct http_request *request, const char *complaint)
{
    struct error err = {0};

    assert_int_equal(http_start(client, request, &err), -1);
    assert_int_equal(err.code, ERROR_INPUT);
    if (!strstr(err.text, complaint))
        fail_msg("no \"%s\" in: %s", complaint, err.text);
    assert_int_equal(http_in_flight(client), 0);
}

static void plain_http_goes_to_this_host_only(void **state)
{
    static const char *const others[] = {
        "http://192.0.2.1/", "http://127.0.0.1.example.com/", "http://localhost.example.com/",
        "http://0.0.0.0/",   "http://[2001:db8::1]/",         "http://128.0.0.1/",
        "HTTP://192.0.2.1/",
    };
    static const char *const ours[] = {"http://127.0.0.1:1/", "http://127.9.9.9:1/", "http://LOCALHOST:1/",
                                       "http://[::1]:1/"};
    struct result result = {0};

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct http_request request = get(others[i], &result);
        check_refused(&request, "plain http");
    }
    assert_int_equal(result.calls, 0);
    for (size_t i = 0; i < sizeof ours / sizeof ours[0]; i++) {
        struct http_request request = get(ours[i], &result);
        assert_true(http_start(client, &request, NULL) > 0);
    }
}

/* Only asked, never connected to: tests stay on loopback. */
static void the_metadata_service_may_be_spoken_to_without_tls(void **state)
{
    (void)state;
    assert_int_equal(http_check_url("http://169.254.169.254/latest/api/token", false, NULL), 0);
    assert_int_equal(http_check_url("http://[fd00:ec2::254]/latest/api/token", false, NULL), 0);
    assert_int_equal(http_check_url("http://169.254.169.253/", false, NULL), -1);
    assert_int_equal(http_check_url("http://169.254.169.254.example.com/", false, NULL), -1);
}

static void bad_urls_are_refused_and_not_quoted(void **state)
{
    static const char *const bad[] = {
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "//127.0.0.1/",
        "127.0.0.1",
        "",
        "http://",
        "http:// x/",
        "http://127.0.0.1:99999/",
        "http://user:s3cr3t@127.0.0.1/",
        "https://user@example.com/?s3cr3t",
        "gopher://127.0.0.1/",
        "http://127.0.0.1/\r\nX: s3cr3t",
    };
    struct result result = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct http_request request = get(bad[i], &result);
        struct error err;
        print_message("# bad URL %zu\n", i);
        check_refused(&request, "URL");
        http_start(client, &request, &err);
        assert_null(strstr(err.text, "s3cr3t"));
    }
}

static void headers_cannot_smuggle(void **state)
{
    static const char *const bad[] = {"X: a\r\nY: b", "X: a\nY: b", "X", ": a", "X y: a", "X: a\x7f", ""};
    struct result result = {0};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        const char *const headers[] = {bad[i], NULL};
        struct http_request request = get("http://127.0.0.1:1/", &result);
        request.headers = headers;
        check_refused(&request, "header");
    }
    struct http_request request = get("http://127.0.0.1:1/", &result);
    request.method = "GET / HTTP/1.1\r\nX:";
    check_refused(&request, "method");
}

/* ---- proxies ---- */

/* A request to an address that nobody has (RFC 5737), with whatever proxy. */
static void ask_for_nowhere(const struct http_options *options, struct span limit, struct result *result)
{
    http_destroy(&client);
    loop_destroy(&loop);
    open_client(options);
    struct http_request request = get("http://192.0.2.1/where", result);
    request.connect_limit = limit;
    fetch(&request);
    finish_serving();
}

static void the_environment_names_no_proxy(void **state)
{
    const struct http_options options = {.allow_plain_http = true};
    struct result result = {0};
    char url[64];

    (void)state;
    server = server_start(say_ok);
    text_format(url, sizeof url, "http://127.0.0.1:%d", server->port);
    setenv("http_proxy", url, 1);
    setenv("all_proxy", url, 1);
    ask_for_nowhere(&options, SPAN_MS(300), &result); /* short: no answer may come */
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    assert_int_equal(server->connection_count, 0);
    assert_int_not_equal(result.outcome, HTTP_ANSWERED);
    forget_server();
}

static void the_options_name_a_proxy(void **state)
{
    struct result result = {0};
    char url[64];

    (void)state;
    server = server_start(say_ok);
    text_format(url, sizeof url, "http://127.0.0.1:%d", server->port);
    const struct http_options options = {.proxy = url, .allow_plain_http = true};
    setenv("no_proxy", "*", 1);
    ask_for_nowhere(&options, SPAN_SECONDS(30), &result);
    unsetenv("no_proxy");
    assert_int_equal(result.outcome, HTTP_ANSWERED);
    assert_memory_equal(server->last_request, "GET http://192.0.2.1/where HTTP/1.1\r\n", 37);
    forget_server();
}

static enum server_next refuse_to_connect(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nDate: proxy\r\n\r\n");
    return SERVER_CLOSE;
}

static void a_proxy_that_refuses_has_sent_nothing(void **state)
{
    struct result result = {0};
    char url[64];

    (void)state;
    server = server_start(refuse_to_connect);
    text_format(url, sizeof url, "http://127.0.0.1:%d", server->port);
    const struct http_options options = {.proxy = url};
    http_destroy(&client);
    loop_destroy(&loop);
    open_client(&options);
    struct http_request request = get("https://192.0.2.1/", &result);
    fetch(&request);
    assert_int_equal(result.outcome, HTTP_NOT_SENT);
    assert_int_equal(result.status, 0);
    assert_string_equal(result.date, "");
}

/* ---- cancelling ---- */

static void cancelling_before_the_first_turn_sends_nothing(void **state)
{
    struct result result = {0};

    (void)state;
    server = server_start(say_ok);
    struct http_request request = get(url_of("http", server->port, "/"), &result);
    int64_t id = http_start(client, &request, NULL);
    assert_int_equal(result.calls, 0);
    http_cancel(client, id);
    http_cancel(client, id);
    http_cancel(client, 4711);
    assert_int_equal(result.calls, 0); /* not from here */
    assert_int_equal(http_deadline(client).us, MONO_ZERO.us);
    wait_for_all();
    http_cancel(client, id); /* over already: no fault, and nothing more to say */
    assert_int_equal(loop_wait(loop, MONO_ZERO, NULL), 0);
    http_step(client, clock_now());
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.outcome, HTTP_CANCELLED);
    assert_string_equal(result.problem, "cancelled");
    finish_serving();
    assert_int_equal(server->connection_count, 0);
    forget_server();
}

/* Tells the test, through a pipe in its loop, that a request has arrived. */
static int arrival[2];

static enum server_next tell_and_hang(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)fd;
    (void)request;
    (void)number;
    if (write(arrival[1], "x", 1) != 1)
        abort();
    return SERVER_KEEP;
}

static void note_arrival(void *context, int fd, uint32_t events)
{
    char byte;

    (void)events;
    *(bool *)context = read(fd, &byte, 1) == 1;
}

static void cancelling_what_was_sent_is_unknown(void **state)
{
    struct result result = {0};
    bool arrived = false;

    (void)state;
    assert_int_equal(pipe(arrival), 0);
    server = server_start(tell_and_hang);
    assert_int_equal(loop_add_fd(loop, arrival[0], EPOLLIN, note_arrival, &arrived, NULL), 0);
    struct http_request request = get(url_of("http", server->port, "/"), &result);
    int64_t id = http_start(client, &request, NULL);
    while (!arrived)
        turn();
    http_cancel(client, id);
    wait_for_all();
    assert_int_equal(result.calls, 1);
    assert_int_equal(result.outcome, HTTP_UNKNOWN);
    assert_string_equal(result.problem, "cancelled");
    loop_remove_fd(loop, arrival[0]);
    finish_serving();
    close(arrival[0]);
    close(arrival[1]);
    forget_server();
}

static void a_cancelled_request_sends_nothing_more(void **state)
{
    static char body[1500000]; /* more than leaves at once */
    struct result result = {0};

    (void)state;
    server = server_start(say_ok);
    struct http_request request = get(url_of("http", server->port, "/"), &result);
    request.method = "PUT";
    request.body = body;
    request.body_size = sizeof body;
    int64_t id = http_start(client, &request, NULL);
    http_step(client, clock_now());
    http_cancel(client, id);
    while (result.calls == 0) /* without http_step: the socket's own event comes first */
        assert_int_equal(loop_wait(loop, mono_add(clock_now(), SPAN_SECONDS(30)), NULL), 0);
    assert_true(result.outcome == HTTP_UNKNOWN || result.outcome == HTTP_CANCELLED);
    finish_serving();
    assert_int_equal(server->request_count, 0);
    forget_server();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HTTP_TEST(plain_http_goes_to_this_host_only),     HTTP_TEST(the_metadata_service_may_be_spoken_to_without_tls),
        HTTP_TEST(bad_urls_are_refused_and_not_quoted),   HTTP_TEST(headers_cannot_smuggle),
        HTTP_TEST(the_environment_names_no_proxy),        HTTP_TEST(the_options_name_a_proxy),
        HTTP_TEST(a_proxy_that_refuses_has_sent_nothing), HTTP_TEST(cancelling_before_the_first_turn_sends_nothing),
        HTTP_TEST(cancelling_what_was_sent_is_unknown),   HTTP_TEST(a_cancelled_request_sends_nothing_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
