/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_processes.c: the page of processes, for `top` and `watch`. Age, deaths and ticks are the daemon's
 * figures; memory and processor are read here from /proc, so that the supervisor need not read a thousand files. Runs
 * in: provisionctl. Owns: what was seen of each process the time before. A process that is not the supervisor's child
 * (another container's numbers, or a number used again) or whose memory may not be read stays unknown: "?". */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/text.h"
#include "proto/words.h"
#include "subscribers/provisionctl_pages.h"
#include "subscribers/provisionctl_table.h"

struct row {
    char name[NAME_SIZE], role[16], state[24];
    struct ctl_figure pid, generation, started, deaths, tick;
    int64_t begun, cpu; /* clock ticks of the host; begun 0: not seen */
    int64_t pss;        /* bytes; -1 unknown */
    double share;       /* of one processor; -1 unknown */
};

struct processes {
    struct row *rows, *before;
    size_t count, before_count;
    struct mono looked, looked_before;
};

struct processes *processes_create(void)
{
    struct processes *processes = calloc(1, sizeof *processes);
    if (!processes)
        abort();
    return processes;
}

void processes_destroy(struct processes **processes)
{
    if (*processes) {
        free((*processes)->rows);
        free((*processes)->before);
        free(*processes);
    }
    *processes = NULL;
}

/* ---- /proc ---- */

/* Fields of proc(5): 4 parent, 14 and 15 user and system time, 22 start; the name before them may hold anything. */
static bool read_stat(int64_t pid, int64_t *parent, struct row *row)
{
    char path[64], text[1024], *fields;
    int64_t user, system;
    text_format(path, sizeof path, "/proc/%" PRId64 "/stat", pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = '\0';
    fields = strrchr(text, ')');
    if (!fields || sscanf(fields + 1,
                          " %*c %" SCNd64 " %*d %*d %*d %*d %*u %*u %*u %*u %*u %" SCNd64 " %" SCNd64
                          " %*d %*d %*d %*d %*d %*d %" SCNd64,
                          parent, &user, &system, &row->begun) != 4)
        return false;
    row->cpu = user + system;
    return true;
}

static int64_t read_pss(int64_t pid)
{
    char path[64], line[256];
    int64_t kilobytes = -1;
    text_format(path, sizeof path, "/proc/%" PRId64 "/smaps_rollup", pid);
    FILE *file = fopen(path, "re");
    while (file && kilobytes < 0 && fgets(line, sizeof line, file)) {
        if (sscanf(line, "Pss: %" SCNd64, &kilobytes) != 1)
            kilobytes = -1;
    }
    if (file)
        fclose(file);
    return kilobytes < 0 ? -1 : kilobytes * 1024;
}

static const struct row *find_before(const struct processes *processes, const struct row *row)
{
    for (size_t i = 0; i < processes->before_count; i++) {
        const struct row *before = &processes->before[i];
        if (before->begun == row->begun && before->pid.value == row->pid.value && before->begun > 0)
            return before;
    }
    return NULL;
}

/* Since the last look, or since its start the first time. */
static double share_of(const struct processes *processes, const struct row *row)
{
    double hertz = (double)sysconf(_SC_CLK_TCK), whole;
    const struct row *before = find_before(processes, row);
    int64_t used = row->cpu - (before ? before->cpu : 0);
    if (before)
        whole = span_seconds(mono_since(processes->looked_before, processes->looked));
    else
        whole = (double)processes->looked.us / 1e6 - (double)row->begun / hertz; /* both count from the boot */
    return whole > 0.05 ? (double)used / hertz / whole : -1;
}

static void look(const struct processes *processes, int64_t supervisor, struct row *row)
{
    int64_t pid = row->pid.known ? (int64_t)row->pid.value : 0, parent = 0;
    row->pss = -1;
    row->share = -1;
    if (pid <= 0 || !read_stat(pid, &parent, row) || (pid != supervisor && parent != supervisor)) {
        row->begun = 0;
        return;
    }
    row->pss = read_pss(pid);
    row->share = share_of(processes, row);
}

/* ---- the daemon's figures ---- */

/* The credentials helper's figures are among the supervisor's. */
static void add_helper(struct processes *processes, const json_t *supervisor)
{
    if (!json_object_get(supervisor, "credentialsPid"))
        return; /* an older daemon */
    struct row *row = &processes->rows[processes->count++];
    *row = (struct row){.name = "credentials",
                        .role = "helper",
                        .pid = ctl_figure_of(supervisor, "credentialsPid"),
                        .generation = ctl_figure_of(supervisor, "credentialsGeneration"),
                        .started = ctl_figure_of(supervisor, "credentialsStarted"),
                        .deaths = ctl_figure_of(supervisor, "credentialsDeaths"),
                        .tick = ctl_figure_of(supervisor, "credentialsTick")};
    text_copy(row->state, sizeof row->state, ctl_word_of(supervisor, "credentialsState"));
}

static void add_row(struct processes *processes, const char *role, const json_t *data)
{
    struct row *row = &processes->rows[processes->count++];
    bool is_self = strcmp(role, "supervisor") == 0;
    *row = (struct row){.pid = ctl_figure_of(data, "pid"),
                        .generation = ctl_figure_of(data, "generation"),
                        .started = ctl_figure_of(data, "started"),
                        .deaths = ctl_figure_of(data, "deaths"),
                        .tick = ctl_figure_of(data, is_self ? "turn" : "tick")};
    text_copy(row->name, sizeof row->name, is_self ? "provisiond" : ctl_word_of(data, "name"));
    text_copy(row->role, sizeof row->role, role);
    text_copy(row->state, sizeof row->state, is_self ? "live" : ctl_word_of(data, "state"));
}

void processes_look(struct processes *processes, const json_t *status)
{
    static const char *const roles[][2] = {{"types", "type"}, {"regions", "region"}};
    const json_t *self = json_object_get(status, "supervisor");
    size_t most =
        2 + json_array_size(json_object_get(status, "types")) + json_array_size(json_object_get(status, "regions"));
    free(processes->before);
    processes->before = processes->rows;
    processes->before_count = processes->count;
    processes->looked_before = processes->looked;
    processes->rows = calloc(most, sizeof *processes->rows);
    if (!processes->rows)
        abort();
    processes->count = 0;
    processes->looked = clock_now();
    add_row(processes, "supervisor", self);
    add_helper(processes, self);
    for (size_t r = 0; r < 2; r++) {
        const json_t *list = json_object_get(status, roles[r][0]), *data;
        size_t i;
        json_array_foreach(list, i, data)
        {
            add_row(processes, roles[r][1], data);
        }
    }
    for (size_t i = 0; i < processes->count; i++)
        look(processes, (int64_t)processes->rows[0].pid.value, &processes->rows[i]);
}

/* ---- order ---- */

static double known_value(struct ctl_figure figure)
{
    return figure.known ? figure.value : -1;
}

static int compare(double p, double q, const struct row *a, const struct row *b)
{
    return p != q ? (p < q ? 1 : -1) : strcmp(a->name, b->name);
}

#define COMPARE(function, measure)                                                                                     \
    static int function(const void *p, const void *q)                                                                  \
    {                                                                                                                  \
        const struct row *a = *(const struct row *const *)p, *b = *(const struct row *const *)q;                       \
        return compare(measure(a), measure(b), a, b);                                                                  \
    }
#define SHARE(row) ((row)->share)
#define MEMORY(row) ((double)(row)->pss)
#define TICK(row) known_value((row)->tick)
#define DEATHS(row) known_value((row)->deaths)
#define NONE(row) ((void)(row), 0.0)
COMPARE(by_cpu, SHARE)
COMPARE(by_memory, MEMORY)
COMPARE(by_tick, TICK)
COMPARE(by_deaths, DEATHS)
COMPARE(by_name, NONE)

static const struct {
    const char *name;
    int (*compare)(const void *p, const void *q);
} orders[PROCESS_ORDER_COUNT] = {[PROCESSES_BY_CPU] = {"cpu", by_cpu},
                                 [PROCESSES_BY_MEMORY] = {"memory", by_memory},
                                 [PROCESSES_BY_TICK] = {"tick", by_tick},
                                 [PROCESSES_BY_DEATHS] = {"deaths", by_deaths},
                                 [PROCESSES_BY_NAME] = {"name", by_name}};

const char *process_order_name(enum process_order order)
{
    return orders[order].name;
}

/* ---- what is shown ---- */

static void number(struct ctl_figure figure, char *out, size_t size)
{
    if (figure.known)
        text_format(out, size, "%.0f", figure.value);
    else
        text_copy(out, size, "?");
}

static void fill_measures(const struct row *row, char pss[32], char cpu[32], char tick[32])
{
    text_copy(pss, 32, "?");
    text_copy(cpu, 32, "?");
    text_copy(tick, 32, "?");
    if (row->pss >= 0)
        text_format(pss, 32, "%.1f", (double)row->pss / 1048576);
    if (row->share >= 0)
        text_format(cpu, 32, "%.1f", row->share * 100);
    if (row->tick.known)
        text_format(tick, 32, "%.1f", row->tick.value / 1000);
}

static void add_line(const struct row *row, int64_t now, struct table *table)
{
    char pid[32], generation[32], deaths[32], age[32] = "-", pss[32], cpu[32], tick[32];
    bool is_self = strcmp(row->role, "supervisor") == 0;
    number(row->pid, pid, sizeof pid);
    number(row->generation, generation, sizeof generation);
    number(row->deaths, deaths, sizeof deaths);
    if (row->started.known)
        ctl_age((int64_t)row->started.value, now, age, sizeof age);
    fill_measures(row, pss, cpu, tick);
    const char *const cells[] = {
        row->name, row->role, pid, is_self ? "-" : generation, age, is_self ? "-" : deaths, pss, cpu, tick, row->state};
    table_add(table, strcmp(row->state, "failing") == 0 ? STYLE_BAD : STYLE_PLAIN, cells);
}

void processes_print(const struct processes *processes, enum process_order order, int width, bool colour, FILE *out)
{
    static const char *const heads[] = {"PROCESS", "ROLE", "PID", "GENERATION", "UP",
                                        "DEATHS",  "PSS",  "CPU", "TICK",       "STATE"};
    static const char *const units[] = {"", "", "", "", "", "", "MiB", "%", "ms", ""};
    struct table table = {.columns = 10, .sides = "llrrrrrrrl", .drops = "0900000000", .last_least = 4};
    const struct row **sorted = calloc(processes->count + 1, sizeof *sorted);
    double memory = 0, cpu = 0;
    if (!sorted)
        abort();
    for (size_t i = 0; i < processes->count; i++) {
        sorted[i] = &processes->rows[i];
        memory += processes->rows[i].pss > 0 ? (double)processes->rows[i].pss : 0;
        cpu += processes->rows[i].share > 0 ? processes->rows[i].share : 0;
    }
    qsort(sorted, processes->count, sizeof *sorted, orders[order].compare);
    fprintf(out, "%zu processes, %.1f MiB PSS, %.1f %% of one processor %s\n\n", processes->count, memory / 1048576,
            cpu * 100, processes->before_count > 0 ? "since the last look" : "since each one's start");
    table_add(&table, STYLE_HEAD, heads);
    table_add(&table, STYLE_HEAD, units);
    for (size_t i = 0; i < processes->count; i++)
        add_line(sorted[i], clock_wall().ms, &table);
    table_print(&table, width, colour, out);
    table_clear(&table);
    free(sorted);
}

static json_t *figure_json(struct ctl_figure figure, double divisor)
{
    return !figure.known  ? json_null()
           : divisor == 1 ? json_integer((json_int_t)figure.value)
                          : json_real(figure.value / divisor);
}

json_t *processes_json(const struct processes *processes)
{
    json_t *list = json_array();
    for (size_t i = 0; i < processes->count; i++) {
        const struct row *row = &processes->rows[i];
        json_t *one = json_pack("{s:s, s:s, s:s}", "name", row->name, "role", row->role, "state", row->state);
        json_object_set_new(one, "pid", figure_json(row->pid, 1));
        json_object_set_new(one, "generation", figure_json(row->generation, 1));
        json_object_set_new(one, "started", figure_json(row->started, 1));
        json_object_set_new(one, "deaths", figure_json(row->deaths, 1));
        json_object_set_new(one, "tickSeconds", figure_json(row->tick, 1e6));
        json_object_set_new(one, "pssBytes", row->pss < 0 ? json_null() : json_integer(row->pss));
        json_object_set_new(one, "cpuSeconds",
                            row->begun <= 0 ? json_null() : json_real((double)row->cpu / (double)sysconf(_SC_CLK_TCK)));
        json_array_append_new(list, one);
    }
    return json_pack("{s:I, s:o}", "asOf", (json_int_t)clock_wall().ms, "processes", list);
}
