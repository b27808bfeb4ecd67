/* SPDX-License-Identifier: MPL-2.0 */
/* test_queue_reading.c: readings of demand from a server that answers by a script (cases B21, B30, B52): which routes
 * are asked, what is kept, what is called unknown, what is tried again. Time is counted in requests, never measured. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "common/text.h"
#include "test_common_http_server.h"
#include "worker/queue/queue.h"

#define MOST_ANSWERS 32
#define COUNTS "/api/queue/v1/task-queues/prov%2Fthe-type/counts"
#define PENDING_COUNT "/api/queue/v1/pending/prov%2Fthe-type"
#define OLDEST "/api/queue/v1/task-queues/prov%2Fthe-type/pending?limit=1"
#define CLAIMED "/api/queue/v1/task-queues/prov%2Fthe-type/claimed?limit=100"

/* What the server says to the n-th request, and what it must have been. */
struct answer {
    const char *path;
    int status; /* 0: the connection is reset */
    const char *body;
    const char *header; /* one more, "" if none */
};

static struct loop *loop;
static struct http_client *http;
static struct server *server;
static struct queue *queue;
static const struct answer *script;
static int script_size, wrong_paths, unsigned_requests;
static char nonces[MOST_ANSWERS][80], last_authorization[512], wrong_path[300];
static struct queue_credentials credentials;

static void note_nonce(const char *request, int number)
{
    const char *line = strstr(request, "Authorization: Hawk "), *nonce = line ? strstr(line, "nonce=\"") : NULL;

    if (!nonce || !strstr(line, "mac=\"")) {
        unsigned_requests++;
        return;
    }
    text_format(nonces[number - 1], sizeof nonces[0], "%.*s", (int)strcspn(nonce + 7, "\""), nonce + 7);
    text_format(last_authorization, sizeof last_authorization, "%.*s", (int)strcspn(line, "\r"), line);
}

static enum server_next follow_script(struct server *s, int fd, const char *request, int number)
{
    char expected[256], head[512];

    (void)s;
    if (number > script_size) {
        wrong_paths++;
        text_format(wrong_path, sizeof wrong_path, "more than %d requests", script_size);
        return SERVER_CLOSE;
    }
    const struct answer *answer = &script[number - 1];
    text_format(expected, sizeof expected, "GET %s HTTP/1.1\r\n", answer->path);
    if (!text_starts(request, expected)) {
        wrong_paths++;
        text_format(wrong_path, sizeof wrong_path, "request %d: %.*s", number, (int)strcspn(request, "\r"), request);
    }
    note_nonce(request, number);
    if (answer->status == 0)
        return SERVER_RESET;
    text_format(head, sizeof head, "HTTP/1.1 %d X\r\nContent-Length: %zu\r\n%s%s\r\n", answer->status,
                strlen(answer->body), answer->header ? answer->header : "", answer->header ? "\r\n" : "");
    server_say(fd, head);
    server_say(fd, answer->body);
    return SERVER_KEEP;
}

static void begin(const struct answer *answers, int count)
{
    char root[64];
    struct queue_options options = {.provisioner_id = "prov",
                                    .worker_type = "the-type",
                                    .credentials = &credentials,
                                    .root_url = root,
                                    .connect_limit = SPAN_SECONDS(10),
                                    .total_limit = SPAN_SECONDS(30)};

    script = answers;
    script_size = count;
    wrong_paths = unsigned_requests = 0;
    text_copy(credentials.client_id, sizeof credentials.client_id, "the/client");
    credentials.access_token = secret_create("the-key", 7);
    assert_int_equal(loop_create(&loop, NULL), 0);
    assert_int_equal(http_create(&http, loop, NULL, NULL), 0);
    server = server_start(follow_script);
    text_format(root, sizeof root, "http://127.0.0.1:%d/", server->port);
    assert_int_equal(queue_create(&queue, http, &options, NULL), 0);
}

/* One reading, to its end. */
static void read_once(bool claimed_list)
{
    uint64_t before = queue_readings(queue);

    queue_poll(queue, claimed_list, clock_now());
    while (queue_busy(queue)) {
        struct mono limit = mono_add(clock_now(), SPAN_SECONDS(30));
        limit = mono_min(mono_min(http_deadline(http), queue_deadline(queue)), limit);
        assert_int_equal(loop_wait(loop, limit, NULL), 0);
        http_step(http, clock_now());
        queue_step(queue, clock_now());
    }
    assert_true(queue_readings(queue) == before + 1);
}

