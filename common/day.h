/* SPDX-License-Identifier: MPL-2.0 */
/* day.h: where a calendar day begins and ends in a configured time zone, as UTC points: 23, 24 or 25 hours apart, also
 * in zones that skip midnight on some days (America/Sao_Paulo until 2018, Africa/Cairo).
 * Runs in: supervisor, from its one thread that knows the zone. Owns: the process's TZ variable after day_open.
 * Everything else in this program shows time in UTC and never asks for local time. */
#ifndef COMMON_DAY_H
#define COMMON_DAY_H

#include "common/clock.h"
#include "common/error.h"

/* -1 when there is no such zone. */
int day_check(const char *zone, struct error *err);
/* Chooses the zone by its name in the time zone database ("UTC", "Europe/Berlin"). -1 when there is no such zone. */
int day_open(const char *zone, struct error *err);

/* The day that holds `at`: *began <= at < *ends. Where midnight does not exist the day begins at its first instant. */
void day_bounds(struct wall at, struct wall *began, struct wall *ends);

#endif
