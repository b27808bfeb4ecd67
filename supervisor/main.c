/* SPDX-License-Identifier: MPL-2.0 */
/* main.c: provisiond's command line: checks, prints, or runs the supervisor in the foreground.
 * Exit status: 0 after an orderly stop, 2 for wrong files, usage and local resources (DESIGN section 9). */
#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "common/log.h"
#include "common/text.h"
#include "supervisor/catalog.h"
#include "supervisor/loop.h"
#include "supervisor/notify.h"
#include "supervisor/startup.h"

#define VERSION "0.1.0"
#define EXIT_INPUT 2

struct options {
    const char *config;
    const char *directory; /* of --check: holds provisiond.json; NULL: --config counts */
    const char *notify_fd; /* NULL: none */
    bool check, print_config;
};

static void print_help(void)
{
    puts("provisiond [--config FILE] [--notify-fd N] [--check [DIR] | --print-config] [--help] [--version]\n"
         "Keeps each workerType's EC2 instances matched to its pending tasks. Runs in the foreground.\n"
         "\n"
         "  --config FILE   the configuration, /etc/provisiond/provisiond.json\n"
         "  --notify-fd N   when ready, write a line to descriptor N and close it (s6); sd_notify needs no option\n"
         "  --check [DIR]   check it (or DIR/provisiond.json), all AMI sets and workerTypes: files only, no network;\n"
         "                  report every fault, exit 0 or 2\n"
         "  --print-config  print every setting as it counts, JSON\n"
         "\n"
         "Signals: HUP reload, TERM and INT orderly stop, USR1 state to the log.\n"
         "\n"
         "Settings of the configuration file:\n");
    config_help(stdout);
}

/* Returns -1 to go on, else the exit status. */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {{"config", required_argument, NULL, 'c'},
                                          {"check", no_argument, NULL, 'k'},
                                          {"notify-fd", required_argument, NULL, 'n'},
                                          {"print-config", no_argument, NULL, 'p'},
                                          {"help", no_argument, NULL, 'h'},
                                          {"version", no_argument, NULL, 'v'},
                                          {0}};
    int letter;

    while ((letter = getopt_long(argc, argv, "", known, NULL)) != -1)
        switch (letter) {
        case 'c':
            options->config = optarg;
            break;
        case 'n':
            options->notify_fd = optarg;
            break;
        case 'k':
            options->check = true;
            break;
        case 'p':
            options->print_config = true;
            break;
        case 'h':
            print_help();
            return EXIT_SUCCESS;
        case 'v':
            puts("provisiond " VERSION);
            return EXIT_SUCCESS;
        default:
            return EXIT_INPUT;
        }
    if (options->check && optind + 1 == argc)
        options->directory = argv[optind++];
    if (optind == argc)
        return -1;
    fprintf(stderr, "provisiond: unexpected argument %s\n", argv[optind]);
    return EXIT_INPUT;
}

static void complain(void *context, const char *text)
{
    (void)context;
    fprintf(stderr, "provisiond: %s\n", text);
}

static int print_config(const char *path)
{
    struct config *config = calloc(1, sizeof *config);
    struct error error = {0};
    int status = EXIT_INPUT;

    if (config && config_read(path, config, &error) == 0) {
        json_t *document = config_print(config);
        if (json_dumpf(document, stdout, JSON_INDENT(2) | JSON_SORT_KEYS) == 0 && putchar('\n') != EOF)
            status = EXIT_SUCCESS;
        json_decref(document);
    } else {
        complain(NULL, error.text);
    }
    free(config);
    return status;
}

static int check(struct catalog *catalog)
{
    printf("%zu workerTypes, %zu AMI sets, %zu regions: all valid\n", catalog->count, catalog->set_count,
           catalog->config->region_count);
    catalog_clear(catalog);
    return EXIT_SUCCESS;
}

/* What was handed over to us; checked before we open anything ourselves under that number. */
static int take_notify_fd(const char *text)
{
    struct error error;
    char *end;
    long fd = strtol(text, &end, 10);

    if (end == text || *end || fd < 0 || fd > INT_MAX)
        fd = -1;
    if (notify_to_fd((int)fd, &error) == 0)
        return 0;
    complain(NULL, error.text);
    return -1;
}

static int run(const char *path, struct catalog *catalog)
{
    struct supervisor *supervisor = supervisor_create();
    struct error error = {0};
    int status = EXIT_SUCCESS;

    umask(0027);
    log_open("supervisor", (enum log_level)catalog->config->log_level);
    if (startup(supervisor, path, catalog, &error) == 0) {
        supervise(supervisor);
    } else {
        log_write(LOG_FATAL_LEVEL, "start.failed", "error=%s", log_quote(error.text));
        complain(NULL, error.text);
        status = EXIT_INPUT;
    }
    catalog_clear(catalog);
    shutdown_all(supervisor);
    supervisor_destroy(&supervisor);
    return status;
}

int main(int argc, char **argv)
{
    struct options options = {.config = "/etc/provisiond/provisiond.json"};
    struct catalog catalog;
    struct error error;
    char path[600];
    int status = read_options(argc, argv, &options);

    if (status >= 0)
        return status;
    if (options.notify_fd && take_notify_fd(options.notify_fd) != 0)
        return EXIT_INPUT;
    json_object_seed(0);
    if (options.print_config)
        return print_config(options.config);
    if (options.directory) {
        if (text_format(path, sizeof path, "%s/provisiond.json", options.directory) != 0)
            return EXIT_INPUT;
        options.config = path;
    }
    if (catalog_read(&catalog, options.config, complain, NULL, &error) != 0)
        return EXIT_INPUT;
    return options.check ? check(&catalog) : run(options.config, &catalog);
}
