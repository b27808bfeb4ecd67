/* SPDX-License-Identifier: MPL-2.0 */
/* child.h: the one seam where processes are made: spawn, signal, and read what they write to stderr.
 * Runs in: supervisor. Owns: the worker's binary (opened once, so that an upgrade under a running daemon does not mix
 * versions), the lifeline pipe, and of each child its pid until it is reaped and its stderr pipe.
 * Decides nothing: see process.h. It never signals a pid that is not a live child's.
 *
 * What a worker finds when it starts: fd 3, a pipe with its per-spawn secret, to be read to its end; fd 4, the read end
 * of the shared lifeline pipe: end-of-file means that the supervisor is gone; stderr, a pipe to our log; its own
 * process group; PDEATHSIG = SIGKILL; no signal blocked or ignored; nothing else open. Its arguments:
 * --type NAME | --region NAME | --helper credentials, --run-dir DIR, --generation N, --parent PID. */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "proto/words.h"

#define CHILD_SECRET_FD 3
#define CHILD_LIFELINE_FD 4
#define CHILD_LINE_SIZE 4096

struct child_workshop {
    int program_fd;
    bool script; /* starts with #!: its interpreter must be able to open it */
    char program[512];
    int lifeline_read, lifeline_write; /* CLOEXEC both: one inherited write end would defeat it */
    int nothing_fd;                    /* /dev/null */
};

/* Opens the worker's binary, PROVISIOND_WORKER or provisiond-worker beside our own executable, and the lifeline. */
int child_workshop_open(struct child_workshop *workshop, struct error *err);
void child_workshop_close(struct child_workshop *workshop);

struct child_spec {
    const char *role; /* "type", "region" or "helper" */
    const char *name;
    const char *run_dir;
    int64_t generation;
    const char *secret; /* hex text; goes to fd 3, never to argv or environment */
};

struct child {
    pid_t pid;     /* 0: none */
    int stderr_fd; /* -1: none; the caller watches it in its loop */
    char label[NAME_SIZE + 8];
    char line[CHILD_LINE_SIZE];
    size_t line_size;
    char last_words[256]; /* the last line it wrote, for its obituary */
};

void child_clear(struct child *child); /* no process, nothing open */
int child_spawn(struct child *child, const struct child_workshop *workshop, const struct child_spec *spec,
                struct error *err);
/* To the process, or with SIGKILL to its whole group. Does nothing once it is reaped. */
void child_signal(const struct child *child, int signal_number);
/* Logs what is in the stderr pipe, a bounded amount. Returns false at its end: the caller stops watching. */
bool child_read_stderr(struct child *child);
/* The process was reaped: logs what is left and closes the pipe. */
void child_reaped(struct child *child);

#endif
