/* SPDX-License-Identifier: MPL-2.0 */
/* test_arbiter_property.c: the invariants of DESIGN section 6 in random worlds, each a property of its own.
 * ARBITER_CASES (or PROPERTY_ROUNDS) cases, from ARBITER_SEED (or PROPERTY_SEED) on; a failing case is shrunk and
 * printed with all that is needed to run it alone. How often each cap bound is printed and must be 1 % or more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/arbiter_properties.h"

enum {
    DETERMINISTIC,
    ARRIVAL, /* run by hand below */
    BY_STEP  /* the rest after each step */
};
static const struct {
    const char *name;
    property *check;
} properties[] = {
    [DETERMINISTIC] = {"the_same_input_gives_the_same_output", NULL},
    [ARRIVAL] = {"the_order_in_which_bids_arrive_does_not_change_who_starves", NULL},
    {"caps_are_never_passed", caps_are_never_passed},
    {"headroom_is_kept", headroom_is_kept},
    {"the_essential_reserve_is_kept", the_essential_reserve_is_kept},
    {"lease_limits_are_kept", lease_limits_are_kept},
    {"tokens_are_never_overdrawn", tokens_are_never_overdrawn},
    {"crossing_bids_and_grants_launch_no_more_than_the_wish", crossing_bids_and_grants_launch_no_more_than_the_wish},
    {"stopped_lots_and_types_get_nothing", stopped_lots_and_types_get_nothing},
    {"nobody_gets_a_second_lot_before_all_had_their_first", nobody_gets_a_second_lot_before_all_had_their_first},
    {"a_type_passed_over_eight_rounds_owns_the_room_it_lacks", a_type_passed_over_eight_rounds_owns_the_room_it_lacks},
    {"what_can_be_granted_is_granted", what_can_be_granted_is_granted},
    {"whoever_gets_less_than_his_wish_is_told_why", whoever_gets_less_than_his_wish_is_told_why},
    {"a_removed_type_leaks_nothing", a_removed_type_leaks_nothing},
};
#define PROPERTIES (sizeof properties / sizeof properties[0])

static struct {
    uint64_t cases, first_seed, steps, grants;
    uint64_t bound[DENIAL_COUNT];
    uint64_t owned; /* cases in which somebody owned room */
    bool failed[PROPERTIES];
    struct property_case worst[PROPERTIES];
    char text[PROPERTIES][256];
} found;

/* ---- one case ---- */

static void remember_grants(struct history *history, const struct random_world *world)
{
    int64_t number = world->last_grant;

    for (size_t i = 0; i < world->out.grant_count; i++) {
        const struct arbiter_grant *grant = &world->out.grants[i];
        int type = world->index_of[grant->type], at = history->grant_count[type];
        if (at == CASE_LEASES)
            continue;
        history->grants[type][at].grant = ++number;
        history->grants[type][at].count = grant->count;
        history->grants[type][at].units = grant->count * lot_of(world, grant)->capacity;
        history->grants[type][at].lot = (unsigned)grant->lot;
        history->grant_count[type]++;
    }
    for (int type = 0; type < CASE_TYPES; type++)
        if (!world->types[type].present) { /* one that comes back is a new one */
            history->grant_count[type] = 0;
            history->hungry[type] = 0;
            history->last_any[type] = 0;
            memset(history->passed_by[type], 0, sizeof history->passed_by[type]);
            for (int other = 0; other < CASE_TYPES; other++)
                history->passed_by[other][0][type] = history->passed_by[other][1][type] = 0;
        }
}

static void note_tokens(struct history *history, const struct random_world *world)
{
    for (int region = 0; region < 2; region++) {
        struct arbiter_bucket bucket = {1, (double)world->settings.lot_max, 0, 0}; /* a region not seen yet */
        (void)arbiter_bucket(world->arbiter, region ? "r2" : "r1", world->now, &bucket);
        history->calls[region] = bucket.calls;
        history->instances[region] = bucket.instances;
        if (history->instances[region] > (double)world->settings.instances_depth)
            history->instances[region] = (double)world->settings.instances_depth;
    }
}

