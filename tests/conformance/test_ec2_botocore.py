#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Our real EC2 requests, as they arrive on a socket, before botocore: its signer must find the same signature, its
service model must know every parameter and its type, and its serializer must make the same form from what was read.
The answers are made from the same model, read by botocore's parser and by ours, and compared.
The checks are tried on bad requests too: a judge that never says no proves nothing."""
import datetime
import http.server
import json
import sys
import threading
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/lib"))
sys.dont_write_bytecode = True
from talker import BUILD, Talker, case, equal, run_cases  # noqa: E402

TOOL = BUILD / "tools/ec2_request"

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials
    import ec2_model
except ImportError as error:
    print(f"1..1\nok 1 - botocore checks our EC2 requests # SKIP python3-botocore is not installed: {error}")
    sys.exit(0)

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "AQoDYXdzEPT//////////wEX+AMPLE/to=ken=="
ODD = "a b/c:d*e~f+g%h=i&j \u00e9\u4e16\U0001f980 'q' \"r\" <s>;#?\\"


# ---- the judge ------------------------------------------------------------------------------------------------------

def check_signature(path, headers, body):
    """Complaint unless botocore's signer makes the same signature for what arrived."""
    words = headers["Authorization"]
    if not words.startswith("AWS4-HMAC-SHA256 "):
        raise ec2_model.Complaint("not SigV4")
    parts = dict(part.strip().split("=", 1) for part in words[len("AWS4-HMAC-SHA256 "):].split(","))
    access_key, _date, region, service, _end = parts["Credential"].split("/")
    signed = parts["SignedHeaders"].split(";")
    must = {"host", "content-type", "x-amz-date"} | {name.lower() for name in headers if name.lower().startswith("x-amz-")}
    if not must <= set(signed):
        raise ec2_model.Complaint(f"not signed: {must - set(signed)}")
    request = botocore.awsrequest.AWSRequest(method="POST", url=f"http://{headers['Host']}{path}", data=body)
    for name in signed:
        request.headers[name] = headers[name]
    request.context["timestamp"] = headers["X-Amz-Date"]
    credentials = botocore.credentials.Credentials(access_key, SECRET, headers.get("X-Amz-Security-Token"))
    signer = botocore.auth.SigV4Auth(credentials, service, region)
    canonical = signer.canonical_request(request)
    expected = signer.signature(signer.string_to_sign(request, canonical), request)
    if expected != parts["Signature"]:
        raise ec2_model.Complaint(f"signature {parts['Signature']}, botocore makes {expected} of\n{canonical}")
    return service, region


class Judge(http.server.BaseHTTPRequestHandler):
    """Judges each request and answers as the case says."""
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        server = self.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        server.requests += 1
        server.body, server.path, server.headers = body, self.path, dict(self.headers.items())
        try:
            server.signed_for = check_signature(self.path, self.headers, body)
            pairs = urllib.parse.parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True)
            server.pairs = pairs
            server.operation, server.parameters = ec2_model.read_form(pairs)
            server.complaint = None
        except ec2_model.Complaint as complaint:
            server.complaint = str(complaint)
        status, text = server.next_answer or (200, "<Nothing/>")
        payload = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/xml;charset=UTF-8")
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_arguments):
        pass


class Bench:
    """The judge's server, our sender, and the TAP lines."""

    def __init__(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Judge)
        self.server.requests = 0
        self.server.next_answer = None
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.tool = Talker(TOOL)

    def send(self, request, answer=None):
        """One request through our code; what our reader made of the answer."""
        before = self.server.requests
        self.server.next_answer = answer
        line = {"url": self.url + "/", "secretKey": SECRET, "accessKey": "AKIDEXAMPLE", **request}
        outcome = json.loads(self.tool.ask(line))
        if "fault" in outcome:
            raise AssertionError(outcome["fault"])
        if self.server.requests != before + 1:
            raise AssertionError(f"{self.server.requests - before} requests arrived, not one")
        return outcome

    def accept(self, request, answer=None):
        """As send; the judge must have nothing to say, and botocore would send the same form."""
        outcome = self.send(request, answer)
        if self.server.complaint:
            raise AssertionError(self.server.complaint)
        theirs = ec2_model.form_of(self.server.operation, self.server.parameters)
        ours = dict(self.server.pairs)
        theirs = {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in theirs.items()}
        for form in (ours, theirs):  # times: milliseconds or none
            if "StartTime" in form:
                form["StartTime"] = form["StartTime"].replace(".000Z", "Z")
        if ours != theirs:
            raise AssertionError(f"ours {sorted(ours.items())}\nbotocore {sorted(theirs.items())}")
        return outcome

    def refuse(self, request, word):
        """The judge must complain, and with this word."""
        self.send(request)
        if not self.server.complaint or word not in self.server.complaint:
            raise AssertionError(f"complaint {self.server.complaint!r} instead of one with {word!r}")

    def close(self):
        self.tool.close()
        self.server.shutdown()
        self.server.server_close()


