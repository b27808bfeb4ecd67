/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_api.c: what the page asks for beside its stream: history, explanations, and with a token three
 * commands. Runs in: provisiond-web. Owns nothing. A request that asks the daemon is suspended and goes on with the
 * answer. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"
#include "subscribers/provisiond-web.h"

#define BODY_MOST 4096

static const char *argument(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_GET_ARGUMENT_KIND, name);

    return value ? value : "";
}

static enum MHD_Result history(struct web *web, struct MHD_Connection *connection)
{
    const char *type = argument(connection, "type");
    const struct history *history = web->store.totals;

    if (*type) {
        const struct item *item = store_type(&web->store, type);
        if (!item || !item->history)
            return web_say(connection, MHD_HTTP_NOT_FOUND, "there is no such workerType");
        history = item->history;
    }
    return web_respond_json(connection, MHD_HTTP_OK,
                            history_document(history, text_equal(argument(connection, "span"), "day")));
}

/* The first call asks and suspends; the second one, after the answer, gives it. */
static enum MHD_Result ask_daemon(struct web *web, struct MHD_Connection *connection, struct request *request,
                                  const char *command, const char *name)
{
    struct error err = {0};

    request->question = ask_begin(web->ask, command, name, NULL, connection, &err);
    if (!request->question)
        return web_say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, err.text);
    MHD_suspend_connection(connection);
    return MHD_YES;
}

/* That the daemon did not answer is an answer of this server's: the page shows it. */
static enum MHD_Result look(struct web *web, struct MHD_Connection *connection, struct request *request,
                            const char *command)
{
    const char *type = argument(connection, "type");
    const struct question *question = request->question;

    /* The daemon is asked only about what it published. */
    if (!store_type(&web->store, type))
        return web_respond_json(connection, MHD_HTTP_OK, json_pack("{s:s}", "problem", "there is no such workerType"));
    if (!question)
        return ask_daemon(web, connection, request, command, type);
    if (question->state == ASK_ANSWERED && question->body)
        return web_respond(connection, MHD_HTTP_OK, "application/json", question->body, strlen(question->body));
    return web_respond_json(connection, MHD_HTTP_OK, json_pack("{s:s}", "problem", question->text));
}

enum MHD_Result api_get(struct web *web, struct MHD_Connection *connection, const char *url, struct request *request)
{
    if (strcmp(url, "/api/stream") == 0) {
        struct MHD_Response *response = feed_response(web->feed, connection);
        if (!response)
            return web_say(connection, MHD_HTTP_SERVICE_UNAVAILABLE, "too many pages are open");
        return web_queue(connection, MHD_HTTP_OK, response, "text/event-stream");
    }
    if (strcmp(url, "/api/history") == 0)
        return history(web, connection);
    if (strcmp(url, "/api/explain") == 0)
        return look(web, connection, request, "explain");
    if (strcmp(url, "/api/revisions") == 0)
        return look(web, connection, request, "history");
    return web_say(connection, MHD_HTTP_NOT_FOUND, "there is no such page");
}

static int read_command(const struct request *request, json_t **document, const char **command, const char **name,
                        struct error *err)
{
    static const char *const members[] = {"command", "name", NULL}, *const commands[] = {"pause", "resume", "restart"};
    struct json_at at = json_at_root("body");

    *document = json_read_text("body", buffer_text(&request->body), request->body.size, err);
    if (!*document)
        return -1;
    if (!json_is_object(*document) || json_only_members(*document, &at, members, err) != 0 ||
        json_get_string(*document, &at, "command", true, 1, 31, command, err) != 0 ||
        json_get_string(*document, &at, "name", true, 1, 255, name, err) != 0)
        return -1;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        if (strcmp(*command, commands[i]) == 0)
            return 0;
    return error_set(err, ERROR_INPUT, "the commands are pause, resume and restart");
}

static enum MHD_Result say_outcome(struct MHD_Connection *connection, const struct question *question)
{
    static const unsigned statuses[] = {[ASK_WAITING] = MHD_HTTP_GATEWAY_TIMEOUT,
                                        [ASK_ANSWERED] = MHD_HTTP_OK,
                                        [ASK_REFUSED] = MHD_HTTP_CONFLICT,
                                        [ASK_SILENT] = MHD_HTTP_GATEWAY_TIMEOUT};

    return web_say(connection, statuses[question->state], question->text);
}

static enum MHD_Result act(struct web *web, struct MHD_Connection *connection, struct request *request)
{
    json_t *document = NULL;
    const char *command = NULL, *name = NULL;
    struct error err = {0};
    enum MHD_Result result;

    if (request->question)
        return say_outcome(connection, request->question);
    if (read_command(request, &document, &command, &name, &err) != 0) {
        result = web_say(connection, MHD_HTTP_BAD_REQUEST, err.code ? err.text : "the body must be an object");
    } else {
        log_info("act", "command=%s name=%s", command, log_quote(name));
        result = ask_daemon(web, connection, request, command, name);
    }
    json_decref(document);
    return result;
}

enum MHD_Result api_act(struct web *web, struct MHD_Connection *connection, struct request *request, const char *bytes,
                        size_t *size)
{
    const char *why = NULL;

    if (!request->begun) {
        request->begun = true;
        unsigned status = guard_refuses(&web->guard, connection, &why);
        return status ? web_say(connection, status, why) : MHD_YES;
    }
    if (*size > 0) {
        if (request->body.size + *size > BODY_MOST)
            return MHD_NO; /* closes the connection */
        buffer_add(&request->body, bytes, *size);
        *size = 0;
        return MHD_YES;
    }
    return act(web, connection, request);
}
