/* SPDX-License-Identifier: MPL-2.0 */
/* signals.c: signals as a fresh program should find them.
 * Runs in: every process that forks and execs, and in what was started. Owns nothing. Async-signal-safe. */
#include "common/signals.h"

#include <signal.h>
#include <stddef.h>

void signals_reset(void)
{
    struct sigaction ordinary = {.sa_handler = SIG_DFL};
    sigset_t none;

    for (int number = 1; number < NSIG; number++)
        sigaction(number, &ordinary, NULL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}