/* Runs a case; each property's first complaint goes to `texts`. Returns a hash of all that came out. */
static uint64_t run_case(const struct property_case *what, char texts[PROPERTIES][256], struct history *history)
{
    static struct random_world world;
    uint64_t hash = 0;

    memset(history, 0, sizeof *history);
    world_open(&world, what);
    for (int step = 0; step < what->steps; step++) {
        world_move(&world);
        note_tokens(history, &world);
        world_ask(&world);
        for (size_t i = BY_STEP; i < PROPERTIES; i++)
            if (texts[i][0] == '\0')
                properties[i].check(history, &world, texts[i]);
        for (size_t i = 0; i < world.out.grant_count; i++)
            hash = policy_random(hash, world.out.grants[i].type * 1000 + world.out.grants[i].lot * 100 +
                                           (uint64_t)world.out.grants[i].count);
        hash = policy_random(hash, world.out.denial_count + (uint64_t)world.out.again.us);
        remember_grants(history, &world);
        found.steps++;
        found.grants += world.out.grant_count;
        for (size_t i = 0; i < world.arbiter->type_count; i++)
            if (world.arbiter->types[i].owner)
                history->bound |= UINT64_C(1) << DENIED_NOT; /* stands for "somebody owned room" */
        world_apply(&world);
    }
    world_close(&world);
    return hash;
}

/* ---- the order of arrival ---- */

/* All bid in each tick, one after the other, the arbiter asked after each; instances live for one tick. Who got
 * nothing in all that time? */
static unsigned who_starves(const struct property_case *what, bool backwards)
{
    static struct random_world world;
    unsigned served = 0, hopeless = 0;
    int64_t number = 0;

    world_open(&world, what);
    world.instance_count = 0;
    for (int tick = 0; tick < 24; tick++) {
        world.now.us += 10000000;
        world.lease_count = 0;
        for (int i = 0; i < CASE_TYPES; i++) {
            struct random_type *type = &world.types[backwards ? CASE_TYPES - 1 - i : i];
            type->bids = true;
            type->as.number = ++number;
            type->as.units = 20;
            type->as.seen = world.last_grant;
            lay_out_input(&world);
            arbiter_output_clear(&world.out);
            arbiter_step(world.arbiter, &world.input, &world.out);
            for (size_t grant = 0; grant < world.out.grant_count; grant++)
                served |= 1u << world.index_of[world.out.grants[grant].type];
            world_apply(&world);
        }
    }
    struct replay empty;
    world.lease_count = 0;
    lay_out_input(&world);
    replay_begin(&empty, &world);
    for (size_t type = 0; type < world.input.type_count; type++) {
        bool fits = false;
        for (size_t lot = 0; lot < world.input_types[type].lot_count; lot++)
            fits |= one_fits(&empty, type, &world.input_types[type].lots[lot]);
        hopeless |= fits ? 0u : 1u << world.index_of[type];
    }
    unsigned present = what->types & ((1u << CASE_TYPES) - 1);
    world_close(&world);
    return present & ~served & ~hopeless;
}

static void check_arrival(const struct property_case *what, char *text)
{
    unsigned forth = who_starves(what, false), back = who_starves(what, true);

    if (forth != back || forth != 0)
        SAY("starving: %x when bids arrive in one order, %x in the other", forth, back);
}

/* ---- shrinking ---- */

static bool fails(const struct property_case *what, size_t which, char *text)
{
    static struct history history;
    char texts[PROPERTIES][256] = {{0}};

    if (which == ARRIVAL) {
        check_arrival(what, texts[ARRIVAL]);
    } else {
        uint64_t hash = run_case(what, texts, &history);
        if (which == DETERMINISTIC && hash != run_case(what, texts, &history))
            (void)text_format(texts[DETERMINISTIC], 256, "two runs differ");
    }
    memcpy(text, texts[which], 256);
    return text[0] != '\0';
}

static bool same_case(const struct property_case *a, const struct property_case *b)
{
    return a->types == b->types && a->lots == b->lots && a->features == b->features && a->regions == b->regions &&
           a->steps == b->steps;
}

