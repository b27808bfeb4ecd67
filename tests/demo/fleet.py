# SPDX-License-Identifier: MPL-2.0
"""The workerTypes of the 2016 day: names that were public where they are known, the rest plausible, and for each what
runs on it and how often. Read by make_scenario.py (the cloud's side) and make_config.py (the daemon's side)."""

SICK = "desktop-test"
SMALL = ("gecko-decision", "taskcluster-images")
REGIONS = ("us-east-1", "us-west-2")
ZONES = {region: [region + letter for letter in "abc"] for region in REGIONS}

IMAGE_HVM = "ami-00000001"  # x86_64, what everybody else uses
IMAGE_PV = "ami-00000002"   # what m1.medium and m1.large boot in the catalogue of the day

# Seconds of the story: lead-in (the daemon starts, ordinary types take their first tasks), act 1, act 2.
LEAD_IN, ACT = 30, 175
SICK_PENDING = 6000
MAX_CAPACITY = 760     # global, units: desktop-test alone could fill it many times over
SICK_MAX_CAPACITY = 3000

# name -> (instance types, tasks an hour, seconds a task)
BUILD = ("c3.2xlarge", "c4.2xlarge")
TEST = ("m3.medium", "m3.large")
DESKTOP = ("m3.xlarge", "m4.xlarge")
LIGHT = ("m3.medium", "t2.medium")

NAMED = {
    "ami-test": (LIGHT, 4, 20), "android-api-11": (BUILD, 30, 60), "android-api-15": (BUILD, 30, 60),
    "b2gbuild": (BUILD, 20, 60), "b2gbuild-desktop": (BUILD, 20, 60), "b2gtest": (TEST, 60, 30),
    "b2gtest-emulator": (TEST, 40, 40), "balrog": (LIGHT, 12, 15), "cli": (LIGHT, 6, 15),
    "cratertest": (TEST, 20, 30), "dbg-linux32": (BUILD, 30, 60), "dbg-linux64": (BUILD, 40, 60),
    "dbg-macosx64": (BUILD, 30, 60), "desktop-test-xlarge": (DESKTOP, 60, 40), "dolphin": (BUILD, 10, 40),
    "emulator-ics": (BUILD, 15, 60), "emulator-ics-debug": (BUILD, 15, 60), "emulator-jb": (BUILD, 12, 60),
    "emulator-jb-debug": (BUILD, 12, 60), "emulator-kk": (BUILD, 12, 60), "emulator-kk-debug": (BUILD, 12, 60),
    "emulator-l": (BUILD, 12, 60), "emulator-l-debug": (BUILD, 12, 60), "emulator-x86-kk": (BUILD, 12, 60),
    "flame-kk": (BUILD, 15, 60), "funsize-balrog": (LIGHT, 15, 15), "funsize-mar-generator": (LIGHT, 15, 20),
    "gaia": (TEST, 40, 30), "gaia-decision": (LIGHT, 15, 10), "github-worker": (LIGHT, 30, 20),
    "hg-worker": (LIGHT, 12, 20), "human-decision": (LIGHT, 4, 10), "mulet-debug": (BUILD, 15, 60),
    "mulet-opt": (BUILD, 15, 60), "nexus-4-kk": (BUILD, 8, 60), "nexus-5-l": (BUILD, 8, 60),
    "opt-linux32": (BUILD, 30, 60), "opt-linux64": (BUILD, 40, 60), "opt-macosx64": (BUILD, 30, 60),
    "rustbuild": (BUILD, 20, 60), "signing-worker-v1": (LIGHT, 10, 10), "spidermonkey": (BUILD, 30, 50),
    "symbol-upload": (LIGHT, 20, 15), "tcvcs-cache-device": (LIGHT, 6, 20), "tutorial": (LIGHT, 10, 15),
    "win2012r2": (DESKTOP, 20, 40), "worker-ci-test": (LIGHT, 10, 15),
}

PLATFORMS = ("linux32", "linux64", "android-4-3", "win7-32", "win10-64", "macosx64")
SUITES = ("mochitest", "reftest", "xpcshell", "crashtest", "jsreftest", "marionette", "talos", "cppunit")


def ordinary():
    """All types but the sick and the small: name -> (instance types, tasks an hour, seconds a task); 97 of them."""
    types = dict(NAMED)
    for suite in SUITES:
        for platform in PLATFORMS:
            types[f"{suite}-{platform}"] = (TEST if "win" not in platform else DESKTOP, 18, 35)
    types["gecko-l10n"] = (TEST, 20, 40)
    types["gecko-symbols"] = (LIGHT, 10, 20)
    return dict(sorted(types.items()))


def image_of(name, act):
    """The image that the definition of a type names: wrong for the sick type until act 2."""
    return IMAGE_PV if name == SICK and act == 2 else IMAGE_HVM


def instance_types_of(name):
    if name == SICK:
        return ("m1.medium", "m1.large")
    if name in SMALL:
        return LIGHT
    return ordinary()[name][0]


def max_capacity_of(name):
    return SICK_MAX_CAPACITY if name == SICK else 40


def all_names(with_sick=True):
    return ([SICK] if with_sick else []) + list(SMALL) + list(ordinary())
