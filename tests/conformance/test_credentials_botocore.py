#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Our real credentials helper and botocore get the same environment, the same files, and the same STS, metadata service,
container endpoint and programs: both must come to the same credentials, or both to none. What STS answers names the role,
its options and who signed the call, so that another order of calls gives other credentials."""
import http.server
import json
import os
import sys
import tempfile
import threading
import urllib.parse
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.dont_write_bytecode = True
for folder in ("tests/system", "tests/lib"):
    sys.path.insert(0, str(ROOT / folder))
from harness import Tap  # noqa: E402
from metadata import Metadata  # noqa: E402

try:
    import botocore.exceptions
    import botocore.session
    import zmq
    from scripted_supervisor import Supervisor, settings
except ImportError as error:
    print(f"1..1\nok 1 - botocore finds the same credentials # SKIP python3-botocore is not installed: {error}")
    sys.exit(0)

PATIENCE_MS = 60000
LATER = "2099-01-01T00:00:00Z"
BASE = "aws_access_key_id = AKIDBASE\naws_secret_access_key = s-base\n"
PROGRAM = "credential_process = @/program good 'two words' \"a \\\"b\\\"\" c\\ d\n"
FILES_MARK = "@"  # stands for the case's folder


class Services(http.server.ThreadingHTTPServer):
    """STS at /sts, a container's endpoint at /container."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            form = dict(urllib.parse.parse_qsl(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            signed = self.headers.get("Authorization", "")
            who = signed.split("Credential=")[1].split("/")[0] if signed else "token " + form["WebIdentityToken"]
            session = form["RoleSessionName"] if form["RoleSessionName"] == "ours" else "-"
            name = f"{form['Action']} {form['RoleArn']} {session} {form.get('ExternalId', '-')} by {who}"
            token = self.headers.get("X-Amz-Security-Token", "")
            key = "ASIA" + name.encode().hex()[-100:]
            self.answer(f'<{form["Action"]}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{form["Action"]}Result>'
                        f"<Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>s {len(name)}</SecretAccessKey>"
                        f"<SessionToken>{len(token)}.{name.encode().hex()}</SessionToken><Expiration>{LATER}</Expiration></Credentials>"
                        f'</{form["Action"]}Result></{form["Action"]}Response>', "text/xml")

        def do_GET(self):
            self.answer(json.dumps({"AccessKeyId": "AKIDCONTAINER", "SecretAccessKey": "s-container",
                                    "Token": "t" + self.headers.get("Authorization", ""), "Expiration": LATER}))

        def answer(self, text, kind="application/json"):
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    def __init__(self):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


def role(name, **more):
    lines = [f"role_arn = arn:aws:iam::1:role/{name}"] + [f"{key} = {value}" for key, value in more.items()]
    return "\n".join(lines) + "\n"


