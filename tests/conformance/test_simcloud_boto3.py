#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The simulated EC2 against boto3: a client nobody here wrote must find what it expects."""

import base64
import datetime
import json
import pathlib
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from simcloud import Sim, Tap, skip_all  # noqa: E402

try:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.config import Config
except ImportError:
    skip_all("python3-boto3 is not installed")

tap = Tap()
SCENARIO = {
    "throttle": False,
    "workers": {"bootTime": 1, "firstClaimAfter": 1, "idleAfter": 100000, "shutdownTime": 1},
    "credentials": [
        {"accessKeyId": "AKIASIMCLOUD00000001", "secretAccessKey": "simcloud-secret-access-key"},
        {"accessKeyId": "AKIATOKEN", "secretAccessKey": "s/e+c=r~et", "sessionToken": "to/ken+with=odd%20chars"},
        {"accessKeyId": "AKIADENIED", "secretAccessKey": "x", "deny": ["RunInstances"]},
        {"accessKeyId": "AKIAQUOTALESS", "secretAccessKey": "x", "deny": ["GetServiceQuota"]},
        {"accessKeyId": "AKIAOLD", "secretAccessKey": "x", "sessionToken": "t", "expiresAt": 0}],
    "images": {"ami-0000000a": {"state": "pending"}, "ami-0000000b": {"denied": True},
               "ami-0000000c": {"optIn": True}, "ami-0000000d": {"regions": ["us-west-2"]}},
    "instanceTypes": {"c9.large": {"zones": ["us-east-1b"], "vcpus": 2}},
    "regions": {
        "us-east-1": {"capacity": {"us-east-1a/c3.large": 3, "us-east-1b/c3.large": 0, "us-east-1c/c3.large": 0},
                      "prices": {"m3.large": 0.5, "us-east-1b/m3.large": 0.7, "m3.medium": None},
                      "quotas": {"spotVcpus": {"G": 0}}, "instanceProfiles": ["builder"],
                      "subnets": {"subnet-a": {"zone": "us-east-1a"},
                                  "subnet-small": {"zone": "us-east-1c", "freeAddresses": 2}}},
        "us-west-2": {"quotas": {"spotInstances": 2, "onDemandInstances": 1, "onDemandVcpus": 64}}},
}


def launch(client, count=1, minimum=1, **more):
    request = dict(ImageId="ami-00000001", InstanceType="m5.large", MinCount=minimum, MaxCount=count)
    request.update(more)
    return client.run_instances(**request)


def tags(resource="instance", **values):
    return {"ResourceType": resource, "Tags": [{"Key": k, "Value": v} for k, v in values.items()]}


def ids_of(answer):
    return [row["InstanceId"] for row in answer["Instances"]]


def rows_of(answer):
    return [row for reservation in answer["Reservations"] for row in reservation["Instances"]]


def refused(call, *arguments, **more):
    """The code and status of the error that the call must end with."""
    try:
        call(*arguments, **more)
    except ClientError as error:
        return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    raise AssertionError("the call succeeded")


def check(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


@tap.test
def launch_one(sim):
    """RunInstances gives a pending instance with its type, zone, image, tags and token"""
    client = sim.boto()
    answer = launch(client, InstanceType="m3.large", ClientToken="one", KeyName="sim-key",
                    Placement={"AvailabilityZone": "us-east-1b"}, SecurityGroupIds=["sg-us-east-1"],
                    IamInstanceProfile={"Name": "builder"}, EbsOptimized=True,
                    InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {
                        "MaxPrice": "0.9", "SpotInstanceType": "one-time",
                        "InstanceInterruptionBehavior": "terminate"}},
                    InstanceInitiatedShutdownBehavior="terminate", MetadataOptions={"HttpTokens": "required"},
                    BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 20,
                                                                             "DeleteOnTermination": True}}],
                    UserData=json.dumps({"workerType": "alpha", "capacity": 2}),
                    TagSpecifications=[tags(**{"provisiond:type": "alpha", "odd": "a & b <c> \"d\" é"}),
                                       tags("volume", **{"provisiond:type": "alpha"})])
    row = answer["Instances"][0]
    check(row["State"], {"Code": 0, "Name": "pending"})
    check(row["StateReason"]["Code"], "pending")
    check((row["InstanceType"], row["Placement"]["AvailabilityZone"], row["ImageId"], row["KeyName"]),
          ("m3.large", "us-east-1b", "ami-00000001", "sim-key"))
    check(row["ClientToken"], "one")
    check(row["InstanceLifecycle"], "spot")
    check(row["MetadataOptions"]["HttpTokens"], "required")
    check({tag["Key"]: tag["Value"] for tag in row["Tags"]},
          {"provisiond:type": "alpha", "odd": "a & b <c> \"d\" é"})
    check(row["SecurityGroups"][0]["GroupName"], "sim-group")
    assert abs((datetime.datetime.now(datetime.timezone.utc) - row["LaunchTime"]).total_seconds()) < 60
    truth = [i for i in sim.instances() if i["id"] == row["InstanceId"]][0]
    check((truth["type"], truth["units"], truth["market"], truth["volumeTags"]),
          ("alpha", 2, "spot", {"provisiond:type": "alpha"}))


