/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_launch.c: the RunInstances request of a grant. Its golden form below is a contract with images and with
 * operators' tools (case B35): a change of it is a change for them, and belongs into CHANGELOG.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "common/json.h"
#include "worker/ec2/ec2.h"

#define SPEC_HASH "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char full_spec[] =
    "{\"SubnetId\": \"subnet-1\", \"KeyName\": \"the key\", \"ImageId\": \"ami-1\", \"KernelId\": \"aki-1\","
    " \"RamdiskId\": \"ari-1\", \"EbsOptimized\": true, \"MonitoringEnabled\": false, \"AddressingType\": \"public\","
    " \"SecurityGroupIds\": [\"sg-1\", \"sg-2\"], \"SecurityGroups\": [\"workers\"],"
    " \"IamInstanceProfile\": {\"Name\": \"worker\"}, \"Placement\": {\"Tenancy\": \"default\"},"
    " \"CreditSpecification\": {\"CpuCredits\": \"standard\"}, \"CpuOptions\": {\"CoreCount\": 2, \"ThreadsPerCore\": "
    "1},"
    " \"BlockDeviceMappings\": ["
    "  {\"DeviceName\": \"/dev/sda1\", \"Ebs\": {\"VolumeSize\": 120, \"VolumeType\": \"gp3\", \"Iops\": 3000,"
    "   \"Throughput\": 125, \"Encrypted\": false, \"SnapshotId\": \"snap-1\", \"DeleteOnTermination\": false}},"
    "  {\"DeviceName\": \"/dev/sdb\", \"VirtualName\": \"ephemeral0\"}],"
    " \"NetworkInterfaces\": [{\"DeviceIndex\": 0, \"AssociatePublicIpAddress\": true, \"Groups\": [\"sg-3\"],"
    "  \"SubnetId\": \"subnet-2\", \"PrivateIpAddresses\": [{\"PrivateIpAddress\": \"10.0.0.5\", \"Primary\": "
    "true}]}]}";

