/* SPDX-License-Identifier: MPL-2.0 */
/* One HTTP request and its answer, on the way through the simulator.
 * http.c creates it, feeds it and frees it; service.c takes it through prepare, faults and
 * perform; the services fill in the answer and what the journal should say. */
#ifndef SIM_EXCHANGE_H
#define SIM_EXCHANGE_H

#include "faults.h"
#include "text.h"

#include <jansson.h>
#include <stdbool.h>

struct MHD_Connection;
struct world;
struct exchange;

/* How the answer leaves. */
enum delivery { DELIVER_WHOLE, DELIVER_HALF, DELIVER_RESET, DELIVER_NEVER };

/* One of the simulated services; a row of the table in service.c. */
struct service {
    const char *name, *path_prefix;
    /* Parses and authenticates, fills subject and record; false: the answer is already there. */
    bool (*prepare)(struct exchange *exchange);
    void (*perform)(struct exchange *exchange);
    void (*error)(struct exchange *exchange, int status, const char *code, const char *message);
    void (*release)(struct exchange *exchange); /* frees service_data; may be NULL */
};

struct exchange {
    struct world *world;
    struct MHD_Connection *connection;
    char *uri;   /* as sent, path and query */
    char *path;  /* its path, still encoded */
    char *query; /* its query, still encoded; NULL: none */
    char *method;
    struct text body;
    const struct service *service;
    void *service_data;

    /* progress */
    double arrived; /* real monotonic */
    bool headers_seen, served, prepared, performed, suspended, finished;
    double hold; /* real seconds to hold the answer (or, unperformed, the request) back */
    struct fault *fault;
    struct exchange *previous_held, *next_held;

    /* the answer */
    int status;
    const char *content_type;
    struct text answer;
    char *extra_header_name, *extra_header_value;
    enum delivery delivery;

    /* for faults and the journal: texts live as long as the exchange or the world */
    struct subject subject;
    bool mutates, is_control;
    json_t *parameters, *launched;
    char code[64]; /* "" for success */
    bool replayed;
};

const char *exchange_header(const struct exchange *exchange, const char *name); /* NULL when missing */
void exchange_answer_json(struct exchange *exchange, int status, json_t *body); /* takes over body */

/* service.c: called once when the request is complete, and again if it was held unperformed. */
void service_serve(struct exchange *exchange);
void service_finished(struct exchange *exchange); /* the answer leaves, or never will: journals */
void service_release(struct exchange *exchange);

extern const struct service ec2_service, queue_service, worker_manager_service, control_service, quotas_service;

#endif