# (sentence, environment, credentials file, configuration file, that there are credentials)
CASES = [
    ("the environment goes before files", {"AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "s-env",
                                           "AWS_SESSION_TOKEN": "t-env"}, "[default]\n" + BASE, "", True),
    ("keys of the credentials file", {}, "[default]\n" + BASE, "", True),
    ("keys of a profile in the configuration file", {"AWS_PROFILE": "p"}, "", "[profile p]\n" + BASE, True),
    ("the credentials file goes before the configuration file", {"AWS_PROFILE": "p"},
     "[p]\naws_access_key_id = A1\naws_secret_access_key = s1\naws_session_token = t1\n", "[profile p]\n" + BASE, True),
    ("a profile that is not there", {"AWS_PROFILE": "nobody"}, "[default]\n" + BASE, "", False),
    ("a role by source_profile", {"AWS_PROFILE": "r"}, "[base]\n" + BASE, "[profile r]\n" + role("x", source_profile="base"), True),
    ("a role with session name and external id", {"AWS_PROFILE": "r"}, "[base]\n" + BASE,
     "[profile r]\n" + role("x", source_profile="base", role_session_name="ours", external_id="e+/ 1"), True),
    ("a role by a role by a role", {"AWS_PROFILE": "c"}, "[base]\n" + BASE,
     "[profile c]\n" + role("c", source_profile="b") + "[profile b]\n" + role("b", source_profile="a", external_id="ee") +
     "[profile a]\n" + role("a", source_profile="base"), True),
    ("a role whose source is itself, with keys", {"AWS_PROFILE": "r"}, "",
     "[profile r]\n" + BASE + role("x", source_profile="r"), True),
    ("a role whose source is itself, without keys", {"AWS_PROFILE": "r"}, "", "[profile r]\n" + role("x", source_profile="r"),
     False),
    ("roles in a circle", {"AWS_PROFILE": "a"}, "",
     "[profile a]\n" + role("a", source_profile="b") + "[profile b]\n" + role("b", source_profile="a"), False),
    ("a source with keys of its own is no role", {"AWS_PROFILE": "a"}, "[base]\n" + BASE,
     "[profile a]\n" + role("a", source_profile="b") + "[profile b]\naws_access_key_id = A2\naws_secret_access_key = s2\n" +
     role("b", source_profile="base"), True),
    ("a source_profile that is not there", {"AWS_PROFILE": "a"}, "", "[profile a]\n" + role("a", source_profile="b"), False),
    ("a source_profile without credentials", {"AWS_PROFILE": "a"}, "",
     "[profile a]\n" + role("a", source_profile="b") + "[profile b]\nregion = x\n", False),
    ("source_profile and credential_source", {"AWS_PROFILE": "a"}, "[base]\n" + BASE,
     "[profile a]\n" + role("a", source_profile="base", credential_source="Ec2InstanceMetadata"), False),
    ("neither source_profile nor credential_source", {"AWS_PROFILE": "a"}, "", "[profile a]\n" + BASE + role("a"), False),
    ("credential_source Ec2InstanceMetadata", {"AWS_PROFILE": "a"}, "",
     "[profile a]\n" + role("a", credential_source="Ec2InstanceMetadata"), True),
    ("credential_source EcsContainer", {"AWS_PROFILE": "a", "AWS_CONTAINER_CREDENTIALS_FULL_URI": "SERVICES/container",
                                        "AWS_CONTAINER_AUTHORIZATION_TOKEN": "auth"}, "",
     "[profile a]\n" + role("a", credential_source="EcsContainer"), True),
    ("credential_source EcsContainer without an endpoint", {"AWS_PROFILE": "a"}, "",
     "[profile a]\n" + role("a", credential_source="EcsContainer"), False),
    ("credential_source Environment, which holds none", {"AWS_PROFILE": "a"}, "",
     "[profile a]\n" + role("a", credential_source="Environment"), False),
    ("credential_source Environment, whose keys go before every profile",
     {"AWS_PROFILE": "a", "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "s-env"}, "",
     "[profile a]\n" + role("a", credential_source="Environment"), True),
    ("a credential_source that nobody knows", {"AWS_PROFILE": "a"}, "",
     "[profile a]\n" + role("a", credential_source="Moon"), False),
    ("credential_process in the configuration file", {"AWS_PROFILE": "p"}, "", "[profile p]\n" + PROGRAM, True),
    ("credential_process in the credentials file", {"AWS_PROFILE": "p"}, "[p]\n" + PROGRAM, "", True),
    ("keys of the credentials file go before a program", {"AWS_PROFILE": "p"}, "[p]\n" + BASE, "[profile p]\n" + PROGRAM, True),
    ("a program goes before keys of the configuration file", {"AWS_PROFILE": "p"}, "", "[profile p]\n" + BASE + PROGRAM, True),
    ("a program for the default profile", {}, "", "[default]\n" + PROGRAM, True),
    ("a role by a program", {"AWS_PROFILE": "a"}, "", "[profile a]\n" + role("a", source_profile="p") + "[profile p]\n" + PROGRAM,
     True),
    ("a program whose keys last", {"AWS_PROFILE": "p"}, "", "[profile p]\ncredential_process = @/program lasting\n", True),
    ("a program that fails", {"AWS_PROFILE": "p"}, "", "[profile p]\ncredential_process = @/program fails\n", False),
    ("a program that says no JSON", {"AWS_PROFILE": "p"}, "", "[profile p]\ncredential_process = @/program prose\n", False),
    ("a program of another version", {"AWS_PROFILE": "p"}, "", "[profile p]\ncredential_process = @/program version\n", False),
    ("a program without a secret", {"AWS_PROFILE": "p"}, "", "[profile p]\ncredential_process = @/program half\n", False),
    ("a program that is not there", {"AWS_PROFILE": "p"}, "", "[profile p]\ncredential_process = /nonexistent/program\n", False),
    ("a program with an open quote", {"AWS_PROFILE": "p"}, "", "[profile p]\ncredential_process = @/program 'good\n", False),
    ("web identity of the environment", {"AWS_ROLE_ARN": "arn:aws:iam::1:role/w", "AWS_WEB_IDENTITY_TOKEN_FILE": "@/token",
                                         "AWS_ROLE_SESSION_NAME": "ours"}, "", "", True),
    ("web identity of a profile", {"AWS_PROFILE": "w"}, "",
     "[profile w]\n" + role("w", web_identity_token_file="@/token", role_session_name="ours"), True),
    ("a role by web identity", {"AWS_PROFILE": "a"}, "", "[profile a]\n" + role("a", source_profile="w") +
     "[profile w]\n" + role("w", web_identity_token_file="@/token"), True),
    ("web identity without its token", {"AWS_PROFILE": "w"}, "",
     "[profile w]\n" + role("w", web_identity_token_file="@/nothing"), False),
    ("a container's endpoint", {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "SERVICES/container",
                                "AWS_CONTAINER_AUTHORIZATION_TOKEN": "auth"}, "", "", True),
    ("the metadata service", {}, "", "", True),
    ("files without the default profile do not hide the metadata service", {}, "[other]\n" + BASE, "", True),
]

PROGRAM_TEXT = """#!/usr/bin/python3
import sys
assert sys.argv[1] != "good" or sys.argv[2:] == ["two words", 'a "b"', "c d"], sys.argv
print({"good": '{"Version": 1, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": "s-program", "SessionToken": "t-program", '
               '"Expiration": "2099-01-01T00:00:00Z"}',
       "lasting": '{"Version": 1, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": "s-program"}',
       "fails": '{"Version": 1, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": "s-program"}',
       "prose": "here you are", "half": '{"Version": 1, "AccessKeyId": "AKIDPROGRAM"}',
       "version": '{"Version": 2, "AccessKeyId": "AKIDPROGRAM", "SecretAccessKey": "s-program"}'}[sys.argv[1]])
sys.exit(sys.argv[1] == "fails")
"""


class BotocoreSession(botocore.session.Session):
    """Whose STS is ours: Debian's botocore knows no variable for that."""
    sts = None

    def create_client(self, service_name, *arguments, **named):
        return super().create_client(service_name, *arguments, **{**named, "endpoint_url": self.sts})


class Scene:
    """The files of one case in a home folder, and what both sides find in their environment."""

    def __init__(self, services, metadata, case):
        _, environment, credentials, configuration, _ = case
        self.place = tempfile.TemporaryDirectory(prefix="pd-chain-")
        home = Path(self.place.name)
        (home / ".aws").mkdir()
        for name, text in (("credentials", credentials), ("config", configuration)):
            if text:
                (home / ".aws" / name).write_text(text.replace(FILES_MARK, str(home)))
        (home / "token").write_text("web-token")
        (home / "program").write_text(PROGRAM_TEXT)
        (home / "program").chmod(0o755)
        self.metadata, self.services = metadata, services
        self.environment = {"HOME": str(home), "PATH": os.environ["PATH"], "AWS_DEFAULT_REGION": "us-west-2"}
        for name, value in environment.items():
            self.environment[name] = value.replace(FILES_MARK, str(home)).replace("SERVICES", services.url)

    def of_botocore(self):
        """(access key, secret key, session token), or None, and why."""
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.environment, AWS_MAX_ATTEMPTS="1", AWS_METADATA_SERVICE_TIMEOUT="60",
                          AWS_EC2_METADATA_SERVICE_ENDPOINT=self.metadata.url)
        BotocoreSession.sts = self.services.url + "/sts"
        try:
            found = BotocoreSession().get_credentials()
            keys = found.get_frozen_credentials() if found else None
            return (keys.access_key, keys.secret_key, keys.token or "") if keys else None, "none"
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError, ValueError, OSError) as problem:
            return None, repr(problem)
        finally:
            os.environ.clear()
            os.environ.update(before)

    def of_ours(self):
        chosen = settings("http://127.0.0.1:1", metadataEndpoint=self.metadata.url, stsEndpoint=self.services.url + "/sts",
                          tick="1s")
        nothing = {name: "" for name in os.environ if name.startswith("AWS_")}
        nothing.update(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
        with Supervisor(chosen, {**nothing, **self.environment}, helper=False) as supervisor:
            supervisor.spawn("helper", "credentials").welcome({})
            socket = supervisor.context.socket(zmq.DEALER)
            socket.setsockopt(zmq.LINGER, 0)
            socket.setsockopt(zmq.ROUTING_ID, os.urandom(16).hex().encode())
            socket.connect(f"ipc://{supervisor.run_dir}/keys.sock")
            socket.send(json.dumps({"m": "KEYS_WANTED", "id": 1, "refused": ""}).encode())
            answer = json.loads(socket.recv()) if socket.poll(PATIENCE_MS) else {"accessKey": "", "problem": "no answer"}
            socket.close()
        if not answer["accessKey"]:
            return None, answer["problem"]
        return (answer["accessKey"], answer["secretKey"], answer["sessionToken"]), answer["problem"]


def both(services, metadata, case):
    scene = Scene(services, metadata, case)
    with scene.place:
        return scene.of_botocore(), scene.of_ours()


def the_same_credentials(tap):
    services, metadata = Services(), Metadata(("AKIDMETADATA", "s-metadata", "t-metadata"), lasts=36000)
    for case in CASES:
        (theirs, their_words), (ours, our_words) = both(services, metadata, case)
        tap.check(ours == theirs and (ours is not None) == case[4], f"{case[0]}: {'the same' if case[4] else 'none'}",
                  f"botocore {theirs} {their_words}\nours {ours} {our_words}")
        if not case[4]:
            tap.check(0 < len(our_words) < 400 and "\n" not in our_words and "s-" + "program" not in our_words,
                      f"and one sentence says why: {our_words.replace('#', '')}", our_words)
    # The one difference, on purpose: here files go before a web identity of the environment (facts of the project).
    case = ("", {"AWS_ROLE_ARN": "arn:aws:iam::1:role/w", "AWS_WEB_IDENTITY_TOKEN_FILE": "@/token"}, "[default]\n" + BASE, "", True)
    (theirs, _), (ours, _) = both(services, metadata, case)
    tap.check(ours[0] == "AKIDBASE" and theirs[0] != ours[0],
              "keys in a file and a web identity in the environment: we take the file, botocore the web identity", (ours, theirs))
    services.shutdown()
    metadata.close()


if __name__ == "__main__":
    sys.exit(Tap().run(the_same_credentials))
