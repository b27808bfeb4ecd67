/* SPDX-License-Identifier: MPL-2.0 */
/* The HTTP status of EC2's error codes; what is not listed is a 400. See ec2_errors.h. */
#include "ec2_errors.h"

#include <stddef.h>
#include <string.h>

static const struct {
    const char *code;
    int status;
    const char *message;
} errors[] = {
    {"AuthFailure", 401, "AWS was not able to validate the provided access credentials"},
    {"AuthFailure.ServiceLinkedRoleCreationNotPermitted", 403,
     "The provided credentials do not have permission to create the service-linked role for EC2 Spot "
     "Instances."},
    {"Blocked", 403, "Your account is currently blocked."},
    {"DryRunOperation", 412, "Request would have succeeded, but DryRun flag is set."},
    {"ExpiredToken", 403, "The security token included in the request is expired"},
    {"InsufficientCapacity", 500, "There is not enough capacity to fulfill your import request."},
    {"InsufficientHostCapacity", 500, "There is not enough capacity to fulfill your Dedicated Host request."},
    {"InsufficientInstanceCapacity", 500, "There is no Spot capacity available that matches your request."},
    {"InternalError", 500, "An internal error has occurred"},
    {"InternalFailure", 500, "The request processing has failed because of an unknown error."},
    {"InvalidAction", 400, "The action or operation requested is not valid."},
    {"InvalidClientTokenId", 403, "The security token included in the request is invalid."},
    {"MaxSpotInstanceCountExceeded", 400, "Max spot instance count exceeded"},
    {"MissingAuthenticationToken", 403, "Request is missing Authentication Token"},
    {"OptInRequired", 401, "In order to use this AWS Marketplace product you need to accept terms and subscribe."},
    {"PendingVerification", 409, "Your account is currently being verified."},
    {"RequestExpired", 400, "Request has expired."},
    {"RequestLimitExceeded", 503, "Request limit exceeded."},
    {"ServiceUnavailable", 503, "The request has failed due to a temporary failure of the server."},
    {"SignatureDoesNotMatch", 403,
     "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
     "Access Key and signing method."},
    {"Throttling", 400, "Rate exceeded"},
    {"UnauthorizedOperation", 403, "You are not authorized to perform this operation."},
    {"Unavailable", 503, "The server is overloaded and can't handle the request."},
    {"InsufficientScopes", 403, "Client does not satisfy the scopes of this call."},
    {"AuthenticationFailed", 401, "Authentication failed."},
    {"InternalServerError", 500, "Internal Server Error"},
    {"ResourceNotFound", 404, "Not found"},
};

static size_t find(const char *code)
{
    size_t i = 0;
    while (i < sizeof errors / sizeof errors[0] && strcmp(errors[i].code, code) != 0)
        i++;
    return i;
}

int ec2_error_status(const char *code)
{
    size_t i = find(code);
    return i < sizeof errors / sizeof errors[0] ? errors[i].status : 400;
}

const char *ec2_error_message(const char *code)
{
    size_t i = find(code);
    return i < sizeof errors / sizeof errors[0] ? errors[i].message : "The request was refused.";
}
