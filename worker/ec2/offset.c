/* SPDX-License-Identifier: MPL-2.0 */
/* offset.c: learns a host's clock offset from refusals (case B48). A client that compared the Date header with the time
 * of signing once "corrected" itself by the half hour that its process had been stopped; so the time of receipt counts,
 * and an answer that was long under way teaches nothing.
 * Runs in: type and region workers. Pure. Owns nothing. */
#include "worker/ec2/offset.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LEAST_OFFSET_MS (4 * 60 * 1000)
#define PROMPT SPAN_SECONDS(30)

int http_date_parse(const char *date, struct wall *out)
{
    struct tm parts = {0};
    const char *end = date ? strptime(date, "%a, %d %b %Y %H:%M:%S GMT", &parts) : NULL;

    if (!end || *end != '\0')
        return -1;
    out->ms = (int64_t)timegm(&parts) * 1000;
    return 0;
}

struct wall clock_offset_apply(const struct clock_offset *offset, struct wall local)
{
    return (struct wall){local.ms + offset->ms};
}

/* Codes by which EC2 and STS refuse a time or what was signed with it. */
static bool blames_the_clock(const struct ec2_error *error)
{
    return strcmp(error->code, "RequestExpired") == 0 || strcmp(error->code, "SignatureDoesNotMatch") == 0 ||
           strcmp(error->code, "RequestTimeTooSkewed") == 0 ||
           (strcmp(error->code, "AuthFailure") == 0 && strcasestr(error->message, "validate the provided"));
}

static void take(struct clock_offset *offset, int64_t ms)
{
    int64_t seconds = llabs(ms) / 1000;

    offset->ms = ms;
    offset->problem[0] = '\0';
    if (ms != 0)
        text_format(offset->problem, sizeof offset->problem,
                    "the local clock is %lld min %02lld s %s EC2's (Date header): set the clock",
                    (long long)(seconds / 60), (long long)(seconds % 60), ms < 0 ? "ahead of" : "behind");
}

/* The offset that an answer shows: 0 under 4 minutes. False: the answer shows nothing. */
static bool measure(const char *date, struct wall received, struct span took, int64_t *ms)
{
    struct wall there;

    if (took.us > PROMPT.us || http_date_parse(date, &there) != 0)
        return false;
    int64_t difference = there.ms - received.ms;
    *ms = llabs(difference) >= LEAST_OFFSET_MS ? difference : 0;
    return true;
}

bool clock_offset_refused(struct clock_offset *offset, const struct ec2_error *error, const char *date,
                          struct wall signed_at, struct wall received, struct span took)
{
    int64_t ms;

    if (!blames_the_clock(error))
        return false;
    if (llabs(received.ms - signed_at.ms) >= LEAST_OFFSET_MS)
        return true; /* the process, or the request, was held up: a new signature is all that is needed */
    if (!measure(date, received, took, &ms) || llabs(ms - offset->ms) < LEAST_OFFSET_MS)
        return false;
    take(offset, ms);
    return true;
}

void clock_offset_accepted(struct clock_offset *offset, const char *date, struct wall received, struct span took)
{
    int64_t ms;

    if (offset->ms != 0 && measure(date, received, took, &ms))
        take(offset, ms);
}
