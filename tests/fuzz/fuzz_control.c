/* SPDX-License-Identifier: MPL-2.0 */
/* fuzz_control.c: libFuzzer target of operators' requests, from the bytes on the ROUTER to the answer: a whole
 * supervisor in a folder of its own, with two types, an instance and an open lease, but without workers (nothing is
 * ever spawned) and with a ledger whose thread does not run, so that no backup is written where the input says. An
 * input that begins with '{' is a frame as it would arrive; any other is "command\nname\nargument". Whoever asks what
 * may be asked gets exactly one answer, to his own number; whoever does not gets none. */
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

#include "common/json.h"
#include "common/log.h"
#include "common/text.h"
#include "supervisor/catalog.h"
#include "supervisor/control.h"
#include "supervisor/decide.h"
#include "supervisor/judge.h"
#include "supervisor/ledger_private.h"
#include "supervisor/startup.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define ENDPOINT "inproc://operators"
#define ASKER "asker"
#define TYPES_MOST 40 /* then the world is made anew: forced definitions stay */
#define GRANT 7
#define WRITE_POLLS 20000 /* of 100 us, for a file of an operator's definition */

static char folder[64];
static struct supervisor *supervisor;
static void *asker;

static const char settings[] =
    "{\"deploymentId\":\"fuzz-%d\",\"rootUrl\":\"http://127.0.0.1:1\",\"maxCapacity\":100,\"maxInstances\":100,"
    "\"maxHourlyCost\":\"9.00\",\"maxDailyCost\":\"90.00\",\"runDir\":\"run\",\"stateDir\":\"state\","
    "\"regions\":[{\"name\":\"us-west-2\",\"zones\":[\"us-west-2a\"]}]}";
static const char definition[] =
    "{\"workerType\":\"%s\",\"minCapacity\":0,\"maxCapacity\":4,\"scalingRatio\":0,\"minPrice\":0.01,\"maxPrice\":"
    "\"1\","
    "\"canUseSpot\":true,\"canUseOndemand\":false,\"launchSpec\":{\"KeyName\":\"k\"},\"userData\":{\"a\":1},"
    "\"instanceTypes\":[{\"instanceType\":\"m3.large\",\"capacity\":1,\"utility\":1,\"launchSpec\":{},\"userData\":{}}]"
    ","
    "\"regions\":[{\"region\":\"us-west-2\",\"launchSpec\":{\"ImageId\":\"ami-1\"},\"userData\":{}}]}";

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* ---- the folder ---- */

static void write_text(const char *name, const char *text)
{
    char path[200];

    text_format(path, sizeof path, "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    close(fd);
}

static void make_folder(const char *name)
{
    char path[200];

    text_format(path, sizeof path, "%s/%s", folder, name);
    must(mkdir(path, 0700) == 0);
}

static void write_world(void)
{
    static const char *const names[] = {"alpha", "beta"};
    char text[2000], file[80];

    text_copy(folder, sizeof folder, "/tmp/pd-fuzz-XXXXXX");
    must(mkdtemp(folder) != NULL);
    make_folder("workertypes.d");
    text_format(text, sizeof text, settings, (int)getpid());
    write_text("provisiond.json", text);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        text_format(text, sizeof text, definition, names[i]);
        text_format(file, sizeof file, "workertypes.d/%s.json", names[i]);
        write_text(file, text);
    }
}

static int remove_one(const char *path, const struct stat *there, int kind, struct FTW *place)
{
    (void)there;
    (void)kind;
    (void)place;
    return remove(path);
}

/* ---- the supervisor ---- */

/* What is in the ledger's file stays there; what comes later is dropped, see drop_changes. */
static void stop_ledger_thread(void)
{
    struct error error;
    enum ledger_start start;
    char state[100], aside[400];

    ledger_close(&supervisor->ledger, SPAN_SECONDS(10));
    text_format(state, sizeof state, "%s/state", folder);
    must(ledger_open(&supervisor->ledger, state, &start, aside, sizeof aside, &error) == 0);
}

static void open_control(void)
{
    int one = 1;

    zmq_close(supervisor->control);
    supervisor->control = zmq_socket(supervisor->zmq, ZMQ_ROUTER);
    asker = zmq_socket(supervisor->zmq, ZMQ_DEALER);
    must(supervisor->control && asker);
    zmq_setsockopt(supervisor->control, ZMQ_ROUTER_MANDATORY, &one, sizeof one);
    zmq_setsockopt(asker, ZMQ_ROUTING_ID, ASKER, strlen(ASKER));
    must(zmq_bind(supervisor->control, ENDPOINT) == 0 && zmq_connect(asker, ENDPOINT) == 0);
}

static void start_world(void)
{
    struct catalog catalog;
    struct error error;
    char path[100];

    write_world();
    text_format(path, sizeof path, "%s/provisiond.json", folder);
    supervisor = supervisor_create();
    must(catalog_read(&catalog, path, NULL, NULL, &error) == 0);
    must(startup(supervisor, path, &catalog, &error) == 0);
    stop_ledger_thread();
    open_control();
}

