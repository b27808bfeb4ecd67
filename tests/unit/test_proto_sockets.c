/* SPDX-License-Identifier: MPL-2.0 */
/* test_proto_sockets.c: messages over real sockets in a directory of their own: whole messages arrive, bad ones name
 * their sender and leave the socket usable, and "gone" is an answer instead of a wait. */
// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "proto/messages.h"
#include "proto/sockets.h"

#define PATIENCE_MS 20000

#define SOCKETS 8

/* Its sockets are closed when the test ends, also when it fails: zmq_ctx_term would wait for ever. */
struct room {
    char directory[64];
    void *context;
    void *sockets[SOCKETS];
    size_t count;
};

static int enter(void **state)
{
    struct room *room = calloc(1, sizeof *room);
    assert_non_null(room);
    strcpy(room->directory, "/tmp/proto-XXXXXX");
    assert_non_null(mkdtemp(room->directory));
    room->context = zmq_ctx_new();
    *state = room;
    return 0;
}

static int leave(void **state)
{
    static const char *const files[] = {"bus.sock", "control.sock", "status.sock", "inventory-r.sock", "lookup-r.sock"};
    struct room *room = *state;
    char path[128];
    for (size_t i = 0; i < room->count; i++)
        zmq_close(room->sockets[i]);
    zmq_ctx_term(room->context);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", room->directory, files[i]);
        unlink(path);
    }
    rmdir(room->directory);
    free(room);
    return 0;
}

static void *open_one(struct room *room, enum socket_role role, const char *region, const char *identity)
{
    struct error err;
    void *socket = socket_open(room->context, role, room->directory, region, identity, &err);
    if (!socket)
        fail_msg("%s", err.text);
    room->sockets[room->count++] = socket;
    return socket;
}

/* Waits for something to read, then receives. */
static int receive(void *socket, char *peer, size_t room, struct message *out, struct error *err)
{
    zmq_pollitem_t item = {.socket = socket, .events = ZMQ_POLLIN};
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    return message_receive(socket, peer, room, out, err);
}

static struct message renew(int64_t grant)
{
    return (struct message){.kind = PROTO_RENEW, .as.RENEW.grant = grant};
}

static void a_message_arrives_with_its_senders_name_and_the_answer_comes_back(void **state)
{
    void *server = open_one(*state, SOCKET_BUS_SERVER, NULL, NULL);
    void *client = open_one(*state, SOCKET_BUS_CLIENT, NULL, "secret-one");
    struct message sent = renew(7), got;
    char peer[64];
    assert_int_equal(message_receive(server, peer, sizeof peer, &got, NULL), 0);
    assert_int_equal(message_send(client, NULL, 0, &sent, NULL), 0);
    assert_int_equal(receive(server, peer, sizeof peer, &got, NULL), 1);
    assert_string_equal(peer, "secret-one");
    assert_int_equal(got.as.RENEW.grant, 7);
    sent = renew(8);
    assert_int_equal(message_send(server, peer, strlen(peer), &sent, NULL), 0);
    assert_int_equal(receive(client, NULL, 0, &got, NULL), 1);
    assert_int_equal(got.as.RENEW.grant, 8);
}

static void sending_to_nobody_says_so(void **state)
{
    void *server = open_one(*state, SOCKET_BUS_SERVER, NULL, NULL);
    struct message message = renew(1);
    struct error err;
    errno = 0;
    assert_int_equal(message_send(server, "nobody", 6, &message, &err), -1);
    assert_int_equal(errno, EHOSTUNREACH);
    message.as.RENEW.grant = 0;
    assert_int_equal(message_send(server, "nobody", 6, &message, &err), -1);
    assert_string_equal(err.text, "RENEW.grant: it is out of range");
}

static void a_full_queue_says_so_and_does_not_wait(void **state)
{
    void *client = open_one(*state, SOCKET_BUS_CLIENT, NULL, "early"); /* nobody listens yet */
    struct message message = renew(1);
    int sent = 0;
    while (message_send(client, NULL, 0, &message, NULL) == 0 && sent < 100000)
        sent++;
    assert_int_equal(errno, EAGAIN);
    assert_true(sent > 0 && sent < 100000);
}

static void send_frames(void *socket, const char *const *frames, size_t count)
{
    for (size_t i = 0; i < count; i++)
        assert_true(zmq_send(socket, frames[i], strlen(frames[i]), i + 1 < count ? ZMQ_SNDMORE : 0) >= 0);
}

/* 4,096 a peer in each of the two queues were gigabytes with a thousand types. What the kernel holds comes on top. */
static void what_a_worker_says_to_a_busy_supervisor_does_not_pile_up(void **state)
{
    struct room *room = *state;
    open_one(room, SOCKET_BUS_SERVER, NULL, NULL);
    void *worker = open_one(room, SOCKET_BUS_CLIENT, NULL, "worker");
    zmq_pollitem_t item = {.socket = worker, .events = ZMQ_POLLOUT};
    char text[1024] = "";
    int count = 0;

    while (count < 4000 && zmq_poll(&item, 1, 500) > 0)
        if (zmq_send(worker, text, sizeof text, ZMQ_DONTWAIT) >= 0)
            count++;
    assert_in_range(count, 32, 1500);
}