# ---- RunInstances ---------------------------------------------------------------------------------------------------

FULL_SPEC = {
    "KeyName": "the key", "ImageId": "ami-0123", "KernelId": "aki-1", "RamdiskId": "ari-1", "EbsOptimized": True,
    "MonitoringEnabled": True, "AddressingType": "public", "SubnetId": "subnet-1",
    "SecurityGroupIds": [f"sg-{i}" for i in range(12)], "SecurityGroups": ["workers"],
    "IamInstanceProfile": {"Arn": "arn:aws:iam::123456789012:instance-profile/w", "Name": "w"},
    "Placement": {"Tenancy": "dedicated", "GroupName": "g", "Affinity": "default", "PartitionNumber": 3, "HostId": "h-1",
                  "HostResourceGroupArn": "arn:x", "AvailabilityZone": "elsewhere", "GroupId": "pg-1"},
    "CreditSpecification": {"CpuCredits": "standard"}, "CpuOptions": {"CoreCount": 2, "ThreadsPerCore": 1},
    "BlockDeviceMappings": [
        {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 120, "VolumeType": "gp3", "Iops": 3000, "Throughput": 125,
                                            "Encrypted": True, "KmsKeyId": "k", "SnapshotId": "snap-1",
                                            "DeleteOnTermination": False}},
        {"DeviceName": "/dev/sdb", "VirtualName": "ephemeral0"}, {"DeviceName": "/dev/sdc", "NoDevice": ""}],
    "NetworkInterfaces": [
        {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "DeleteOnTermination": True, "Description": ODD,
         "Groups": ["sg-1", "sg-2"], "SubnetId": "subnet-2", "PrivateIpAddress": "10.0.0.4", "InterfaceType": "efa",
         "NetworkCardIndex": 0, "Ipv6Addresses": [{"Ipv6Address": "::1"}], "SecondaryPrivateIpAddressCount": 2,
         "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.0.0.5"}]},
        {"DeviceIndex": 1, "NetworkInterfaceId": "eni-1", "Ipv6AddressCount": 1}],
}
SMALL_SPEC = {"KeyName": "k", "ImageId": "ami-1", "SecurityGroups": ["default"]}


def run(**more):
    return {"request": "run", "launchSpec": SMALL_SPEC, "userData": {"a": ODD}, "tags": {}, **more}


@case("a spot launch is known to the model, one-time, and ends on interruption")
def spot(bench):
    bench.accept(run(count=7, maxPrice=31300, token="t" * 64))
    sent = bench.server.parameters
    equal(sent["InstanceMarketOptions"], {"MarketType": "spot", "SpotOptions": {
        "MaxPrice": "0.0313", "SpotInstanceType": "one-time", "InstanceInterruptionBehavior": "terminate"}})
    equal((sent["MinCount"], sent["MaxCount"], sent["ClientToken"]), (1, 7, "t" * 64))
    equal(sent["InstanceInitiatedShutdownBehavior"], "terminate")
    equal(sent["MetadataOptions"], {"HttpTokens": "required"})
    equal(sent["Placement"], {"AvailabilityZone": "us-west-2a"})


@case("an on-demand launch and a dry run are known to the model")
def on_demand(bench):
    bench.accept(run(market="on-demand", dryRun=True))
    equal("InstanceMarketOptions" in bench.server.parameters, False)
    equal(bench.server.parameters["DryRun"], True)


