/* SPDX-License-Identifier: MPL-2.0 */
/* quotas.h: GetServiceQuota of Service Quotas (API 2019-06-24, JSON 1.1) as bytes: request and answer.
 * Runs in: region workers, which send it (region_quotas.c). Does no I/O. Owns nothing that lasts. */
#ifndef WORKER_EC2_QUOTAS_H
#define WORKER_EC2_QUOTAS_H

#include <jansson.h>

#include "common/error.h"
#include "common/text.h"

#define QUOTAS_SERVICE "servicequotas"
#define QUOTAS_TARGET "ServiceQuotasV20190624.GetServiceQuota"

/* The body that asks for one quota of EC2, "L-34B43A08". */
void quotas_request(struct buffer *out, const char *code);
/* {"value": vCPUs as text} of a whole answer with a quota of that code. NULL with *err: a refusal, or no such answer.
 * New reference. */
json_t *quotas_read(int status, const char *body, size_t size, const char *code, struct error *err);

#endif
