/* SPDX-License-Identifier: MPL-2.0 */
/* simcloud: EC2, the Taskcluster queue and the workers between them, simulated for tests.
 * This file reads the command line, loads the scenario and starts the server. What it all
 * means is in docs/simcloud.md. */
#include "http.h"
#include "memory.h"
#include "scenario.h"
#include "world.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

struct options {
    const char *scenario, *listen, *journal, *port_file;
    double speed;
    uint64_t seed;
    bool exit_with_parent;
};

static const char usage[] = "usage: simcloud --scenario FILE --listen 127.0.0.1:PORT --journal FILE [options]\n"
                            "\n"
                            "Simulates EC2 regions, a Taskcluster queue and the workers between them, for tests.\n"
                            "\n"
                            "  --scenario FILE      what happens in the simulated world (JSON; docs/simcloud.md)\n"
                            "  --listen ADDR:PORT   a loopback address; port 0 takes any free one\n"
                            "  --journal FILE       one JSON line for each request and change; - is standard output\n"
                            "  --port-file FILE     written with the port once requests are served\n"
                            "  --speed N            simulated seconds in a real second (over the scenario's)\n"
                            "  --seed N             of all randomness (over the scenario's)\n"
                            "  --exit-with-parent   end when the process that started this one ends\n"
                            "  --help               this text\n";

static const struct option long_options[] = {
    {"scenario", required_argument, NULL, 's'},
    {"listen", required_argument, NULL, 'l'},
    {"journal", required_argument, NULL, 'j'},
    {"port-file", required_argument, NULL, 'p'},
    {"speed", required_argument, NULL, 'x'},
    {"seed", required_argument, NULL, 'r'},
    {"exit-with-parent", no_argument, NULL, 'e'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static int usage_error(const char *message)
{
    fprintf(stderr, "simcloud: %s (--help says how)\n", message);
    return 2;
}

/* 0: go on; else the exit status. 100 asks for help. */
static int read_options(int count, char **words, struct options *options)
{
    int letter;
    while ((letter = getopt_long(count, words, "h", long_options, NULL)) != -1) {
        switch (letter) {
        case 's':
            options->scenario = optarg;
            break;
        case 'l':
            options->listen = optarg;
            break;
        case 'j':
            options->journal = optarg;
            break;
        case 'p':
            options->port_file = optarg;
            break;
        case 'x':
            options->speed = atof(optarg);
            break;
        case 'r':
            options->seed = strtoull(optarg, NULL, 10);
            break;
        case 'e':
            options->exit_with_parent = true;
            break;
        case 'h':
            return 100;
        default:
            return 2;
        }
    }
    if (optind < count)
        return usage_error("unexpected argument");
    if (options->scenario == NULL || options->listen == NULL || options->journal == NULL)
        return usage_error("--scenario, --listen and --journal are needed");
    return options->speed < 0 ? usage_error("--speed must be above 0") : 0;
}

/* Written beside and renamed, so that nobody reads half of it. */
static bool write_port_file(const char *path, uint16_t port)
{
    char *beside = must_format("%s.%ld", path, (long)getpid());
    FILE *file = fopen(beside, "we");
    bool fine = file != NULL && fprintf(file, "%u\n", port) > 0;
    fine = file != NULL && fclose(file) == 0 && fine && rename(beside, path) == 0;
    free(beside);
    return fine;
}

static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

static struct http_server *listen_on(struct world *world, const char *where)
{
    char host[64];
    const char *colon = strrchr(where, ':');
    char *end = NULL;
    unsigned long port = colon != NULL ? strtoul(colon + 1, &end, 10) : 65536;
    if (colon == NULL || colon[1] == '\0' || *end != '\0' || port > 65535) {
        fprintf(stderr, "simcloud: --listen must be ADDR:PORT, not \"%s\"\n", where);
        return NULL;
    }
    snprintf(host, sizeof host, "%.*s", (int)(colon - where), where);
    return http_start(world, strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, (uint16_t)port);
}

static int run(struct world *world, const struct options *options)
{
    char error[SCENARIO_ERROR_SIZE];
    world->seed = options->seed;
    if (scenario_load(world, options->scenario, error) < 0) {
        fprintf(stderr, "simcloud: %s: %s\n", options->scenario, error);
        return 2;
    }
    if (options->speed > 0)
        world->speed = options->speed;
    struct http_server *server = listen_on(world, options->listen);
    if (server == NULL)
        return 1;
    clock_start(world);
    if (options->port_file != NULL && !write_port_file(options->port_file, http_port(server))) {
        fprintf(stderr, "simcloud: cannot write %s: %s\n", options->port_file, strerror(errno));
        return 1;
    }
    http_run(server);
    http_stop(server);
    return 0;
}

int main(int count, char **words)
{
    struct options options = {0};
    int status = read_options(count, words, &options);
    if (status == 100) {
        fputs(usage, stdout);
        return 0;
    }
    if (status != 0)
        return status;
    if (options.exit_with_parent)
        prctl(PR_SET_PDEATHSIG, SIGTERM);
    signal(SIGPIPE, SIG_IGN);
    raise_descriptor_limit();
    static struct world *world; /* never freed: a leak checker shall see it as in use */
    world = world_create();
    world->journal = strcmp(options.journal, "-") == 0 ? stdout : fopen(options.journal, "we");
    if (world->journal == NULL) {
        fprintf(stderr, "simcloud: cannot write %s: %s\n", options.journal, strerror(errno));
        return 1;
    }
    return run(world, &options);
}