/* Ends all; the whole script was asked for, in order, signed, with a nonce of its own each time (case B52). */
static void end(void)
{
    queue_destroy(&queue);
    http_destroy(&http);
    server_stop(server);
    loop_destroy(&loop);
    queue_credentials_clear(&credentials);
    int requests = server->request_count;
    server_free(server);
    if (wrong_paths)
        fail_msg("%s", wrong_path);
    assert_int_equal(requests, script_size);
    assert_int_equal(unsigned_requests, 0);
    for (int i = 0; i < requests; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(nonces[i], nonces[j]);
}

#define RUN(answers) begin(answers, sizeof(answers) / sizeof((answers)[0]))
#define INSERTED "2016-07-21T20:06:00.000Z"
#define OLDEST_BODY "{\"tasks\": [{\"taskId\": \"a\", \"runId\": 0, \"task\": {}, \"inserted\": \"" INSERTED "\"}]}"

static void nothing_pending_needs_one_request(void **state)
{
    static const struct answer answers[] = {{COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 4}", NULL}};

    (void)state;
    RUN(answers);
    assert_int_equal(queue_demand(queue)->pending, -1); /* unknown is not zero */
    assert_false(mono_is_set(queue_demand(queue)->seen));
    read_once(false);
    assert_int_equal(queue_demand(queue)->pending, 0);
    assert_int_equal(queue_demand(queue)->claimed, 4);
    assert_true(mono_is_set(queue_demand(queue)->seen));
    assert_true(queue_demand(queue)->oldest.ms == 0);
    assert_string_equal(queue_demand(queue)->problem, "");
    assert_non_null(strstr(last_authorization, "id=\"the/client\""));
    assert_null(strstr(last_authorization, "the-key"));
    end();
}

static void pending_tasks_are_asked_how_long_they_wait(void **state)
{
    static const struct answer answers[] = {{COUNTS, 200, "{\"pendingTasks\": 3, \"claimedTasks\": 4}", NULL},
                                            {OLDEST, 200, OLDEST_BODY, NULL},
                                            {COUNTS, 200, "{\"pendingTasks\": 3, \"claimedTasks\": 4}", NULL},
                                            {OLDEST, 200, "{\"tasks\": []}", NULL}};

    (void)state;
    RUN(answers);
    read_once(false);
    assert_true(queue_demand(queue)->oldest.ms == 1469131560000);
    assert_false(queue_demand(queue)->oldest_estimated);
    read_once(false);
    assert_true(queue_demand(queue)->oldest.ms == 0);
    end();
}

static void the_claimed_list_is_read_page_by_page(void **state)
{
    static const struct answer answers[] = {
        {COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 3}", NULL},
        {CLAIMED, 200,
         "{\"tasks\": [{\"workerId\": \"i-1\"}, {\"workerId\": \"i-2\"}], \"continuationToken\": \"a+b\"}", NULL},
        {CLAIMED "&continuationToken=a%2Bb", 200, "{\"tasks\": [{\"workerId\": \"i-3\"}]}", NULL},
        /* pages that do not end: the last whole list stays */
        {COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 3}", NULL},
        {CLAIMED, 200, "{\"tasks\": [], \"continuationToken\": \"x\"}", NULL},
        {CLAIMED "&continuationToken=x", 200, "{\"tasks\": [], \"continuationToken\": \"x\"}", NULL},
        /* refused: unknown, and not asked again at the next reading */
        {COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 3}", NULL},
        {CLAIMED, 403, "{\"code\": \"InsufficientScopes\"}", NULL},
        {COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 3}", NULL}};

    (void)state;
    RUN(answers);
    read_once(true);
    assert_true(queue_demand(queue)->claimed_list_known);
    assert_int_equal(queue_claimed_count(queue), 3);
    assert_string_equal(queue_claimed_worker(queue, 0), "i-1");
    assert_string_equal(queue_claimed_worker(queue, 2), "i-3");
    read_once(true);
    assert_int_equal(queue_claimed_count(queue), 3);
    assert_non_null(strstr(queue_demand(queue)->problem, "do not end"));
    read_once(true);
    assert_false(queue_demand(queue)->claimed_list_known);
    assert_string_equal(queue_demand(queue)->problem, "");
    read_once(true);
    end();
}

static void older_deployments_are_asked_by_the_older_route(void **state)
{
    static const struct answer answers[] = {{COUNTS, 404, "{\"code\": \"ResourceNotFound\"}", NULL},
                                            {PENDING_COUNT, 200, "{\"pendingTasks\": 2}", NULL},
                                            {OLDEST, 404, "", NULL},
                                            {PENDING_COUNT, 200, "{\"pendingTasks\": 2}", NULL},
                                            {PENDING_COUNT, 404, "", NULL}};

    (void)state;
    RUN(answers);
    read_once(false);
    assert_int_equal(queue_demand(queue)->pending, 2);
    assert_int_equal(queue_demand(queue)->claimed, -1);
    assert_true(queue_demand(queue)->oldest_estimated);
    struct wall oldest = queue_demand(queue)->oldest;
    assert_true(oldest.ms > 1469131560000);
    read_once(false); /* the routes that are missing are not asked each time */
    assert_true(queue_demand(queue)->oldest.ms == oldest.ms);
    read_once(false);
    assert_int_equal(queue_demand(queue)->pending, 2);
    assert_non_null(strstr(queue_demand(queue)->problem, "HTTP 404"));
    end();
}

/* Case B21: the last good figures stay, with the time at which they were seen. */
static void whatever_is_no_count_is_unknown(void **state)
{
    static const struct answer answers[] = {{COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 9}", NULL},
                                            {COUNTS, 200, "", NULL},
                                            {COUNTS, 200, "{\"pendingTasks\": -1, \"claimedTasks\": 0}", NULL},
                                            {COUNTS, 200, "<html></html>", NULL},
                                            {COUNTS, 403, "{\"code\": \"InsufficientScopes\"}", NULL},
                                            {COUNTS, 400, "{\"code\": \"InputError\"}", NULL},
                                            {COUNTS, 303, "", "Location: http://127.0.0.1:1/"},
                                            {COUNTS, 200, "{\"pendingTasks\": 5, \"claimedTasks\": 0}", NULL},
                                            {OLDEST, 200, "[]", NULL}};

    (void)state;
    RUN(answers);
    read_once(false);
    struct mono seen = queue_demand(queue)->seen;
    for (int i = 1; i < 7; i++) {
        read_once(false);
        assert_int_equal(queue_demand(queue)->pending, 0);
        assert_int_equal(queue_demand(queue)->claimed, 9);
        assert_true(queue_demand(queue)->seen.us == seen.us);
        assert_true(queue_demand(queue)->problem[0] != '\0');
        if (i == 4)
            assert_non_null(strstr(queue_demand(queue)->problem, "queue:claimed-count"));
    }
    read_once(false);
    assert_int_equal(queue_demand(queue)->pending, 5);
    assert_true(queue_demand(queue)->seen.us > seen.us);
    assert_true(queue_demand(queue)->oldest_estimated);
    assert_non_null(strstr(queue_demand(queue)->problem, "pending list"));
    end();
}

static void network_faults_and_5xx_are_tried_again(void **state)
{
    static const struct answer answers[] = {{COUNTS, 503, "busy", NULL},
                                            {COUNTS, 0, "", NULL},
                                            {COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 1}", NULL},
                                            {COUNTS, 502, "", NULL},
                                            {COUNTS, 502, "", NULL},
                                            {COUNTS, 502, "", NULL},
                                            {COUNTS, 502, "", NULL},
                                            {COUNTS, 502, "", NULL}};

    (void)state;
    RUN(answers);
    read_once(false);
    assert_int_equal(queue_demand(queue)->claimed, 1);
    assert_string_equal(queue_demand(queue)->problem, "");
    read_once(false); /* five tries, and it is over */
    assert_string_equal(queue_demand(queue)->problem, "the queue answered HTTP 502");
    end();
}

static void a_queue_that_is_not_there_is_named(void **state)
{
    struct queue_options options = {.provisioner_id = "p",
                                    .worker_type = "t",
                                    .credentials = &credentials,
                                    .root_url = "http://127.0.0.1:1",
                                    .total_limit = SPAN_SECONDS(30)};
    static const struct answer none[1];

    (void)state;
    begin(none, 0);
    queue_destroy(&queue);
    assert_int_equal(queue_create(&queue, http, &options, NULL), 0);
    read_once(false);
    assert_int_equal(queue_demand(queue)->pending, -1);
    assert_true(text_starts(queue_demand(queue)->problem, "no answer from the queue: "));
    queue_destroy(&queue);
    options.credentials = NULL;
    assert_int_equal(queue_create(&queue, http, &options, NULL), 0);
    read_once(false);
    assert_non_null(strstr(queue_demand(queue)->problem, "TASKCLUSTER_ACCESS_TOKEN"));
    end();
}

/* ---- case B52 ---- */

static char time_header[256];

/* A time stamp `ahead` seconds ahead of us, with a mac made with `key`. */
static const char *stale(int ahead, const char *key)
{
    char ts[32];
    struct buffer normalized = {0}, mac = {0};
    unsigned char digest[32];

    text_format(ts, sizeof ts, "%" PRId64, clock_wall().ms / 1000 + ahead);
    buffer_print(&normalized, "hawk.1.ts\n%s\n", ts);
    text_hmac_sha256(key, strlen(key), normalized.bytes, normalized.size, digest);
    text_base64(&mac, digest, sizeof digest);
    text_format(time_header, sizeof time_header,
                "WWW-Authenticate: Hawk ts=\"%s\", tsm=\"%s\", error=\"Stale timestamp\"", ts, mac.bytes);
    buffer_free(&normalized);
    buffer_free(&mac);
    return time_header;
}

static void a_proven_time_is_taken_and_tried_once(void **state)
{
    struct answer answers[] = {{COUNTS, 401, "{\"code\": \"AuthenticationFailed\"}", stale(1200, "the-key")},
                               {COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 1}", NULL},
                               {COUNTS, 200, "{\"pendingTasks\": 0, \"claimedTasks\": 2}", NULL}};

    (void)state;
    RUN(answers);
    read_once(false);
    assert_int_equal(queue_demand(queue)->claimed, 1);
    assert_non_null(strstr(queue_demand(queue)->problem, "off by 20 min"));
    int64_t ts = strtoll(strstr(last_authorization, "ts=\"") + 4, NULL, 10);
    assert_in_range(ts - clock_wall().ms / 1000, 1100, 1300);
    read_once(false); /* kept for this host */
    assert_int_equal(queue_demand(queue)->claimed, 2);
    end();
}

static void a_forged_time_is_not_taken(void **state)
{
    struct answer answers[] = {{COUNTS, 401, "{\"code\": \"AuthenticationFailed\"}", stale(1200, "not-the-key")}};

    (void)state;
    RUN(answers);
    read_once(false);
    assert_non_null(strstr(queue_demand(queue)->problem, "forged"));
    queue_poll(queue, false, clock_now()); /* no 401 at loop speed */
    assert_false(queue_busy(queue));
    end();
}

static void without_a_time_stamp_the_date_header_only_explains(void **state)
{
    static const struct answer answers[] = {
        {COUNTS, 401, "{\"code\": \"AuthenticationFailed\"}", "Date: Thu, 21 Jul 2016 20:06:00 GMT"}};

    (void)state;
    RUN(answers);
    read_once(false);
    assert_true(
        text_starts(queue_demand(queue)->problem, "queue auth failed (HTTP 401 AuthenticationFailed), clock off by"));
    assert_int_equal(queue_demand(queue)->pending, -1);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_pending_needs_one_request),
        cmocka_unit_test(pending_tasks_are_asked_how_long_they_wait),
        cmocka_unit_test(the_claimed_list_is_read_page_by_page),
        cmocka_unit_test(older_deployments_are_asked_by_the_older_route),
        cmocka_unit_test(whatever_is_no_count_is_unknown),
        cmocka_unit_test(network_faults_and_5xx_are_tried_again),
        cmocka_unit_test(a_queue_that_is_not_there_is_named),
        cmocka_unit_test(a_proven_time_is_taken_and_tried_once),
        cmocka_unit_test(a_forged_time_is_not_taken),
        cmocka_unit_test(without_a_time_stamp_the_date_header_only_explains),
    };
    return cmocka_run_group_tests_name("queue readings", tests, NULL, NULL);
}
