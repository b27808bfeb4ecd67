/* SPDX-License-Identifier: MPL-2.0 */
/* test_plan_fixture.h: a plan's input with plain values, for the tests of plan.c. */
#ifndef TESTS_UNIT_TEST_PLAN_FIXTURE_H
#define TESTS_UNIT_TEST_PLAN_FIXTURE_H

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <string.h>

#include "common/text.h"
#include "worker/plan.h"

#define T(seconds) ((struct mono){1000000000 + (int64_t)(seconds)*1000000})
#define MOST_OPTIONS 8

struct fixture {
    struct plan_memory memory;
    struct plan_region regions[2];
    struct plan_option options[MOST_OPTIONS];
    struct plan_input input;
    struct plan plan;
};

static inline void fixture_option(struct fixture *fixture, const char *zone, const char *instance_type, int64_t price)
{
    struct plan_option *option = &fixture->options[fixture->input.option_count++];
    *option = (struct plan_option){
        .capacity = 1, .utility = 1, .health = 1, .price = MONEY(price), .code = "", .spec_hash = "hash", .subnet = ""};
    text_copy(option->placement.region, NAME_SIZE, zone[0] == 'e' ? "east" : "west");
    text_copy(option->placement.zone, NAME_SIZE, zone);
    text_copy(option->placement.instance_type, NAME_SIZE, instance_type);
}

/* One placement, 1 unit an instance, ceiling 100, both regions just listed, demand just read: nothing pending. */
static inline void fixture_init(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    struct plan_input *input = &fixture->input;
    text_copy(fixture->regions[0].name, sizeof fixture->regions[0].name, "east");
    text_copy(fixture->regions[1].name, sizeof fixture->regions[1].name, "west");
    for (int i = 0; i < 2; i++) {
        fixture->regions[i].listed = true;
        fixture->regions[i].began = T(0);
        fixture->regions[i].limit = SPAN_SECONDS(60);
    }
    input->now = T(0);
    input->lot_max = 10;
    input->type = (struct plan_type){.max_units = 100,
                                     .largest_capacity = 1,
                                     .max_price = MONEY(1000000),
                                     .can_use_spot = true,
                                     .settle = SPAN_SECONDS(60)};
    input->demand = (struct plan_demand){.seen = T(0), .age_limit = SPAN_SECONDS(60), .problem = ""};
    input->regions = fixture->regions;
    input->region_count = 2;
    input->options = fixture->options;
    fixture_option(fixture, "ea", "m3.large", 100000);
}

static inline const struct plan *fixture_plan(struct fixture *fixture)
{
    plan_make(&fixture->memory, &fixture->input, &fixture->plan);
    return &fixture->plan;
}

/* A new reading of queue and regions `seconds` after the start. */
static inline const struct plan *fixture_plan_at(struct fixture *fixture, int seconds)
{
    fixture->input.now = fixture->input.demand.seen = T(seconds);
    fixture->regions[0].began = fixture->regions[1].began = T(seconds);
    return fixture_plan(fixture);
}

#endif
