/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_watch_keys.c: what each key of `watch` and `top` does. The mark is a name, not a place: the list moves
 * under it. Runs in: provisionctl. Owns nothing. */
#include <stdlib.h>
#include <string.h>

#include "common/text.h"
#include "subscribers/provisionctl_watch.h"

static void open_page(struct watch *watch, enum page page)
{
    watch->page = page;
    watch->first = 0;
    watch->next = MONO_ZERO;
    json_decref(watch->body);
    watch->body = NULL;
}

void watch_choose(struct watch *watch, int64_t places)
{
    size_t count, at = 0;
    const json_t **types = ctl_order_types(watch->body, watch->order, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(ctl_word_of(types[i], "name"), watch->selected) == 0)
            at = i;
    }
    if (count > 0) {
        int64_t wish = (int64_t)at + places;
        wish = wish < 0 ? 0 : wish >= (int64_t)count ? (int64_t)count - 1 : wish;
        text_copy(watch->selected, sizeof watch->selected, ctl_word_of(types[wish], "name"));
    }
    free(types);
}

/* From a type's page to its neighbour's: by the list, which is asked for. */
static void neighbour(struct watch *watch, int places)
{
    open_page(watch, PAGE_TYPES);
    watch_renew(watch);
    if (watch->body)
        watch_choose(watch, places);
    open_page(watch, PAGE_TYPE);
}

static void move(struct watch *watch, int64_t places)
{
    if (watch->page == PAGE_TYPES && watch->body)
        watch_choose(watch, places);
    else if (watch->page != PAGE_TYPES)
        watch->first = places < -watch->first ? 0 : places > watch->lines ? watch->lines : watch->first + (int)places;
}

static void next_order(struct watch *watch)
{
    if (watch->page == PAGE_TYPES)
        watch->order = (watch->order + 1) % ORDER_COUNT;
    else if (watch->page == PAGE_PROCESSES)
        watch->process_order = (watch->process_order + 1) % PROCESS_ORDER_COUNT;
}

static void go_back(struct watch *watch, int key)
{
    if (watch->page != watch->home)
        open_page(watch, watch->home);
    else if (key == 'q')
        watch->ended = true;
}

static void scroll(struct watch *watch, int key)
{
    int page = ctl_screen_size().rows / 2;
    static const int64_t far = 1000000;
    int64_t places = key == KEY_UP || key == 'k'     ? -1
                     : key == KEY_DOWN || key == 'j' ? 1
                     : key == KEY_PAGE_UP            ? -page
                     : key == KEY_PAGE_DOWN          ? page
                     : key == KEY_FIRST              ? -far
                                                     : far;
    move(watch, places);
}

static void look_at(struct watch *watch, int key)
{
    static const char letters[PAGE_COUNT] = {
        [PAGE_ALARMS] = 'a', [PAGE_EVENTS] = 'e', [PAGE_PROCESSES] = 't', [PAGE_KEYS] = '?'};
    for (int page = 0; page < PAGE_COUNT; page++) {
        if (letters[page] == key)
            open_page(watch, (enum page)page);
    }
}

void watch_obey(struct watch *watch, int key)
{
    switch (key) {
    case KEY_SIGNAL:
        watch->ended = true;
        break;
    case 'q':
    case KEY_BACK:
        go_back(watch, key);
        break;
    case KEY_UP:
    case KEY_DOWN:
    case KEY_PAGE_UP:
    case KEY_PAGE_DOWN:
    case KEY_FIRST:
    case KEY_LAST:
    case 'j':
    case 'k':
        scroll(watch, key);
        break;
    case KEY_ENTER:
        if (watch->page == PAGE_TYPES && watch->selected[0])
            open_page(watch, PAGE_TYPE);
        break;
    case 'n':
    case 'p':
        if (watch->page == PAGE_TYPE)
            neighbour(watch, key == 'n' ? 1 : -1);
        break;
    case 's':
        next_order(watch);
        break;
    case ' ':
        watch->next = MONO_ZERO;
        break;
    default:
        look_at(watch, key);
    }
}
