/* SPDX-License-Identifier: MPL-2.0 */
/* limits.h: what a process may have of its system. Used by every program with many connections, at its start. Owns
 * nothing. */
#ifndef COMMON_LIMITS_H
#define COMMON_LIMITS_H

/* As many open files as the hard limit allows, at most 65,536: the soft one is 1,024 on many systems. Children inherit
 * it. Where it cannot be raised it stays. */
void limits_raise_files(void);

#endif
