/* SPDX-License-Identifier: MPL-2.0 */
/* schema_file.c: writes one of docs/schema to standard output: build/tools/schema_file workertype.
 * Runs by hand, after a change of a table. Owns nothing. */
#include "proto/schema.h"

int main(int argc, char **argv)
{
    return argc == 2 && schema_document(argv[1], stdout) == 0 ? 0 : 2;
}