@tap.test
def becomes_running(sim):
    """an instance becomes running, and TerminateInstances takes it through shutting-down to terminated"""
    client = sim.boto()
    (name,) = ids_of(launch(client))

    def state():
        return rows_of(client.describe_instances(InstanceIds=[name]))[0]

    wait(lambda: state()["State"]["Name"] == "running")
    change = client.terminate_instances(InstanceIds=[name])["TerminatingInstances"][0]
    check((change["PreviousState"]["Name"], change["CurrentState"]["Name"]), ("running", "shutting-down"))
    wait(lambda: state()["State"] == {"Code": 48, "Name": "terminated"})
    check(state()["StateReason"]["Code"], "Client.UserInitiatedShutdown")


def wait(predicate, deadline_s=60):
    end = time.monotonic() + deadline_s
    while not predicate():
        assert time.monotonic() < end, "deadline passed"
        time.sleep(0.05)


@tap.test
def idempotent(sim):
    """a repeated token gives the same instances; other parameters, a mismatch; another zone, a new launch"""
    client = sim.boto()
    zone = {"Placement": {"AvailabilityZone": "us-east-1a"}}
    first = ids_of(launch(client, 2, ClientToken="twice", **zone))
    check(ids_of(launch(client, 2, ClientToken="twice", **zone)), first)
    check(refused(launch, client, 3, ClientToken="twice", **zone), ("IdempotentParameterMismatch", 400))
    other = ids_of(launch(client, 2, ClientToken="twice", Placement={"AvailabilityZone": "us-east-1b"}))
    assert not set(first) & set(other)
    assert sim.journal("request", replayed=True)
    client.terminate_instances(InstanceIds=first)
    check(refused(launch, client, 2, ClientToken="twice", **zone), ("IdempotentInstanceTerminated", 400))
    check(refused(launch, client, ClientToken="x" * 65)[0], "InvalidParameterValue")


@tap.test
def partial(sim):
    """a pool with room for 3 gives 3 of 10 with MinCount 1, and refuses all of 10 with MinCount 10"""
    client = sim.boto()
    more = dict(InstanceType="c3.large", Placement={"AvailabilityZone": "us-east-1a"})
    check(refused(launch, client, 10, 10, **more), ("InsufficientInstanceCapacity", 500))
    first = ids_of(launch(client, 10, **more))
    check(len(first), 3)
    check(refused(launch, client, **more), ("InsufficientInstanceCapacity", 500))
    client.terminate_instances(InstanceIds=first)
    sim.set(regions={"us-east-1": {"capacity": {"us-east-1a/c3.large": 4}}})
    wait(lambda: sim.state()["regions"]["us-east-1"]["shutting-down"] == 0)
    check(len(ids_of(launch(client, 10, **more))), 4)


@tap.test
def dry_run(sim):
    """DryRun answers DryRunOperation (412) where the launch would succeed, and the real error where not"""
    client = sim.boto()
    before = len(sim.instances())
    check(refused(launch, client, DryRun=True), ("DryRunOperation", 412))
    check(refused(launch, client, DryRun=True, ImageId="ami-00000002")[0], "InvalidParameterCombination")
    check(refused(launch, client, DryRun=True, InstanceType="c3.large",
                  Placement={"AvailabilityZone": "us-east-1b"})[0], "DryRunOperation")
    denied = sim.boto(aws_access_key_id="AKIADENIED", aws_secret_access_key="x")
    check(refused(launch, denied, DryRun=True), ("UnauthorizedOperation", 403))
    check(len(sim.instances()), before)


