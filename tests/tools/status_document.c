/* SPDX-License-Identifier: MPL-2.0 */
/* status_document.c: writes docs/STATUS.md to standard output.
 *   build/tools/status_document > docs/STATUS.md
 * Runs by hand, after a change of status.def. Owns nothing. */
#include "proto/status_document.h"

int main(void)
{
    status_document(stdout);
    return 0;
}