@case("a launch with every launchSpec key is known to the model, and every volume is deleted with its instance")
def everything(bench):
    bench.accept(run(launchSpec=FULL_SPEC, tags={"Owner": ODD, "Empty": "", "Name": "n"}))
    sent = bench.server.parameters
    equal([d.get("Ebs", {}).get("DeleteOnTermination") for d in sent["BlockDeviceMappings"]], [True, None, None])
    equal(sent["Placement"]["AvailabilityZone"], "us-west-2a")
    equal(sent["SecurityGroupIds"], [f"sg-{i}" for i in range(12)])
    equal(sent["NetworkInterfaces"][0]["Groups"], ["sg-1", "sg-2"])
    equal(sent["NetworkInterfaces"][0]["Description"], ODD)
    equal([spec["ResourceType"] for spec in sent["TagSpecifications"]], ["instance", "volume"])
    for spec in sent["TagSpecifications"]:
        tags = {tag["Key"]: tag["Value"] for tag in spec["Tags"]}
        equal(tags["Owner"], ODD)
        equal(tags["Empty"], "")
        equal(tags["provisiond:type"], "alpha")
        equal(sorted(key for key in tags if key.startswith("provisiond:")),
              [f"provisiond:{word}" for word in ("capacity", "deployment", "grant", "incarnation", "revision", "spec", "type")])


@case("user data is base64 of a JSON object with aws-provisioner's names")
def user_data(bench):
    import base64
    bench.accept(run(maxPrice=1000000, capacity=4))
    data = json.loads(base64.b64decode(bench.server.parameters["UserData"], validate=True))
    equal(sorted(data), sorted(["availabilityZone", "capacity", "data", "instanceType", "lastModified",
                                "launchSpecGenerated", "price", "provisionerBaseUrl", "provisionerId", "region",
                                "securityToken", "spotBid", "taskclusterRootUrl", "workerType"]))
    equal((data["capacity"], data["price"], data["data"], data["workerType"]), (4, 1.0, {"a": ODD}, "alpha"))


@case("the same grant gives the same body, byte for byte")
def same_bytes(bench):
    bench.accept(run(launchSpec=FULL_SPEC, tags={"b": "1", "a": "2"}))
    first = bench.server.body
    turned = dict(reversed(list(FULL_SPEC.items())))
    bench.accept(run(launchSpec=turned, tags={"a": "2", "b": "1"}))
    equal(bench.server.body, first)


# ---- signatures -----------------------------------------------------------------------------------------------------

@case("requests with a session token are signed as botocore signs them")
def session_token(bench):
    bench.accept(run(sessionToken=TOKEN))
    equal(bench.server.headers["X-Amz-Security-Token"], TOKEN)


@case("other regions, ports, paths and hours are signed as botocore signs them")
def places(bench):
    for path in ("", "/", "/ec2/eu-central-1/", "/a%20b/c~d/", "/a+b=c&d/", "/x%2Fy"):
        for region in ("eu-central-1", "us-gov-west-1"):
            for at in (0, 1469131560000, 4102444799000):
                bench.accept({"request": "deployment", "url": bench.url + path, "region": region, "at": at})
                equal(bench.server.signed_for, ("ec2", region))
                equal(bench.server.path, path or "/")


@case("values with blanks, slashes, stars, percent signs, emoji or nothing are signed and sent alike")
def odd_values(bench):
    for value in (ODD, "", " ", "a b", "a/b", "a:b", "a*b", "a~b", "a+b", "a%b", "a%20b", "a=b", "a&b", "\u00e9", "~" * 300):
        for token in (None, TOKEN):
            bench.accept({"request": "form", "action": "DescribeInstances", "sessionToken": token, "parameters": [
                ["Filter.1.Name", "tag:x"], ["Filter.1.Value.1", value]]})
            equal(bench.server.parameters, {"Filters": [{"Name": "tag:x", "Values": [value]}]})


@case("Filter.10 before Filter.2 is signed as it is sent")
def unsorted(bench):
    numbers = sorted((str(i) for i in range(1, 12)))
    equal(numbers[1:4], ["10", "11", "2"])
    bench.accept({"request": "form", "parameters": [[f"Filter.{n}.Name", f"tag:{n}"] for n in numbers]})
    equal(bench.server.parameters["Filters"][9], {"Name": "tag:10"})


@case("GetCallerIdentity is signed for STS with its version")
def identity(bench):
    bench.accept({"request": "form", "action": "GetCallerIdentity", "service": "sts", "region": "us-east-1"})
    equal(bench.server.signed_for, ("sts", "us-east-1"))


