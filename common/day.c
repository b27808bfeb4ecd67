/* SPDX-License-Identifier: MPL-2.0 */
/* day.c: the bounds of a calendar day in the configured zone. Runs in: supervisor. Owns: TZ.
 * The zone rules are glibc's. The first instant of a date is found by search over real instants, not by asking for
 * 00:00, because on some dates 00:00 does not exist and on others it comes twice. */
#include "common/day.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define HOUR_SECONDS 3600
#define SEARCH_SECONDS (30 * HOUR_SECONDS) /* no calendar day is longer */

int day_check(const char *zone, struct error *err)
{
    struct stat file;

    if (strstr(zone, "..") || zone[0] == '/' || zone[0] == ':' || zone[0] == '\0')
        return error_set(err, ERROR_INPUT, "dayZone: \"%s\" is not the name of a time zone", zone);
    if (strcmp(zone, "UTC") != 0) {
        char path[256] = "/usr/share/zoneinfo/";
        strncat(path, zone, sizeof(path) - strlen(path) - 1);
        if (access(path, R_OK) != 0 || stat(path, &file) != 0 || !S_ISREG(file.st_mode))
            return error_set(err, ERROR_INPUT, "dayZone: there is no time zone \"%s\" in /usr/share/zoneinfo", zone);
    }
    return 0;
}

int day_open(const char *zone, struct error *err)
{
    if (day_check(zone, err) != 0)
        return -1;
    setenv("TZ", zone, 1);
    tzset();
    return 0;
}

/* The local date of an instant as one number that grows by date. */
static int64_t date_of(time_t at)
{
    struct tm local;
    localtime_r(&at, &local);
    return ((int64_t)local.tm_year * 400) + local.tm_yday;
}

/* The first second in (low, high] whose date is later than low's; the dates of low and high differ. */
static time_t next_date_after(time_t low, time_t high)
{
    int64_t today = date_of(low);
    while (high - low > 1) {
        time_t middle = low + (high - low) / 2;
        if (date_of(middle) > today)
            high = middle;
        else
            low = middle;
    }
    return high;
}

/* The last second before `at` whose date is earlier. */
static time_t last_of_date_before(time_t at)
{
    int64_t today = date_of(at);
    time_t low = at - SEARCH_SECONDS, high = at;
    while (high - low > 1) {
        time_t middle = low + (high - low) / 2;
        if (date_of(middle) < today)
            low = middle;
        else
            high = middle;
    }
    return low;
}

void day_bounds(struct wall at, struct wall *began, struct wall *ends)
{
    time_t now = (time_t)(at.ms / 1000);
    if (at.ms < 0 && at.ms % 1000 != 0)
        now--;
    began->ms = ((int64_t)last_of_date_before(now) + 1) * 1000;
    ends->ms = (int64_t)next_date_after(now, now + SEARCH_SECONDS) * 1000;
}
