/* SPDX-License-Identifier: MPL-2.0 */
/* http.c: drives curl's multi handle from the process's loop, and calls on_done exactly once for each request.
 * Runs in: type workers, region workers and helpers; NEVER in the supervisor.
 * Owns: the multi handle, the list of transfers, curl's registrations in the loop. One client a process: each multi
 * handle keeps connections and a certificate store of its own.
 *
 * curl may not be called from its own callbacks. So http_start and http_cancel only mark a transfer, and sweep() does
 * the work, always before curl runs again; curl's socket and timer callbacks only take notes. */
#include "common/http.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common/http_transfer.h"
#include "common/log.h"

#define KEPT_CONNECTIONS 8L

struct http_client {
    CURLM *multi;
    struct loop *loop;
    struct http_options options; /* its texts are ours */
    struct http_transfer *first;
    int64_t last_id;
    struct mono due; /* when curl wants to be called */
    bool has_marks;  /* a transfer is to be added or was cancelled: sweep */
};

static void on_ready(void *context, int fd, uint32_t events);

/* curl: wait for `what` on `fd` from now on. A descriptor that the loop does not take costs the requests on it their
 * time limit, not the process: a failure reported here would make the whole multi handle unusable. */
static int on_socket_wish(CURL *easy, curl_socket_t fd, int what, void *context, void *unused)
{
    struct http_client *client = context;
    struct error err;
    uint32_t events = 0;

    (void)easy;
    (void)unused;
    if (what == CURL_POLL_REMOVE) {
        loop_remove_fd(client->loop, fd);
        return 0;
    }
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        events |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        events |= EPOLLOUT;
    if (loop_add_fd(client->loop, fd, events, on_ready, client, &err) != 0)
        log_repeating(LOG_WARN_LEVEL, "http.socket.refused", "", "", "problem=%s", log_quote(err.text));
    return 0;
}

/* curl: call me in `ms`. It may not be called back from here, not even for 0 (STYLE trap 12). */
static int on_timer_wish(CURLM *multi, long ms, void *context)
{
    struct http_client *client = context;

    (void)multi;
    if (ms < 0)
        client->due = MONO_NEVER;
    else
        client->due = ms == 0 ? MONO_ZERO : mono_add(clock_now(), SPAN_MS(ms));
    return 0;
}

/* Takes the transfer out of curl and of the list, and reports it. The callback may start and cancel others. */
static void finish(struct http_client *client, struct http_transfer *transfer, CURLcode result)
{
    struct http_transfer **link = &client->first;
    struct http_response response;

    while (*link && *link != transfer)
        link = &(*link)->next;
    if (*link)
        *link = transfer->next;
    if (transfer->added)
        curl_multi_remove_handle(client->multi, transfer->easy);
    http_transfer_conclude(transfer, result, &response);
    if (transfer->on_done)
        transfer->on_done(transfer->context, &response);
    http_transfer_destroy(&transfer);
}

/* Hands new transfers to curl and ends the cancelled ones. One pass: what callbacks mark here waits for the next. */
static void sweep(struct http_client *client)
{
    struct http_transfer *next;

    if (!client->has_marks)
        return;
    client->has_marks = false;
    for (struct http_transfer *transfer = client->first; transfer; transfer = next) {
        next = transfer->next; /* stays: callbacks add at the front and only mark the others */
        if (transfer->cancelled) {
            finish(client, transfer, CURLE_ABORTED_BY_CALLBACK);
        } else if (!transfer->added) {
            transfer->added = curl_multi_add_handle(client->multi, transfer->easy) == CURLM_OK;
            if (!transfer->added)
                finish(client, transfer, CURLE_FAILED_INIT);
        }
    }
}

static struct http_transfer *find_transfer(const struct http_client *client, const CURL *easy)
{
    struct http_transfer *transfer = client->first;

    while (transfer && transfer->easy != easy)
        transfer = transfer->next;
    return transfer;
}

static void report_finished(struct http_client *client)
{
    int left;

    for (CURLMsg *message = curl_multi_info_read(client->multi, &left); message;
         message = curl_multi_info_read(client->multi, &left)) {
        struct http_transfer *transfer = find_transfer(client, message->easy_handle);
        if (message->msg == CURLMSG_DONE && transfer)
            finish(client, transfer, message->data.result); /* the message is gone after this */
    }
}