# ---- the other calls ------------------------------------------------------------------------------------------------

@case("listings, look-ups, prices and terminations are known to the model")
def calls(bench):
    bench.accept({"request": "deployment", "deployment": ODD[:40], "nextToken": "a+b/c=="})
    equal(bench.server.parameters, {"Filters": [{"Name": "tag:provisiond:deployment", "Values": [ODD[:40]]}],
                                    "MaxResults": 1000, "NextToken": "a+b/c=="})
    bench.accept({"request": "client-token", "token": "tok"})
    equal(bench.server.parameters["Filters"], [{"Name": "client-token", "Values": ["tok"]}])
    ids = [f"i-{n:017x}" for n in range(23)]
    bench.accept({"request": "ids", "names": ids})
    equal(bench.server.parameters, {"InstanceIds": ids})
    bench.accept({"request": "terminate", "names": ids})
    equal(bench.server.parameters, {"InstanceIds": ids})
    bench.accept({"request": "prices", "names": ["m3.large", "c3.xlarge"], "nextToken": "n"})
    equal(bench.server.parameters["ProductDescriptions"], ["Linux/UNIX"])
    equal(bench.server.parameters["InstanceTypes"], ["m3.large", "c3.xlarge"])
    equal(bench.server.parameters["StartTime"].isoformat(), "2016-07-21T20:06:00+00:00")


@case("the catalogue's calls are known to the model, named and unnamed")
def catalogue(bench):
    for what in ("images", "instance-types", "offerings", "subnets", "security-groups", "security-group-names",
                 "key-pairs", "zones"):
        bench.accept({"request": "catalogue", "what": what, "names": ["m3.large", "m3.xlarge"]})
        bench.accept({"request": "catalogue", "what": what})
        if what not in ("images", "key-pairs", "zones"):
            bench.accept({"request": "catalogue", "what": what, "nextToken": "n"})


# ---- the judge can say no -------------------------------------------------------------------------------------------

@case("a wrong secret, an unknown action and unknown or ill-typed parameters are refused by the judge")
def negatives(bench):
    bench.refuse(run(secretKey="another"), "botocore makes")
    bench.refuse({"request": "form", "action": "DescribeInstancess"}, "unknown action")
    bench.refuse({"request": "form", "parameters": [["Filtr.1.Name", "x"]]}, "unknown parameter Filtr")
    bench.refuse({"request": "form", "parameters": [["MaxResults", "many"]]}, "no integer")
    bench.refuse({"request": "form", "parameters": [["DryRun", "yes"]]}, "no boolean")
    bench.refuse({"request": "form", "parameters": [["InstanceId.2", "i-1"]]}, "numbered from 1")
    bench.refuse({"request": "form", "parameters": [["MaxResults", "5"], ["MaxResults", "6"]]}, "given twice")
    bench.refuse({"request": "form", "action": "TerminateInstances"}, "Missing required parameter")
    bench.refuse({"request": "form", "action": "RunInstances", "parameters": [
        ["MinCount", "1"], ["MaxCount", "1"], ["InstanceMarketOptions.MarketType", "cheap"]]}, "none of")


# ---- answers --------------------------------------------------------------------------------------------------------

LAUNCHED = datetime.datetime(2016, 7, 21, 20, 6, tzinfo=datetime.timezone.utc)


def instance(number, **more):
    return {"InstanceId": f"i-{number:017x}", "ImageId": "ami-1", "InstanceType": "m3.large", "ClientToken": "tok",
            "State": {"Code": 16, "Name": "running"}, "LaunchTime": LAUNCHED, "AmiLaunchIndex": number,
            "Placement": {"AvailabilityZone": "us-west-2a", "GroupName": "", "Tenancy": "default"},
            "Monitoring": {"State": "disabled"}, "VirtualizationType": "hvm", "InstanceLifecycle": "spot",
            "NetworkInterfaces": [{"Attachment": {"Status": "attached", "AttachTime": LAUNCHED},
                                   "PrivateIpAddresses": [{"Primary": True, "PrivateIpAddress": "10.0.0.1"}],
                                   "Groups": [{"GroupId": "sg-1", "GroupName": "g"}]}],
            "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeId": "v", "DeleteOnTermination": True}}],
            "SecurityGroups": [{"GroupId": "sg-1", "GroupName": "g"}],
            "Tags": [{"Key": key, "Value": value} for key, value in {
                "provisiond:type": "alpha", "provisiond:grant": str(number), "provisiond:revision": "3",
                "provisiond:capacity": "2", "provisiond:incarnation": "inc", "provisiond:spec": "7" * 64,
                "provisiond:deployment": "test", "Owner": ODD}.items()], **more}


