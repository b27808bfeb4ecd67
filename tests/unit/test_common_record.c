/* SPDX-License-Identifier: MPL-2.0 */
/* test_common_record.c: structs as JSON and back: every kind of member, changes of random states, and what is refused.
 */
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
// clang-format on
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/record.h"
#include "common/text.h"
#include "tests/unit/json_text.h"

enum colour { RED, GREEN, BLUE };
static const char *const colours[] = {"red", "green", "blue"};

struct leaf {
    int64_t number;
    const char *note;
};
struct branch {
    char name[8];
    struct leaf *leaves;
    size_t leaf_count;
};
struct tree {
    int64_t large;
    int small;
    size_t index;
    struct mono when;
    double ratio;
    bool on;
    enum colour colour;
    char text[16];
    const char *pointer;
    struct leaf one;
    struct branch *branches;
    size_t branch_count;
    struct leaf few[4];
    size_t few_count;
};

static const struct record_field leaf_table[] = {
    RECORD_MEMBER(struct leaf, number, RECORD_INTEGER),
    RECORD_MEMBER(struct leaf, note, RECORD_POINTER),
    {.name = NULL},
};
static const struct record_field branch_table[] = {
    RECORD_MEMBER(struct branch, name, RECORD_TEXT),
    RECORD_A_LIST(struct branch, leaves, leaf_count, leaf_table),
    {.name = NULL},
};
static const struct record_field tree_table[] = {
    RECORD_MEMBER(struct tree, large, RECORD_INTEGER),
    RECORD_MEMBER(struct tree, small, RECORD_INTEGER),
    RECORD_MEMBER(struct tree, index, RECORD_INTEGER),
    RECORD_MEMBER(struct tree, when, RECORD_INTEGER),
    RECORD_MEMBER(struct tree, ratio, RECORD_NUMBER),
    RECORD_MEMBER(struct tree, on, RECORD_BOOL),
    RECORD_A_WORD(struct tree, colour, colours),
    RECORD_MEMBER(struct tree, text, RECORD_TEXT),
    RECORD_MEMBER(struct tree, pointer, RECORD_POINTER),
    RECORD_A_STRUCT(struct tree, one, leaf_table),
    RECORD_A_LIST(struct tree, branches, branch_count, branch_table),
    RECORD_AN_ARRAY(struct tree, few, few_count, leaf_table),
    {.name = NULL},
};

static void assert_json(json_t *value, const char *expected)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_SORT_KEYS);

    assert_string_equal(text, expected);
    free(text);
    json_decref(value);
}

static void a_complete_record_leaves_zeroes_out(void **unused)
{
    struct leaf leaves[2] = {{.number = 7}, {.note = ""}};
    struct branch branch = {.name = "b", .leaves = leaves, .leaf_count = 2};
    struct tree tree = {
        .index = SIZE_MAX, .when = MONO_NEVER, .colour = BLUE, .branches = &branch, .branch_count = 1, .few_count = 1};

    (void)unused;
    assert_json(record_whole(tree_table, sizeof tree, &tree),
                "{\"branches\":[{\"leaves\":[{\"number\":7},{\"note\":\"\"}],\"name\":\"b\"}],\"colour\":\"blue\","
                "\"few\":[{}],\"index\":-1,\"when\":9223372036854775807}");
}

static void a_change_names_only_what_changed(void **unused)
{
    struct leaf leaves[2] = {{.number = 7}, {.note = "x"}};
    struct branch branch = {.name = "b", .leaves = leaves, .leaf_count = 2};
    struct tree known = {0}, tree = {.branches = &branch, .branch_count = 1, .pointer = "p", .colour = GREEN};

    (void)unused;
    json_decref(record_change(tree_table, &known, &tree));
    assert_json(record_change(tree_table, &known, &tree), "{}");
    leaves[1].note = NULL;
    tree.colour = RED;
    tree.pointer = NULL;
    assert_json(record_change(tree_table, &known, &tree),
                "{\"branches\":{\"0\":{\"leaves\":{\"1\":{\"note\":null}}}},\"colour\":\"red\",\"pointer\":null}");
    branch.leaf_count = 1;
    assert_json(record_change(tree_table, &known, &tree), "{\"branches\":{\"0\":{\"leaves\":[{\"number\":7}]}}}");
    record_clear(tree_table, &known);
}

/* ---- random states ---- */

static unsigned draw(unsigned below)
{
    return (unsigned)random() % below;
}

static void shake_leaf(struct leaf *leaf)
{
    static const char *const notes[] = {NULL, "", "a note", "\xc3\xa4"};

    leaf->number = draw(3) ? draw(4) : (int64_t)draw(1000) - INT64_MAX / 2;
    leaf->note = notes[draw(4)];
}

