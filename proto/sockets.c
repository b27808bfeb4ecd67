/* SPDX-License-Identifier: MPL-2.0 */
/* sockets.c: one row a role: socket type, file name, which end binds, rights and high-water marks.
 * Runs in: every process after its exec; the caller owns the socket.
 * Why the options (STYLE, traps of this stack): LINGER 0, or zmq_ctx_term hangs on an absent peer; MAXMSGSIZE, or a
 * peer fills our memory; MANDATORY, or a ROUTER drops in silence; no HANDOVER, or a second process could take over a
 * worker's identity; BACKLOG, or a thousand workers that start at once wait on reconnect timers. */
#include "proto/sockets.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <zmq.h>

#include "common/text.h"
#include "proto/messages.h"

#define IPC_PATH_LIMIT 107 /* sockaddr_un.sun_path, without the NUL */
#define BACKLOG 4096
#define RECONNECT_FIRST_MS 50
#define RECONNECT_MOST_MS 1000

struct role_row {
    int type;
    bool binds;
    mode_t rights;
    int most_out, most_in; /* high-water marks, messages each peer */
    const char *file;      /* %s is the region */
};

/* Bus: what a thousand type workers say may not pile up in the supervisor or in them: 4,096 of 1 KB a peer would be 4
 * GB on a host that is too slow. A worker drops states when it cannot send, for the next replaces them, and keeps the
 * rest. Status: above twice the topics of 1,000 types (DESIGN section 10), and what one deaf reader holds is below 10
 * MB (case B60).
 */
#define BUS_UP 32
#define BUS_DOWN 512 /* grants, breakers: a stopped worker is killed long before */

static const struct role_row roles[] = {
    [SOCKET_BUS_SERVER] = {ZMQ_ROUTER, true, 0600, BUS_DOWN, BUS_UP, "bus.sock"},
    [SOCKET_BUS_CLIENT] = {ZMQ_DEALER, false, 0, BUS_UP, BUS_DOWN, "bus.sock"},
    [SOCKET_CONTROL_SERVER] = {ZMQ_ROUTER, true, 0660, 256, 256, "control.sock"},
    [SOCKET_CONTROL_CLIENT] = {ZMQ_DEALER, false, 0, 256, 256, "control.sock"},
    [SOCKET_STATUS_SERVER] = {ZMQ_XPUB, true, 0660, 4096, 4096, "status.sock"},
    [SOCKET_STATUS_CLIENT] = {ZMQ_SUB, false, 0, 8192, 8192, "status.sock"},
    [SOCKET_INVENTORY_SERVER] = {ZMQ_XPUB, true, 0600, 4096, 4096, "inventory-%s.sock"},
    [SOCKET_INVENTORY_CLIENT] = {ZMQ_SUB, false, 0, 4096, 4096, "inventory-%s.sock"},
    [SOCKET_LOOKUP_SERVER] = {ZMQ_ROUTER, true, 0600, 256, 256, "lookup-%s.sock"},
    [SOCKET_LOOKUP_CLIENT] = {ZMQ_DEALER, false, 0, 256, 256, "lookup-%s.sock"},
    [SOCKET_KEYS_SERVER] = {ZMQ_ROUTER, true, 0600, 256, 256, "keys.sock"},
    [SOCKET_KEYS_CLIENT] = {ZMQ_DEALER, false, 0, 256, 256, "keys.sock"},
};

static int set_number(void *socket, int option, int value, struct error *err)
{
    if (zmq_setsockopt(socket, option, &value, sizeof value) == 0)
        return 0;
    return error_set(err, ERROR_LOCAL, "socket option %d: %s", option, zmq_strerror(errno));
}

static int set_common(void *socket, const struct role_row *row, struct error *err)
{
    int64_t most = PROTO_MESSAGE_LIMIT;
    if (zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &most, sizeof most) < 0)
        return error_set(err, ERROR_LOCAL, "socket option MAXMSGSIZE: %s", zmq_strerror(errno));
    const struct {
        int option, value;
    } numbers[] = {{ZMQ_LINGER, 0},
                   {ZMQ_SNDHWM, row->most_out},
                   {ZMQ_RCVHWM, row->most_in},
                   {ZMQ_BACKLOG, BACKLOG},
                   {ZMQ_RECONNECT_IVL, RECONNECT_FIRST_MS},
                   {ZMQ_RECONNECT_IVL_MAX, RECONNECT_MOST_MS}};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (set_number(socket, numbers[i].option, numbers[i].value, err) < 0)
            return -1;
    }
    return 0;
}

/* libzmq's own routing ids begin with a NUL byte; message_receive keeps peers as text, so ours are hex. */
static int set_identity(void *socket, const struct role_row *row, const char *identity, struct error *err)
{
    char made[33];
    if (row->type == ZMQ_ROUTER)
        return set_number(socket, ZMQ_ROUTER_MANDATORY, 1, err);
    if (row->type != ZMQ_DEALER)
        return 0;
    if (!identity) {
        text_random_hex(16, made);
        identity = made;
    }
    if (zmq_setsockopt(socket, ZMQ_ROUTING_ID, identity, strlen(identity)) < 0)
        return error_set(err, ERROR_LOCAL, "socket option ROUTING_ID: %s", zmq_strerror(errno));
    return 0;
}

static int make_path(const struct role_row *row, const char *run_dir, const char *region, char *path, size_t size,
                     struct error *err)
{
    char file[IPC_PATH_LIMIT + 1];
    bool has_region = strchr(row->file, '%') != NULL;
    if (has_region && !region)
        return error_set(err, ERROR_USAGE, "a socket of a region needs the region's name");
    const char *mark = strchr(row->file, '%');
    int fits = has_region
                   ? text_format(file, sizeof file, "%.*s%s%s", (int)(mark - row->file), row->file, region, mark + 2)
                   : text_format(file, sizeof file, "%s", row->file);
    if (fits < 0 || text_format(path, size, "%s/%s", run_dir, file) < 0)
        return error_set(err, ERROR_LOCAL, "the socket path in %s is longer than %d bytes: choose a shorter runDir",
                         run_dir, IPC_PATH_LIMIT);
    return 0;
}

static int attach(void *socket, const struct role_row *row, const char *path, struct error *err)
{
    char endpoint[IPC_PATH_LIMIT + 8];
    text_format(endpoint, sizeof endpoint, "ipc://%s", path);
    if (!row->binds) {
        if (zmq_connect(socket, endpoint) == 0)
            return 0;
        return error_set(err, ERROR_LOCAL, "%s: %s", path, zmq_strerror(errno));
    }
    if (zmq_bind(socket, endpoint) < 0)
        return error_set(err, ERROR_LOCAL, "%s: %s", path, zmq_strerror(errno));
    if (chmod(path, row->rights) < 0)
        return error_set_errno(err, ERROR_LOCAL, "%s", path);
    return 0;
}

void *socket_open(void *zmq_context, enum socket_role role, const char *run_dir, const char *region,
                  const char *identity, struct error *err)
{
    const struct role_row *row = &roles[role];
    char path[IPC_PATH_LIMIT + 1];
    if (make_path(row, run_dir, region, path, sizeof path, err) < 0)
        return NULL;
    void *socket = zmq_socket(zmq_context, row->type);
    if (!socket) {
        error_set(err, ERROR_LOCAL, "%s: %s", path, zmq_strerror(errno));
        return NULL;
    }
    if (set_common(socket, row, err) == 0 && set_identity(socket, row, identity, err) == 0 &&
        attach(socket, row, path, err) == 0)
        return socket;
    zmq_close(socket);
    return NULL;
}
