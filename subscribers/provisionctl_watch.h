/* SPDX-License-Identifier: MPL-2.0 */
/* provisionctl_watch.h: what the two halves of `watch` and `top` share: provisionctl_watch.c asks and draws,
 * provisionctl_watch_keys.c obeys keys. Runs in: provisionctl. Owns: struct watch, one a run. */
#ifndef SUBSCRIBERS_PROVISIONCTL_WATCH_H
#define SUBSCRIBERS_PROVISIONCTL_WATCH_H

#include "proto/words.h"
#include "subscribers/provisionctl_pages.h"
#include "subscribers/provisionctl_terminal.h"

enum page { PAGE_TYPES, PAGE_TYPE, PAGE_ALARMS, PAGE_EVENTS, PAGE_PROCESSES, PAGE_KEYS, PAGE_COUNT };

struct watch {
    struct ctl *ctl;
    struct terminal terminal;
    enum page home, page;
    json_t *body; /* the page's newest answer; NULL: there is none yet */
    char problem[300];
    struct mono troubled; /* since when there is no answer */
    struct span interval;
    struct mono next; /* question */
    char selected[NAME_SIZE];
    enum ctl_order order;
    enum process_order process_order;
    struct processes *processes;
    int first, lines; /* of the text: the topmost that is shown, and how many there are */
    bool ended;
};

/* Asks the daemon for the page anew. */
void watch_renew(struct watch *watch);
/* The same mark, so many types further down; without a mark: the first. */
void watch_choose(struct watch *watch, int64_t places);
void watch_obey(struct watch *watch, int key);

#endif
