/* SPDX-License-Identifier: MPL-2.0 */
/* The EC2 Query API (and STS GetCallerIdentity): what its files share.
 * ec2.c holds the table of actions; each handler writes its answer into call->xml, or an
 * error with ec2_error(). */
#ifndef SIM_EC2_H
#define SIM_EC2_H

#include "exchange.h"
#include "instances.h"
#include "region.h"
#include "text.h"

#include <stdbool.h>
#include <stddef.h>

struct parameter {
    char *name, *value;
};

struct ec2_call {
    struct exchange *exchange;
    struct world *world;
    struct region *region;
    const struct ec2_action *action;
    struct parameter *parameters;
    size_t parameter_count;
    const struct credential *credential; /* NULL when signatures are not checked */
    bool sts;
    char *user_data; /* of RunInstances, decoded; NULL: none or not base64 */
    size_t user_data_length;
    json_t *user_json; /* its JSON object, if it is one */
    char request_id[40];
    struct text *xml; /* the exchange's answer */
};

struct ec2_action {
    const char *name;
    void (*perform)(struct ec2_call *call);
    enum bucket_kind bucket;
    bool mutates;
    const char *const *parameters; /* allowed names; N stands for a number */
};

extern const char *const run_instances_parameters[];

/* Parameters. NULL when missing. */
const char *ec2_parameter(const struct ec2_call *call, const char *name);
const char *ec2_parameterf(const struct ec2_call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool ec2_flag(const struct ec2_call *call, const char *name);
bool ec2_parameter_allowed(const struct ec2_action *action, const char *name);
bool ec2_has_prefix(const struct ec2_call *call, const char *prefix); /* any parameter like it? */
void ec2_parse_form(struct ec2_call *call, const char *form);
void ec2_release_parameters(struct ec2_call *call);
void ec2_digest_parameters(const struct ec2_call *call, char out[65]); /* for idempotency */

/* Answers. ec2_error always returns false. */
bool ec2_error(struct ec2_call *call, const char *code, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool ec2_missing(struct ec2_call *call, const char *parameter);
void ec2_begin(struct ec2_call *call); /* <ActionResponse> and the request id */
void ec2_end(struct ec2_call *call);
void ec2_tags(struct ec2_call *call, const struct tag_set *tags);

/* Filters: does some value of filter n match, * and ? being wild? */
bool ec2_filter_matches(const struct ec2_call *call, int filter, const char *value);
/* Every filter's name must be in the list (ended by NULL; "tag:" stands for tag:KEY). */
bool ec2_filters_known(struct ec2_call *call, const char *const *names);
/* Is the value wanted by a list of parameters PREFIX.1, PREFIX.2 ...? True for no list. */
bool ec2_listed(const struct ec2_call *call, const char *prefix, const char *value);

/* Paging: NextToken carries a position. False after an error. */
struct ec2_page {
    unsigned long long after; /* rows up to here were already given */
    size_t limit;             /* rows on this page */
    bool empty;               /* a fault wants this page empty */
};
int ec2_page_number(const struct ec2_call *call); /* from 1 */
bool ec2_page_begin(struct ec2_call *call, size_t minimum, size_t maximum, struct ec2_page *page);
void ec2_page_end(struct ec2_call *call, const struct ec2_page *page, unsigned long long last, bool more);

/* The actions, by file. */
void ec2_run_instances(struct ec2_call *call);
void ec2_describe_instances(struct ec2_call *call);
void ec2_describe_instance_status(struct ec2_call *call);
void ec2_describe_images(struct ec2_call *call);
void ec2_describe_instance_types(struct ec2_call *call);
void ec2_describe_offerings(struct ec2_call *call);
void ec2_describe_spot_prices(struct ec2_call *call);
void ec2_describe_subnets(struct ec2_call *call);
void ec2_describe_security_groups(struct ec2_call *call);
void ec2_describe_key_pairs(struct ec2_call *call);
void ec2_describe_zones(struct ec2_call *call);
void ec2_terminate_instances(struct ec2_call *call);
void ec2_create_tags(struct ec2_call *call);
void sts_get_caller_identity(struct ec2_call *call);

/* ec2_launch.c and ec2_launch_checks.c: what a RunInstances call asks for. */
struct launch_request {
    struct launch *launch; /* becomes permanent when it succeeds */
    const struct image *image;
    struct instance_type *type;
    const char *zone;
    int minimum, maximum;
};
void launch_note(struct ec2_call *call); /* at the arrival: texts for faults and the journal */
bool launch_parse(struct ec2_call *call, struct launch_request *request);
bool launch_check_definition(struct ec2_call *call, struct launch_request *request);
bool launch_choose_zone(struct ec2_call *call, struct launch_request *request);
int launch_count_possible(struct ec2_call *call, struct launch_request *request); /* 0 after an error */
void launch_free(struct launch *launch);

/* ec2_instances.c */
void ec2_instance_row(struct ec2_call *call, const struct instance *instance);
void ec2_reservation_head(struct ec2_call *call, const struct launch *launch);

#endif