/* Takes away what can be taken away while the property still fails. */
static void shrink(struct property_case *what, size_t which, char *text)
{
    bool smaller = true;

    while (smaller) {
        struct property_case tries[CASE_TYPES + CASE_LOTS + FEATURE_COUNT + 2];
        size_t count = 0;
        for (size_t i = 0; i < CASE_TYPES + CASE_LOTS + FEATURE_COUNT + 2; i++)
            tries[i] = *what;
        for (int i = 0; i < CASE_TYPES; i++)
            tries[count++].types &= ~(1u << i);
        for (int i = 0; i < CASE_LOTS; i++)
            tries[count++].lots &= ~(1u << i);
        for (int i = 0; i < FEATURE_COUNT; i++)
            tries[count++].features &= ~(1u << i);
        tries[count++].steps--;
        tries[count++].regions = 1;
        smaller = false;
        for (size_t i = 0; i < count && !smaller; i++) {
            char other[256];
            bool same = same_case(&tries[i], what);
            if (same || tries[i].steps < 1 || !fails(&tries[i], which, other))
                continue;
            *what = tries[i];
            memcpy(text, other, 256);
            smaller = true;
        }
    }
}

static void print_case(const struct property_case *what)
{
    fprintf(stderr, "  case: seed=%" PRIu64 " types=%x lots=%x regions=%d steps=%d features=", what->seed, what->types,
            what->lots, what->regions, what->steps);
    for (int i = 0; i < FEATURE_COUNT; i++)
        if ((what->features >> i) & 1)
            fprintf(stderr, "%s ", feature_names[i]);
    fprintf(stderr, "\n");
}

/* ---- all cases ---- */

static uint64_t number_from(const char *name, const char *other, uint64_t fallback)
{
    const char *text = getenv(name);

    if (!text || !*text)
        text = getenv(other);
    return text && *text ? strtoull(text, NULL, 10) : fallback;
}

static void take_failures(const struct property_case *what, char texts[PROPERTIES][256])
{
    for (size_t i = 0; i < PROPERTIES; i++) {
        if (texts[i][0] == '\0' || found.failed[i])
            continue;
        found.failed[i] = true;
        found.worst[i] = *what;
        memcpy(found.text[i], texts[i], 256);
        shrink(&found.worst[i], i, found.text[i]);
    }
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_UNDEFINED__)
#define DEFAULT_CASES 10000 /* instrumented: several times slower */
#else
#define DEFAULT_CASES 100000
#endif

static int run_all_cases(void **state)
{
    static struct history history;

    (void)state;
    found.cases = number_from("ARBITER_CASES", "PROPERTY_ROUNDS", DEFAULT_CASES);
    found.first_seed = number_from("ARBITER_SEED", "PROPERTY_SEED", 1);
    for (uint64_t i = 0; i < found.cases; i++) {
        char texts[PROPERTIES][256] = {{0}};
        struct property_case what = make_case(found.first_seed + i);
        uint64_t hash = run_case(&what, texts, &history);
        for (int by = 0; by < DENIAL_COUNT; by++)
            found.bound[by] += (history.bound >> by) & 1;
        if (i % 16 == 0 && run_case(&what, texts, &history) != hash)
            (void)text_format(texts[DETERMINISTIC], 256, "two runs differ");
        if (i % 16 == 8) {
            what.features &= ~(1u << HAS_DAILY_CAP | 1u << HAS_BREAKERS | 1u << HAS_CLOSED_REGIONS);
            check_arrival(&what, texts[ARRIVAL]);
        }
        take_failures(&what, texts);
    }
    return 0;
}

static void property_holds(void **state)
{
    size_t at = *(size_t *)*state;

    if (!found.failed[at])
        return;
    fprintf(stderr, "%s: %s\n", properties[at].name, found.text[at]);
    print_case(&found.worst[at]);
    fail_msg("%s", properties[at].name);
}

