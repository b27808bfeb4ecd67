/* SPDX-License-Identifier: MPL-2.0 */
/* protocol_document.c: writes docs/PROTOCOL.md to standard output.
 *   build/tools/protocol_document > docs/PROTOCOL.md
 * Runs by hand, after a change of messages.def or control.def. Owns nothing. */
#include "proto/messages.h"

int main(void)
{
    message_document(stdout);
    return 0;
}
