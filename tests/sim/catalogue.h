/* SPDX-License-Identifier: MPL-2.0 */
/* What the simulated EC2 offers: instance types and images, with the properties that decide
 * whether an image boots on a type. Built-in entries, changed by scenarios. */
#ifndef SIM_CATALOGUE_H
#define SIM_CATALOGUE_H

#include <jansson.h>
#include <stdbool.h>

enum { VIRTUALIZATION_HVM = 1, VIRTUALIZATION_PARAVIRTUAL = 2 };
enum { ARCHITECTURE_I386 = 1, ARCHITECTURE_X86_64 = 2, ARCHITECTURE_ARM64 = 4 };
enum { BOOT_LEGACY_BIOS = 1, BOOT_UEFI = 2, BOOT_UEFI_PREFERRED = 4 };
enum { ENA_UNSUPPORTED = 1, ENA_SUPPORTED = 2, ENA_REQUIRED = 4 };

/* A word and its bit; lists end with a NULL name. */
struct word {
    const char *name;
    unsigned bit;
};
extern const struct word virtualization_words[], architecture_words[], boot_mode_words[], ena_words[];

const char *word_name(const struct word *words, unsigned bit); /* NULL when unknown */
unsigned word_bit(const struct word *words, const char *name); /* 0 when unknown */

struct instance_type {
    char *name;
    unsigned virtualizations, architectures, boot_modes; /* bits */
    unsigned ena;                                        /* one bit */
    int vcpus, memory_mib;
    bool bare_metal;
    double on_demand_price; /* dollars per hour; 0: no default prices */
    char *quota_class;
    json_t *zones; /* offered only there; NULL: everywhere */
};

struct image {
    char *id;
    unsigned virtualization, architecture; /* one bit each */
    unsigned boot_mode;                    /* one bit or 0 */
    bool ena, denied, opt_in;
    char *state, *root_device_type;
    json_t *regions; /* NULL: all */
};

struct world;
void catalogue_add_defaults(struct world *world);
struct instance_type *catalogue_new_type(struct world *world, const char *name);
struct image *catalogue_new_image(struct world *world, const char *id);
bool type_offered_in(const struct instance_type *type, const char *zone);
bool image_in_region(const struct image *image, const char *region);

#endif
