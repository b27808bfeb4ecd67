/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_http_callbacks.c: on_done comes exactly once, callbacks may start and cancel, and bodies can be streamed.
 */
#include "test_common_http_fixture.h"

static enum server_next say_ok(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)request;
    (void)number;
    server_say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    return SERVER_KEEP;
}

static enum server_next hang(struct server *self, int fd, const char *request, int number)
{
    (void)self;
    (void)fd;
    (void)request;
    (void)number;
    return SERVER_KEEP;
}

/* A chain: each answer starts the next request, and the first one also cancels a bystander. */
struct chain {
    struct http_request next;
    int64_t bystander;
    int left, calls;
};

static void start_next(void *context, const struct http_response *response)
{
    struct chain *chain = context;

    chain->calls++;
    assert_int_equal(response->outcome, HTTP_ANSWERED);
    if (chain->bystander > 0)
        http_cancel(client, chain->bystander);
    chain->bystander = 0;
    if (--chain->left > 0) {
        int before = chain->calls;
        assert_true(http_start(client, &chain->next, NULL) > 0);
        assert_int_equal(chain->calls, before); /* never from http_start */
    }
}

static enum server_next hang_or_say_ok(struct server *self, int fd, const char *request, int number)
{
    return strstr(request, "GET /hang") ? hang(self, fd, request, number) : say_ok(self, fd, request, number);
}

static void callbacks_may_start_and_cancel(void **state)
{
    struct result bystander = {0};
    struct chain chain = {.left = 5};

    (void)state;
    server = server_start(hang_or_say_ok);
    struct http_request other = get(url_of("http", server->port, "/hang"), &bystander);
    chain.bystander = http_start(client, &other, NULL);
    chain.next = (struct http_request){
        .method = "GET", .url = strdup(url_of("http", server->port, "/")), .on_done = start_next, .context = &chain};
    assert_true(http_start(client, &chain.next, NULL) > 0);
    assert_int_equal(http_in_flight(client), 2);
    wait_for_all();
    assert_int_equal(chain.calls, 5);
    assert_int_equal(bystander.calls, 1);
    assert_true(bystander.outcome == HTTP_UNKNOWN || bystander.outcome == HTTP_CANCELLED);
    free((char *)chain.next.url);
}

static void many_at_once_are_each_answered_once(void **state)
{
    static struct result results[12];

    (void)state;
    memset(results, 0, sizeof results);
    server = server_start(say_ok);
    for (int i = 0; i < 12; i++) {
        struct http_request request = get(url_of("http", server->port, "/"), &results[i]);
        assert_int_equal(http_start(client, &request, NULL), i + 1);
    }
    wait_for_all();
    for (int i = 0; i < 12; i++) {
        assert_int_equal(results[i].calls, 1);
        assert_int_equal(results[i].outcome, HTTP_ANSWERED);
    }
}

static void destroying_the_client_calls_nobody(void **state)
{
    struct result sent = {0}, unsent = {0};

    (void)state;
    server = server_start(hang);
    struct http_request request = get(url_of("http", server->port, "/"), &sent);
    assert_true(http_start(client, &request, NULL) > 0);
    http_step(client, clock_now());
    request.context = &unsent;
    assert_true(http_start(client, &request, NULL) > 0);
    http_destroy(&client);
    http_destroy(&client);
    assert_int_equal(sent.calls + unsent.calls, 0);
}

/* ---- streaming ---- */

struct reader {
    struct buffer got;
    int pieces;
    size_t give_up_after;
    int64_t cancel;
    struct result result;
};

static int take_piece(void *context, const char *bytes, size_t size)
{
    struct reader *reader = context;
    struct http_request request = {.method = "GET", .url = "http://127.0.0.1:1/"};

    reader->pieces++;
    buffer_add(&reader->got, bytes, size);
    if (reader->cancel > 0) { /* from inside curl */
        http_cancel(client, reader->cancel);
        int64_t id = http_start(client, &request, NULL);
        assert_true(id > 0);
        http_cancel(client, id);
    }
    return reader->give_up_after > 0 && reader->got.size >= reader->give_up_after ? -1 : 0;
}

static void take_reader_result(void *context, const struct http_response *response)
{
    take_result(&((struct reader *)context)->result, response);
}

static struct http_request stream(const char *path, struct reader *reader)
{
    return (struct http_request){.method = "GET",
                                 .url = url_of("http", server->port, path),
                                 .on_data = take_piece,
                                 .on_done = take_reader_result,
                                 .context = reader};
}

static enum server_next say_much(struct server *self, int fd, const char *request, int number)
{
    static char piece[10001];

    (void)self;
    (void)number;
    memset(piece, 'p', sizeof piece - 1);
    server_say(fd, strstr(request, "GET /bad") ? "HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n"
                                               : "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    for (int i = 0; i < 10; i++)
        server_say(fd, piece);
    return SERVER_KEEP;
}

static void bodies_can_be_streamed(void **state)
{
    struct reader good = {0}, bad = {0}, over = {0};

    (void)state;
    server = server_start(say_much);
    struct http_request request = stream("/", &good);
    fetch(&request);
    assert_int_equal(good.result.outcome, HTTP_ANSWERED);
    assert_int_equal(good.got.size, 100000);
    assert_int_equal(good.result.body_size, 0);
    request = stream("/bad", &bad); /* what is no success is collected */
    fetch(&request);
    assert_int_equal(bad.result.status, 500);
    assert_int_equal(bad.got.size, 0);
    assert_int_equal(bad.result.body_size, 100000);
    request = stream("/", &over);
    request.size_limit = 99999;
    fetch(&request);
    assert_int_equal(over.result.outcome, HTTP_UNKNOWN);
    assert_true(over.got.size <= 99999);
    buffer_free(&good.got);
    buffer_free(&over.got);
}

static void a_reader_may_give_up(void **state)
{
    struct reader reader = {.give_up_after = 1};

    (void)state;
    server = server_start(say_much);
    struct http_request request = stream("/", &reader);
    fetch(&request);
    assert_int_equal(reader.result.calls, 1);
    assert_int_equal(reader.result.outcome, HTTP_UNKNOWN);
    assert_int_equal(reader.result.status, 200);
    assert_string_equal(reader.result.problem, "given up by the reader of the answer");
    buffer_free(&reader.got);
}

static void a_reader_may_cancel_itself_and_start_others(void **state)
{
    struct reader reader = {0};

    (void)state;
    server = server_start(say_much);
    struct http_request request = stream("/", &reader);
    reader.cancel = http_start(client, &request, NULL);
    assert_true(reader.cancel > 0);
    wait_for_all();
    assert_int_equal(reader.result.calls, 1);
    assert_int_equal(reader.result.outcome, HTTP_UNKNOWN);
    assert_string_equal(reader.result.problem, "cancelled");
    assert_int_equal(reader.pieces, 1);
    buffer_free(&reader.got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HTTP_TEST(callbacks_may_start_and_cancel),
        HTTP_TEST(many_at_once_are_each_answered_once),
        HTTP_TEST(destroying_the_client_calls_nobody),
        HTTP_TEST(bodies_can_be_streamed),
        HTTP_TEST(a_reader_may_give_up),
        HTTP_TEST(a_reader_may_cancel_itself_and_start_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
