/* SPDX-License-Identifier: MPL-2.0 */
/* limits.c: see limits.h. */
#include "common/limits.h"

#include <sys/resource.h>

#define ENOUGH_FILES 65536 /* a thousand workers or subscribers need a few each; more only makes tables long */

void limits_raise_files(void)
{
    struct rlimit files;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0 || files.rlim_cur >= files.rlim_max)
        return;
    files.rlim_cur = files.rlim_max < ENOUGH_FILES ? files.rlim_max : ENOUGH_FILES;
    setrlimit(RLIMIT_NOFILE, &files);
}
