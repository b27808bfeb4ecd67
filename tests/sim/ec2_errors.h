/* SPDX-License-Identifier: MPL-2.0 */
/* EC2's error codes with the HTTP status each comes with. */
#ifndef SIM_EC2_ERRORS_H
#define SIM_EC2_ERRORS_H

int ec2_error_status(const char *code);          /* 400 for a code that is not in the table */
const char *ec2_error_message(const char *code); /* a plain sentence for scripted errors */

#endif
