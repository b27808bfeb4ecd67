/* SPDX-License-Identifier: MPL-2.0 */
/* provisiond-web_history.c: 24 hours of a few figures in two rings: the last hour in steps of 5 s, the last day in
 * steps of 3 min. Runs in: provisiond-web. Owns: about 43 KB a workerType, whatever happens. Peaks are kept (the
 * largest of a step), counters become what was added in the step, and a step without a reading stays empty: the chart
 * has a gap where nothing was seen. */
#include <math.h>
#include <stdlib.h>

#include "subscribers/provisiond-web.h"

enum keeping { KEEP_LARGEST, KEEP_LAST, KEEP_ADDED };

static const struct {
    const char *name;
    enum keeping keeping;
} fields[HISTORY_FIELDS] = {
    [HISTORY_PENDING] = {"pending", KEEP_LARGEST},  [HISTORY_OLDEST_WAIT] = {"oldestWait", KEEP_LARGEST},
    [HISTORY_CLAIMED] = {"claimed", KEEP_LAST},     [HISTORY_SERVING] = {"serving", KEEP_LAST},
    [HISTORY_OCCUPYING] = {"occupying", KEEP_LAST}, [HISTORY_LAUNCHES] = {"launches", KEEP_ADDED},
    [HISTORY_FAILURES] = {"failures", KEEP_ADDED},  [HISTORY_COMMITTED] = {"committed", KEEP_LAST},
    [HISTORY_SPENT] = {"spent", KEEP_LAST},
};

#define FINE_STEP 5000
#define FINE_COUNT 720
#define COARSE_STEP 180000
#define COARSE_COUNT 480

struct ring {
    int64_t step, count; /* ms, steps */
    int64_t newest;      /* number of the newest step since 1970; 0: none */
    float (*cells)[HISTORY_FIELDS];
};

struct history {
    struct ring fine, coarse;
    double counters[HISTORY_FIELDS];
    float fine_cells[FINE_COUNT][HISTORY_FIELDS];
    float coarse_cells[COARSE_COUNT][HISTORY_FIELDS];
};

struct history *history_create(void)
{
    struct history *history = calloc(1, sizeof *history);

    if (!history)
        abort();
    history->fine = (struct ring){.step = FINE_STEP, .count = FINE_COUNT, .cells = history->fine_cells};
    history->coarse = (struct ring){.step = COARSE_STEP, .count = COARSE_COUNT, .cells = history->coarse_cells};
    for (int i = 0; i < HISTORY_FIELDS; i++)
        history->counters[i] = NAN;
    return history;
}

void history_destroy(struct history **history)
{
    free(*history);
    *history = NULL;
}

/* The cells of a step, or NULL where it has left the ring (the clock was set back). */
static float *step_of(struct ring *ring, int64_t step)
{
    if (step <= ring->newest - ring->count)
        return NULL;
    int64_t first = step - ring->newest > ring->count ? step - ring->count + 1 : ring->newest + 1;
    for (int64_t i = first; i <= step; i++)
        for (int j = 0; j < HISTORY_FIELDS; j++)
            ring->cells[i % ring->count][j] = NAN;
    if (step > ring->newest)
        ring->newest = step;
    return ring->cells[step % ring->count];
}

static void put(struct ring *ring, struct wall at, const double values[HISTORY_FIELDS])
{
    float *cells = step_of(ring, at.ms / ring->step);

    for (int i = 0; cells && i < HISTORY_FIELDS; i++) {
        float value = (float)values[i];
        if (isnan(value))
            continue;
        if (fields[i].keeping == KEEP_LARGEST)
            cells[i] = isnan(cells[i]) || value > cells[i] ? value : cells[i];
        else if (fields[i].keeping == KEEP_ADDED)
            cells[i] = isnan(cells[i]) ? value : cells[i] + value;
        else
            cells[i] = value;
    }
}

void history_record(struct history *history, struct wall at, const double values[HISTORY_FIELDS])
{
    double added[HISTORY_FIELDS];

    if (at.ms <= 0)
        return;
    for (int i = 0; i < HISTORY_FIELDS; i++) {
        added[i] = values[i];
        if (fields[i].keeping != KEEP_ADDED || isnan(values[i]))
            continue;
        double before = history->counters[i];
        /* A counter that fell began anew, with the supervisor. */
        added[i] = isnan(before) ? 0 : values[i] < before ? values[i] : values[i] - before;
        history->counters[i] = values[i];
    }
    put(&history->fine, at, added);
    put(&history->coarse, at, added);
}

static json_t *number(float value)
{
    if (isnan(value))
        return json_null();
    if (value == floorf(value))
        return json_integer((json_int_t)value);
    return json_real(round((double)value * 1e4) / 1e4);
}

static bool is_empty(const float *cells)
{
    for (int i = 0; i < HISTORY_FIELDS; i++)
        if (!isnan(cells[i]))
            return false;
    return true;
}

json_t *history_document(const struct history *history, bool whole)
{
    const struct ring *ring = whole ? &history->coarse : &history->fine;
    json_t *document = json_object(), *times = json_array(), *columns[HISTORY_FIELDS];
    bool begun = false;

    for (int i = 0; i < HISTORY_FIELDS; i++)
        columns[i] = json_array();
    for (int64_t step = ring->newest - ring->count + 1; ring->newest > 0 && step <= ring->newest; step++) {
        const float *cells = ring->cells[step % ring->count];
        begun = begun || !is_empty(cells);
        if (!begun)
            continue;
        json_array_append_new(times, json_integer(step * ring->step / 1000));
        for (int i = 0; i < HISTORY_FIELDS; i++)
            json_array_append_new(columns[i], number(cells[i]));
    }
    json_object_set_new(document, "step", json_integer(ring->step / 1000));
    json_object_set_new(document, "t", times);
    for (int i = 0; i < HISTORY_FIELDS; i++)
        json_object_set_new(document, fields[i].name, columns[i]);
    return document;
}
