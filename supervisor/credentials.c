/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.c: the credentials helper as the supervisor sees it: takes its reports, says in one line what is wrong,
 * raises the alarm. Runs in: supervisor, main thread. May not touch: a secret; none ever comes here. */
#include "supervisor/credentials.h"

#include "common/log.h"
#include "common/text.h"
#include "supervisor/bus.h"
#include "supervisor/events.h"

void bus_credentials(struct supervisor *supervisor, const struct bus_sender *sender, struct message *message)
{
    struct helper_record *helper = &supervisor->helper;
    const struct proto_CREDENTIALS *now = &message->as.CREDENTIALS, *before = &helper->seen;

    (void)sender;
    if (now->present && now->refreshedWall != before->refreshedWall)
        log_info("credentials.refreshed", "source=%s", now->source);
    helper->seen = *now;
    helper->told = true;
    supervisor->dirty = true;
    credentials_watch(supervisor);
}

/* What is wrong with the process, or "". */
static const char *process_problem(const struct supervisor *supervisor)
{
    const struct helper_record *helper = &supervisor->helper;

    if (helper->worker.process.state == PROCESS_LIVE || supervisor->stopping)
        return "";
    return helper->worker.process.deaths > 0 ? "their helper process is not running: workers go on with what they have"
                                             : "their helper process is starting";
}

/* With the moment, not with what is left: the sentence stays the same while nothing happens. */
static void describe_end(const struct supervisor *supervisor, char *out, size_t size)
{
    const struct proto_CREDENTIALS *keys = &supervisor->helper.seen;
    char when[40] = "";

    wall_format((struct wall){keys->expiresWall}, when, sizeof when);
    if (!keys->present)
        text_copy(out, size, "there are none");
    else if (keys->expiresWall == 0)
        text_copy(out, size, "those at hand do not end");
    else
        text_format(out, size, "those at hand end%s at %s", keys->expiresWall > supervisor->wall.ms ? "" : "ed", when);
}

static bool are_over(const struct supervisor *supervisor)
{
    const struct proto_CREDENTIALS *keys = &supervisor->helper.seen;

    return keys->present && keys->expiresWall > 0 && keys->expiresWall <= supervisor->wall.ms;
}

void credentials_sentence(const struct supervisor *supervisor, char *out, size_t size)
{
    const struct helper_record *helper = &supervisor->helper;
    const char *process = process_problem(supervisor), *problem = helper->seen.problem;
    char end[80];

    describe_end(supervisor, end, sizeof end);
    if (!*process && !*problem && helper->told && helper->seen.present && !are_over(supervisor))
        text_copy(out, size, "ok");
    else if (!*process && !*problem)
        text_format(out, size, "%s; %s", helper->told ? "no newer ones came" : "not known yet", end);
    else
        text_format(out, size, "%s%s%.380s; %s", process, *process && *problem ? "; " : "", problem, end);
}

void credentials_watch(struct supervisor *supervisor)
{
    const struct helper_record *helper = &supervisor->helper;
    char text[SENTENCE_SIZE];

    if (!helper->told && helper->worker.process.deaths == 0)
        return; /* it is starting */
    credentials_sentence(supervisor, text, sizeof text);
    if (text_equal(text, "ok"))
        alarm_clear(supervisor, "credentials", "");
    else if (*helper->seen.problem || are_over(supervisor))
        alarm_raise(supervisor, "credentials", "", "%s", text);
}