@tap.test
def image_fit(sim):
    """an image that does not fit the instance type is refused: virtualisation, architecture, ENA, boot mode"""
    client = sim.boto()
    try:
        launch(client, InstanceType="m1.medium")
        raise AssertionError("launched")
    except ClientError as error:
        check(error.response["Error"]["Code"], "InvalidParameterCombination")
        assert "virtualization type of 'hvm' are currently not supported" in error.response["Error"]["Message"]
    for image, kind, code in [("ami-00000002", "m5.large", "InvalidParameterCombination"),
                              ("ami-00000003", "m5.large", "InvalidParameterValue"),
                              ("ami-00000001", "m6g.large", "InvalidParameterValue"),
                              ("ami-00000004", "c5.large", "InvalidParameterCombination"),
                              ("ami-00000005", "m4.large", "InvalidParameterCombination")]:
        check((image, kind) + refused(launch, client, ImageId=image, InstanceType=kind), (image, kind, code, 400))
    for image, kind in [("ami-00000002", "m1.medium"), ("ami-00000002", "m3.large"), ("ami-00000003", "m6g.large"),
                        ("ami-00000004", "m4.large"), ("ami-00000005", "t3.small")]:
        launch(client, ImageId=image, InstanceType=kind)


@tap.test
def references(sim):
    """missing images, keys, groups, subnets, profiles, types and zones are refused with EC2's codes"""
    client = sim.boto()
    for code, more in [
            ("InvalidAMIID.NotFound", dict(ImageId="ami-12345678")),
            ("InvalidAMIID.NotFound", dict(ImageId="ami-0000000d")),
            ("InvalidAMIID.Malformed", dict(ImageId="ami-xyz")),
            ("InvalidAMIID.Unavailable", dict(ImageId="ami-0000000a")),
            ("AuthFailure", dict(ImageId="ami-0000000b")),
            ("OptInRequired", dict(ImageId="ami-0000000c")),
            ("InvalidKeyPair.NotFound", dict(KeyName="nobody")),
            ("InvalidGroup.NotFound", dict(SecurityGroupIds=["sg-none"])),
            ("InvalidSubnetID.NotFound", dict(SubnetId="subnet-none")),
            ("InvalidParameterValue", dict(IamInstanceProfile={"Name": "nobody"})),
            ("InvalidParameterValue", dict(InstanceType="m99.huge")),
            ("InvalidParameterValue", dict(Placement={"AvailabilityZone": "us-east-9z"})),
            ("Unsupported", dict(InstanceType="c9.large", Placement={"AvailabilityZone": "us-east-1a"})),
            ("InvalidParameterCombination", dict(SecurityGroups=["sim-group"], SubnetId="subnet-a")),
            ("InvalidParameterCombination", dict(minimum=3, count=2))]:
        check((refused(launch, client, **more)[0], more), (code, more))
    row = launch(client, InstanceType="c9.large")["Instances"][0]
    check(row["Placement"]["AvailabilityZone"], "us-east-1b")
    row = launch(client, SubnetId="subnet-a")["Instances"][0]
    check((row["SubnetId"], row["Placement"]["AvailabilityZone"]), ("subnet-a", "us-east-1a"))
    check(refused(launch, client, 3, 3, SubnetId="subnet-small")[0], "InsufficientFreeAddressesInSubnet")
    check(len(ids_of(launch(client, 3, 1, SubnetId="subnet-small"))), 2)


@tap.test
def user_data(sim):
    """user data of 16,384 bytes is accepted and one byte more refused"""
    client = sim.boto()
    launch(client, UserData="x" * 16384)
    check(refused(launch, client, UserData="x" * 16385), ("InvalidParameterValue", 400))


