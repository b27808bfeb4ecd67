/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl.c: the operator's tool: asks a running provisiond and shows its answers.
 * Runs as: a short-lived program with the operator's rights; who may talk to the daemon is decided by the group of its
 * runDir. Decides nothing: every command is a question or an order to the supervisor, which owns the truth.
 * Commands are rows of a table; the exit codes are in --help. */
#include "subscribers/provisionctl.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#define VERSION "0.1.0"
#define DEFAULT_RUN_DIR "/run/provisiond"
#define DEFAULT_EVENTS 100

static const struct ctl_command commands[] = {
    {"status", "[TYPE|REGION]", ctl_status, "j", "a table of all workerTypes, or all figures of one type or region"},
    {"watch", "", ctl_watch, "o", "the same on the whole screen, drawn anew; ? shows the keys that look closer"},
    {"alarms", "[TYPE|REGION]", ctl_alarms, "ja", "what is wrong now, of all or of one type, region or cap"},
    {"top", "", ctl_top, "jo", "the processes: age, deaths, memory, processor, length of their ticks"},
    {"events", "[TYPE|REGION]", ctl_events, "jfn", "the last events, of all or of one type or region"},
    {"explain", "TYPE", ctl_explain, "j", "why a type launches or does not, and what would change it"},
    {"restart", "TYPE|REGION", NULL, "j",
     "ends the worker of a type or region; it starts anew with its newest definition"},
    {"reload", "", NULL, "j", "reads configuration and definitions anew: all of it counts, or none"},
    {"history", "TYPE", ctl_history, "j", "every revision of a type, or of an AMI set as set:NAME"},
    {"show", "TYPE@REV", ctl_show, "j", "one revision's document; without @REV the live one"},
    {"diff", "TYPE@A TYPE@B", ctl_diff, "j", "what differs: the documents, and the merged launch specifications"},
    {"apply", "FILE", ctl_apply, "jF", "preflight, then the file is written and live; a file of images is an AMI set"},
    {"rollback", "TYPE [REV]", ctl_rollback, "j",
     "runs an earlier revision, the last other one by default, and pins it"},
    {"unpin", "TYPE", NULL, "j", "a type follows its file again"},
    {"preflight", "TYPE", ctl_preflight, "j", "checks a type against EC2's catalogue now"},
    {"dryrun", "[TYPE|FILE|DIR]", ctl_dryrun, "j",
     "what the files (or FILE, or those of DIR) would launch and what not; changes nothing"},
    {"import", "FORM FILE", ctl_import, "j",
     "aws-provisioner or worker-manager: prints the definitions that FILE becomes"},
    {"pause", "TYPE", NULL, "j", "launches nothing for a type; its instances stay"},
    {"resume", "TYPE", NULL, "j", "ends a pause"},
    {"retire", "TYPE", NULL, "j",
     "launches nothing for a type and terminates its instances, busy ones too; resume ends that"},
    {"terminate", "INSTANCE", NULL, "j", "terminates one instance, busy or not"},
    {"priority", "TYPE N", ctl_priority, "j", "a type's priority, until its file is read anew"},
    {"caps", "CAP VALUE", ctl_caps, "j", "a global cap, as the file names it, until that is read anew"},
    {"freeze", "[REGION]", NULL, "j", "launches nothing in a region, or anywhere, also after a restart"},
    {"thaw", "[REGION]", NULL, "j", "ends the freeze of a region, or the one of everywhere"},
    {"trust", "TYPE", NULL, "j", "a type's specifications count as proven, without a canary"},
    {"settle", "GRANT", NULL, "j", "ends a lease of unknown outcome, on your word that nothing runs of it"},
    {"budget", "accept", NULL, "j", "after a loss of the ledger: the spend that status shows counts"},
    {"assume-empty", "REGION", NULL, "j", "after a loss of the ledger: that region is not waited for, on your word"},
    {"refresh-prices", "SOURCE DIR", ctl_refresh_prices, "j",
     "writes DIR/REGION.json from AWS's price list, a file or URL"},
    {"backup", "FILE", ctl_backup, "j", "copies the ledger, while it is in use, into a new file on the daemon's host"},
    {"lift", "SCOPE", NULL, "j", "opens a breaker, named as explain shows it; type:NAME for all of a type"},
    {"replay", "FILE", ctl_replay, "ja",
     "runs a file of the decision journal again and tells what comes out differently"},
    {"keygen", "NAME", ctl_keygen, "j", "writes a key pair for the relay or a subscriber: NAME.key (secret), NAME.pub"},
    {"completion", "SHELL", ctl_completion, "", "bash: the script that completes command lines of provisionctl"},
};

