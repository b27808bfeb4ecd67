/* SPDX-License-Identifier: MPL-2.0 */
/* sockets.h: makes our ZeroMQ sockets, all with the same manners: LINGER 0, MAXMSGSIZE, HWM, BACKLOG, ROUTER_MANDATORY
 * before bind, no HANDOVER (STYLE traps 13 to 19). Runs in: every process after its exec. The caller owns the socket
 * and closes it with zmq_close. Paths live in runDir: bus.sock, control.sock, status.sock, inventory-REGION.sock,
 * lookup-REGION.sock, keys.sock; ipc paths are at most 107 bytes and 0600/0660 in a 0750 directory. */
#ifndef PROTO_SOCKETS_H
#define PROTO_SOCKETS_H

#include <stddef.h>

#include "common/error.h"

enum socket_role {
    SOCKET_BUS_SERVER,       /* ROUTER, supervisor */
    SOCKET_BUS_CLIENT,       /* DEALER with the per-spawn secret as routing id */
    SOCKET_CONTROL_SERVER,   /* ROUTER, supervisor */
    SOCKET_CONTROL_CLIENT,   /* DEALER, provisionctl */
    SOCKET_STATUS_SERVER,    /* XPUB, supervisor */
    SOCKET_STATUS_CLIENT,    /* SUB */
    SOCKET_INVENTORY_SERVER, /* XPUB, region worker */
    SOCKET_INVENTORY_CLIENT, /* SUB, type worker */
    SOCKET_LOOKUP_SERVER,    /* ROUTER, region worker */
    SOCKET_LOOKUP_CLIENT,    /* DEALER, type worker */
    SOCKET_KEYS_SERVER,      /* ROUTER, credentials helper */
    SOCKET_KEYS_CLIENT       /* DEALER, type and region workers */
};

/* Opens, sets options and binds or connects to `run_dir`'s socket for the role (`region` where the role has one, else
 * NULL; `identity` for SOCKET_BUS_CLIENT, else NULL). NULL on failure. */
void *socket_open(void *zmq_context, enum socket_role role, const char *run_dir, const char *region,
                  const char *identity, struct error *err);

#endif
