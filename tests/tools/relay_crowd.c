/* SPDX-License-Identifier: MPL-2.0 */
/* relay_crowd.c: many subscribers of provisiond-relay in one process, some of them deaf: connected, subscribed, and
 * never reading, over and over. For `make bench-relay` and tests/process/test_relay.py. Owns: its sockets.
 *   relay_crowd ADDRESS RELAY.pub MINE.key MINE.pub LIVE DEAF
 * Reads lines: "on" connects them all and answers {"ready": true} once each live one had a message; "figures" answers
 * what the live ones had, "off" too and closes them all; at end of file it ends. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

#include "common/limits.h"

#define KEY_SIZE 41
#define EVERY_MS 20 /* the sockets are looked at: all have the same messages, so that more often only costs */
#define CONNECTS_A_TURN 50
#define DEAF_FOR_MS 12000 /* the relay cuts off whom it does not hear for 15 s: before that they come anew */

struct subscriber {
    void *socket;
    long long messages, lost, last; /* last: sequence */
};

struct crowd {
    const char *address;
    char relay_key[KEY_SIZE], secret_key[KEY_SIZE], public_key[KEY_SIZE];
    void *zmq;
    struct subscriber *all;
    int live, deaf, open;
    int wanted; /* sockets that shall be open */
    int told_ready;
    int next_deaf; /* the one that comes anew next */
    struct timespec renewed;
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "relay_crowd: %s: %s\n", what, zmq_strerror(errno));
    exit(2);
}

static void read_key(const char *path, char out[KEY_SIZE])
{
    FILE *file = fopen(path, "r");

    if (!file || fread(out, 1, KEY_SIZE - 1, file) != KEY_SIZE - 1)
        fail(path);
    out[KEY_SIZE - 1] = '\0';
    fclose(file);
}

static void set_number(void *socket, int option, int value)
{
    if (zmq_setsockopt(socket, option, &value, sizeof value) != 0)
        fail("a socket option");
}

static void open_one(struct crowd *crowd, struct subscriber *subscriber, int is_deaf)
{
    void *socket = zmq_socket(crowd->zmq, ZMQ_SUB);

    if (!socket)
        fail("a socket");
    set_number(socket, ZMQ_LINGER, 0);
    set_number(socket, ZMQ_RCVHWM, is_deaf ? 1 : 20000);
    if (is_deaf)
        set_number(socket, ZMQ_RCVBUF, 4096);
    if (zmq_setsockopt(socket, ZMQ_CURVE_SERVERKEY, crowd->relay_key, KEY_SIZE) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_SECRETKEY, crowd->secret_key, KEY_SIZE) != 0 ||
        zmq_setsockopt(socket, ZMQ_CURVE_PUBLICKEY, crowd->public_key, KEY_SIZE) != 0 ||
        zmq_setsockopt(socket, ZMQ_SUBSCRIBE, "", 0) != 0 || zmq_connect(socket, crowd->address) != 0)
        fail("connecting");
    *subscriber = (struct subscriber){.socket = socket};
}

/* A message's own sequence is its last member, as the daemon writes it, or among its first, as a script does. -1: none.
 */
static long long sequence_of(zmq_msg_t *frame)
{
    static const char name[] = "\"sequence\":";
    const char *bytes = zmq_msg_data(frame);
    size_t size = zmq_msg_size(frame), tail = size < 40 ? size : 40, head = size < 160 ? size : 160;
    const char *at = memmem(bytes + size - tail, tail, name, sizeof name - 1);
    char digits[24] = "";

    if (!at)
        at = memmem(bytes, head, name, sizeof name - 1);
    if (!at)
        return -1;
    at += sizeof name - 1;
    size_t rest = size - (size_t)(at - bytes);
    memcpy(digits, at, rest < sizeof digits - 1 ? rest : sizeof digits - 1);
    return strtoll(digits, NULL, 10);
}

/* A gap says that messages were lost. */
static void take(struct subscriber *subscriber, zmq_msg_t *frame)
{
    long long sequence = sequence_of(frame);

    if (sequence < 0)
        return;
    if (subscriber->last > 0 && sequence > subscriber->last + 1)
        subscriber->lost += sequence - subscriber->last - 1;
    subscriber->last = sequence;
    subscriber->messages++;
}

