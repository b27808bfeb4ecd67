/* SPDX-License-Identifier: MPL-2.0 */
/* credentials.h: what the supervisor knows of AWS credentials: whether the helper has some, until when, and what is
 * wrong. Never the credentials: those go from the helper to the workers (worker/keys.h).
 * Runs in: supervisor, main thread. Owns: struct helper_record's knowledge. */
#ifndef SUPERVISOR_CREDENTIALS_H
#define SUPERVISOR_CREDENTIALS_H

#include "supervisor/supervisor.h"

/* "ok", or in one line what is wrong with them or with the helper's process, and until when the present ones last. */
void credentials_sentence(const struct supervisor *supervisor, char *out, size_t size);
/* Raises and clears the alarm; with the housekeeping, because they end by nothing but time. */
void credentials_watch(struct supervisor *supervisor);

#endif