/* Everything that EC2 and the image get to see, in the order in which it is sent. */
static const char *const golden[] = {
    "Action=RunInstances",
    "Version=2016-11-15",
    "ClientToken=p-token-1",
    "MinCount=1",
    "MaxCount=3",
    "ImageId=ami-1",
    "InstanceType=m3.large",
    "Placement.AvailabilityZone=us-west-2a",
    "InstanceMarketOptions.MarketType=spot",
    "InstanceMarketOptions.SpotOptions.MaxPrice=0.0625",
    "InstanceMarketOptions.SpotOptions.SpotInstanceType=one-time",
    "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior=terminate",
    "InstanceInitiatedShutdownBehavior=terminate",
    "MetadataOptions.HttpTokens=required",
    "BlockDeviceMapping.1.DeviceName=/dev/sda1",
    "BlockDeviceMapping.1.Ebs.DeleteOnTermination=true",
    "BlockDeviceMapping.1.Ebs.Encrypted=false",
    "BlockDeviceMapping.1.Ebs.Iops=3000",
    "BlockDeviceMapping.1.Ebs.SnapshotId=snap-1",
    "BlockDeviceMapping.1.Ebs.Throughput=125",
    "BlockDeviceMapping.1.Ebs.VolumeSize=120",
    "BlockDeviceMapping.1.Ebs.VolumeType=gp3",
    "BlockDeviceMapping.2.DeviceName=/dev/sdb",
    "BlockDeviceMapping.2.VirtualName=ephemeral0",
    "CpuOptions.CoreCount=2",
    "CpuOptions.ThreadsPerCore=1",
    "CreditSpecification.CpuCredits=standard",
    "EbsOptimized=true",
    "IamInstanceProfile.Name=worker",
    "KernelId=aki-1",
    "KeyName=the%20key",
    "Monitoring.Enabled=false",
    "NetworkInterface.1.AssociatePublicIpAddress=true",
    "NetworkInterface.1.DeviceIndex=0",
    "NetworkInterface.1.SecurityGroupId.1=sg-3",
    "NetworkInterface.1.PrivateIpAddresses.1.Primary=true",
    "NetworkInterface.1.PrivateIpAddresses.1.PrivateIpAddress=10.0.0.5",
    "NetworkInterface.1.SubnetId=subnet-2",
    "Placement.Tenancy=default",
    "RamdiskId=ari-1",
    "SecurityGroupId.1=sg-1",
    "SecurityGroupId.2=sg-2",
    "SecurityGroup.1=workers",
    "SubnetId=subnet-1",
    "TagSpecification.1.ResourceType=instance",
    "TagSpecification.1.Tag.1.Key=provisiond:deployment",
    "TagSpecification.1.Tag.1.Value=the-deployment",
    "TagSpecification.1.Tag.2.Key=provisiond:incarnation",
    "TagSpecification.1.Tag.2.Value=the-incarnation",
    "TagSpecification.1.Tag.3.Key=provisiond:type",
    "TagSpecification.1.Tag.3.Value=desktop-test",
    "TagSpecification.1.Tag.4.Key=provisiond:grant",
    "TagSpecification.1.Tag.4.Value=42",
    "TagSpecification.1.Tag.5.Key=provisiond:revision",
    "TagSpecification.1.Tag.5.Value=7",
    "TagSpecification.1.Tag.6.Key=provisiond:spec",
    "TagSpecification.1.Tag.6.Value=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "TagSpecification.1.Tag.7.Key=provisiond:capacity",
    "TagSpecification.1.Tag.7.Value=2",
    "TagSpecification.1.Tag.8.Key=Name",
    "TagSpecification.1.Tag.8.Value=desktop-test",
    "TagSpecification.1.Tag.9.Key=Owner",
    "TagSpecification.1.Tag.9.Value=release%2Bengineering%40example.com",
    "TagSpecification.2.ResourceType=volume",
    "TagSpecification.2.Tag.1.Key=provisiond:deployment",
    "TagSpecification.2.Tag.1.Value=the-deployment",
    "TagSpecification.2.Tag.2.Key=provisiond:incarnation",
    "TagSpecification.2.Tag.2.Value=the-incarnation",
    "TagSpecification.2.Tag.3.Key=provisiond:type",
    "TagSpecification.2.Tag.3.Value=desktop-test",
    "TagSpecification.2.Tag.4.Key=provisiond:grant",
    "TagSpecification.2.Tag.4.Value=42",
    "TagSpecification.2.Tag.5.Key=provisiond:revision",
    "TagSpecification.2.Tag.5.Value=7",
    "TagSpecification.2.Tag.6.Key=provisiond:spec",
    "TagSpecification.2.Tag.6.Value=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "TagSpecification.2.Tag.7.Key=provisiond:capacity",
    "TagSpecification.2.Tag.7.Value=2",
    "TagSpecification.2.Tag.8.Key=Name",
    "TagSpecification.2.Tag.8.Value=desktop-test",
    "TagSpecification.2.Tag.9.Key=Owner",
    "TagSpecification.2.Tag.9.Value=release%2Bengineering%40example.com",
};

static const char golden_user_data[] =
    "{\"availabilityZone\":\"us-west-2a\",\"capacity\":2,\"data\":{\"dockerConfig\":{\"allowPrivileged\":true},"
    "\"z\":1},\"instanceType\":\"m3.large\",\"lastModified\":\"2016-07-21T20:06:00.000Z\","
    "\"launchSpecGenerated\":\"2016-07-21T20:06:00.000Z\",\"price\":0.0625,"
    "\"provisionerBaseUrl\":\"https://tc.example.com/api/aws-provisioner/v1\",\"provisionerId\":\"aws-provisioner-v1\","
    "\"region\":\"us-west-2\",\"securityToken\":\"p-token-1\",\"spotBid\":0.0625,"
    "\"taskclusterRootUrl\":\"https://tc.example.com\",\"workerType\":\"desktop-test\"}";

struct fixture {
    struct proto_GRANT grant;
    struct launch_spec spec;
    struct definition definition;
    struct ec2_launch launch;
};

static json_t *parse(const char *text)
{
    struct error err = {0};
    json_t *value = json_read_text("test", text, strlen(text), &err);

    if (!value)
        fail_msg("%s", err.text);
    return value;
}

