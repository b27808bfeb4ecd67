/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_program.h: credentials from a program that the operator names (credential_process): started without a
 * shell, read, and ended at its time limit. Private to credentials*.c. Runs in: the credentials helper.
 * Never blocks. Owns: the one program under way and its pipe. Its output never enters a message or the log. */
#ifndef WORKER_EC2_CREDENTIALS_PROGRAM_H
#define WORKER_EC2_CREDENTIALS_PROGRAM_H

#include "common/loop.h"
#include "worker/ec2/credentials_sources.h"

struct program;

struct program *program_create(struct loop *loop, credentials_function *on_done, void *context);
void program_destroy(struct program **program); /* kills what is under way */
/* One at a time. on_done is called by program_step, or at once where it cannot be started. */
void program_start(struct program *program, const char *command, struct mono now);
/* Reads, reaps, and ends it after a minute. */
void program_step(struct program *program, struct mono now);

/* Cuts a command line as a shell would, without expanding anything: blanks part words, '...' and "..." hold them
 * together, a backslash takes the next character as it is. Fills words[0..most-1] with pointers into `text`, which it
 * rewrites, and NULL after them. -1: a quote is open, no word, or too many. */
int program_cut_words(char *text, char **words, size_t most);

#endif
