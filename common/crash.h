/* SPDX-License-Identifier: MPL-2.0 */
/* crash.h: places at which a process of the crash build kills itself, for the test that nothing is lost anywhere.
 * Runs in: supervisor and workers, built with -DCRASH_POINTS only (make crash); otherwise the macro is nothing.
 *
 * PROVISIOND_CRASH_AT=name or name:nth, PROVISIOND_CRASH_MARK=file: the process that passes the place for the nth time
 * makes the file and gets SIGKILL; where the file exists already nothing happens, so that its successor passes. */
#ifndef COMMON_CRASH_H
#define COMMON_CRASH_H

#ifdef CRASH_POINTS

#include <stdbool.h>

enum crash_point {
#define POINT(name, doc) CRASH_##name,
#include "common/crash_points.def"
#undef POINT
    CRASH_POINT_COUNT
};

void crash_point(enum crash_point point);
/* True for a variable of the environment that workers need, too. */
bool crash_variable(const char *variable);

#define CRASH_POINT(name) crash_point(CRASH_##name)
#define CRASH_VARIABLE(variable) crash_variable(variable)

#else

#define CRASH_POINT(name) ((void)0)
#define CRASH_VARIABLE(variable) (false)

#endif

#endif
