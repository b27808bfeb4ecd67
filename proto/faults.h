/* SPDX-License-Identifier: MPL-2.0 */
/* faults.h: all faults of a document, not only the first: each one that the parser names is told, then taken out of a
 * copy, and the parser is asked again. Runs in: provisiond --check. Pure: knows no kind of document.
 * It may stop early where a fault cannot be taken out; what it tells is always the parser's own word. */
#ifndef PROTO_FAULTS_H
#define PROTO_FAULTS_H

#include <jansson.h>

#include "common/error.h"

/* 0: the document is right. */
typedef int faults_parse(void *context, const json_t *document, struct error *err);
typedef void faults_tell(void *context, const char *text);

/* `harmless`: member name -> a value with which parsing can go on. Returns how many were told. */
size_t faults_find(const json_t *document, const char *file, const json_t *harmless, faults_parse *parse,
                   void *parse_context, faults_tell *tell, void *tell_context);

#endif