@tap.test
def spot(sim):
    """a spot price below the market is SpotMaxPriceTooLow; quotas have their codes, and leave what is left"""
    client, west = sim.boto(), sim.boto(region="us-west-2")

    def market(price=None):
        options = {"MaxPrice": price} if price else {}
        return {"MarketType": "spot", "SpotOptions": {"SpotInstanceType": "one-time", **options}}

    east_b = dict(InstanceType="m3.large", Placement={"AvailabilityZone": "us-east-1b"})
    check(refused(launch, client, InstanceMarketOptions=market("0.6"), **east_b), ("SpotMaxPriceTooLow", 400))
    launch(client, InstanceMarketOptions=market("0.7"), **east_b)
    launch(client, InstanceMarketOptions=market(), **east_b)
    check(refused(launch, client, InstanceType="g4dn.xlarge", InstanceMarketOptions=market()),
          ("MaxSpotInstanceCountExceeded", 400))
    check(len(ids_of(launch(west, 5, InstanceMarketOptions=market()))), 2)
    check(refused(launch, west, InstanceMarketOptions=market()), ("MaxSpotInstanceCountExceeded", 400))
    check(refused(launch, west, 2, 2), ("InstanceLimitExceeded", 400))
    check(refused(launch, west, InstanceType="m5.metal"), ("VcpuLimitExceeded", 400))
    check(refused(launch, client, InstanceMarketOptions={"MarketType": "spot", "SpotOptions": {"MaxPrice": "-1"}})[0],
          "InvalidParameterValue")


@tap.test
def listing(sim):
    """DescribeInstances pages, filters by tag, token, state and zone, and finds nothing that is not there"""
    client = sim.boto(region="us-west-2")
    sim.set(regions={"us-west-2": {"quotas": {"onDemandInstances": None, "onDemandVcpus": None}}})
    made = []
    for number in range(7):
        made += ids_of(launch(client, 4, InstanceType="m3.large", ClientToken=f"page-{number}", TagSpecifications=[
            tags(batch="paging", number=str(number))]))
    wanted = [{"Name": "tag:batch", "Values": ["paging"]}]
    pages = list(client.get_paginator("describe_instances").paginate(
        Filters=wanted, PaginationConfig={"PageSize": 5}))
    check([len(rows_of(page)) for page in pages], [5, 5, 5, 5, 5, 3])
    check([row["InstanceId"] for page in pages for row in rows_of(page)], made)

    def found(*filters):
        return {row["InstanceId"] for row in rows_of(client.describe_instances(Filters=list(filters)))}

    check(found({"Name": "client-token", "Values": ["page-3"]}), set(made[12:16]))
    check(found(*wanted, {"Name": "tag:number", "Values": ["1", "2*"]}), set(made[4:12]))
    check(found({"Name": "tag-key", "Values": ["number"]}), set(made))
    check(found(*wanted, {"Name": "instance-id", "Values": made[:2]}), set(made[:2]))
    check(found(*wanted, {"Name": "instance-state-name", "Values": ["terminated"]}), set())
    check(found(*wanted, {"Name": "availability-zone", "Values": ["us-west-2?"]}), set(made))
    check(refused(found, {"Name": "no-such-filter", "Values": ["x"]})[0], "InvalidParameterValue")
    check(refused(client.describe_instances, InstanceIds=["i-00000000000000000"]), ("InvalidInstanceID.NotFound", 400))
    check(refused(client.describe_instances, InstanceIds=["x-1"])[0], "InvalidInstanceID.Malformed")
    check(refused(client.describe_instances, MaxResults=1001)[0], "InvalidParameterValue")
    check(refused(client.describe_instances, NextToken="bogus")[0], "InvalidNextToken")
    check(refused(client.terminate_instances, InstanceIds=[made[0], "i-00000000000000000"])[0],
          "InvalidInstanceID.NotFound")
    client.create_tags(Resources=made[:1], Tags=[{"Key": "later", "Value": "yes"}])
    check(found({"Name": "tag:later", "Values": ["yes"]}), set(made[:1]))
    status = client.describe_instance_status(InstanceIds=made[:3], IncludeAllInstances=True)
    check(len(status["InstanceStatuses"]), 3)