static const struct option options[] = {{"run-dir", required_argument, NULL, 'd'},
                                        {"timeout", required_argument, NULL, 't'},
                                        {"json", no_argument, NULL, 'j'},
                                        {"follow", no_argument, NULL, 'f'},
                                        {"last", required_argument, NULL, 'n'},
                                        {"help", no_argument, NULL, 'h'},
                                        {"version", no_argument, NULL, 'V'},
                                        {"force", no_argument, NULL, 'F'},
                                        {"all", no_argument, NULL, 'a'},
                                        {"once", no_argument, NULL, 'o'},
                                        {NULL, 0, NULL, 0}};

static void print_help(void)
{
    printf("usage: provisionctl [OPTION]... COMMAND [ARGUMENT]\n\nCommands:\n");
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        printf("  %-14s %-13s %s\n", commands[i].name, commands[i].argument, commands[i].help);
    printf("\nOptions:\n"
           "  --run-dir DIR  the daemon's runDir; PROVISIOND_RUN_DIR stands in, then %s\n"
           "  --timeout TIME how long to wait for an answer: 5s, 250ms (default 5s)\n"
           "  --force        of apply: leaves the preflight out, which is recorded; nothing is left out for it\n"
           "  --json         of all but watch and completion: JSON; of events and refresh-prices one object a line\n"
           "  --follow       of events: goes on with those to come\n"
           "  --last N       of events: how many to show first (default %d)\n"
           "  --all          of alarms: also those that ended within the last hour; of replay: what came out, one "
           "object a\n"
           "                 line, complete where the file holds only what changed\n"
           "  --once         of watch, top: one picture, also on a terminal\n"
           "  --help, --version\n"
           "\nEvery figure has the age of its source; ? is unknown. Rows older than their limit say STALE.\n"
           "Colours are used on a terminal only, and not where NO_COLOR is set.\n"
           "\nExit status:\n"
           "  0  done\n"
           "  1  refused or failed, the daemon's sentence is on standard error; diff, replay: they differ; dryrun: "
           "errors\n"
           "  2  the command line is wrong; replay: the file cannot be run\n"
           "  3  no answer: the daemon does not run, hangs, or its socket may not be used\n"
           "  4  alarms: at least one is raised now\n",
           DEFAULT_RUN_DIR, DEFAULT_EVENTS);
}

static enum ctl_exit usage(const char *format, const char *what)
{
    fputs("provisionctl: ", stderr);
    fprintf(stderr, format, what);
    fputs("; see provisionctl --help\n", stderr);
    return CTL_USAGE;
}

const struct ctl_command *ctl_command_table(size_t *count)
{
    *count = sizeof commands / sizeof commands[0];
    return commands;
}

const char *ctl_option_name(int letter)
{
    for (const struct option *option = options; option->name; option++) {
        if (option->val == letter)
            return option->name;
    }
    return NULL;
}

