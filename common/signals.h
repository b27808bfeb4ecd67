/* SPDX-License-Identifier: MPL-2.0 */
/* signals.h: what a process does about signals before it becomes another program. Used by all that fork and exec. Owns
 * nothing. How a running process takes its signals is loop.h's. */
#ifndef COMMON_SIGNALS_H
#define COMMON_SIGNALS_H

/* Default dispositions and an empty mask: ignored signals and a blocked mask survive an exec (STYLE trap 7).
 * Async-signal-safe: may be called between fork and exec. */
void signals_reset(void);

#endif