@tap.test
def catalogue(sim):
    """images, types, offerings, prices, subnets, groups, keys and zones are described and paged"""
    client = sim.boto()
    described = client.describe_images(ImageIds=["ami-00000001", "ami-00000002", "ami-00000005"])["Images"]
    images = {image["ImageId"]: image for image in described}
    check([images[i]["VirtualizationType"] for i in sorted(images)], ["hvm", "paravirtual", "hvm"])
    check(images["ami-00000005"]["BootMode"], "uefi")
    check(images["ami-00000002"].get("EnaSupport"), None)
    check(refused(client.describe_images, ImageIds=["ami-0000000d"])[0], "InvalidAMIID.NotFound")
    types = {t["InstanceType"]: t for page in client.get_paginator("describe_instance_types").paginate(
        PaginationConfig={"PageSize": 7}) for t in page["InstanceTypes"]}
    check(types["m1.medium"]["SupportedVirtualizationTypes"], ["paravirtual"])
    check(types["m3.large"]["SupportedVirtualizationTypes"], ["hvm", "paravirtual"])
    check(types["m6g.large"]["ProcessorInfo"]["SupportedArchitectures"], ["arm64"])
    check(types["c5.large"]["NetworkInfo"]["EnaSupport"], "required")
    check(types["m5.metal"]["VCpuInfo"]["DefaultVCpus"], 96)
    assert types["m5.metal"]["BareMetal"]
    check(refused(client.describe_instance_types, InstanceTypes=["m99.huge"])[0], "InvalidInstanceType")
    offers = [o for page in client.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": ["c9.large", "m5.large"]}])
        for o in page["InstanceTypeOfferings"]]
    check(sorted((o["InstanceType"], o["Location"]) for o in offers),
          [("c9.large", "us-east-1b")] + [("m5.large", f"us-east-1{z}") for z in "abc"])
    prices = [p for page in client.get_paginator("describe_spot_price_history").paginate(
        InstanceTypes=["m3.large", "m3.medium"], ProductDescriptions=["Linux/UNIX"],
        StartTime=datetime.datetime.utcnow() - datetime.timedelta(minutes=30), PaginationConfig={"PageSize": 2})
        for p in page["SpotPriceHistory"]]
    newest = {}
    for price in prices:
        key = price["AvailabilityZone"]
        if key not in newest or price["Timestamp"] > newest[key]["Timestamp"]:
            newest[key] = price
    check({zone: float(row["SpotPrice"]) for zone, row in newest.items()},
          {"us-east-1a": 0.5, "us-east-1b": 0.7, "us-east-1c": 0.5})
    sim.set(regions={"us-east-1": {"prices": {"m3.large": 0.25}}})
    row = client.describe_spot_price_history(InstanceTypes=["m3.large"], AvailabilityZone="us-east-1a")
    check(float(row["SpotPriceHistory"][0]["SpotPrice"]), 0.25)
    check([s["AvailabilityZone"] for s in client.describe_subnets(SubnetIds=["subnet-a"])["Subnets"]], ["us-east-1a"])
    check(refused(client.describe_subnets, SubnetIds=["subnet-none"])[0], "InvalidSubnetID.NotFound")
    check([g["GroupId"] for g in client.describe_security_groups(
        Filters=[{"Name": "group-name", "Values": ["sim-group"]}])["SecurityGroups"]], ["sg-us-east-1"])
    check(refused(client.describe_security_groups, GroupIds=["sg-none"])[0], "InvalidGroup.NotFound")
    check([k["KeyName"] for k in client.describe_key_pairs()["KeyPairs"]], ["sim-key"])
    check(refused(client.describe_key_pairs, KeyNames=["nobody"])[0], "InvalidKeyPair.NotFound")
    check(len(client.describe_availability_zones()["AvailabilityZones"]), 3)


@tap.test
def vcpu_quotas(sim):
    """Service Quotas: the vCPU quotas of the standard families, where there is one; signed for its own service"""
    client = sim.boto(service="service-quotas", region="us-west-2",
                      endpoint_url=sim.url + "/servicequotas/us-west-2/")
    sim.set(regions={"us-west-2": {"quotas": {"onDemandVcpus": 1920}}})
    quota = client.get_service_quota(ServiceCode="ec2", QuotaCode="L-1216C47A")["Quota"]
    check((quota["QuotaCode"], quota["Value"], quota["ServiceCode"]), ("L-1216C47A", 1920.0, "ec2"))
    check(refused(client.get_service_quota, ServiceCode="ec2", QuotaCode="L-34B43A08")[0], "NoSuchResourceException")
    check(refused(client.get_service_quota, ServiceCode="ec2", QuotaCode="L-00000000")[0], "NoSuchResourceException")
    other = sim.boto(service="service-quotas", region="us-west-2", endpoint_url=sim.url + "/servicequotas/us-west-2/",
                     aws_access_key_id="AKIAQUOTALESS", aws_secret_access_key="x")
    check(refused(other.get_service_quota, ServiceCode="ec2", QuotaCode="L-1216C47A")[0], "AccessDeniedException")
    sim.set(regions={"us-west-2": {"quotas": {"onDemandVcpus": None}}})


