/* SPDX-License-Identifier: MPL-2.0 */
/* Service Quotas as a service: GetServiceQuota of EC2's vCPU quotas for the standard families, as the scenario gives
 * them. JSON 1.1: the action is in X-Amz-Target. /servicequotas/REGION/ names the region. */
#include "exchange.h"

#include "journal.h"
#include "region.h"
#include "sigv4.h"
#include "world.h"

#include <stdio.h>
#include <string.h>

#define TARGET "ServiceQuotasV20190624."
#define PREFIX "/servicequotas/"

static void quotas_error(struct exchange *exchange, int status, const char *code, const char *message)
{
    snprintf(exchange->code, sizeof exchange->code, "%s", code);
    exchange_answer_json(exchange, status, json_pack("{s:s, s:s}", "__type", code, "Message", message));
    exchange->content_type = "application/x-amz-json-1.1";
}

static bool refuse(struct exchange *exchange, const char *code, const char *message)
{
    quotas_error(exchange, 400, code, message);
    return false;
}

static struct region *region_of(const struct exchange *exchange)
{
    char name[64];
    const char *path = exchange->path + strlen(PREFIX);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(path, "/"), path);
    return table_get(&exchange->world->regions, name);
}

static bool quotas_prepare(struct exchange *exchange)
{
    struct sigv4_result signature;
    const char *target = exchange_header(exchange, "X-Amz-Target");
    struct region *region = region_of(exchange);
    sigv4_check(exchange, &signature);
    exchange->service_data = signature.credential;
    exchange->subject.action = "GetServiceQuota";
    exchange->subject.region = region != NULL ? region->name : NULL;
    exchange->parameters = json_loadb(exchange->body.data != NULL ? exchange->body.data : "", exchange->body.length,
                                      JSON_REJECT_DUPLICATES, NULL);
    if (signature.error_code != NULL)
        return refuse(exchange, signature.error_code, signature.error_message);
    if (exchange->world->check_signatures && strcmp(signature.service, "servicequotas") != 0)
        return refuse(exchange, "InvalidSignatureException", "Credential should be scoped to correct service.");
    if (target == NULL || strcmp(target, TARGET "GetServiceQuota") != 0)
        return refuse(exchange, "UnknownOperationException", "There is no such action");
    if (region == NULL)
        return refuse(exchange, "IllegalArgumentException", "This region is not known here");
    if (!json_is_string(json_object_get(exchange->parameters, "ServiceCode")) ||
        !json_is_string(json_object_get(exchange->parameters, "QuotaCode")))
        return refuse(exchange, "ValidationException", "ServiceCode and QuotaCode must be given");
    return true;
}

static void quotas_perform(struct exchange *exchange)
{
    const struct credential *credential = exchange->service_data;
    const char *service = json_string_value(json_object_get(exchange->parameters, "ServiceCode"));
    const char *code = json_string_value(json_object_get(exchange->parameters, "QuotaCode"));
    bool spot = strcmp(code, "L-34B43A08") == 0, known = spot || strcmp(code, "L-1216C47A") == 0;
    if (credential != NULL && json_lists_word(credential->deny, "GetServiceQuota")) {
        quotas_error(exchange, 400, "AccessDeniedException",
                     "User is not authorized to perform: servicequotas:GetServiceQuota");
        return;
    }
    const json_t *value = region_vcpu_quota(region_of(exchange), spot ? MARKET_SPOT : MARKET_ON_DEMAND, "standard");
    if (strcmp(service, "ec2") != 0 || !known || !json_is_number(value)) {
        quotas_error(exchange, 400, "NoSuchResourceException", "The request failed because the quota does not exist.");
        return;
    }
    json_t *quota =
        json_pack("{s:s, s:s, s:s, s:f, s:s, s:b, s:b}", "ServiceCode", "ec2", "QuotaCode", code, "QuotaName",
                  spot ? "All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"
                       : "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
                  "Value", json_number_value(value), "Unit", "None", "Adjustable", 1, "GlobalQuota", 0);
    exchange_answer_json(exchange, 200, json_pack("{s:o}", "Quota", quota));
    exchange->content_type = "application/x-amz-json-1.1";
}

const struct service quotas_service = {"servicequotas", PREFIX, quotas_prepare, quotas_perform, quotas_error, NULL};