def make(action, value):
    operation = ec2_model.service("ec2").operation_model(action)
    body, parsed = ec2_model.answer(operation, value)
    return (200, body), parsed


def row_of(item):
    """What our row must say, from what botocore's parser read."""
    tags = {tag["Key"]: tag["Value"] for tag in item.get("Tags", [])}
    return {"id": item["InstanceId"], "type": tags.get("provisiond:type", ""), "grant": int(tags.get("provisiond:grant", 0)),
            "revision": int(tags.get("provisiond:revision", 0)), "incarnation": tags.get("provisiond:incarnation", ""),
            "token": item.get("ClientToken", ""), "zone": item.get("Placement", {}).get("AvailabilityZone", ""),
            "instanceType": item.get("InstanceType", ""), "imageId": item.get("ImageId", ""),
            "market": "spot" if item.get("InstanceLifecycle") == "spot" else "on-demand",
            "state": item.get("State", item.get("CurrentState", {}))["Name"],
            "reason": item.get("StateReason", {}).get("Code", ""),
            "launchWall": int(item["LaunchTime"].timestamp() * 1000) if "LaunchTime" in item else 0,
            "capacity": int(tags.get("provisiond:capacity", 0)), "specHash": tags.get("provisiond:spec", "")}


@case("a full page of 1,000 instances is read as botocore reads it")
def listing(bench):
    odd = {3: {"State": {"Code": 48, "Name": "terminated"}, "Tags": [], "InstanceLifecycle": "scheduled",
               "StateReason": {"Code": "Client.VolumeLimitExceeded", "Message": ODD}},
           4: {"State": {"Code": 80, "Name": "stopped"}}}
    instances = [instance(number, **odd.get(number, {})) for number in range(1000)]
    answer, parsed = make("DescribeInstances", {"NextToken": "n+/=" + ODD, "Reservations": [
        {"ReservationId": f"r-{n}", "OwnerId": "1", "Groups": [{"GroupId": "sg-1", "GroupName": "default"}],
         "Instances": instances[n * 10:n * 10 + 10]} for n in range(100)]})
    outcome = bench.accept({"request": "deployment"}, answer)
    theirs = [row_of(item) for reservation in parsed["Reservations"] for item in reservation["Instances"]]
    equal(len(theirs), 1000)
    equal(outcome["rows"], theirs)
    equal((outcome["result"], outcome["nextToken"], outcome["items"]), (0, parsed["NextToken"], []))


@case("an empty page with a token, and a last page, are read as botocore reads them")
def pages(bench):
    answer, parsed = make("DescribeInstances", {"Reservations": [], "NextToken": "more"})
    outcome = bench.accept({"request": "deployment"}, answer)
    equal((outcome["result"], outcome["rows"], outcome["nextToken"]), (0, parsed["Reservations"], "more"))
    answer, parsed = make("DescribeInstances", {"Reservations": []})
    outcome = bench.accept({"request": "deployment"}, answer)
    equal((outcome["result"], outcome["nextToken"], "NextToken" in parsed), (0, "", False))


@case("answers to RunInstances and TerminateInstances are read as botocore reads them")
def launched(bench):
    answer, parsed = make("RunInstances", {"ReservationId": "r-1", "OwnerId": "1", "Groups": [
        {"GroupId": "sg-1", "GroupName": "default"}], "Instances": [
            instance(n, State={"Code": 0, "Name": "pending"}, StateReason={"Code": "pending", "Message": "pending"})
            for n in range(10)]})
    outcome = bench.accept(run(count=10), answer)
    equal(outcome["rows"], [row_of(item) for item in parsed["Instances"]])
    equal(outcome["result"], 0)
    answer, parsed = make("TerminateInstances", {"TerminatingInstances": [
        {"InstanceId": "i-1", "CurrentState": {"Code": 32, "Name": "shutting-down"},
         "PreviousState": {"Code": 16, "Name": "running"}}]})
    outcome = bench.accept({"request": "terminate", "names": ["i-1"]}, answer)
    equal([(row["id"], row["state"]) for row in outcome["rows"]], [("i-1", "shutting-down")])


