#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""The simulated EC2 against the aws command: launch, list, tag, terminate, and the catalogue,
with the words a person would type."""

import json
import os
import pathlib
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lib"))
from simcloud import ACCESS_KEY, SECRET_KEY, Sim, Tap, skip_all  # noqa: E402

AWS = "/usr/bin/aws" if os.access("/usr/bin/aws", os.X_OK) else shutil.which("aws")
if AWS is None:
    skip_all("awscli is not installed")

tap = Tap()
SCENARIO = {"workers": {"bootTime": 0.1, "firstClaimAfter": 0.1, "shutdownTime": 0.1},
            "queues": {"alpha": {"arrivals": [{"kind": "fixed", "pending": 1, "duration": 1000}]}}}


def aws(sim, *words, service="ec2", good=True):
    """Decoded JSON of a command; with good=False the text of its error."""
    path = "/" if service == "ec2" else "/sts/"
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(sim.directory), "AWS_PAGER": "",
                   "AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                   "AWS_DEFAULT_REGION": "us-east-1", "AWS_MAX_ATTEMPTS": "1", "AWS_EC2_METADATA_DISABLED": "true"}
    run = subprocess.run([AWS, "--endpoint-url", sim.url + path, "--output", "json", service, *words],
                         env=environment, capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert (run.returncode == 0) == good, run.stderr + run.stdout
    return json.loads(run.stdout or "null") if good else run.stderr


def check(found, wanted):
    assert found == wanted, f"found {found!r}, wanted {wanted!r}"


@tap.test
def identity(sim):
    """aws sts get-caller-identity names the account"""
    check(aws(sim, "get-caller-identity", service="sts")["Account"], "123456789012")


@tap.test
def life(sim):
    """aws ec2 run-instances, describe-instances, create-tags and terminate-instances agree"""
    answer = aws(sim, "run-instances", "--image-id", "ami-00000001", "--instance-type", "m5.large", "--count", "1:2",
                 "--client-token", "cli", "--key-name", "sim-key", "--subnet-id", "subnet-us-east-1a",
                 "--security-group-ids", "sg-us-east-1", "--instance-initiated-shutdown-behavior", "terminate",
                 "--instance-market-options", "MarketType=spot,SpotOptions={MaxPrice=0.05,SpotInstanceType=one-time}",
                 "--tag-specifications", "ResourceType=instance,Tags=[{Key=provisiond:type,Value=alpha}]")
    ids = [row["InstanceId"] for row in answer["Instances"]]
    check(len(ids), 2)
    sim.wait_for(lambda state: state["types"]["alpha"]["claimed"] == 1)
    listed = aws(sim, "describe-instances", "--filters", "Name=tag:provisiond:type,Values=alpha",
                 "Name=instance-state-name,Values=pending,running", "--query",
                 "Reservations[].Instances[].[InstanceId,State.Name,InstanceLifecycle]")
    check(sorted(listed), sorted([name, "running", "spot"] for name in ids))
    aws(sim, "create-tags", "--resources", ids[0], "--tags", "Key=note,Value=a b&c")
    tags = aws(sim, "describe-instances", "--instance-ids", ids[0], "--query", "Reservations[].Instances[].Tags[]")
    assert {"Key": "note", "Value": "a b&c"} in tags
    change = aws(sim, "terminate-instances", "--instance-ids", *ids)["TerminatingInstances"]
    check({row["CurrentState"]["Name"] for row in change}, {"shutting-down"})
    sim.wait_for(lambda state: state["types"]["alpha"]["instances"]["terminated"] == 2)


@tap.test
def pages(sim):
    """the command's own paging finds every instance once"""
    aws(sim, "run-instances", "--image-id", "ami-00000001", "--instance-type", "t3.micro", "--count", "23",
        "--tag-specifications", "ResourceType=instance,Tags=[{Key=batch,Value=pages}]")
    found = aws(sim, "describe-instances", "--page-size", "5", "--filters", "Name=tag:batch,Values=pages",
                "--query", "Reservations[].Instances[].InstanceId")
    check((len(found), len(set(found))), (23, 23))


@tap.test
def refusals(sim):
    """refusals carry EC2's codes: dry run, wrong image for the type, unknown image"""
    base = ["run-instances", "--image-id", "ami-00000001", "--count", "1", "--instance-type"]
    assert "DryRunOperation" in aws(sim, *base, "m5.large", "--dry-run", good=False)
    assert "InvalidParameterCombination" in aws(sim, *base, "m1.medium", good=False)
    assert "InvalidAMIID.NotFound" in aws(sim, "describe-images", "--image-ids", "ami-99999999", good=False)


@tap.test
def catalogue(sim):
    """images, types, offerings, prices, subnets, groups and keys can be described"""
    check(aws(sim, "describe-images", "--image-ids", "ami-00000002", "--query", "Images[].VirtualizationType"),
          ["paravirtual"])
    check(aws(sim, "describe-instance-types", "--instance-types", "m5.large", "--query",
              "InstanceTypes[].VCpuInfo.DefaultVCpus"), [2])
    check(len(aws(sim, "describe-instance-type-offerings", "--location-type", "availability-zone", "--filters",
                  "Name=instance-type,Values=m5.large")["InstanceTypeOfferings"]), 3)
    rows = aws(sim, "describe-spot-price-history", "--instance-types", "m5.large", "--page-size", "2",
               "--product-descriptions", "Linux/UNIX")["SpotPriceHistory"]
    check(len(rows), 9)
    check(len(aws(sim, "describe-subnets")["Subnets"]), 3)
    check(len(aws(sim, "describe-security-groups")["SecurityGroups"]), 2)
    check(len(aws(sim, "describe-key-pairs")["KeyPairs"]), 1)


if __name__ == "__main__":
    with Sim().start(SCENARIO) as simulator:
        sys.exit(tap.run(simulator))