static void run(struct http_client *client, curl_socket_t fd, int what)
{
    int running;

    curl_multi_socket_action(client->multi, fd, what, &running);
    report_finished(client);
}

static void on_ready(void *context, int fd, uint32_t events)
{
    struct http_client *client = context;
    int what = 0;

    /* After an error or a hang-up both: whichever curl waits for, it meets the fault itself and can name it. */
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_IN;
    if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
        what |= CURL_CSELECT_OUT;
    sweep(client); /* a cancelled request must not send another byte */
    run(client, fd, what);
}

void http_step(struct http_client *client, struct mono now)
{
    sweep(client);
    if (mono_reached(client->due, now)) {
        client->due = MONO_NEVER; /* curl says when the next one is */
        run(client, CURL_SOCKET_TIMEOUT, 0);
    }
}

struct mono http_deadline(const struct http_client *client)
{
    return client->has_marks ? MONO_ZERO : client->due;
}

static char *copy_text(const char *text)
{
    char *copy = text ? strdup(text) : NULL;

    if (text && !copy)
        abort();
    return copy;
}

static void copy_options(struct http_options *to, const struct http_options *from)
{
    static const struct http_options none = {0};

    if (!from)
        from = &none;
    *to = *from;
    to->user_agent = copy_text(from->user_agent);
    to->proxy = copy_text(from->proxy);
    to->ca_path = copy_text(from->ca_path);
    to->ca_file = copy_text(from->ca_file);
}

/* OpenSSL writes to sockets without MSG_NOSIGNAL: a peer that hangs up must not kill the process. A handler that the
 * process has chosen itself is left alone. */
static void ignore_broken_pipes(void)
{
    struct sigaction now;

    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

int http_create(struct http_client **out, struct loop *loop, const struct http_options *options, struct error *err)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return error_set(err, ERROR_LOCAL, "libcurl cannot be initialised");
    struct http_client *client = calloc(1, sizeof *client);
    CURLM *multi = curl_multi_init();
    if (!client || !multi) {
        curl_multi_cleanup(multi);
        free(client);
        curl_global_cleanup();
        return error_set(err, ERROR_LOCAL, "no memory for the HTTP client");
    }
    ignore_broken_pipes();
    client->multi = multi;
    client->loop = loop;
    client->due = MONO_NEVER;
    copy_options(&client->options, options);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wish);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, client);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wish);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, client);
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, KEPT_CONNECTIONS);
    *out = client;
    return 0;
}

void http_destroy(struct http_client **client)
{
    int saved = errno;

    if (!client || !*client)
        return;
    while ((*client)->first) {
        struct http_transfer *transfer = (*client)->first;
        (*client)->first = transfer->next;
        if (transfer->added)
            curl_multi_remove_handle((*client)->multi, transfer->easy);
        http_transfer_destroy(&transfer);
    }
    curl_multi_cleanup((*client)->multi);
    free((char *)(*client)->options.user_agent);
    free((char *)(*client)->options.proxy);
    free((char *)(*client)->options.ca_path);
    free((char *)(*client)->options.ca_file);
    free(*client);
    *client = NULL;
    curl_global_cleanup();
    errno = saved;
}

int64_t http_start(struct http_client *client, const struct http_request *request, struct error *err)
{
    struct http_transfer *transfer = NULL;

    if (http_transfer_create(&transfer, &client->options, request, err) != 0)
        return -1;
    transfer->id = ++client->last_id;
    transfer->next = client->first;
    client->first = transfer;
    client->has_marks = true;
    return transfer->id;
}

void http_cancel(struct http_client *client, int64_t id)
{
    for (struct http_transfer *transfer = client->first; transfer; transfer = transfer->next)
        if (transfer->id == id) {
            transfer->cancelled = true;
            client->has_marks = true;
        }
}

int http_in_flight(const struct http_client *client)
{
    int count = 0;

    for (const struct http_transfer *transfer = client->first; transfer; transfer = transfer->next)
        count++;
    return count;
}