@tap.test
def credentials(sim):
    """signatures are checked: session token, wrong key, unknown id, expired, denied; STS names the caller"""
    check(sim.boto("sts").get_caller_identity()["Account"], "123456789012")
    with_token = dict(aws_access_key_id="AKIATOKEN", aws_secret_access_key="s/e+c=r~et",
                      aws_session_token="to/ken+with=odd%20chars")
    sim.boto(**with_token).describe_key_pairs()
    wrong = [(dict(with_token, aws_session_token="other"), ("AuthFailure", 401)),
             (dict(with_token, aws_secret_access_key="other"), ("SignatureDoesNotMatch", 403)),
             (dict(aws_access_key_id="AKIANOBODY"), ("AuthFailure", 401)),
             (dict(aws_secret_access_key="wrong"), ("SignatureDoesNotMatch", 403)),
             (dict(aws_access_key_id="AKIAOLD", aws_secret_access_key="x", aws_session_token="t"),
              ("RequestExpired", 400))]
    for keys, code in wrong:
        check(refused(sim.boto(**keys).describe_key_pairs), code)
    check(refused(sim.boto("sts", aws_access_key_id="AKIANOBODY").get_caller_identity)[0], "InvalidClientTokenId")
    denied = sim.boto(aws_access_key_id="AKIADENIED", aws_secret_access_key="x")
    denied.describe_key_pairs()
    check(refused(launch, denied), ("UnauthorizedOperation", 403))
    sim.set(clockOffset=-400)
    check(refused(sim.boto().describe_key_pairs), ("RequestExpired", 400))
    sim.set(clockOffset=200)
    sim.boto().describe_key_pairs()
    sim.set(clockOffset=0)


@tap.test
def regions_and_names(sim):
    """the path names the region; unknown actions and parameters are refused as EC2 refuses them"""
    west = sim.boto(region="us-west-2", endpoint_url=sim.url + "/ec2/us-west-2/")
    check(west.describe_availability_zones()["AvailabilityZones"][0]["RegionName"], "us-west-2")
    crossed = sim.boto(region="us-east-1", endpoint_url=sim.url + "/ec2/us-west-2/")
    check(refused(crossed.describe_key_pairs)[0], "SignatureDoesNotMatch")
    check(refused(sim.boto(region="eu-north-7").describe_key_pairs)[0], "AuthFailure")
    check(refused(sim.boto("sts", region="eu-north-7", endpoint_url=sim.url + "/ec2/eu-north-7/").get_caller_identity)[0],
          "AuthFailure")
    client = sim.boto()
    check(refused(client.describe_vpcs), ("InvalidAction", 400))
    check(refused(client.describe_subnets, Filters=[{"Name": "x", "Values": ["y"]}])[0], "InvalidParameterValue")
    check(refused(client.run_instances, MinCount=1, MaxCount=1, InstanceType="m5.large"), ("MissingParameter", 400))
    check(refused(launch, client, LaunchTemplate={"LaunchTemplateName": "x"}), ("UnknownParameter", 400))


@tap.test
def throttled(sim):
    """request buckets answer RequestLimitExceeded (503) when they are empty, and only then"""
    sim.set(throttle={"describe": {"burst": 100, "refill": 0.001}, "runRequests": {"burst": 5, "refill": 0.001},
                      "runInstances": {"burst": 12, "refill": 0.001}})
    try:
        client = sim.boto(region="us-west-2")
        for _ in range(100):
            client.describe_key_pairs()
        check(refused(client.describe_key_pairs), ("RequestLimitExceeded", 503))
        sim.boto().describe_key_pairs()
        for _ in range(3):
            launch(client, 4, InstanceType="m3.medium")
        check(refused(launch, client), ("RequestLimitExceeded", 503))
        sim.set(throttle={"runInstances": {"burst": 1000, "refill": 1000}})
        launch(client)
        check(refused(launch, client), ("RequestLimitExceeded", 503))
    finally:
        sim.set(throttle=False)


