/* SPDX-License-Identifier: MPL-2.0 */
/* The built-in catalogue. The older families boot what they booted in 2016 (m1 only
 * paravirtual), so that the incident of that year can be replayed without configuration. */
#include "catalogue.h"

#include "journal.h"
#include "memory.h"
#include "world.h"

#include <string.h>

const struct word virtualization_words[] = {
    {"hvm", VIRTUALIZATION_HVM}, {"paravirtual", VIRTUALIZATION_PARAVIRTUAL}, {NULL, 0}};
const struct word architecture_words[] = {
    {"i386", ARCHITECTURE_I386}, {"x86_64", ARCHITECTURE_X86_64}, {"arm64", ARCHITECTURE_ARM64}, {NULL, 0}};
const struct word boot_mode_words[] = {
    {"legacy-bios", BOOT_LEGACY_BIOS}, {"uefi", BOOT_UEFI}, {"uefi-preferred", BOOT_UEFI_PREFERRED}, {NULL, 0}};
const struct word ena_words[] = {
    {"unsupported", ENA_UNSUPPORTED}, {"supported", ENA_SUPPORTED}, {"required", ENA_REQUIRED}, {NULL, 0}};

#define HVM VIRTUALIZATION_HVM
#define PV VIRTUALIZATION_PARAVIRTUAL
#define BOTH (VIRTUALIZATION_HVM | VIRTUALIZATION_PARAVIRTUAL)
#define BIOS BOOT_LEGACY_BIOS
#define ANY (BOOT_LEGACY_BIOS | BOOT_UEFI)

/* Prices are dollars per hour on demand (spot: 30 % of that). */
static const struct {
    const char *name;
    unsigned virtualizations, architecture, boot_modes, ena;
    int vcpus, memory_mib;
    double price;
} default_types[] = {
    {"m1.small", PV, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 1, 1740, 0.044},
    {"m1.medium", PV, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 1, 3788, 0.087},
    {"m1.large", PV, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 2, 7680, 0.175},
    {"m3.medium", BOTH, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 1, 3840, 0.067},
    {"m3.large", BOTH, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 2, 7680, 0.133},
    {"m3.xlarge", BOTH, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 4, 15360, 0.266},
    {"m3.2xlarge", BOTH, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 8, 30720, 0.532},
    {"c3.large", BOTH, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 2, 3840, 0.105},
    {"c3.xlarge", BOTH, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 4, 7680, 0.210},
    {"c3.2xlarge", BOTH, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 8, 15360, 0.420},
    {"c4.large", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 2, 3840, 0.100},
    {"c4.xlarge", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 4, 7680, 0.199},
    {"c4.2xlarge", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 8, 15360, 0.398},
    {"m4.large", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 2, 8192, 0.100},
    {"m4.xlarge", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 4, 16384, 0.200},
    {"m4.2xlarge", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 8, 32768, 0.400},
    {"m4.4xlarge", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 16, 65536, 0.800},
    {"t2.micro", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 1, 1024, 0.0116},
    {"t2.medium", HVM, ARCHITECTURE_X86_64, BIOS, ENA_UNSUPPORTED, 2, 4096, 0.0464},
    {"t3.micro", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 2, 1024, 0.0104},
    {"t3.small", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 2, 2048, 0.0208},
    {"t3.medium", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 2, 4096, 0.0416},
    {"t3.large", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 2, 8192, 0.0832},
    {"c5.large", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 2, 4096, 0.085},
    {"c5.xlarge", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 4, 8192, 0.170},
    {"c5.2xlarge", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 8, 16384, 0.340},
    {"c5.4xlarge", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 16, 32768, 0.680},
    {"m5.large", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 2, 8192, 0.096},
    {"m5.xlarge", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 4, 16384, 0.192},
    {"m5.2xlarge", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 8, 32768, 0.384},
    {"m5.4xlarge", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 16, 65536, 0.768},
    {"m5.metal", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 96, 393216, 4.608},
    {"r5.large", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 2, 16384, 0.126},
    {"g4dn.xlarge", HVM, ARCHITECTURE_X86_64, ANY, ENA_REQUIRED, 4, 16384, 0.526},
    {"m6g.large", HVM, ARCHITECTURE_ARM64, BOOT_UEFI, ENA_REQUIRED, 2, 8192, 0.077},
    {"c6g.large", HVM, ARCHITECTURE_ARM64, BOOT_UEFI, ENA_REQUIRED, 2, 4096, 0.068},
};

