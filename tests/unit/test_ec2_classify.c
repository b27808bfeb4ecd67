/* SPDX-License-Identifier: MPL-2.0 */
/* test_ec2_classify.c: what EC2's refusals tell (facts/ec2.md, case B51), and the reading calls' forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "worker/ec2/describe.h"
#include "worker/ec2/ec2.h"

struct row {
    const char *code, *message;
    int status;
    enum failure failure;
};

static const struct row rows[] = {
    {"InsufficientInstanceCapacity", "", 500, FAILURE_CAPACITY}, /* by code, not by status */
    {"InsufficientHostCapacity", "", 400, FAILURE_CAPACITY},
    {"SpotMaxPriceTooLow", "", 400, FAILURE_PRICE},
    {"InsufficientFreeAddressesInSubnet", "", 400, FAILURE_ADDRESSES},
    {"Unsupported", "", 400, FAILURE_NOT_OFFERED},
    {"UnsupportedOperation", "", 400, FAILURE_DEFINITION},
    {"MaxSpotInstanceCountExceeded", "", 400, FAILURE_QUOTA},
    {"InstanceLimitExceeded", "", 400, FAILURE_QUOTA},
    {"VcpuLimitExceeded", "", 400, FAILURE_QUOTA},
    {"MaxFleetCountExceeded", "", 400, FAILURE_QUOTA},
    {"RequestLimitExceeded", "", 503, FAILURE_RATE},
    {"Throttling", "", 400, FAILURE_RATE},
    {"InvalidAMIID.NotFound", "", 400, FAILURE_DEFINITION},
    {"InvalidAMIID.Malformed", "", 400, FAILURE_DEFINITION},
    {"InvalidAMIID.Unavailable", "", 400, FAILURE_DEFINITION},
    {"InvalidParameterCombination", "", 400, FAILURE_DEFINITION},
    {"InvalidParameterValue", "", 400, FAILURE_DEFINITION},
    {"InvalidKeyPair.NotFound", "", 400, FAILURE_DEFINITION},
    {"InvalidGroup.NotFound", "", 400, FAILURE_DEFINITION},
    {"InvalidSubnetID.NotFound", "", 400, FAILURE_DEFINITION},
    {"UnauthorizedOperation", "", 403, FAILURE_PERMISSION},
    {"Blocked", "", 400, FAILURE_PERMISSION},
    {"AuthFailure.ServiceLinkedRoleCreationNotPermitted", "", 403, FAILURE_PERMISSION},
    {"AuthFailure", "Not authorized for images: [ami-1]", 401, FAILURE_DEFINITION},
    {"AuthFailure", "AWS was not able to validate the provided access credentials", 401, FAILURE_CREDENTIALS},
    {"AuthFailure", "something else", 401, FAILURE_PERMISSION},
    {"OptInRequired", "", 401, FAILURE_DEFINITION},
    {"RequestExpired", "", 400, FAILURE_CREDENTIALS},
    {"ExpiredToken", "", 400, FAILURE_CREDENTIALS},
    {"InvalidClientTokenId", "", 403, FAILURE_CREDENTIALS},
    {"SignatureDoesNotMatch", "", 403, FAILURE_CREDENTIALS},
    {"IdempotentParameterMismatch", "", 400, FAILURE_LOOK_UP},
    {"IdempotentInstanceTerminated", "", 400, FAILURE_LOOK_UP},
    {"InternalError", "", 500, FAILURE_NO_ANSWER},
    {"Unavailable", "", 503, FAILURE_NO_ANSWER},
    {"ServiceUnavailable", "", 503, FAILURE_NO_ANSWER},
    {"Server.InternalError", "", 400, FAILURE_NO_ANSWER},
    {"DryRunOperation", "", 412, FAILURE_NONE},
    {"NeverHeardOf", "", 400, FAILURE_DEFINITION},
    {"NeverHeardOf", "", 502, FAILURE_NO_ANSWER},
    {"UnreadableAnswer", "", 400, FAILURE_NO_ANSWER},
    {"", "", 403, FAILURE_NO_ANSWER},
    {"", "", 0, FAILURE_NO_ANSWER},
};

static void each_code_has_its_class(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct ec2_error error = {.status = rows[i].status};
        text_copy(error.code, sizeof error.code, rows[i].code);
        text_copy(error.message, sizeof error.message, rows[i].message);
        if (ec2_classify(&error) != rows[i].failure)
            fail_msg("%s %s: %s", rows[i].code, rows[i].message, failure_name(ec2_classify(&error)));
        assert_int_equal(ec2_wants_new_credentials(&error), rows[i].failure == FAILURE_CREDENTIALS);
    }
}

static void only_limits_of_the_account_are_shared(void **state)
{
    (void)state;
    assert_true(ec2_reason_account_wide("Client.VolumeLimitExceeded"));
    assert_false(ec2_reason_account_wide("Client.InternalError"));
    assert_false(ec2_reason_account_wide("Client.InvalidSnapshot.NotFound"));
    assert_false(ec2_reason_account_wide("Server.SpotInstanceTermination"));
    assert_false(ec2_reason_account_wide(""));
}

static void expect_form(struct ec2_form *form, const char *text)
{
    assert_string_equal(buffer_text(&form->body), text);
    ec2_form_free(form);
}

static void listings_ask_by_the_deployments_tag_alone(void **state)
{
    struct ec2_form form;

    (void)state;
    ec2_describe_deployment(&form, "d/1", NULL);
    expect_form(&form, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aprovisiond%3Adeployment"
                       "&Filter.1.Value.1=d%2F1&MaxResults=1000");
    ec2_describe_deployment(&form, "d", "a+b=");
    expect_form(&form, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=tag%3Aprovisiond%3Adeployment"
                       "&Filter.1.Value.1=d&MaxResults=1000&NextToken=a%2Bb%3D");
}

static void ids_are_asked_for_without_a_page_size(void **state)
{
    static const char *const ids[] = {"i-1", "i-2"};
    struct ec2_form form;

    (void)state;
    ec2_describe_ids(&form, ids, 2);
    expect_form(&form, "Action=DescribeInstances&Version=2016-11-15&InstanceId.1=i-1&InstanceId.2=i-2");
    ec2_terminate_instances(&form, ids, 1);
    expect_form(&form, "Action=TerminateInstances&Version=2016-11-15&InstanceId.1=i-1");
    ec2_describe_client_token(&form, "t");
    expect_form(&form, "Action=DescribeInstances&Version=2016-11-15&Filter.1.Name=client-token&Filter.1.Value.1=t"
                       "&MaxResults=1000");
}

static void prices_are_asked_for_with_their_start(void **state)
{
    static const char *const types[] = {"m3.large"};
    struct ec2_form form;

    (void)state;
    ec2_describe_spot_prices(&form, types, 1, (struct wall){1469131560000}, "");
    expect_form(&form, "Action=DescribeSpotPriceHistory&Version=2016-11-15&InstanceType.1=m3.large"
                       "&ProductDescription.1=Linux%2FUNIX&StartTime=2016-07-21T20%3A06%3A00.000Z&MaxResults=1000");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_code_has_its_class),
        cmocka_unit_test(only_limits_of_the_account_are_shared),
        cmocka_unit_test(listings_ask_by_the_deployments_tag_alone),
        cmocka_unit_test(ids_are_asked_for_without_a_page_size),
        cmocka_unit_test(prices_are_asked_for_with_their_start),
    };
    return cmocka_run_group_tests_name("ec2 classes and forms", tests, NULL, NULL);
}