@tap.test
def scripted_errors(sim):
    """faults strike what they match, as often as they say, and nothing else"""
    client = sim.boto()
    sim.fault({"error": "InsufficientInstanceCapacity"}, {"action": "RunInstances", "instanceType": "c4.large",
                                                          "zone": "us-east-1a"}, times=2)
    place = dict(InstanceType="c4.large", Placement={"AvailabilityZone": "us-east-1a"})
    for _ in range(2):
        check(refused(launch, client, **place), ("InsufficientInstanceCapacity", 500))
    launch(client, **place)
    sim.fault({"error": {"code": "InternalError", "httpStatus": 503, "message": "try <again>"}},
              {"action": ["DescribeSubnets"]}, nth=2)
    client.describe_subnets()
    check(refused(client.describe_subnets), ("InternalError", 503))
    client.describe_subnets()
    number = sim.fault({"html": 502}, {"action": "DescribeKeyPairs"})
    try:
        client.describe_key_pairs()
        raise AssertionError("no error")
    except (ClientError, BotoCoreError):
        pass
    sim.clear_faults(number)
    client.describe_key_pairs()
    sim.clear_faults()


@tap.test
def lost_answers(sim):
    """an answer lost after the launch leaves instances behind, which the token finds again"""
    client = sim.boto()
    for number, effect in enumerate([{"reset": "after"}, {"truncate": True}, {"malformed": True},
                                     {"empty": 503, "after": True}, {"hang": 0.2, "after": True}]):
        token = f"lost-{number}"
        sim.fault(effect, {"action": "RunInstances", "token": token}, times=1)
        try:
            launch(client, 2, ClientToken=token)
        except Exception:  # some releases of botocore have one more class for what they cannot parse
            pass
        found = rows_of(client.describe_instances(Filters=[{"Name": "client-token", "Values": [token]}]))
        check((effect, len(found)), (effect, 2))
        check(ids_of(launch(client, 2, ClientToken=token)), [row["InstanceId"] for row in found])
    sim.fault({"reset": "before"}, {"token": "never"}, times=1)
    try:
        launch(client, ClientToken="never")
        raise AssertionError("answered")
    except BotoCoreError:
        pass
    check(rows_of(client.describe_instances(Filters=[{"Name": "client-token", "Values": ["never"]}])), [])
    assert [line for line in sim.journal("requestStart") if line["params"].get("token") == "never"]


@tap.test
def hanging(sim):
    """a hundred hanging requests keep nobody else waiting, and a late one is carried out after its client left"""
    config = Config(retries={"max_attempts": 0}, read_timeout=3, connect_timeout=3, max_pool_connections=200)
    client = sim.boto(config=config)
    sim.fault({"hang": "forever"}, {"action": "DescribeSubnets"})
    sim.fault({"hang": 10}, {"token": "late"}, times=1)

    def hang():
        try:
            client.describe_subnets()
        except BotoCoreError:
            pass

    threads = [threading.Thread(target=hang) for _ in range(100)]
    for thread in threads:
        thread.start()
    try:
        launch(sim.boto(config=Config(retries={"max_attempts": 0}, read_timeout=0.3)), ClientToken="late")
        raise AssertionError("answered")
    except BotoCoreError:
        pass
    for _ in range(20):
        sim.boto().describe_key_pairs()
    for thread in threads:
        thread.join(30)
    filters = [{"Name": "client-token", "Values": ["late"]}]
    wait(lambda: len(rows_of(client.describe_instances(Filters=filters))) == 1)
    wait(lambda: sim.state()["requests"]["DescribeSubnets"].get("lost") == 100)
    sim.clear_faults()


