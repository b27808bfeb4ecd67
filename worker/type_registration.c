/* SPDX-License-Identifier: MPL-2.0 */
/* type_registration.c: the worker's side of registration with worker-manager, when the setting asks for it.
 * Runs in: type worker. Owns nothing: registration.h does. Launches wait for none of it. */
#include "common/text.h"
#include "worker/type_worker.h"

int type_registration_start(struct type_worker *worker, struct error *err)
{
    const struct config *config = &worker->config;
    struct registration_options options = {.root_url = config->root_url,
                                           .provisioner_id = config->provisioner_id,
                                           .worker_type = worker->definition->name,
                                           .credentials = &worker->queue_credentials,
                                           .connect_limit = config->connect_limit,
                                           .total_limit = config->queue_limit,
                                           .lifetime = worker->definition->max_lifetime,
                                           .key_file = config->deployment_key_file};

    if (config->registration != REGISTRATION_STATIC)
        return 0;
    return registration_create(&worker->registration, worker->http, &options, err);
}

struct secret *type_registration_secret(const struct type_worker *worker, const char *token, struct ec2_launch *request)
{
    struct secret *secret = worker->registration ? registration_secret_of(worker->registration, token) : NULL;

    request->static_provider_id = worker->config.static_provider_id;
    request->grant_secret = secret;
    return secret;
}

void type_registration_observe(const struct type_worker *worker, struct proto_OBSERVATION *seen)
{
    seen->registrationsOpen = -1;
    if (!worker->registration)
        return;
    seen->registrationsOpen = (int64_t)registration_waiting(worker->registration);
    text_copy(seen->registrationProblem, sizeof seen->registrationProblem, registration_problem(worker->registration));
}

void type_registration_step(struct type_worker *worker, struct mono now)
{
    if (worker->registration && !worker->stopping)
        registration_step(worker->registration, queue_clock_offset(worker->queue), now);
}

struct mono type_registration_deadline(const struct type_worker *worker)
{
    return worker->registration && !worker->stopping ? registration_deadline(worker->registration) : MONO_NEVER;
}
