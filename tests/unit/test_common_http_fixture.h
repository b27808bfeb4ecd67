/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_http_fixture.h: a client in a loop, a server beside it, and what the tests of http ask of both. */
#ifndef TEST_COMMON_HTTP_FIXTURE_H
#define TEST_COMMON_HTTP_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/http.h"
#include "common/text.h"
#include "test_common_http_server.h"

static struct loop *loop;
static struct http_client *client;
static struct server *server;

/* What on_done was told, copied. */
struct result {
    int calls, status;
    enum http_outcome outcome;
    char body[4096], date[64], content_type[64], hawk[512], problem[300];
    size_t body_size;
    struct mono sent, finished;
};

static inline void take_result(void *context, const struct http_response *response)
{
    struct result *result = context;

    result->calls++;
    result->outcome = response->outcome;
    result->status = response->status;
    result->body_size = response->body_size;
    result->sent = response->sent;
    result->finished = response->finished;
    text_copy(result->body, sizeof result->body, response->body);
    text_copy(result->date, sizeof result->date, response->date);
    text_copy(result->content_type, sizeof result->content_type, response->content_type);
    text_copy(result->hawk, sizeof result->hawk, response->hawk);
    text_copy(result->problem, sizeof result->problem, response->problem);
}

static inline void open_client(const struct http_options *options)
{
    alarm(120); /* whatever hangs ends the test program */
    assert_int_equal(loop_create(&loop, NULL), 0);
    assert_int_equal(http_create(&client, loop, options, NULL), 0);
}

static inline int set_up(void **state)
{
    static const struct http_options options = {.user_agent = "provisiond-test/1"};

    (void)state;
    server = NULL;
    open_client(&options);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    http_destroy(&client);
    loop_destroy(&loop);
    if (server) {
        server_stop(server);
        server_free(server);
    }
    return 0;
}

/* Ends client and server, so that the server's counts are final. */
static inline void finish_serving(void)
{
    http_destroy(&client);
    server_stop(server);
}

static inline void forget_server(void)
{
    server_free(server);
    server = NULL;
}

static inline void turn(void)
{
    struct mono limit = mono_add(clock_now(), SPAN_SECONDS(30));

    assert_int_equal(loop_wait(loop, mono_min(http_deadline(client), limit), NULL), 0);
    http_step(client, clock_now());
}

static inline void wait_for_all(void)
{
    while (http_in_flight(client) > 0)
        turn();
}

static inline const char *url_of(const char *scheme, int port, const char *path)
{
    static char url[128];

    text_format(url, sizeof url, "%s://127.0.0.1:%d%s", scheme, port, path);
    return url;
}

static inline struct http_request get(const char *url, struct result *result)
{
    return (struct http_request){.method = "GET", .url = url, .on_done = take_result, .context = result};
}

static inline void fetch(const struct http_request *request)
{
    struct error err = {0};

    if (http_start(client, request, &err) <= 0)
        fail_msg("%s", err.text);
    wait_for_all();
}

static inline void fetch_get(const char *path, struct result *result)
{
    struct http_request request = get(url_of("http", server->port, path), result);

    fetch(&request);
    assert_int_equal(result->calls, 1);
}

#define HTTP_TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

#endif
