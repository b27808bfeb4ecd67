/* SPDX-License-Identifier: MPL-2.0 */
/* credentials_profile.h: one profile of the files that every AWS tool reads: the shared credentials file and the
 * configuration file. Private to credentials*.c. Runs in: the credentials helper. Reads two small local files.
 * Owns: what is in struct aws_profile until aws_profile_clear. */
#ifndef WORKER_EC2_CREDENTIALS_PROFILE_H
#define WORKER_EC2_CREDENTIALS_PROFILE_H

#include "worker/ec2/credentials_sources.h"

struct aws_profile {
    bool found;
    struct aws_credentials keys;
    bool keys_are_first;    /* they stand in the credentials file: they go before a program */
    struct secret *command; /* credential_process; may hold secrets. NULL: none */
    char role_arn[ROLE_ARN_SIZE], session_name[SESSION_NAME_SIZE], external_id[EXTERNAL_ID_SIZE];
    char source_profile[NAME_SIZE], credential_source[64], token_file[512];
};

/* Adds what the text says of the profile; what is known already stays: the credentials file is read first.
 * In a configuration file the sections are called [profile NAME]. */
void aws_profile_add(struct aws_profile *profile, const char *text, const char *name, bool is_configuration);
void aws_profile_clear(struct aws_profile *profile);
/* Reads both files ("" is none; one that is not there is no fault). -1: one cannot be read. */
int aws_profile_read(struct aws_profile *out, const char *credentials_file, const char *configuration_file,
                     const char *name, struct error *err);

#endif
