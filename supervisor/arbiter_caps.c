/* SPDX-License-Identifier: MPL-2.0 */
/* arbiter_caps.c: how much room there is, and for whom: the global caps, headroom, essentialReserve, owned room, and
 * the lease limits of a type (DESIGN section 6).
 * Runs in: supervisor. Pure. Owns nothing.
 *
 * Each cap has four limits: what everybody may fill; with headroom, for types within an equal share, who leave one
 * instance to each type that holds none; with all of the headroom, for first instances and floors; with the essential
 * reserve, for floors marked essential. From each the room set aside for first lots that wait for tokens is taken off,
 * and what owners of room claim. Claims are of three ranks, as the limits are: an owner above its equal share has none
 * on what a type within its own may have, and one that is not urgent has none on a first instance or a floor. Else
 * giants that hold the house with long tasks would own its headroom for hours (docs/policy.md). */
#include "supervisor/arbiter_parts.h"

static int64_t plus(int64_t a, int64_t b)
{
    return money_add(MONEY(a), MONEY(b)).micros;
}

static int64_t minus(int64_t a, int64_t b)
{
    return money_sub(MONEY(a), MONEY(b)).micros;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t most(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

static int64_t percent(int64_t whole, int64_t parts)
{
    return money_percent(MONEY(whole), parts).micros;
}

struct amounts amounts_of(const struct arbiter_lot *lot)
{
    return (struct amounts){{lot->capacity, 1, lot->max_price.micros, lot->max_price.micros}};
}

void amounts_add(struct amounts *to, const struct amounts *each, int64_t count)
{
    for (enum cap cap = 0; cap < CAP_COUNT; cap++)
        to->of[cap] = plus(to->of[cap], money_times(MONEY(each->of[cap]), count).micros);
}

/* One instance for each type that holds none, between 5 and 20 % of the cap. */
static int64_t headroom(const struct step *step, int64_t whole, int64_t wanted)
{
    if (step->settings->headroom_percent >= 0)
        return percent(whole, step->settings->headroom_percent);
    return most(percent(whole, 5), least(percent(whole, 20), wanted));
}

static void refresh_count(struct step *step, enum cap cap, int64_t whole)
{
    int64_t types = step->input->type_count > 0 ? (int64_t)step->input->type_count : 1;
    int64_t kept = headroom(step, whole, step->empty.of[cap]);

    step->caps[cap] = (struct cap_state){
        .limited = true,
        .ordinary = minus(whole, kept),
        .shared = minus(whole, least(kept, step->empty.of[cap])),
        .entitled = whole,
        .essential = whole,
        .share = whole / types,
        .lease_limit = percent(whole, step->settings->lease_share),
    };
}

/* The limit of one money cap as a rate an hour, when only `amount` of the cap may be used. */
static int64_t rate_limit(const struct step *step, enum cap cap, int64_t amount, bool essential_floor)
{
    struct budget_limits limits = step->settings->money;

    limits.hourly = cap == CAP_HOURLY ? MONEY(amount) : MONEY_MAX;
    limits.daily = cap == CAP_DAILY ? MONEY(amount) : MONEY_MAX;
    return budget_room(&limits, &step->input->day, MONEY_ZERO, essential_floor).micros;
}

/* The same for a part of the cap that is looked at by itself: nothing spent, no reserve. */
static int64_t rate_of_part(const struct step *step, enum cap cap, int64_t amount)
{
    struct budget_limits limits = {.hourly = cap == CAP_HOURLY ? MONEY(amount) : MONEY_MAX,
                                   .daily = cap == CAP_DAILY ? MONEY(amount) : MONEY_MAX,
                                   .daily_horizon = step->settings->money.daily_horizon};
    struct budget_day day = {.spent = MONEY_ZERO};

    return budget_room(&limits, &day, MONEY_ZERO, true).micros;
}

static void refresh_money(struct step *step, enum cap cap, struct money whole)
{
    int64_t types = step->input->type_count > 0 ? (int64_t)step->input->type_count : 1;
    struct cap_state *state = &step->caps[cap];

    *state = (struct cap_state){.limited = money_compare(whole, MONEY_MAX) != 0};
    if (!state->limited)
        return;
    struct money wanted = MONEY(step->empty.of[cap]);
    if (cap == CAP_DAILY)
        wanted = money_for_time(wanted, step->settings->money.daily_horizon.us);
    int64_t kept = headroom(step, whole.micros, wanted.micros);
    state->ordinary = rate_limit(step, cap, minus(whole.micros, kept), false);
    state->shared = rate_limit(step, cap, minus(whole.micros, least(kept, wanted.micros)), false);
    state->entitled = rate_limit(step, cap, whole.micros, false);
    state->essential = rate_limit(step, cap, whole.micros, true);
    state->share = rate_of_part(step, cap, whole.micros / types);
    state->lease_limit = rate_of_part(step, cap, percent(whole.micros, step->settings->lease_share));
}

void caps_refresh(struct step *step)
{
    refresh_count(step, CAP_UNITS, step->settings->max_units);
    refresh_count(step, CAP_INSTANCES, step->settings->max_instances);
    refresh_money(step, CAP_HOURLY, step->settings->money.hourly);
    refresh_money(step, CAP_DAILY, step->settings->money.daily);
}

bool type_is_urgent(const struct type_state *state)
{
    return state->held.of[CAP_INSTANCES] <= 0 || state->below_floor > 0;
}

/* How many of `each` fit under a limit above what is taken. */
static int64_t fit(int64_t limit, int64_t taken, int64_t each)
{
    int64_t room = minus(limit, taken);

    if (each <= 0)
        return INT64_MAX;
    return room < each ? 0 : room / each;
}

/* What a type may be entitled to beyond the ordinary limit, in instances. */
struct entitlement {
    int64_t floor;  /* up to its floor */
    int64_t urgent; /* that, or one instance for a type that holds none */
};

static struct entitlement entitled(const struct type_state *state, int64_t capacity)
{
    struct entitlement to = {0};

    if (state->below_floor > 0)
        to.floor = (state->below_floor - 1) / capacity + 1;
    to.urgent = state->held.of[CAP_INSTANCES] <= 0 ? most(to.floor, 1) : to.floor;
    return to;
}

static int64_t allow(const struct cap_state *cap, const struct type_state *state, enum cap which, int64_t each,
                     struct entitlement to, int64_t taken, const struct claims *claims)
{
    int64_t share = fit(cap->share, state->held.of[which], each);
    int64_t n = fit(cap->ordinary, plus(taken, claims->all.of[which]), each);

    n = most(n, least(fit(cap->shared, plus(taken, claims->share.of[which]), each), share));
    n = most(n, least(fit(cap->entitled, plus(taken, claims->urgent.of[which]), each), to.urgent));
    if (state->type->essential)
        n = most(n, least(fit(cap->essential, plus(taken, claims->urgent.of[which]), each), to.floor));
    return n;
}

/* Which of the rules it is that leaves no room for one more than `n`: looked for under the widest limit that is open
 * to the type. */
static enum denial why(const struct step *step, const struct type_state *state, enum cap which, int64_t each,
                       struct entitlement to, int64_t n)
{
    static const enum denial global[] = {DENIED_BY_GLOBAL_UNITS, DENIED_BY_GLOBAL_INSTANCES, DENIED_BY_HOURLY_COST,
                                         DENIED_BY_DAILY_COST};
    const struct cap_state *cap = &step->caps[which];
    int64_t total = step->total.of[which];
    int64_t limit = cap->ordinary, claimed = state->claims.all.of[which];

    if (n < fit(cap->share, state->held.of[which], each)) {
        limit = cap->shared;
        claimed = state->claims.share.of[which];
    }
    if (n < to.urgent) {
        limit = cap->entitled;
        claimed = state->claims.urgent.of[which];
    }
    if (fit(cap->essential, total, each) <= n)
        return global[which];
    if (fit(cap->entitled, total, each) <= n)
        return DENIED_BY_ESSENTIAL_RESERVE;
    if (fit(limit, total, each) <= n)
        return DENIED_BY_HEADROOM;
    if (fit(limit, plus(total, claimed), each) <= n)
        return DENIED_BY_OWNED_ROOM;
    return DENIED_BY_ROUND; /* set aside for first lots that wait for tokens */
}

int64_t caps_allow(const struct step *step, const struct type_state *state, const struct amounts *each,
                   int64_t capacity, int64_t wanted, enum denial *by, unsigned *lacks)
{
    struct entitlement to = entitled(state, capacity);
    int64_t n = wanted;

    for (enum cap cap = 0; cap < CAP_COUNT; cap++) {
        if (!step->caps[cap].limited)
            continue;
        int64_t taken = plus(step->total.of[cap], step->aside.of[cap]);
        int64_t fits = allow(&step->caps[cap], state, cap, each->of[cap], to, taken, &state->claims);
        if (fits < 1)
            *lacks |= 1u << cap;
        if (fits < n) {
            n = fits;
            *by = why(step, state, cap, each->of[cap], to, n);
        }
    }
    return n;
}

bool caps_may_ever_fit(const struct step *step, const struct type_state *state, const struct amounts *each,
                       int64_t capacity)
{
    static const struct claims none;
    struct entitlement to = entitled(state, capacity);

    for (enum cap cap = 0; cap < CAP_COUNT; cap++)
        if (step->caps[cap].limited &&
            allow(&step->caps[cap], state, cap, each->of[cap], to, state->held.of[cap], &none) < 1)
            return false;
    return true;
}

int64_t leases_allow(const struct step *step, const struct type_state *state, int region, const struct amounts *each)
{
    int64_t n = INT64_MAX;

    if (state->open_in[region] >= step->settings->leases_per_region)
        return 0;
    for (enum cap cap = 0; cap < CAP_COUNT; cap++)
        if (step->caps[cap].limited)
            n = least(n, fit(step->caps[cap].lease_limit, state->open.of[cap], each->of[cap]));
    return n < 1 && state->open_in[region] == 0 ? 1 : n; /* one instance per region always */
}
