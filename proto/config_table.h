/* SPDX-License-Identifier: MPL-2.0 */
/* config_table.h: the daemon's settings table, used by config.c alone. Owns nothing: the table is const. */
#ifndef PROTO_CONFIG_TABLE_H
#define PROTO_CONFIG_TABLE_H

#include "common/settings.h"
#include "proto/config.h"

extern const struct setting config_table[];

/* Members that the table does not hold and config.c reads by hand: "regions". NULL-terminated. */
extern const char *const config_also[];

/* Words that stand for numbers: "auto", "off". */
extern const struct setting_word config_words[];

#endif