static const struct {
    const char *id;
    unsigned virtualization, architecture, boot_mode;
    bool ena;
} default_images[] = {
    {"ami-00000001", HVM, ARCHITECTURE_X86_64, 0, true},         {"ami-00000002", PV, ARCHITECTURE_X86_64, 0, false},
    {"ami-00000003", HVM, ARCHITECTURE_ARM64, BOOT_UEFI, true},  {"ami-00000004", HVM, ARCHITECTURE_X86_64, 0, false},
    {"ami-00000005", HVM, ARCHITECTURE_X86_64, BOOT_UEFI, true},
};

const char *word_name(const struct word *words, unsigned bit)
{
    for (; words->name != NULL; words++)
        if (words->bit == bit)
            return words->name;
    return NULL;
}

unsigned word_bit(const struct word *words, const char *name)
{
    for (; words->name != NULL; words++)
        if (strcmp(words->name, name) == 0)
            return words->bit;
    return 0;
}

/* EC2 counts vCPUs in a few groups of families; everything ordinary is "standard". */
static const char *default_quota_class(const char *name)
{
    static const char *const classes[] = {"F", "G", "P", "X"};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if ((name[0] & ~0x20) == classes[i][0])
            return classes[i];
    return "standard";
}

struct instance_type *catalogue_new_type(struct world *world, const char *name)
{
    struct instance_type *type = must_alloc(sizeof *type);
    *type = (struct instance_type){.name = must_copy(name),
                                   .virtualizations = HVM,
                                   .architectures = ARCHITECTURE_X86_64,
                                   .boot_modes = BIOS,
                                   .ena = ENA_SUPPORTED,
                                   .vcpus = 2,
                                   .memory_mib = 4096,
                                   .on_demand_price = 0.1,
                                   .quota_class = must_copy(default_quota_class(name))};
    table_put(&world->instance_types, name, type);
    return type;
}

struct image *catalogue_new_image(struct world *world, const char *id)
{
    struct image *image = must_alloc(sizeof *image);
    *image = (struct image){.id = must_copy(id),
                            .virtualization = HVM,
                            .architecture = ARCHITECTURE_X86_64,
                            .ena = true,
                            .state = must_copy("available"),
                            .root_device_type = must_copy("ebs")};
    table_put(&world->images, id, image);
    return image;
}

void catalogue_add_defaults(struct world *world)
{
    for (size_t i = 0; i < sizeof default_types / sizeof default_types[0]; i++) {
        struct instance_type *type = catalogue_new_type(world, default_types[i].name);
        type->virtualizations = default_types[i].virtualizations;
        type->architectures = default_types[i].architecture;
        type->boot_modes = default_types[i].boot_modes;
        type->ena = default_types[i].ena;
        type->vcpus = default_types[i].vcpus;
        type->memory_mib = default_types[i].memory_mib;
        type->on_demand_price = default_types[i].price;
        type->bare_metal = strstr(type->name, ".metal") != NULL;
    }
    for (size_t i = 0; i < sizeof default_images / sizeof default_images[0]; i++) {
        struct image *image = catalogue_new_image(world, default_images[i].id);
        image->virtualization = default_images[i].virtualization;
        image->architecture = default_images[i].architecture;
        image->boot_mode = default_images[i].boot_mode;
        image->ena = default_images[i].ena;
    }
}

bool type_offered_in(const struct instance_type *type, const char *zone)
{
    return type->zones == NULL || json_lists_word(type->zones, zone);
}

bool image_in_region(const struct image *image, const char *region)
{
    return image->regions == NULL || json_lists_word(image->regions, region);
}