@tap.test
def consistency(sim):
    """eventual consistency: new instances are missing, or without tags, for a while; launches die as told"""
    client = sim.boto()
    sim.fault({"listDelay": 2, "tagDelay": 4}, {"workerType": "slow"})
    sim.fault({"killAfter": {"seconds": 0.5, "stateReason": "Client.VolumeLimitExceeded"}}, {"workerType": "dead"})
    sim.fault({"wrongMarket": True}, {"workerType": "wrong"})
    (slow,) = ids_of(launch(client, TagSpecifications=[tags(**{"provisiond:type": "slow"})]))
    check(refused(client.describe_instances, InstanceIds=[slow])[0], "InvalidInstanceID.NotFound")
    check(rows_of(client.describe_instances(Filters=[{"Name": "instance-id", "Values": [slow]}])), [])

    def row(name):
        return rows_of(client.describe_instances(Filters=[{"Name": "instance-id", "Values": [name]}]))

    wait(lambda: row(slow))
    wait(lambda: row(slow)[0].get("Tags"))
    (dead,) = ids_of(launch(client, TagSpecifications=[tags(**{"provisiond:type": "dead"})]))
    wait(lambda: row(dead)[0]["State"]["Name"] == "terminated")
    check(row(dead)[0]["StateReason"]["Code"], "Client.VolumeLimitExceeded")
    wrong = launch(client, InstanceMarketOptions={"MarketType": "spot"},
                   TagSpecifications=[tags(**{"provisiond:type": "wrong"})])["Instances"][0]
    check(wrong.get("InstanceLifecycle"), None)
    sim.clear_faults()


@tap.test
def odd_pages(sim):
    """listings can be scripted: short pages, empty pages with a token, an empty list, a failing second page"""
    client = sim.boto()
    total = len(rows_of(client.describe_instances()))
    number = sim.fault({"pageSize": 7, "emptyPages": True}, {"action": "DescribeInstances"})
    pages = list(client.get_paginator("describe_instances").paginate())
    sizes = [len(rows_of(page)) for page in pages]
    check(sum(sizes), total)
    assert 0 in sizes and max(sizes) == 7, sizes
    sim.clear_faults(number)
    number = sim.fault({"error": "Unavailable"}, {"action": "DescribeInstances", "page": 2})
    first = client.describe_instances(MaxResults=5)
    check(refused(client.describe_instances, MaxResults=5, NextToken=first["NextToken"]), ("Unavailable", 503))
    sim.clear_faults(number)
    number = sim.fault({"emptyListing": True}, {"action": "DescribeInstances"})
    check(client.describe_instances()["Reservations"], [])
    sim.clear_faults(number)
    number = sim.fault({"sameToken": True, "pageSize": 5}, {"action": "DescribeInstances"})
    first = client.describe_instances()
    check(client.describe_instances(NextToken=first["NextToken"])["NextToken"], first["NextToken"])
    sim.clear_faults(number)
    number = sim.fault({"showState": "rebooting"}, {"action": "DescribeInstances"})
    check({row["State"]["Name"] for row in rows_of(client.describe_instances())}, {"rebooting"})
    sim.clear_faults(number)


@tap.test
def a_real_reset(sim):
    """a reset is a TCP reset"""
    sim.fault({"reset": "before"}, {"action": "DescribeKeyPairs"}, times=1)
    sim.set(checkSignatures=False)
    body = b"Action=DescribeKeyPairs&Version=2016-11-15"
    with socket.create_connection(("127.0.0.1", sim.port), timeout=10) as plain:
        plain.sendall(b"POST /ec2/us-east-1/ HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        try:
            got = plain.recv(100)
            raise AssertionError(f"received {got!r}")
        except ConnectionResetError:
            pass
    sim.set(checkSignatures=True)


@tap.test
def nothing_secret(sim):
    """the journal holds neither user data nor keys nor signatures"""
    marker = "marker-7f3a9c"
    launch(sim.boto(aws_access_key_id="AKIATOKEN", aws_secret_access_key="s/e+c=r~et",
                    aws_session_token="to/ken+with=odd%20chars"),
           UserData=json.dumps({"securityToken": marker}), ClientToken="secret")
    text = sim.journal_path.read_text()
    assert '"token":"secret"' in text
    for word in [marker, base64.b64encode(marker.encode()).decode(), "to/ken", "s/e+c", "Signature=",
                 "simcloud-secret"]:
        assert word not in text, word


if __name__ == "__main__":
    with Sim().start(SCENARIO) as simulator:
        sys.exit(tap.run(simulator))
