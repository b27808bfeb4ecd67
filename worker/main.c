/* SPDX-License-Identifier: MPL-2.0 */
/* main.c: provisiond-worker: arguments, identity, ties to the supervisor; then the role's own loop.
 * Runs in: every worker process, right after exec. Owns: the copy of the arguments. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/text.h"
#include "worker/start.h"
#include "worker/worker.h"

static const char usage[] =
    "Usage: provisiond-worker --type NAME | --region NAME | --helper credentials\n"
    "                         --run-dir DIR --generation N --parent PID\n"
    "\n"
    "Started by provisiond, not by hand: it expects its identity on file descriptor 3 and the\n"
    "supervisor's lifeline on file descriptor 4.\n"
    "\n"
    "  --type NAME      keep this workerType's instances matched to its pending tasks\n"
    "  --region NAME    list, price and terminate the instances of this EC2 region\n"
    "  --helper credentials  get AWS credentials for all of them, and keep them fresh\n"
    "  --run-dir DIR    where the supervisor's sockets are\n"
    "  --generation N   number of this start\n"
    "  --parent PID     the supervisor's process id\n"
    "  --help           this text\n"
    "\n"
    "Signals: SIGHUP ends it with status 64, so that it is started anew with the newest definition;\n"
    "SIGTERM ends it with status 0. A launch call in flight gets two seconds.\n";

enum option_key {
    OPTION_TYPE = 1,
    OPTION_REGION,
    OPTION_HELPER,
    OPTION_RUN_DIR,
    OPTION_GENERATION,
    OPTION_PARENT,
    OPTION_HELP
};

static int wrong_usage(const char *what)
{
    fprintf(stderr, "provisiond-worker: %s; see --help\n", what);
    return WORKER_EXIT_USAGE;
}

/* -1: go on; else the exit status. */
static int read_option(int key, const char *value, struct worker_options *options)
{
    char *end = NULL;
    switch (key) {
    case OPTION_TYPE:
    case OPTION_REGION:
    case OPTION_HELPER:
        options->role = key == OPTION_TYPE ? WORKER_TYPE : key == OPTION_REGION ? WORKER_REGION : WORKER_HELPER;
        if (*options->name || !*value || text_copy(options->name, sizeof options->name, value) < 0)
            return wrong_usage("give --type, --region or --helper once, with a name of at most 63 bytes");
        return -1;
    case OPTION_RUN_DIR:
        return text_copy(options->run_dir, sizeof options->run_dir, value) < 0 ? wrong_usage("--run-dir is too long")
                                                                               : -1;
    case OPTION_GENERATION:
        options->generation = strtoll(value, &end, 10);
        return *value && !*end && options->generation > 0 ? -1 : wrong_usage("--generation is a number above 0");
    case OPTION_PARENT:
        options->parent = (pid_t)strtol(value, &end, 10);
        return *value && !*end && options->parent > 0 ? -1 : wrong_usage("--parent is a process id");
    case OPTION_HELP:
        fputs(usage, stdout);
        return 0;
    default:
        return wrong_usage("unknown argument");
    }
}

static int read_arguments(int argc, char **argv, struct worker_options *options)
{
    static const struct option table[] = {{"type", required_argument, NULL, OPTION_TYPE},
                                          {"region", required_argument, NULL, OPTION_REGION},
                                          {"helper", required_argument, NULL, OPTION_HELPER},
                                          {"run-dir", required_argument, NULL, OPTION_RUN_DIR},
                                          {"generation", required_argument, NULL, OPTION_GENERATION},
                                          {"parent", required_argument, NULL, OPTION_PARENT},
                                          {"help", no_argument, NULL, OPTION_HELP},
                                          {NULL, 0, NULL, 0}};
    int key, status;
    while ((key = getopt_long(argc, argv, "", table, NULL)) != -1)
        if ((status = read_option(key, optarg, options)) >= 0)
            return status;
    if (optind < argc)
        return wrong_usage("unknown argument");
    if (!*options->name || !*options->run_dir || options->generation <= 0 || options->parent <= 0)
        return wrong_usage("--type, --region or --helper, --run-dir, --generation and --parent must be given");
    return -1;
}

typedef int run_function(const struct worker_options *options);
static run_function *const runs[] = {
    [WORKER_TYPE] = type_worker_run, [WORKER_REGION] = region_worker_run, [WORKER_HELPER] = helper_run};

int main(int argc, char **argv)
{
    struct worker_options options = {0};
    struct error err;
    int status = read_arguments(argc, argv, &options);
    if (status >= 0)
        return status;
    start_reset_signals();
    start_clean_environment();
    start_keep_out_of_cores();
    start_set_title(argc, argv, &options);
    log_open("worker", LOG_INFO_LEVEL);
    log_context(worker_role_name(options.role), options.name);
    if (start_tie_to_parent(options.parent, &err) < 0 || !(options.identity = start_read_identity(&err)))
        log_fatal("worker.start", "problem=%s", log_quote(err.text));
    status = runs[options.role](&options);
    secret_destroy(&options.identity);
    return status;
}