struct room {
    struct branch branches[4];
    struct leaf leaves[4][5];
};

static void shake(struct tree *tree, struct room *room)
{
    tree->large = draw(2) ? INT64_MIN : INT64_MAX;
    tree->small = -(int)draw(3);
    tree->ratio = draw(9) ? (double)draw(1000) / 7.0 : draw(3) ? -INFINITY : draw(2) ? INFINITY : NAN;
    tree->on = draw(2);
    tree->colour = (enum colour)draw(3);
    (void)text_format(tree->text, sizeof tree->text, "%u", draw(2000000000));
    tree->pointer = draw(2) ? tree->text : NULL;
    if (draw(3) == 0)
        tree->branch_count = draw(5);
    if (draw(3) == 0)
        tree->few_count = draw(5);
    tree->branches = room->branches;
    for (size_t i = 0; i < 4; i++) {
        struct branch *branch = &room->branches[i];
        branch->leaves = room->leaves[i];
        branch->leaf_count = draw(2) ? branch->leaf_count : draw(6);
        shake_leaf(&branch->leaves[draw(5)]);
        shake_leaf(&tree->few[i]);
    }
    shake_leaf(&tree->one);
}

static void changes_of_random_states_come_back_as_they_were(void **unused)
{
    struct room room = {0};
    struct tree tree = {0}, known = {0}, back = {0};
    struct error err;

    (void)unused;
    srandom(1);
    for (int i = 0; i < 2000; i++) {
        shake(&tree, &room);
        json_t *change = through_text(record_change(tree_table, &known, &tree));
        assert_int_equal(record_apply(tree_table, change, &back, &err), 0);
        json_decref(change);
        json_t *was = record_whole(tree_table, sizeof tree, &tree), *is = record_whole(tree_table, sizeof back, &back);
        assert_true(json_equal(was, is));
        assert_true(record_same(tree_table, &known, &tree) && record_same(tree_table, &back, &tree));
        tree.branches[0].leaves[1].number++;
        assert_true(tree.branch_count == 0 || tree.branches[0].leaf_count < 2 ||
                    !record_same(tree_table, &back, &tree));
        tree.branches[0].leaves[1].number--;
        assert_memory_equal(&back.ratio, &tree.ratio, sizeof tree.ratio);
        json_decref(was);
        json_decref(is);
    }
    record_clear(tree_table, &known);
    record_clear(tree_table, &back);
}

/* ---- what is refused ---- */

static void nonsense_is_refused_with_its_place(void **unused)
{
    static const struct {
        const char *json, *error;
    } cases[] = {
        {"[]", "is no object"},
        {"{\"larg\":1}", "larg: is not known here"},
        {"{\"large\":1.5}", "large: is no whole number in its range"},
        {"{\"small\":3000000000}", "small: is no whole number in its range"},
        {"{\"colour\":\"mauve\"}", "colour: is no word that is known here"},
        {"{\"text\":\"seventeen letters\"}", "text: is no text of a length that fits"},
        {"{\"ratio\":\"infinite\"}", "ratio: is no number"},
        {"{\"on\":0}", "on: is no true or false"},
        {"{\"branches\":[{},{\"leaves\":[{\"number\":\"7\"}]}]}",
         "branches: 1: leaves: 0: number: is no whole number in its range"},
        {"{\"branches\":{\"4\":{}}}", "branches: 4: there is no such element"},
        {"{\"few\":[{},{},{},{},{}]}", "few: has more than 4 elements"},
        {"{\"few\":7}", "few: is no list"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tree tree = {0};
        struct error err;
        json_t *change = json_loads(cases[i].json, 0, NULL);
        assert_int_equal(record_apply(tree_table, change, &tree, &err), -1);
        assert_string_equal(err.text, cases[i].error);
        json_decref(change);
        record_clear(tree_table, &tree);
    }
}

static void a_text_that_is_no_utf8_does_not_stop_the_record(void **unused)
{
    struct leaf leaf = {.note = "cut \xc3"};

    (void)unused;
    assert_json(record_whole(leaf_table, sizeof leaf, &leaf), "{\"note\":\"cut ?\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_complete_record_leaves_zeroes_out),
        cmocka_unit_test(a_change_names_only_what_changed),
        cmocka_unit_test(changes_of_random_states_come_back_as_they_were),
        cmocka_unit_test(nonsense_is_refused_with_its_place),
        cmocka_unit_test(a_text_that_is_no_utf8_does_not_stop_the_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
