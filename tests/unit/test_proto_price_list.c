/* SPDX-License-Identifier: MPL-2.0 */
/* Price files, and AWS's offer file made into them: which of a type's many products is the ordinary one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proto/price_list.h"

static json_t *json_of(const char *text)
{
    json_t *value = json_loads(text, 0, NULL);
    assert_non_null(value);
    return value;
}

/* The shape of AWS's file, shortened: an ordinary product, a dedicated one, Windows, a reservation, another region. */
static const char offer[] =
    "{\"formatVersion\":\"v1.0\",\"offerCode\":\"AmazonEC2\",\"products\":{"
    "\"A\":{\"sku\":\"A\",\"productFamily\":\"Compute Instance\",\"attributes\":{\"instanceType\":\"m3.large\","
    "\"regionCode\":\"us-east-1\",\"operatingSystem\":\"Linux\",\"tenancy\":\"Shared\",\"preInstalledSw\":\"NA\","
    "\"capacitystatus\":\"Used\",\"operation\":\"RunInstances\"}},"
    "\"B\":{\"sku\":\"B\",\"attributes\":{\"instanceType\":\"m3.large\",\"regionCode\":\"us-east-1\","
    "\"operatingSystem\":\"Linux\",\"tenancy\":\"Dedicated\",\"preInstalledSw\":\"NA\"}},"
    "\"C\":{\"sku\":\"C\",\"attributes\":{\"instanceType\":\"m3.large\",\"regionCode\":\"us-east-1\","
    "\"operatingSystem\":\"Windows\",\"tenancy\":\"Shared\",\"preInstalledSw\":\"NA\"}},"
    "\"D\":{\"sku\":\"D\",\"attributes\":{\"instanceType\":\"m3.large\",\"regionCode\":\"us-east-1\","
    "\"operatingSystem\":\"Linux\",\"tenancy\":\"Shared\",\"preInstalledSw\":\"NA\","
    "\"capacitystatus\":\"UnusedCapacityReservation\"}},"
    "\"E\":{\"sku\":\"E\",\"attributes\":{\"instanceType\":\"c4.large\",\"regionCode\":\"us-west-2\","
    "\"operatingSystem\":\"Linux\",\"tenancy\":\"Shared\",\"preInstalledSw\":\"NA\"}},"
    "\"F\":{\"sku\":\"F\",\"productFamily\":\"Storage\",\"attributes\":{\"regionCode\":\"us-east-1\"}}},"
    "\"terms\":{\"OnDemand\":{"
    "\"A\":{\"A.J\":{\"priceDimensions\":{\"A.J.6\":{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"0.1330000000\"}}}}},"
    "\"B\":{\"B.J\":{\"priceDimensions\":{\"B.J.6\":{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"9.0\"}}}}},"
    "\"C\":{\"C.J\":{\"priceDimensions\":{\"C.J.6\":{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"9.0\"}}}}},"
    "\"D\":{\"D.J\":{\"priceDimensions\":{\"D.J.6\":{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"9.0\"}}}}},"
    "\"E\":{\"E.J\":{\"priceDimensions\":{\"E.J.6\":{\"unit\":\"Hrs\",\"pricePerUnit\":{\"USD\":\"0.1000001\"}}}}}},"
    "\"Reserved\":{}}}";

static void the_ordinary_product_of_a_type_gives_its_price(void **state)
{
    json_t *from = json_of(offer), *made, *prices;
    struct error error;

    (void)state;
    made = price_list_from_offer(from, "a test", &error);
    assert_non_null(made);
    assert_int_equal(json_object_size(made), 2);
    prices = json_object_get(json_object_get(made, "us-east-1"), "prices");
    assert_int_equal(json_object_size(prices), 1);
    assert_string_equal(json_string_value(json_object_get(prices, "m3.large")), "0.133");
    json_decref(made);
    json_decref(from);
}

static void what_is_made_is_read_back_and_a_price_is_rounded_up(void **state)
{
    json_t *from = json_of(offer), *made;
    struct price_list list = {0};
    struct error error;

    (void)state;
    made = price_list_from_offer(from, "a test", &error);
    assert_int_equal(price_list_add(&list, json_object_get(made, "us-west-2"), "us-west-2", "us-west-2.json", &error),
                     0);
    assert_int_equal(price_list_add(&list, json_object_get(made, "us-east-1"), "us-east-1", "us-east-1.json", &error),
                     0);
    assert_int_equal(list.count, 2);
    assert_string_equal(list.rows[0].region, "us-west-2");
    assert_string_equal(list.rows[0].instance_type, "c4.large");
    assert_int_equal(list.rows[0].per_hour.micros, 100001); /* an upper bound */
    assert_int_equal(list.rows[1].per_hour.micros, 133000);
    price_list_clear(&list);
    json_decref(made);
    json_decref(from);
}

static void refuse_offer(const char *text, const char *part)
{
    json_t *from = json_of(text);
    struct error error = {0};

    assert_null(price_list_from_offer(from, "SOURCE", &error));
    assert_non_null(strstr(error.text, "SOURCE"));
    assert_non_null(strstr(error.text, part));
    json_decref(from);
}

static void what_is_no_offer_is_refused(void **state)
{
    (void)state;
    refuse_offer("{}", "no offer file");
    refuse_offer("[]", "no offer file");
    refuse_offer("{\"products\":{},\"terms\":{\"OnDemand\":{}}}", "no on-demand prices");
}

static void refuse_file(const char *text, const char *part)
{
    json_t *document = json_of(text);
    struct price_list list = {0};
    struct error error = {0};

    assert_int_equal(price_list_add(&list, document, "us-east-1", "prices.d/us-east-1.json", &error), -1);
    assert_non_null(strstr(error.text, "prices.d/us-east-1.json"));
    assert_non_null(strstr(error.text, part));
    assert_int_equal(list.count, 0);
    price_list_clear(&list);
    json_decref(document);
}

static void a_wrong_file_is_refused_with_the_place(void **state)
{
    (void)state;
    refuse_file("[]", "object");
    refuse_file("{}", "prices");
    refuse_file("{\"prices\":{\"m3.large\":\"0.1\",\"m3.xlarge\":0}}", "m3.xlarge");
    refuse_file("{\"prices\":{\"m3.large\":\"cheap\"}}", "m3.large");
    refuse_file("{\"prices\":{},\"price\":{}}", "price");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_ordinary_product_of_a_type_gives_its_price),
        cmocka_unit_test(what_is_made_is_read_back_and_a_price_is_rounded_up),
        cmocka_unit_test(what_is_no_offer_is_refused),
        cmocka_unit_test(a_wrong_file_is_refused_with_the_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
