/* SPDX-License-Identifier: MPL-2.0 */
/* ec2.h: EC2's Query API as the workers use it: requests are built and signed here, answers parsed as streams.
 * Runs in: type workers (RunInstances) and region workers (everything else). Does no I/O of its own: it gives struct
 * http_request parts to whoever sends them with common/http. Owns: the parsers it hands out.
 * Facts: ../shared/facts/ec2.md; API version 2016-11-15; POST form bodies; SigV4 by OpenSSL HMAC. */
#ifndef WORKER_EC2_EC2_H
#define WORKER_EC2_EC2_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/clock.h"
#include "common/error.h"
#include "common/money.h"
#include "common/secret.h"
#include "common/text.h"
#include "proto/definition.h"
#include "proto/messages.h"
#include "proto/words.h"

/* ---- credentials.h holds where these come from ---- */
struct aws_credentials {
    char access_key[128];
    struct secret *secret_key;
    struct secret *session_token; /* NULL: none */
    struct wall expires;          /* ms 0: never */
};

/* ---- parameters: an ordered form body ---- */
struct ec2_form {
    struct buffer body;
}; /* "Action=...&Version=..." percent-encoded */
void ec2_form_start(struct ec2_form *form, const char *action);
void ec2_form_add(struct ec2_form *form, const char *name, const char *value);
void ec2_form_add_integer(struct ec2_form *form, const char *name, int64_t value);
void ec2_form_add_bool(struct ec2_form *form, const char *name, bool value);
void ec2_form_free(struct ec2_form *form);

/* ---- signing: headers for a POST of `body` to `url`; SigV4 signs exactly the bytes sent (case B47) ---- */
struct ec2_signed {
    char authorization[1024];
    char date[64];
    char host[320];
    char target[128]; /* X-Amz-Target, of JSON services; "": a form */
    char *token;
    const char *headers[8]; /* they point into this struct: do not copy it */
};
/* Fills the NULL-terminated headers (Content-Type, Host, X-Amz-Date, X-Amz-Security-Token, Authorization). `at` is the
 * wall time already corrected by the host's clock offset (offset.h): sign right before sending. Returns -1 on a bad
 * URL; the URL may have a port and a path, and no query. On success the caller calls ec2_signed_clear. */
int ec2_sign(struct ec2_signed *out, const char *url, const char *body, size_t body_size, const char *service,
             const char *region, const struct aws_credentials *credentials, struct wall at, struct error *err);
/* The same for a service that is asked in JSON 1.1: content type and X-Amz-Target are signed, too. */
struct ec2_post {
    const char *url, *body;
    size_t body_size;
    const char *service, *region;
    const char *target; /* "ServiceQuotasV20190624.GetServiceQuota"; NULL: the body is a form */
};
int ec2_sign_post(struct ec2_signed *out, const struct ec2_post *post, const struct aws_credentials *credentials,
                  struct wall at, struct error *err);
void ec2_signed_clear(struct ec2_signed *headers);

/* ---- RunInstances from a grant ---- */
struct ec2_launch {
    const struct proto_GRANT *grant;
    const struct launch_spec *spec;
    const struct definition *definition;
    const char *deployment_id;
    const char *incarnation; /* of the supervisor that made the grant, not of one that sends it again: it is a tag, and
                                another tag under the same ClientToken is IdempotentParameterMismatch */
    const char *provisioner_id, *root_url;
    const char *static_provider_id;    /* of worker-manager; NULL: instances are not registered */
    const struct secret *grant_secret; /* registration_secret.h; NULL: as above */
    bool dry_run;
};
/* One request per grant: MinCount=1, MaxCount, ClientToken, spot options, InstanceInitiatedShutdownBehavior=terminate,
 * DeleteOnTermination, HttpTokens=required, tags provisiond:{deployment,incarnation,type,grant,revision,spec,capacity}
 * and the user's on instance and volume, user data of aws-provisioner's form. The same input gives the same bytes. */
int ec2_run_instances(struct ec2_form *form, const struct ec2_launch *launch, struct error *err);

/* ---- answers ---- */
struct ec2_error {
    int status;
    char code[CODE_SIZE];
    char message[SENTENCE_SIZE];
};

/* The class of a refusal, by code and never by HTTP status alone. Unlisted 4xx: definition. Unlisted 5xx, or an answer
 * that is not EC2's XML: FAILURE_NO_ANSWER (for a launch: outcome unknown). Account-wide reasons of early deaths:
 * ec2_reason_account_wide. */
enum failure ec2_classify(const struct ec2_error *error);
bool ec2_reason_account_wide(const char *state_reason);
/* True when a refusal means that credentials should be refreshed once before it counts. */
bool ec2_wants_new_credentials(const struct ec2_error *error);

/* A streaming reader (expat) of one answer. Kinds of rows go to the callback as they are complete. Entity expansion
 * and depth are bounded, memory does not grow with the body; a row that cannot be read becomes state "unreadable". */
struct ec2_reader;
struct ec2_reader_calls {
    void (*instance)(void *context, const struct proto_ROW *row);  /* DescribeInstances, RunInstances, Terminate */
    void (*price)(void *context, const struct proto_PRICE *price); /* DescribeSpotPriceHistory, one history row */
    /* any other item: flat name -> text pairs of one element of the named set (imagesSet, instanceTypeSet, ...):
     * {"instanceType": "m3.large", "processorInfo.supportedArchitectures": ["x86_64"], ...}; what is inside an inner
     * list is always an array of texts. `item` is borrowed. */
    void (*item)(void *context, const char *set, const json_t *item);
    void *context;
};
/* Instances that carry the tag of another deployment than `deployment_id` (NULL: any) are passed over. */
struct ec2_reader *ec2_reader_create(const struct ec2_reader_calls *calls, const char *deployment_id);
int ec2_reader_feed(struct ec2_reader *reader, const char *bytes, size_t size); /* -1: not well-formed */
/* Ends the document. 0: a whole, well-formed success answer; 1: an EC2 error answer (*error filled); -1: neither
 * (truncated, HTML, empty): *error then holds status, the code "UnreadableAnswer" and what was wrong. next_token (room
 * 1024) gets the NextToken, "" if none. */
int ec2_reader_finish(struct ec2_reader *reader, int http_status, struct ec2_error *error, char *next_token,
                      size_t room);
void ec2_reader_destroy(struct ec2_reader **reader);

#endif
