/* SPDX-License-Identifier: MPL-2.0 */
/* form.c: an EC2 Query API request as an application/x-www-form-urlencoded body; every parameter is encoded as RFC 3986
 * asks (a blank is %20), so that any reader of forms gets back the same bytes.
 * Runs in: type and region workers. Pure. Owns: the body until ec2_form_free, which wipes it (user data). */
#include <inttypes.h>
#include <string.h>

#include "worker/ec2/ec2.h"

#define EC2_VERSION "2016-11-15"
#define STS_VERSION "2011-06-15"

void ec2_form_start(struct ec2_form *form, const char *action)
{
    bool sts = strcmp(action, "GetCallerIdentity") == 0; /* the one call to STS */

    *form = (struct ec2_form){0};
    ec2_form_add(form, "Action", action);
    ec2_form_add(form, "Version", sts ? STS_VERSION : EC2_VERSION);
}

void ec2_form_add(struct ec2_form *form, const char *name, const char *value)
{
    if (form->body.size > 0)
        buffer_add(&form->body, "&", 1);
    text_url_encode(&form->body, name);
    buffer_add(&form->body, "=", 1);
    text_url_encode(&form->body, value);
}

void ec2_form_add_integer(struct ec2_form *form, const char *name, int64_t value)
{
    char text[32];

    text_format(text, sizeof text, "%" PRId64, value);
    ec2_form_add(form, name, text);
}

void ec2_form_add_bool(struct ec2_form *form, const char *name, bool value)
{
    ec2_form_add(form, name, value ? "true" : "false");
}

void ec2_form_free(struct ec2_form *form)
{
    buffer_free(&form->body);
}