static void end_world(void)
{
    zmq_close(asker);
    shutdown_all(supervisor);
    supervisor_destroy(&supervisor);
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void begin(void)
{
    sigset_t signals;
    char self[PATH_MAX] = "";

    must(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    setenv("PROVISIOND_WORKER", self, 1); /* must be there; is never run */
    log_open("fuzz", LOG_FATAL_LEVEL);
    start_world();
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_UNBLOCK, &signals, NULL); /* startup blocks them for its loop */
    atexit(end_world);
}

/* Something to settle, to terminate and to trust, whatever the last input did. */
static void put_back(void)
{
    struct lease lease = {.grant = GRANT, .count = 1, .capacity = 1, .state = LEASE_UNKNOWN, .max_price = MONEY(1)};
    struct instance instance = {.capacity = 1, .state = INSTANCE_RUNNING, .revision = 1, .listed = true};

    text_copy(lease.type, sizeof lease.type, "alpha");
    text_copy(lease.placement.region, sizeof lease.placement.region, "us-west-2");
    text_copy(instance.id, sizeof instance.id, "i-1");
    instance.placement = lease.placement;
    text_copy(instance.spec_hash, sizeof instance.spec_hash, "1234");
    if (!fleet_lease(supervisor->fleet, GRANT))
        fleet_add_lease(supervisor->fleet, &lease);
    if (!fleet_instance(supervisor->fleet, instance.id))
        fleet_restore(supervisor->fleet, &instance, "alpha");
    supervisor->rebuilt = supervisor->budget_unknown = true;
    supervisor->now = mono_add(supervisor->now, SPAN_MS(1));
    supervisor->wall.ms++;
}

/* As if all that was added had been committed. */
static void drop_changes(void)
{
    struct ledger *ledger = supervisor->ledger;

    ledger_batch_free(&ledger->gathering);
    pthread_mutex_lock(&ledger->lock);
    ledger->acknowledged = ledger->next_ticket++;
    if (ledger_backup_waits(ledger)) {
        ledger->backup.state = BACKUP_ENDED;
        text_copy(ledger->backup.problem, sizeof ledger->backup.problem, "fuzz");
    }
    pthread_mutex_unlock(&ledger->lock);
}

/* Until no request waits for anything: a file of a forced definition is written by a thread. */
static void settle(void)
{
    for (int i = 0; i < WRITE_POLLS; i++) {
        control_drain(supervisor);
        judge_step(supervisor);
        drop_changes();
        control_send_committed(supervisor);
        judge_step(supervisor);
        control_finish_backup(supervisor);
        if (!supervisor->judgements)
            return;
        usleep(100);
    }
    abort();
}

/* ---- one request ---- */

/* The next line, whose bytes are kept as a text of at most room - 1; *rest is what follows. */
static void take_line(const uint8_t **rest, size_t *size, char *out, size_t room)
{
    const uint8_t *end = *size ? memchr(*rest, '\n', *size) : NULL;
    size_t length = end ? (size_t)(end - *rest) : *size;
    size_t kept = length < room ? length : room - 1;

    memcpy(out, *rest, kept);
    out[kept] = '\0';
    *rest += end ? length + 1 : length;
    *size -= end ? length + 1 : length;
}

static char *copy_of(const uint8_t *bytes, size_t size)
{
    char *copy = malloc(size);

    must(copy != NULL);
    memcpy(copy, bytes, size);
    return copy;
}

/* The frame that asks for it, or NULL when it cannot be asked. */
static char *frame_of(const uint8_t *bytes, size_t size, size_t *frame_size)
{
    struct message message = {.kind = PROTO_CONTROL};
    struct proto_CONTROL *request = &message.as.CONTROL;
    char *frame = NULL;

    request->id = 1;
    text_copy(request->who, sizeof request->who, "fuzz");
    take_line(&bytes, &size, request->command, sizeof request->command);
    take_line(&bytes, &size, request->name, sizeof request->name);
    request->argument = strndup((const char *)bytes, size);
    if (message_encode(&message, &frame, frame_size, NULL) != 0)
        frame = NULL;
    free(request->argument);
    return frame;
}

static bool is_request(const char *frame, size_t size, int64_t *id)
{
    struct message message;
    struct error error;

    if (message_decode(frame, size, &message, &error) != 0)
        return false;
    bool request = message.kind == PROTO_CONTROL;
    *id = request ? message.as.CONTROL.id : 0;
    message_clear(&message);
    return request;
}

static int take_answers(int64_t id)
{
    struct message message;
    struct error error;
    int count = 0, got;

    while ((got = message_receive(asker, NULL, 0, &message, &error)) != 0) {
        must(got > 0 && message.kind == PROTO_ANSWER && message.as.ANSWER.id == id);
        message_clear(&message);
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    size_t frame_size = size;
    int64_t id = 0;
    char *frame;

    if (!supervisor)
        begin();
    if (supervisor->type_count > TYPES_MOST) {
        end_world();
        start_world();
    }
    frame = size > 0 && bytes[0] == '{' ? copy_of(bytes, size) : frame_of(bytes, size, &frame_size);
    if (!frame)
        return 0;
    put_back();
    bool request = is_request(frame, frame_size, &id);
    must(zmq_send(asker, frame, frame_size, ZMQ_DONTWAIT) >= 0);
    free(frame);
    settle();
    must(take_answers(id) == (request ? 1 : 0));
    return 0;
}
