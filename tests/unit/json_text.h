/* SPDX-License-Identifier: MPL-2.0 */
/* json_text.h: JSON as it comes out of a file that it was written to. Included by the tests of records. Owns nothing.
 */
#ifndef TESTS_UNIT_JSON_TEXT_H
#define TESTS_UNIT_JSON_TEXT_H

#include <stdlib.h>

#include <jansson.h>

/* Takes `value`; the caller frees what is returned. */
static inline json_t *through_text(json_t *value)
{
    char *text = json_dumps(value, JSON_COMPACT | JSON_REAL_PRECISION(17));
    json_t *back = json_loads(text, JSON_REJECT_DUPLICATES, NULL);

    assert_non_null(back);
    free(text);
    json_decref(value);
    return back;
}

#endif