static struct fixture *make(const char *spec, const char *user_data, const char *tags)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->grant = (struct proto_GRANT){.grant = 42,
                                    .token = "p-token-1",
                                    .region = "us-west-2",
                                    .zone = "us-west-2a",
                                    .instanceType = "m3.large",
                                    .market = "spot",
                                    .count = 3,
                                    .capacity = 2,
                                    .maxPrice = 62500,
                                    .revision = 7,
                                    .specHash = SPEC_HASH,
                                    .generation = 3,
                                    .sendByMono = 12345};
    f->spec = (struct launch_spec){.region = "us-west-2",
                                   .zone = "us-west-2a",
                                   .instance_type = "m3.large",
                                   .capacity = 2,
                                   .utility = 1,
                                   .hash = SPEC_HASH,
                                   .image = "ami-1",
                                   .launch = parse(spec),
                                   .user_data = parse(user_data)};
    f->definition = (struct definition){.name = "desktop-test",
                                        .file = "workertypes.d/desktop-test.json",
                                        .tags = parse(tags),
                                        .document = parse("{\"lastModified\": \"2016-07-21T20:06:00.000Z\"}")};
    f->launch = (struct ec2_launch){.grant = &f->grant,
                                    .spec = &f->spec,
                                    .definition = &f->definition,
                                    .deployment_id = "the-deployment",
                                    .incarnation = "the-incarnation",
                                    .provisioner_id = "aws-provisioner-v1",
                                    .root_url = "https://tc.example.com"};
    return f;
}

static void drop(struct fixture *f)
{
    json_decref(f->spec.launch);
    json_decref(f->spec.user_data);
    json_decref(f->definition.tags);
    json_decref(f->definition.document);
    free(f);
}

#define USER_DATA "{\"z\": 1, \"dockerConfig\": {\"allowPrivileged\": true}}"
#define TAGS "{\"Owner\": \"release+engineering@example.com\", \"Name\": \"desktop-test\"}"
#define SMALL_SPEC "{\"KeyName\": \"k\", \"ImageId\": \"ami-1\"}"

static char *body_of(const struct fixture *f)
{
    struct ec2_form form;
    struct error err = {0};

    if (ec2_run_instances(&form, &f->launch, &err) != 0)
        fail_msg("%s", err.text);
    char *text = strdup(buffer_text(&form.body));
    ec2_form_free(&form);
    return text;
}

/* The raw user data of a body. */
static char *user_data_of(const char *body)
{
    const char *encoded = strstr(body, "&UserData=");
    unsigned char *plain = calloc(1, strlen(encoded));
    char *base64 = calloc(1, strlen(encoded));
    size_t size = 0;

    for (const char *at = encoded + 10; *at && *at != '&'; at++) {
        unsigned value = (unsigned char)*at;
        if (*at == '%' && sscanf(at + 1, "%2x", &value) == 1)
            at += 2;
        base64[size++] = (char)value;
    }
    int length = EVP_DecodeBlock(plain, (unsigned char *)base64, (int)size);
    assert_true(length > 0);
    while (size > 0 && base64[size - 1] == '=')
        size--, length--;
    plain[length] = '\0';
    free(base64);
    return (char *)plain;
}

static void the_whole_request_is_as_it_always_was(void **state)
{
    struct fixture *f = make(full_spec, USER_DATA, TAGS);
    char *body = body_of(f), *rest = body, *line;

    (void)state;
    char *user_data = user_data_of(body);
    assert_string_equal(user_data, golden_user_data);
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        line = strsep(&rest, "&");
        assert_non_null(line);
        assert_non_null(strchr(line, '='));
        struct buffer expected = {0};
        size_t name = strcspn(golden[i], "=") + 1;
        buffer_add(&expected, golden[i], name);
        if (strchr(golden[i], '%')) /* given as sent */
            buffer_print(&expected, "%s", golden[i] + name);
        else
            text_url_encode(&expected, golden[i] + name);
        assert_string_equal(line, expected.bytes);
        buffer_free(&expected);
    }
    line = strsep(&rest, "&");
    assert_true(text_starts(line, "UserData="));
    assert_null(rest);
    free(user_data);
    free(body);
    drop(f);
}

static void the_same_grant_gives_the_same_bytes(void **state)
{
    struct fixture *f = make(full_spec, USER_DATA, TAGS);
    struct fixture *g = make(full_spec, "{\"dockerConfig\": {\"allowPrivileged\": true}, \"z\": 1}",
                             "{\"Name\": \"desktop-test\", \"Owner\": \"release+engineering@example.com\"}");

    (void)state;
    g->grant.generation = 9; /* a lease renewed for the next worker */
    g->grant.sendByMono = 99999;
    g->grant.resend = true;
    char *first = body_of(f), *again = body_of(g);
    assert_string_equal(first, again);
    free(first);
    free(again);
    drop(f);
    drop(g);
}