static void each_cap_binds_in_one_percent_of_the_cases_or_more(void **state)
{
    static const enum denial caps[] = {DENIED_BY_WISH,         DENIED_BY_TYPE_CEILING,
                                       DENIED_BY_GLOBAL_UNITS, DENIED_BY_GLOBAL_INSTANCES,
                                       DENIED_BY_HOURLY_COST,  DENIED_BY_DAILY_COST,
                                       DENIED_BY_HEADROOM,     DENIED_BY_ESSENTIAL_RESERVE,
                                       DENIED_BY_OWNED_ROOM,   DENIED_BY_LEASE_LIMIT,
                                       DENIED_BY_LAUNCH_RATE,  DENIED_BY_ROUND,
                                       DENIED_BY_CANARY,       DENIED_BY_BREAKER,
                                       DENIED_BY_QUARANTINE,   DENIED_BY_PAUSE,
                                       DENIED_BY_REGION_STALE, DENIED_NOT /* somebody owned room */};

    (void)state;
    printf("%" PRIu64 " cases, %" PRIu64 " steps, %" PRIu64 " grants; bound in so many cases:\n", found.cases,
           found.steps, found.grants);
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
        printf("  %-18s %5.1f %%\n", caps[i] == DENIED_NOT ? "(room was owned)" : denial_name(caps[i]),
               100.0 * (double)found.bound[caps[i]] / (double)found.cases);
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++)
        assert_true(found.cases < 1000 || found.bound[caps[i]] * 100 >= found.cases);
}

/* ---- speed ---- */

enum { THOUSAND = 1000, TWENTY = 20 };

static void a_step_for_a_thousand_types_takes_milliseconds(void **state)
{
    static struct arbiter_type types[THOUSAND];
    static struct arbiter_lot lots[THOUSAND][TWENTY];
    struct random_world *world = calloc(1, sizeof *world);
    struct property_case what = {.seed = 1, .regions = 2, .steps = 1, .features = 1u << HAS_BUCKETS};

    (void)state;
    assert_non_null(world);
    world_open(world, &what);
    for (size_t i = 0; i < THOUSAND; i++) {
        types[i] = (struct arbiter_type){.max_units = 1000,
                                         .largest_capacity = 1,
                                         .max_price = MONEY(300),
                                         .bids = true,
                                         .units = 100,
                                         .lots = lots[i],
                                         .lot_count = TWENTY};
        (void)text_format(types[i].name, NAME_SIZE, "type-%04zu", i);
        for (unsigned lot = 0; lot < TWENTY; lot++)
            make_lot(world, (unsigned)i % CASE_TYPES, lot % CASE_LOTS, &lots[i][lot]);
    }
    struct arbiter_input input = {.now = world->now,
                                  .settings = &world->settings,
                                  .regions = world->regions,
                                  .region_count = 2,
                                  .types = types,
                                  .type_count = THOUSAND};
    struct mono began = clock_now();
    int steps = 0;
    for (; mono_since(began, clock_now()).us < 300000; steps++) {
        input.now = mono_add(input.now, SPAN_MS(100));
        arbiter_output_clear(&world->out);
        arbiter_step(world->arbiter, &input, &world->out);
    }
    double seconds = span_seconds(mono_since(began, clock_now()));
    printf("1000 types x 20 lots, all waiting: %.0f rounds a second, %.2f ms each\n", steps / seconds,
           1000 * seconds / steps);
    world_close(world);
    free(world);
}

int main(void)
{
    static size_t numbers[PROPERTIES];
    struct CMUnitTest tests[PROPERTIES + 2];

    for (size_t i = 0; i < PROPERTIES; i++) {
        numbers[i] = i;
        tests[i] =
            (struct CMUnitTest){.name = properties[i].name, .test_func = property_holds, .initial_state = &numbers[i]};
    }
    tests[PROPERTIES] = (struct CMUnitTest)cmocka_unit_test(each_cap_binds_in_one_percent_of_the_cases_or_more);
    tests[PROPERTIES + 1] = (struct CMUnitTest)cmocka_unit_test(a_step_for_a_thousand_types_takes_milliseconds);
    return cmocka_run_group_tests(tests, run_all_cases, NULL);
}