static void drain(struct subscriber *subscriber)
{
    zmq_msg_t frame;

    zmq_msg_init(&frame);
    while (zmq_msg_recv(&frame, subscriber->socket, ZMQ_DONTWAIT) >= 0)
        if (!zmq_msg_more(&frame))
            take(subscriber, &frame);
    zmq_msg_close(&frame);
}

static long long milliseconds_since(const struct timespec *then, const struct timespec *now)
{
    return (now->tv_sec - then->tv_sec) * 1000LL + (now->tv_nsec - then->tv_nsec) / 1000000;
}

/* One after the other, each DEAF_FOR_MS, so that there are always so many. */
static void renew_deaf(struct crowd *crowd)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (crowd->deaf == 0 || milliseconds_since(&crowd->renewed, &now) < DEAF_FOR_MS / crowd->deaf)
        return;
    crowd->renewed = now;
    struct subscriber *one = &crowd->all[crowd->live + crowd->next_deaf++ % crowd->deaf];
    zmq_close(one->socket);
    open_one(crowd, one, 1);
}

static void turn(struct crowd *crowd)
{
    int heard = 0;

    for (int i = 0; crowd->open < crowd->wanted && i < CONNECTS_A_TURN; i++, crowd->open++)
        open_one(crowd, &crowd->all[crowd->open], crowd->open >= crowd->live);
    for (int i = 0; i < crowd->open && i < crowd->live; i++) {
        drain(&crowd->all[i]);
        heard += crowd->all[i].messages > 0;
    }
    if (crowd->wanted > 0 && !crowd->told_ready && crowd->open == crowd->wanted && heard == crowd->live) {
        printf("{\"ready\": true}\n");
        crowd->told_ready = 1;
    }
    if (crowd->told_ready)
        renew_deaf(crowd);
}

static double cpu_seconds(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void print_figures(const struct crowd *crowd)
{
    long long messages = 0, lost = 0, least = -1;

    for (int i = 0; i < crowd->open && i < crowd->live; i++) {
        const struct subscriber *one = &crowd->all[i];
        messages += one->messages;
        lost += one->lost;
        if (least < 0 || one->messages < least)
            least = one->messages;
    }
    printf("{\"messages\": %lld, \"least\": %lld, \"lost\": %lld, \"cpu_s\": %.3f}\n", messages, least, lost,
           cpu_seconds());
}

static void close_all(struct crowd *crowd)
{
    for (int i = 0; i < crowd->open; i++)
        zmq_close(crowd->all[i].socket);
    crowd->open = crowd->wanted = crowd->told_ready = 0;
}

static void obey(struct crowd *crowd, const char *word)
{
    if (strcmp(word, "on\n") == 0)
        crowd->wanted = crowd->live + crowd->deaf;
    else
        print_figures(crowd);
    if (strcmp(word, "off\n") == 0)
        close_all(crowd);
}

int main(int argc, char **argv)
{
    struct crowd crowd = {0};
    char line[16];

    if (argc != 7)
        return fprintf(stderr, "relay_crowd ADDRESS RELAY.pub MINE.key MINE.pub LIVE DEAF\n"), 2;
    crowd.address = argv[1];
    read_key(argv[2], crowd.relay_key);
    read_key(argv[3], crowd.secret_key);
    read_key(argv[4], crowd.public_key);
    crowd.live = atoi(argv[5]);
    crowd.deaf = atoi(argv[6]);
    crowd.all = calloc((size_t)(crowd.live + crowd.deaf) + 1, sizeof *crowd.all);
    crowd.zmq = zmq_ctx_new();
    if (!crowd.all || !crowd.zmq)
        fail("memory");
    limits_raise_files();
    zmq_ctx_set(crowd.zmq, ZMQ_MAX_SOCKETS, crowd.live + crowd.deaf + 16);
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0);
    for (;;) {
        struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
        if (poll(&input, 1, crowd.wanted > 0 ? EVERY_MS : -1) > 0) {
            if (!fgets(line, sizeof line, stdin))
                break;
            obey(&crowd, line);
        }
        turn(&crowd);
    }
    free(crowd.all);
    return 0; /* its sockets end with it */
}