static const struct ctl_command *find_command(const char *name)
{
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* ---- commands without a function of their own ---- */

enum ctl_exit ctl_print_answer(const struct ctl *ctl, struct message *answer)
{
    bool ok = answer->as.ANSWER.ok;
    const char *text = answer->as.ANSWER.text[0] ? answer->as.ANSWER.text : ok ? "done" : "refused";
    if (ctl->json) {
        json_t *all =
            json_pack("{s:b, s:s, s:o?}", "ok", ok, "text", text, "body", json_loads(answer->as.ANSWER.body, 0, NULL));
        ctl_print_json(all, stdout);
        json_decref(all);
    } else if (ok) {
        printf("%s\n", text);
    }
    if (!ok)
        fprintf(stderr, "provisionctl: %s\n", text);
    message_clear(answer);
    return ok ? CTL_OK : CTL_REFUSED;
}

enum ctl_exit ctl_order(struct ctl *ctl, const char *command, const char *argument)
{
    struct message answer;
    struct error err;
    enum ctl_exit code = ctl_ask(ctl, command, argument, &answer, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    return ctl_print_answer(ctl, &answer);
}

/* ---- the command line ---- */

struct line {
    char used[8]; /* letters of the options that were given and that not every command takes */
    bool help, version;
};

static enum ctl_exit take_option(int letter, const char *value, struct ctl *ctl, struct line *line)
{
    char *end;
    if (strchr("jfnFao", letter) && !strchr(line->used, letter))
        line->used[strlen(line->used)] = (char)letter;
    switch (letter) {
    case 'd':
        ctl->run_dir = value;
        return CTL_OK;
    case 't':
        if (span_parse(value, &ctl->timeout) == 0 && ctl->timeout.us > 0)
            return CTL_OK;
        return usage("\"%s\" is no length of time such as 5s or 250ms", value);
    case 'n':
        ctl->last = strtoll(value, &end, 10);
        if (*value && !*end && ctl->last >= 0 && ctl->last <= 1000000)
            return CTL_OK;
        return usage("\"%s\" is no number of events", value);
    case 'j':
        ctl->json = true;
        return CTL_OK;
    case 'F':
        ctl->force = true;
        return CTL_OK;
    case 'a':
        ctl->all = true;
        return CTL_OK;
    case 'o':
        ctl->once = true;
        return CTL_OK;
    case 'f':
        ctl->follow = true;
        return CTL_OK;
    case 'h':
        line->help = true;
        return CTL_OK;
    case 'V':
        line->version = true;
        return CTL_OK;
    default:
        return usage("an option is wrong%s", "");
    }
}

static enum ctl_exit check_line(const struct ctl_command *command, int count, char **words, const struct line *line,
                                struct ctl *ctl)
{
    bool needed = command->argument[0] && command->argument[0] != '[';
    const char *more = strchr(command->argument, ' ');
    for (const char *letter = line->used; *letter; letter++) {
        if (!strchr(command->options, *letter))
            return usage("%s does not take that option", command->name);
    }
    if (needed && (count < 2 || !words[1][0]))
        return usage("%s needs a name", command->name);
    if (more && more[1] != '[' && (count < 3 || !words[2][0]))
        return usage("%s needs two words", command->name);
    if (count > (more ? 3 : command->argument[0] ? 2 : 1))
        return usage("there are too many words after %s", command->name);
    ctl->name = count > 1 ? words[1] : "";
    ctl->second = count > 2 ? words[2] : "";
    return CTL_OK;
}

static enum ctl_exit run(const struct ctl_command *command, struct ctl *ctl)
{
    ctl->context = zmq_ctx_new();
    enum ctl_exit code = command->function ? command->function(ctl) : ctl_order(ctl, command->name, "");
    zmq_ctx_term(ctl->context);
    if (fflush(stdout) != 0 && code == CTL_OK)
        return CTL_REFUSED;
    return code;
}

static bool colours_are_wanted(void)
{
    const char *no_color = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(no_color && no_color[0]) && terminal && strcmp(terminal, "dumb") != 0;
}

int main(int argc, char **argv)
{
    const char *run_dir = getenv("PROVISIOND_RUN_DIR");
    struct ctl ctl = {.run_dir = run_dir && run_dir[0] ? run_dir : DEFAULT_RUN_DIR,
                      .timeout = SPAN_SECONDS(5),
                      .name = "",
                      .last = DEFAULT_EVENTS,
                      .colour = colours_are_wanted()};
    struct line line = {0};
    int letter;
    while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (take_option(letter, optarg, &ctl, &line) != CTL_OK)
            return CTL_USAGE;
    }
    if (line.help || line.version) {
        line.help ? print_help() : (void)printf("provisionctl %s, protocol %d\n", VERSION, PROTO_VERSION);
        return CTL_OK;
    }
    if (optind == argc)
        return usage("a command is missing%s", "");
    const struct ctl_command *command = find_command(argv[optind]);
    if (!command)
        return usage("there is no command \"%s\"", argv[optind]);
    enum ctl_exit code = check_line(command, argc - optind, argv + optind, &line, &ctl);
    return code == CTL_OK ? run(command, &ctl) : code;
}
