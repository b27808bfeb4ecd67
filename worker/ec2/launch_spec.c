/* SPDX-License-Identifier: MPL-2.0 */
/* launch_spec.c: one table of the launchSpec keys that images and operators know (facts/taskcluster.md) and the
 * RunInstances parameters that they become (EC2 API Reference, RunInstances).
 * Runs in: type workers. Pure. Owns nothing. */
#include "worker/ec2/launch_spec.h"

#include <stdio.h>
#include <string.h>

enum field_kind {
    FIELD_TEXT,
    FIELD_INTEGER,
    FIELD_BOOL,
    FIELD_TRUE,    /* true, whatever the launchSpec says */
    FIELD_TEXTS,   /* Name.1, Name.2 ... */
    FIELD_OBJECT,  /* Name.Member */
    FIELD_OBJECTS, /* Name.1.Member ... */
    FIELD_LEFT_OUT /* known, and not sent */
};

struct field {
    const char *key;  /* in the launchSpec; NULL ends a table */
    const char *name; /* in the request */
    enum field_kind kind;
    const struct field *members;
};

/* A volume that outlives its instance is billed for ever and belongs to nobody. */
static const struct field ebs_fields[] = {
    {"DeleteOnTermination", "DeleteOnTermination", FIELD_TRUE, NULL},
    {"Encrypted", "Encrypted", FIELD_BOOL, NULL},
    {"Iops", "Iops", FIELD_INTEGER, NULL},
    {"KmsKeyId", "KmsKeyId", FIELD_TEXT, NULL},
    {"SnapshotId", "SnapshotId", FIELD_TEXT, NULL},
    {"Throughput", "Throughput", FIELD_INTEGER, NULL},
    {"VolumeSize", "VolumeSize", FIELD_INTEGER, NULL},
    {"VolumeType", "VolumeType", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field device_fields[] = {
    {"DeviceName", "DeviceName", FIELD_TEXT, NULL},
    {"VirtualName", "VirtualName", FIELD_TEXT, NULL},
    {"NoDevice", "NoDevice", FIELD_TEXT, NULL},
    {"Ebs", "Ebs", FIELD_OBJECT, ebs_fields},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field profile_fields[] = {
    {"Arn", "Arn", FIELD_TEXT, NULL},
    {"Name", "Name", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field address_fields[] = {
    {"Primary", "Primary", FIELD_BOOL, NULL},
    {"PrivateIpAddress", "PrivateIpAddress", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field address6_fields[] = {
    {"Ipv6Address", "Ipv6Address", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field interface_fields[] = {
    {"AssociatePublicIpAddress", "AssociatePublicIpAddress", FIELD_BOOL, NULL},
    {"DeleteOnTermination", "DeleteOnTermination", FIELD_BOOL, NULL},
    {"Description", "Description", FIELD_TEXT, NULL},
    {"DeviceIndex", "DeviceIndex", FIELD_INTEGER, NULL},
    {"Groups", "SecurityGroupId", FIELD_TEXTS, NULL},
    {"InterfaceType", "InterfaceType", FIELD_TEXT, NULL},
    {"Ipv6AddressCount", "Ipv6AddressCount", FIELD_INTEGER, NULL},
    {"Ipv6Addresses", "Ipv6Addresses", FIELD_OBJECTS, address6_fields},
    {"NetworkCardIndex", "NetworkCardIndex", FIELD_INTEGER, NULL},
    {"NetworkInterfaceId", "NetworkInterfaceId", FIELD_TEXT, NULL},
    {"PrivateIpAddress", "PrivateIpAddress", FIELD_TEXT, NULL},
    {"PrivateIpAddresses", "PrivateIpAddresses", FIELD_OBJECTS, address_fields},
    {"SecondaryPrivateIpAddressCount", "SecondaryPrivateIpAddressCount", FIELD_INTEGER, NULL},
    {"SubnetId", "SubnetId", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field placement_fields[] = {
    {"Affinity", "Affinity", FIELD_TEXT, NULL},
    {"AvailabilityZone", "AvailabilityZone", FIELD_LEFT_OUT, NULL}, /* the grant's */
    {"GroupId", "GroupId", FIELD_TEXT, NULL},
    {"GroupName", "GroupName", FIELD_TEXT, NULL},
    {"HostId", "HostId", FIELD_TEXT, NULL},
    {"HostResourceGroupArn", "HostResourceGroupArn", FIELD_TEXT, NULL},
    {"PartitionNumber", "PartitionNumber", FIELD_INTEGER, NULL},
    {"Tenancy", "Tenancy", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field credit_fields[] = {
    {"CpuCredits", "CpuCredits", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field cpu_fields[] = {
    {"CoreCount", "CoreCount", FIELD_INTEGER, NULL},
    {"ThreadsPerCore", "ThreadsPerCore", FIELD_INTEGER, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

static const struct field launch_fields[] = {
    {"AddressingType", NULL, FIELD_LEFT_OUT, NULL}, /* of EC2-Classic; EC2 knows it no more */
    {"BlockDeviceMappings", "BlockDeviceMapping", FIELD_OBJECTS, device_fields},
    {"CpuOptions", "CpuOptions", FIELD_OBJECT, cpu_fields},
    {"CreditSpecification", "CreditSpecification", FIELD_OBJECT, credit_fields},
    {"EbsOptimized", "EbsOptimized", FIELD_BOOL, NULL},
    {"IamInstanceProfile", "IamInstanceProfile", FIELD_OBJECT, profile_fields},
    {"ImageId", NULL, FIELD_LEFT_OUT, NULL},      /* from the spec: an AMI set may have chosen it */
    {"InstanceType", NULL, FIELD_LEFT_OUT, NULL}, /* the grant's */
    {"KernelId", "KernelId", FIELD_TEXT, NULL},
    {"KeyName", "KeyName", FIELD_TEXT, NULL},
    {"MonitoringEnabled", "Monitoring.Enabled", FIELD_BOOL, NULL},
    {"NetworkInterfaces", "NetworkInterface", FIELD_OBJECTS, interface_fields},
    {"Placement", "Placement", FIELD_OBJECT, placement_fields},
    {"RamdiskId", "RamdiskId", FIELD_TEXT, NULL},
    {"SecurityGroupIds", "SecurityGroupId", FIELD_TEXTS, NULL},
    {"SecurityGroups", "SecurityGroup", FIELD_TEXTS, NULL},
    {"SubnetId", "SubnetId", FIELD_TEXT, NULL},
    {NULL, NULL, FIELD_LEFT_OUT, NULL},
};

#define PATH_SIZE 256

/* What is being written: the request, and where in it and in the launchSpec we are. */
struct place {
    struct ec2_form *form;
    char name[PATH_SIZE];
    char path[PATH_SIZE];
};

static int add_object(const struct place *place, const struct field *fields, const json_t *object, struct error *err);

static int complain(const struct place *place, const char *what, struct error *err)
{
    return error_set(err, ERROR_INPUT, "launchSpec%s%s: %s", place->path[0] ? "." : "", place->path, what);
}

static int descend(const struct place *place, const char *name, const char *key, struct place *out, struct error *err)
{
    *out = (struct place){.form = place->form};
    if (text_format(out->name, PATH_SIZE, "%s%s%s", place->name, place->name[0] ? "." : "", name) != 0 ||
        text_format(out->path, PATH_SIZE, "%s%s%s", place->path, place->path[0] ? "." : "", key) != 0)
        return complain(place, "nested too deep", err);
    return 0;
}

static int add_text(const struct place *place, const json_t *value, struct error *err)
{
    const char *text = json_string_value(value);

    if (!text)
        return complain(place, "must be a text", err);
    ec2_form_add(place->form, place->name, text);
    return 0;
}

static int add_list(const struct place *place, const struct field *field, const json_t *list, struct error *err)
{
    char name[PATH_SIZE], key[PATH_SIZE];
    struct place element;
    const json_t *value;
    size_t i;

    if (!json_is_array(list))
        return complain(place, "must be a list", err);
    json_array_foreach(list, i, value)
    {
        element = *place;
        if (text_format(name, sizeof name, "%s.%zu", place->name, i + 1) != 0 ||
            text_format(key, sizeof key, "%s[%zu]", place->path, i) != 0)
            return complain(place, "too long", err);
        memcpy(element.name, name, sizeof name);
        memcpy(element.path, key, sizeof key);
        int result = field->kind == FIELD_TEXTS ? add_text(&element, value, err)
                                                : add_object(&element, field->members, value, err);
        if (result != 0)
            return -1;
    }
    return 0;
}

static int add_field(const struct place *parent, const struct field *field, const json_t *value, struct error *err)
{
    struct place place;

    if (descend(parent, field->name, field->key, &place, err) != 0)
        return -1;
    switch (field->kind) {
    case FIELD_TEXT:
        return add_text(&place, value, err);
    case FIELD_INTEGER:
        if (!json_is_integer(value))
            return complain(&place, "must be a whole number", err);
        ec2_form_add_integer(place.form, place.name, json_integer_value(value));
        return 0;
    case FIELD_BOOL:
        if (!json_is_boolean(value))
            return complain(&place, "must be true or false", err);
        ec2_form_add_bool(place.form, place.name, json_is_true(value));
        return 0;
    case FIELD_TEXTS:
    case FIELD_OBJECTS:
        return add_list(&place, field, value, err);
    case FIELD_OBJECT:
        return add_object(&place, field->members, value, err);
    case FIELD_TRUE:
        ec2_form_add_bool(place.form, place.name, true);
        return 0;
    case FIELD_LEFT_OUT:
        break;
    }
    return 0;
}

static bool known(const struct field *fields, const char *key)
{
    for (; fields->key; fields++)
        if (strcmp(fields->key, key) == 0)
            return true;
    return false;
}

static int add_object(const struct place *place, const struct field *fields, const json_t *object, struct error *err)
{
    const char *key;
    json_t *value;
    char text[128];

    if (!json_is_object(object))
        return complain(place, "must be an object", err);
    json_object_foreach((json_t *)object, key, value)
    {
        if (!known(fields, key)) {
            text_format(text, sizeof text, "\"%.80s\" is not a key that is known here", key);
            return complain(place, text, err);
        }
    }
    for (const struct field *field = fields; field->key; field++) {
        value = json_object_get(object, field->key);
        if (field->kind == FIELD_LEFT_OUT || (!value && field->kind != FIELD_TRUE))
            continue;
        if (add_field(place, field, value, err) != 0)
            return -1;
    }
    return 0;
}

int launch_spec_add(struct ec2_form *form, const json_t *launch, struct error *err)
{
    struct place place = {.form = form};

    return add_object(&place, launch_fields, launch, err);
}