@case("spot prices are read as botocore reads them")
def prices(bench):
    answer, parsed = make("DescribeSpotPriceHistory", {"NextToken": "", "SpotPriceHistory": [
        {"AvailabilityZone": f"us-west-2{zone}", "InstanceType": kind, "ProductDescription": "Linux/UNIX",
         "SpotPrice": f"0.0{number}3100", "Timestamp": LAUNCHED} for zone in "abc" for number, kind in
        enumerate(["m3.large", "c3.xlarge"])]})
    outcome = bench.accept({"request": "prices", "names": ["m3.large"]}, answer)
    equal(outcome["prices"], [{"zone": row["AvailabilityZone"], "instanceType": row["InstanceType"],
                               "price": round(float(row["SpotPrice"]) * 1e6),
                               "seenWall": int(row["Timestamp"].timestamp() * 1000)} for row in parsed["SpotPriceHistory"]])


@case("images, instance types and offerings are read as botocore reads them")
def catalogue_answers(bench):
    answer, parsed = make("DescribeImages", {"Images": [
        {"ImageId": "ami-1", "State": "available", "Architecture": "x86_64", "VirtualizationType": "paravirtual",
         "RootDeviceType": "ebs", "EnaSupport": False, "BootMode": "legacy-bios", "Public": False, "Name": ODD,
         "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"SnapshotId": "s", "DeleteOnTermination": True}}]}]})
    item = bench.accept({"request": "catalogue", "what": "images", "names": ["ami-1"]}, answer)["items"][0]
    equal(item["set"], "imagesSet")
    image = parsed["Images"][0]
    equal((item["item"]["imageId"], item["item"]["virtualizationType"], item["item"]["name"], item["item"]["imageState"]),
          (image["ImageId"], image["VirtualizationType"], image["Name"], image["State"]))
    equal(item["item"]["enaSupport"], "false")
    answer, parsed = make("DescribeInstanceTypes", {"InstanceTypes": [
        {"InstanceType": "m3.large", "SupportedVirtualizationTypes": ["hvm", "paravirtual"], "BareMetal": False,
         "ProcessorInfo": {"SupportedArchitectures": ["x86_64"]}, "SupportedBootModes": ["legacy-bios"],
         "VCpuInfo": {"DefaultVCpus": 2}, "NetworkInfo": {"EnaSupport": "unsupported"}}]})
    item = bench.accept({"request": "catalogue", "what": "instance-types"}, answer)["items"][0]["item"]
    kind = parsed["InstanceTypes"][0]
    equal(item["supportedVirtualizationTypes"], kind["SupportedVirtualizationTypes"])
    equal(item["processorInfo.supportedArchitectures"], kind["ProcessorInfo"]["SupportedArchitectures"])
    equal(int(item["vCpuInfo.defaultVCpus"]), kind["VCpuInfo"]["DefaultVCpus"])
    answer, parsed = make("DescribeInstanceTypeOfferings", {"InstanceTypeOfferings": [
        {"InstanceType": "m3.large", "LocationType": "availability-zone", "Location": "us-west-2a"}]})
    item = bench.accept({"request": "catalogue", "what": "offerings", "names": ["m3.large"]}, answer)["items"][0]["item"]
    equal(item["location"], parsed["InstanceTypeOfferings"][0]["Location"])


@case("refusals are read with code, text, status and class")
def refusals(bench):
    for status, code, kind in ((500, "InsufficientInstanceCapacity", "capacity"), (503, "RequestLimitExceeded", "rate"),
                               (400, "InvalidAMIID.NotFound", "definition"), (412, "DryRunOperation", "none"),
                               (403, "UnauthorizedOperation", "permission"), (500, "InternalError", "no-answer")):
        outcome = bench.accept(run(), (status, ec2_model.error_answer(code, ODD)))
        equal((outcome["result"], outcome["status"], outcome["code"], outcome["message"], outcome["class"]),
              (1, status, code, ODD, kind))


if __name__ == "__main__":
    sys.exit(run_cases(TOOL, Bench, "the sender ends cleanly"))
