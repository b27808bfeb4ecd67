/* SPDX-License-Identifier: MPL-2.0 */
/* lock.h: one daemon a deployment id on this host (DESIGN section 9), and one a runDir and stateDir.
 * Runs in: supervisor, at start. The lock ends with the process, however it dies; the descriptor is CLOEXEC, because
 * one inherited copy would keep it. An orderly stop removes the deployment's file; who died leaves it, and it hinders
 * nobody. */
#ifndef SUPERVISOR_LOCK_H
#define SUPERVISOR_LOCK_H

#include "common/error.h"

/* Keyed by deployment id: a file in /run/lock, or in /tmp where that is not writable. The descriptor, or -1. */
int lock_deployment(const char *deployment_id, struct error *err);
/* Ends that lock and removes its file. */
void lock_release(const char *deployment_id, int fd);
/* <directory>/provisiond.lock. The descriptor, or -1. */
int lock_directory(const char *directory, struct error *err);

#endif
