/* SPDX-License-Identifier: MPL-2.0 */
/* classify.c: what an EC2 refusal tells, as one table: code -> class. The HTTP status never decides alone: EC2 sends
 * InsufficientInstanceCapacity with 500 and RequestLimitExceeded with 503.
 * Runs in: type and region workers. Pure. Source: EC2 API Reference, "Error codes"; facts/ec2.md; case B51. */
#include <string.h>

#include "worker/ec2/ec2.h"

struct rule {
    const char *code;
    const char *text; /* must be in the message; NULL: any */
    enum failure failure;
};

/* The first rule that fits decides. */
static const struct rule rules[] = {
    /* "would have succeeded": the good answer to DryRun */
    {"DryRunOperation", NULL, FAILURE_NONE},

    {"InsufficientInstanceCapacity", NULL, FAILURE_CAPACITY},
    {"InsufficientHostCapacity", NULL, FAILURE_CAPACITY},
    {"InsufficientReservedInstanceCapacity", NULL, FAILURE_CAPACITY},
    {"InsufficientCapacity", NULL, FAILURE_CAPACITY},
    {"InsufficientVolumeCapacity", NULL, FAILURE_CAPACITY},
    {"SpotMaxPriceTooLow", NULL, FAILURE_PRICE},
    {"InsufficientFreeAddressesInSubnet", NULL, FAILURE_ADDRESSES},
    {"Unsupported", NULL, FAILURE_NOT_OFFERED},

    {"MaxSpotInstanceCountExceeded", NULL, FAILURE_QUOTA},
    {"InstanceLimitExceeded", NULL, FAILURE_QUOTA},
    {"VcpuLimitExceeded", NULL, FAILURE_QUOTA},
    {"MaxFleetCountExceeded", NULL, FAILURE_QUOTA},
    {"VolumeLimitExceeded", NULL, FAILURE_QUOTA},

    {"RequestLimitExceeded", NULL, FAILURE_RATE},
    {"Throttling", NULL, FAILURE_RATE},
    {"ThrottlingException", NULL, FAILURE_RATE},
    {"RequestThrottled", NULL, FAILURE_RATE},
    {"EC2ThrottledException", NULL, FAILURE_RATE},

    {"IdempotentParameterMismatch", NULL, FAILURE_LOOK_UP},
    {"IdempotentInstanceTerminated", NULL, FAILURE_LOOK_UP},

    {"InvalidAMIID.NotFound", NULL, FAILURE_DEFINITION},
    {"InvalidAMIID.Malformed", NULL, FAILURE_DEFINITION},
    {"InvalidAMIID.Unavailable", NULL, FAILURE_DEFINITION},
    {"InvalidParameterCombination", NULL, FAILURE_DEFINITION},
    {"InvalidParameterValue", NULL, FAILURE_DEFINITION},
    {"InvalidKeyPair.NotFound", NULL, FAILURE_DEFINITION},
    {"InvalidGroup.NotFound", NULL, FAILURE_DEFINITION},
    {"InvalidSubnetID.NotFound", NULL, FAILURE_DEFINITION},
    {"UnsupportedOperation", NULL, FAILURE_DEFINITION},
    {"OptInRequired", NULL, FAILURE_DEFINITION}, /* an unsubscribed Marketplace image, HTTP 401 */

    /* AuthFailure has three meanings; the text tells them apart. */
    {"AuthFailure", "Not authorized for images", FAILURE_DEFINITION},
    {"AuthFailure", "validate the provided access credentials", FAILURE_CREDENTIALS},
    {"AuthFailure", NULL, FAILURE_PERMISSION},
    {"AuthFailure.ServiceLinkedRoleCreationNotPermitted", NULL, FAILURE_PERMISSION},
    {"UnauthorizedOperation", NULL, FAILURE_PERMISSION},
    {"AccessDenied", NULL, FAILURE_PERMISSION},
    {"AccessDeniedException", NULL, FAILURE_PERMISSION},
    {"Blocked", NULL, FAILURE_PERMISSION},
    {"PendingVerification", NULL, FAILURE_PERMISSION},

    {"RequestExpired", NULL, FAILURE_CREDENTIALS},
    {"ExpiredToken", NULL, FAILURE_CREDENTIALS},
    {"ExpiredTokenException", NULL, FAILURE_CREDENTIALS},
    {"InvalidClientTokenId", NULL, FAILURE_CREDENTIALS},
    {"SignatureDoesNotMatch", NULL, FAILURE_CREDENTIALS},
    {"IncompleteSignature", NULL, FAILURE_CREDENTIALS},
    {"MissingAuthenticationToken", NULL, FAILURE_CREDENTIALS},

    /* Definite-looking words for an unknown outcome. */
    {"InternalError", NULL, FAILURE_NO_ANSWER},
    {"InternalFailure", NULL, FAILURE_NO_ANSWER},
    {"Unavailable", NULL, FAILURE_NO_ANSWER},
    {"ServiceUnavailable", NULL, FAILURE_NO_ANSWER},
    {"RequestTimeout", NULL, FAILURE_NO_ANSWER},
    {"UnreadableAnswer", NULL, FAILURE_NO_ANSWER}, /* ours: ec2_reader_finish */
};

/* The documentation, and state reasons, write "Server.InternalError" for what answers call "InternalError". */
static const char *bare_code(const char *code)
{
    if (text_starts(code, "Client.") || text_starts(code, "Server."))
        return code + 7;
    return code;
}

enum failure ec2_classify(const struct ec2_error *error)
{
    const char *code = bare_code(error->code);

    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strcmp(rules[i].code, code) == 0 && (!rules[i].text || strcasestr(error->message, rules[i].text)))
            return rules[i].failure;
    if (code[0] && error->status >= 400 && error->status < 500)
        return FAILURE_DEFINITION;
    return FAILURE_NO_ANSWER;
}

bool ec2_reason_account_wide(const char *state_reason)
{
    static const char *const wide[] = {"VolumeLimitExceeded", "InstanceLimitExceeded", "VcpuLimitExceeded"};
    const char *code = bare_code(state_reason);

    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (strcmp(wide[i], code) == 0)
            return true;
    return false;
}

bool ec2_wants_new_credentials(const struct ec2_error *error)
{
    return ec2_classify(error) == FAILURE_CREDENTIALS;
}
