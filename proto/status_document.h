/* SPDX-License-Identifier: MPL-2.0 */
/* status_document.h: writes docs/STATUS.md from status.def.
 * Runs in: tests/tools/status_document and the test that compares. Owns nothing. */
#ifndef PROTO_STATUS_DOCUMENT_H
#define PROTO_STATUS_DOCUMENT_H

#include <stdio.h>

void status_document(FILE *out);

#endif