static void a_bad_message_names_its_sender_and_the_next_one_is_read(void **state)
{
    void *server = open_one(*state, SOCKET_BUS_SERVER, NULL, NULL);
    void *client = open_one(*state, SOCKET_BUS_CLIENT, NULL, "evil");
    static const char good[] = "{\"m\":\"RENEW\",\"grant\":5}";
    const char *const bad[] = {"{\"m\":\"RENEW\"}"}, *const many[] = {good, "more", "and more"}, *const last[] = {good};
    struct message got;
    struct error err;
    char peer[64];
    send_frames(client, bad, 1);
    send_frames(client, many, 3);
    send_frames(client, last, 1);
    assert_int_equal(receive(server, peer, sizeof peer, &got, &err), -1);
    assert_string_equal(peer, "evil");
    assert_string_equal(err.text, "RENEW.grant: it is missing");
    assert_int_equal(receive(server, peer, sizeof peer, &got, &err), -1);
    assert_string_equal(err.text, "the message has more frames than it may have");
    assert_int_equal(receive(server, peer, sizeof peer, &got, &err), 1);
    assert_int_equal(got.as.RENEW.grant, 5);
}

static void a_sender_that_cannot_be_named_is_refused(void **state)
{
    struct room *room = *state;
    void *server = open_one(room, SOCKET_CONTROL_SERVER, NULL, NULL);
    void *stranger = zmq_socket(room->context, ZMQ_DEALER); /* libzmq's own id begins with a NUL */
    void *client = open_one(room, SOCKET_CONTROL_CLIENT, NULL, NULL);
    char endpoint[128], peer[64], small[8];
    room->sockets[room->count++] = stranger;
    struct message sent = renew(3), got;
    struct error err;
    int linger = 0;
    zmq_setsockopt(stranger, ZMQ_LINGER, &linger, sizeof linger);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/control.sock", room->directory);
    assert_int_equal(zmq_connect(stranger, endpoint), 0);
    assert_int_equal(message_send(stranger, NULL, 0, &sent, NULL), 0);
    assert_int_equal(receive(server, peer, sizeof peer, &got, &err), -1);
    assert_int_equal(message_send(client, NULL, 0, &sent, NULL), 0);
    assert_int_equal(receive(server, peer, sizeof peer, &got, &err), 1);
    assert_int_equal(strlen(peer), 32);
    assert_int_equal(message_send(client, NULL, 0, &sent, NULL), 0);
    assert_int_equal(receive(server, small, sizeof small, &got, &err), -1);
    assert_int_equal(strlen(small), sizeof small - 1);
}

static void topics_go_before_published_messages(void **state)
{
    void *server = open_one(*state, SOCKET_INVENTORY_SERVER, "r", NULL);
    void *reader = open_one(*state, SOCKET_INVENTORY_CLIENT, "r", NULL);
    struct message sent = renew(1), got;
    char peer[64], subscription[64];
    zmq_pollitem_t item = {.socket = server, .events = ZMQ_POLLIN};
    zmq_setsockopt(reader, ZMQ_SUBSCRIBE, "type.gecko.", 11);
    assert_int_equal(zmq_poll(&item, 1, PATIENCE_MS), 1);
    assert_int_equal(zmq_recv(server, subscription, sizeof subscription, 0), 12);
    assert_int_equal(message_send(server, "type.gecko-decision.", 20, &sent, NULL), 0);
    sent = renew(2);
    assert_int_equal(message_send(server, "type.gecko.", 11, &sent, NULL), 0);
    assert_int_equal(receive(reader, peer, sizeof peer, &got, NULL), 1);
    assert_string_equal(peer, "type.gecko.");
    assert_int_equal(got.as.RENEW.grant, 2);
}

static void sockets_have_the_rights_of_their_role(void **state)
{
    static const struct {
        const char *region, *file;
        enum socket_role role;
        mode_t rights;
    } rows[] = {{NULL, "bus.sock", SOCKET_BUS_SERVER, 0600},
                {NULL, "control.sock", SOCKET_CONTROL_SERVER, 0660},
                {NULL, "status.sock", SOCKET_STATUS_SERVER, 0660},
                {"r", "inventory-r.sock", SOCKET_INVENTORY_SERVER, 0600},
                {"r", "lookup-r.sock", SOCKET_LOOKUP_SERVER, 0600}};
    struct room *room = *state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[128];
        struct stat status;
        open_one(room, rows[i].role, rows[i].region, NULL);
        snprintf(path, sizeof path, "%s/%s", room->directory, rows[i].file);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, rows[i].rights);
    }
}

static void what_cannot_be_opened_says_why(void **state)
{
    struct room *room = *state;
    struct error err;
    char longest[200];
    memset(longest, 'a', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    assert_null(socket_open(room->context, SOCKET_BUS_SERVER, longest, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "longer than 107 bytes"));
    assert_null(socket_open(room->context, SOCKET_BUS_SERVER, "/no/such/directory", NULL, NULL, &err));
    assert_non_null(strstr(err.text, "/no/such/directory/bus.sock"));
    assert_null(socket_open(room->context, SOCKET_LOOKUP_SERVER, room->directory, NULL, NULL, &err));
    assert_non_null(strstr(err.text, "region"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, enter, leave)
    const struct CMUnitTest tests[] = {
        TEST(a_message_arrives_with_its_senders_name_and_the_answer_comes_back),
        TEST(sending_to_nobody_says_so),
        TEST(a_full_queue_says_so_and_does_not_wait),
        TEST(what_a_worker_says_to_a_busy_supervisor_does_not_pile_up),
        TEST(a_bad_message_names_its_sender_and_the_next_one_is_read),
        TEST(a_sender_that_cannot_be_named_is_refused),
        TEST(topics_go_before_published_messages),
        TEST(sockets_have_the_rights_of_their_role),
        TEST(what_cannot_be_opened_says_why),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