static void on_demand_says_nothing_of_spot(void **state)
{
    struct fixture *f = make(SMALL_SPEC, "{}", "{}");

    (void)state;
    strcpy(f->grant.market, "on-demand");
    char *body = body_of(f);
    assert_null(strstr(body, "InstanceMarketOptions"));
    assert_null(strstr(body, "DryRun"));
    free(body);
    f->launch.dry_run = true;
    body = body_of(f);
    assert_non_null(strstr(body, "&DryRun=true&"));
    free(body);
    drop(f);
}

static void the_image_of_an_ami_set_wins(void **state)
{
    struct fixture *f = make(SMALL_SPEC, "{}", "{}");

    (void)state;
    strcpy(f->spec.image, "ami-pv");
    char *body = body_of(f);
    assert_non_null(strstr(body, "&ImageId=ami-pv&"));
    assert_null(strstr(body, "ami-1&"));
    free(body);
    drop(f);
}

static void expect_refusal(struct fixture *f, const char *word)
{
    struct ec2_form form;
    struct error err = {0};

    assert_int_equal(ec2_run_instances(&form, &f->launch, &err), -1);
    assert_null(form.body.bytes);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not name %s", err.text, word);
    drop(f);
}

static void a_grant_for_another_spec_is_not_launched(void **state)
{
    struct fixture *f = make(SMALL_SPEC, "{}", "{}");

    (void)state;
    f->grant.specHash[0] = 'f';
    expect_refusal(f, "no longer gives");
    f = make(SMALL_SPEC, "{}", "{}");
    strcpy(f->grant.zone, "us-west-2b");
    expect_refusal(f, "us-west-2b");
}

static void launch_specs_that_cannot_be_sent_are_named(void **state)
{
    (void)state;
    expect_refusal(make("{\"ImageId\": \"a\", \"Tenancy\": \"default\"}", "{}", "{}"), "Tenancy");
    expect_refusal(make("{\"ImageId\": \"a\", \"KeyName\": 7}", "{}", "{}"), "launchSpec.KeyName: must be a text");
    expect_refusal(
        make("{\"ImageId\": \"a\", \"BlockDeviceMappings\": [{\"Ebs\": {\"VolumeSize\": \"8\"}}]}", "{}", "{}"),
        "launchSpec.BlockDeviceMappings[0].Ebs.VolumeSize: must be a whole number");
    expect_refusal(make("{\"ImageId\": \"a\", \"SecurityGroups\": \"default\"}", "{}", "{}"), "must be a list");
    expect_refusal(make("{\"ImageId\": \"a\", \"EbsOptimized\": \"yes\"}", "{}", "{}"), "must be true or false");
    expect_refusal(make("{\"ImageId\": \"a\", \"IamInstanceProfile\": \"p\"}", "{}", "{}"), "must be an object");
}

/* Case B56: 16,384 bytes go, 16,385 do not; measured before base64. */
static void user_data_ends_at_ec2s_limit(void **state)
{
    struct buffer data = {0};
    struct fixture *f = make(SMALL_SPEC, "{\"x\": \"\"}", "{}");
    char *body = body_of(f), *plain = user_data_of(body);
    size_t room = USER_DATA_LIMIT - strlen(plain);

    (void)state;
    free(plain);
    free(body);
    drop(f);
    buffer_print(&data, "{\"x\": \"%0*d\"}", (int)room, 0);
    f = make(SMALL_SPEC, data.bytes, "{}");
    body = body_of(f);
    plain = user_data_of(body);
    assert_int_equal(strlen(plain), USER_DATA_LIMIT);
    free(plain);
    free(body);
    drop(f);
    buffer_clear(&data);
    buffer_print(&data, "{\"x\": \"%0*d\"}", (int)room + 1, 0);
    expect_refusal(make(SMALL_SPEC, data.bytes, "{}"), "16385");
    buffer_free(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_whole_request_is_as_it_always_was),
        cmocka_unit_test(the_same_grant_gives_the_same_bytes),
        cmocka_unit_test(on_demand_says_nothing_of_spot),
        cmocka_unit_test(the_image_of_an_ami_set_wins),
        cmocka_unit_test(a_grant_for_another_spec_is_not_launched),
        cmocka_unit_test(launch_specs_that_cannot_be_sent_are_named),
        cmocka_unit_test(user_data_ends_at_ec2s_limit),
    };
    return cmocka_run_group_tests_name("ec2 launch", tests, NULL, NULL);
}
