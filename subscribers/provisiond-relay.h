/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-relay.h: what the files of the relay share: the allow-list, the ZAP handler, the public socket, the
 * self-test. Runs in: provisiond-relay, which holds the network side of the status stream, so that hostile or numerous
 * readers never reach the process that holds the ledger. It reads the daemon's ipc socket like any subscriber.
 * Why CURVE alone is not enough: without a ZAP handler libzmq encrypts and admits every client. */
#ifndef SUBSCRIBERS_PROVISIOND_RELAY_H
#define SUBSCRIBERS_PROVISIOND_RELAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/secret.h"

#define KEY_TEXT_SIZE 41 /* Z85 of 32 bytes, with the NUL */
#define KEY_BYTES 32

/* ---- the allow-list (provisiond-relay_keys.c) ---- */

struct relay_key {
    char text[KEY_TEXT_SIZE];
    unsigned char bytes[KEY_BYTES];
    char label[64];
    double allowance;    /* subscriptions that it may still make: some at once, and some for each of its connections */
    struct mono counted; /* when the allowance was last filled up */
    bool barred;         /* it used up its allowance: refused until the list is read anew */
};

struct relay_keys {
    struct relay_key *list;
    size_t count;
};

/* Reads a file, or all *.pub of a directory: one key a line, then a label; lines that begin with "# " are comments.
 * -1 leaves *out alone. */
int keys_read(const char *path, struct relay_keys *out, struct error *err);
void keys_clear(struct relay_keys *keys);
struct relay_key *keys_find(const struct relay_keys *keys, const unsigned char bytes[KEY_BYTES]);
struct relay_key *keys_find_text(const struct relay_keys *keys, const char *text);
/* The secret key of a file that only its owner may read, and the public key that belongs to it. */
int keys_read_secret(const char *path, struct secret **secret, char public_key[KEY_TEXT_SIZE], struct error *err);

/* ---- who may come in (provisiond-relay_zap.c) ---- */

struct zap {
    void *socket;
    const struct relay_keys *allowed;
    unsigned char probe[KEY_BYTES]; /* the self-test's own key, allowed while it runs */
    bool probing;                   /* that key is let in */
    bool testing;                   /* refusals are ours, and no news */
    uint64_t admitted, refused;
};

/* Must be bound before the first bind of a CURVE server in this context. */
#define ALLOWANCE_OF_KEY 256.0       /* far more than any subscriber of ours makes */
#define ALLOWANCE_OF_CONNECTION 16.0 /* many subscribers may share a key */
#define ALLOWANCE_MOST 20000.0       /* libzmq keeps each in memory, some KB */

int zap_open(struct zap *zap, void *zmq_context, const struct relay_keys *allowed, struct error *err);
void zap_step(struct zap *zap); /* answers what is there */
void zap_close(struct zap *zap);

/* ---- the public socket (provisiond-relay_public.c) ---- */

struct public_options {
    const char *listen; /* tcp://HOST:PORT */
    const struct secret *secret_key;
    int high_water; /* messages that wait for one subscriber at most */
};

/* NULL with *err filled; errno EADDRINUSE: perhaps later. */
void *public_open(void *zmq_context, const struct public_options *options, struct error *err);
/* Reads what subscribers said. True: a key was barred, so the socket must be opened anew to be rid of its connections.
 */
bool public_hear(void *socket, struct relay_keys *keys, struct mono now);
/* May these bytes be a subscription to our topics? */
bool subscription_is_valid(const unsigned char *bytes, size_t size);

/* ---- the self-test (provisiond-relay_selftest.c) ---- */

/* Connects to the public socket with a key that is known and with one that is not. 0 only when the first was let in and
 * the second was refused. */
int selftest_run(void *zmq_context, void *public_socket, const char *server_key, struct zap *zap, struct error *err);

#endif
