/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_completion.c: the command `completion`: a script for bash, printed from the table of commands, so that
 * the two cannot differ. The script asks back for names (`completion types`), which are the running daemon's; where
 * none answers within a second there are none to offer. Runs in: provisionctl. Owns nothing. */
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl.h"

static const char head[] =
    "# SPDX-License-Identifier: MPL-2.0\n"
    "# Completes command lines of provisionctl in bash. Printed by: provisionctl completion bash\n"
    "_provisionctl_words() {\n"
    "    provisionctl \"${_provisionctl_where[@]}\" --timeout 1s completion \"$1\" 2>/dev/null\n"
    "}\n"
    "\n"
    "# _provisionctl_offer KIND CURRENT: what may stand there.\n"
    "_provisionctl_offer() {\n"
    "    local words=\n"
    "    case $1 in\n"
    "    FILE | SOURCE) compopt -o filenames 2>/dev/null; mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -f "
    "-- "
    "\"$2\"); return ;;\n"
    "    DIR) compopt -o filenames 2>/dev/null; mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -d -- "
    "\"$2\"); "
    "return ;;\n"
    "    TYPE | TYPE@*) words=$(_provisionctl_words types) ;;\n"
    "    REGION) words=$(_provisionctl_words regions) ;;\n"
    "    CAP) words=$(_provisionctl_words caps) ;;\n"
    "    SCOPE) [ \"$2\" = type ] || words=type: ; compopt -o nospace 2>/dev/null ;;\n"
    "    FORM) words='aws-provisioner worker-manager' ;;\n"
    "    SHELL) words=bash ;;\n"
    "    accept) words=accept ;;\n"
    "    COMMAND | OPTION) words=$3 ;;\n"
    "    esac\n"
    "    mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"$words\" -- \"$2\")\n"
    "}\n"
    "\n"
    "_provisionctl() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command='' argument='' place=-1 "
    "i "
    "kind kinds\n"
    "    local options='--run-dir --timeout --help --version' _provisionctl_where=()\n"
    "    COMPREPLY=()\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case ${COMP_WORDS[i]} in\n"
    "        --run-dir) _provisionctl_where=(--run-dir \"${COMP_WORDS[++i]}\") ;;\n"
    "        --timeout | --last | @ | :) ((i++)) ;;\n"
    "        -*) ;;\n"
    "        *) [ -n \"$command\" ] || command=${COMP_WORDS[i]}; ((place++)) ;;\n"
    "        esac\n"
    "    done\n"
    "    case $before in\n"
    "    --run-dir) _provisionctl_offer DIR \"$current\"; return ;;\n"
    "    --timeout | --last | @) return ;;\n"
    "    esac\n"
    "    # A colon parts words: type:NAME is three of them.\n"
    "    if [ \"$command\" = lift ] && [ \"$current\" = : ]; then current=; before=:; fi\n"
    "    if [ \"$command\" = lift ] && [ \"$before\" = : ]; then _provisionctl_offer TYPE \"$current\"; return; fi\n"
    "    case $command in\n";

static const char tail[] = "    esac\n"
                           "    if [ \"${current:0:1}\" = - ]; then\n"
                           "        _provisionctl_offer OPTION \"$current\" \"$options\"\n"
                           "        return\n"
                           "    fi\n"
                           "    if [ -z \"$command\" ]; then\n"
                           "        _provisionctl_offer COMMAND \"$current\" \"$commands\"\n"
                           "        return\n"
                           "    fi\n"
                           "    read -ra kinds <<<\"$argument\"\n"
                           "    for kind in ${kinds[place]//|/ }; do _provisionctl_offer \"$kind\" \"$current\"; done\n"
                           "}\n"
                           "complete -F _provisionctl provisionctl\n";

/* The argument as the script reads it: the words without brackets, each with its choices. */
static void print_kinds(const char *argument)
{
    for (; *argument; argument++) {
        if (*argument != '[' && *argument != ']')
            putchar(*argument);
    }
}

static void print_bash(void)
{
    size_t count;
    const struct ctl_command *commands = ctl_command_table(&count);
    fputs(head, stdout);
    fputs("    '') local commands='", stdout);
    for (size_t i = 0; i < count; i++)
        printf("%s%s", i > 0 ? " " : "", commands[i].name);
    fputs("' ;;\n", stdout);
    for (size_t i = 0; i < count; i++) {
        printf("    %s) argument='", commands[i].name);
        print_kinds(commands[i].argument);
        putchar('\'');
        for (const char *letter = commands[i].options; *letter; letter++)
            printf("%s--%s%s", letter == commands[i].options ? " options+=' " : " ", ctl_option_name(*letter),
                   letter[1] ? "" : "'");
        printf(" ;;\n");
    }
    fputs(tail, stdout);
}

static enum ctl_exit print_names(struct ctl *ctl, const char *member)
{
    struct error err;
    json_t *status;
    const json_t *data;
    size_t i;
    ctl->name = "";
    enum ctl_exit code = ctl_ask_body(ctl, "status", "", &status, &err);
    if (code != CTL_OK)
        return ctl_fail(code, &err);
    json_array_foreach(json_object_get(status, member), i, data)
    {
        printf("%s\n", ctl_word_of(data, "name"));
    }
    json_decref(status);
    return CTL_OK;
}

enum ctl_exit ctl_completion(struct ctl *ctl)
{
    struct error err;
    if (strcmp(ctl->name, "types") == 0 || strcmp(ctl->name, "regions") == 0)
        return print_names(ctl, ctl->name);
    if (strcmp(ctl->name, "caps") == 0) {
        puts("maxCapacity\nmaxInstances\nmaxHourlyCost\nmaxDailyCost\nessentialReserve\nheadroom");
        return CTL_OK;
    }
    if (strcmp(ctl->name, "bash") == 0) {
        print_bash();
        return CTL_OK;
    }
    error_set(&err, ERROR_USAGE, "there is a script for bash, none for \"%s\"", ctl->name);
    return ctl_fail(CTL_USAGE, &err);
}
