#!/usr/bin/python3
# SPDX-License-Identifier: MPL-2.0
"""Where a real region worker and a real credentials helper send their calls: endpoints of regions and partitions, FIPS
and dual-stack names, an endpoint of one's own, a CA of one's own, a proxy. The proxy is scripted and leads every name to
one TLS server on loopback, whose certificate holds those names; no name is ever looked up."""
import http.server
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
for folder in ("tests/system", "tests/lib"):
    sys.path.insert(0, str(ROOT / folder))
from harness import Tap  # noqa: E402
from metadata import Metadata  # noqa: E402
from scripted_supervisor import Supervisor, settings  # noqa: E402

# (what it is, region, ec2Endpoint, stsEndpoint, EC2's host, STS's host); empty: the default
ENDPOINTS = [
    ("by default: each region its own", "eu-west-1", "", "", "ec2.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"),
    ("another partition, China", "cn-north-1", "https://ec2.{region}.amazonaws.com.cn", "https://sts.{region}.amazonaws.com.cn",
     "ec2.cn-north-1.amazonaws.com.cn", "sts.cn-north-1.amazonaws.com.cn"),
    ("another partition, GovCloud", "us-gov-west-1", "", "", "ec2.us-gov-west-1.amazonaws.com",
     "sts.us-gov-west-1.amazonaws.com"),
    ("FIPS names", "us-east-2", "https://ec2-fips.{region}.amazonaws.com", "https://sts-fips.{region}.amazonaws.com",
     "ec2-fips.us-east-2.amazonaws.com", "sts-fips.us-east-2.amazonaws.com"),
    ("dual-stack names", "us-west-2", "https://ec2.{region}.api.aws", "https://sts.{region}.api.aws",
     "ec2.us-west-2.api.aws", "sts.us-west-2.api.aws"),
    ("an endpoint of one's own, with port and path", "us-west-2", "https://vpce-1.ec2.example:8443/{region}",
     "https://sts.example:8443/", "vpce-1.ec2.example:8443", "sts.example:8443"),
]
NAMES = sorted({host.split(":")[0] for row in ENDPOINTS for host in row[4:]})
STS_ANSWER = ("<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s"
              "</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
              "</AssumeRoleResult></AssumeRoleResponse>")
EC2_ANSWER = ('<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>'
              "<reservationSet/></DescribeInstancesResponse>")


def make_ca(folder):
    """A hashed folder with one certificate that signs itself and is good for all NAMES; and its key."""
    key, certificate = folder / "key.pem", folder / "ca/one.pem"
    certificate.parent.mkdir()
    alternatives = ",".join(f"DNS:{name}" for name in NAMES)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=one", "-addext", f"subjectAltName={alternatives}", "-keyout", key, "-out", certificate],
                   check=True, timeout=60, capture_output=True)
    print_hash = subprocess.run(["openssl", "x509", "-hash", "-noout", "-in", certificate], check=True, timeout=60,
                                capture_output=True, text=True).stdout.strip()
    (certificate.parent / f"{print_hash}.0").symlink_to(certificate.name)
    return key, certificate


class Aws(http.server.ThreadingHTTPServer):
    """EC2 and STS in one, over TLS: takes down the name asked for, the Host, and what the signature is for."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            scope = re.search(r"Credential=(\w+)/\d+/([\w-]+)/(\w+)/aws4_request", self.headers["Authorization"])
            self.server.requests.append({"name": getattr(self.connection, "asked", None), "host": self.headers["Host"],
                                         "path": self.path, "key": scope[1], "region": scope[2], "service": scope[3]})
            text = STS_ANSWER if "Action=AssumeRole" in body else EC2_ANSWER
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_):
            pass

    def __init__(self, key, certificate):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.requests = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.sni_callback = self.note_name
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @staticmethod
    def note_name(connection, name, _):
        connection.asked = name

    def handle_error(self, *_):
        pass  # a client that does not trust us


class Proxy(http.server.ThreadingHTTPServer):
    """Takes CONNECT for any name and leads it to one port."""
    daemon_threads = True

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_CONNECT(self):
            self.server.asked.append(self.path)
            with socket.create_connection(("127.0.0.1", self.server.leads_to), 30) as there:
                self.send_response(200)
                self.end_headers()
                back = threading.Thread(target=self.pump, args=(there, self.connection), daemon=True)
                back.start()
                self.pump(self.connection, there)
                back.join(30)
            self.close_connection = True

        def do_GET(self):
            self.server.asked.append(self.path)
            self.send_error(502)

        do_PUT = do_POST = do_GET

        @staticmethod
        def pump(source, target):
            try:
                while data := source.recv(65536):
                    target.sendall(data)
                target.shutdown(socket.SHUT_WR)
            except OSError:
                pass

        def log_message(self, *_):
            pass

    def __init__(self, leads_to):
        super().__init__(("127.0.0.1", 0), self.Handler)
        self.leads_to, self.asked = leads_to, []
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, *_):
        pass


class Scene:
    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="pd-endpoints-"))
        key, certificate = make_ca(self.folder)
        self.aws = Aws(key, certificate)
        self.proxy = Proxy(self.aws.server_port)
        (self.folder / ".aws").mkdir()
        (self.folder / ".aws/credentials").write_text("[base]\naws_access_key_id = AKIDBASE\naws_secret_access_key = s\n")
        (self.folder / ".aws/config").write_text("[profile r]\nrole_arn = arn:r\nsource_profile = base\n")

    def close(self):
        for server in (self.aws, self.proxy):
            server.shutdown()
            server.server_close()
        shutil.rmtree(self.folder)

    def settings(self, region, ec2="", sts="", **more):
        chosen = settings("http://127.0.0.1:1", regions=[{"name": region, "zones": [region + "a"]}], proxy=self.proxy.url,
                          caPath=str(self.folder / "ca"), tick="200ms", **more)
        del chosen["ec2Endpoint"]
        chosen.update(**({"ec2Endpoint": ec2} if ec2 else {}), **({"stsEndpoint": sts} if sts else {}))
        return chosen

    def since(self):
        seen, asked = len(self.aws.requests), len(self.proxy.asked)
        return lambda: (self.aws.requests[seen:], self.proxy.asked[asked:])


def with_port(host):
    return host if ":" in host else host + ":443"


def calls_go_where_they_are_sent(tap):
    scene = Scene()
    for what, region, ec2, sts, ec2_host, sts_host in ENDPOINTS:
        since = scene.since()
        environment = {"HOME": str(scene.folder), "AWS_PROFILE": "r", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "",
                       "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "HTTPS_PROXY": "http://127.0.0.1:1"}
        with Supervisor(scene.settings(region, ec2, sts), environment, helper=False) as supervisor:
            helper = supervisor.spawn("helper", "credentials")
            helper.welcome({})
            worker = supervisor.spawn("region", region)
            worker.welcome({"instanceTypes": ["m3.large"], "types": ["alpha"]})
            worker.expect("LISTED")
        requests, asked = since()
        of_sts = [request for request in requests if request["service"] == "sts"]
        of_ec2 = [request for request in requests if request["service"] == "ec2"]
        path = f"/{region}" if ec2.endswith("/{region}") else "/"
        tap.check(of_ec2 and all(request == {"name": ec2_host.split(":")[0], "host": ec2_host, "path": path, "key": "ASIAROLE",
                                             "region": region, "service": "ec2"} for request in of_ec2),
                  f"{what}: EC2 at {ec2_host}, signed for {region}", of_ec2[:2])
        tap.check(of_sts and all(request == {"name": sts_host.split(":")[0], "host": sts_host, "path": "/", "key": "AKIDBASE",
                                             "region": region, "service": "sts"} for request in of_sts),
                  f"and STS at {sts_host}", of_sts[:2])
        tap.check({with_port(ec2_host), with_port(sts_host)} == set(asked), "all of it by the configured proxy, not by the "
                  "environment's", asked)
    scene.close()


def a_ca_that_is_not_ours_is_refused(tap):
    scene = Scene()
    (scene.folder / "nobody").mkdir()
    since = scene.since()
    chosen = scene.settings("us-east-2")
    chosen["caPath"] = str(scene.folder / "nobody")
    with Supervisor(chosen) as supervisor:
        worker = supervisor.spawn("region", "us-east-2")
        worker.welcome({"instanceTypes": ["m3.large"], "types": ["alpha"]})
        failed = worker.expect("LISTING_FAILED")
    words = json.dumps(failed)
    tap.check(not since()[0] and re.search("certificate", words, re.I), "a server whose CA is not in caPath gets no request",
              words)
    scene.close()


def a_proxy_that_is_away_is_said(tap):
    scene = Scene()
    chosen = scene.settings("us-east-2", metadataEndpoint="")
    chosen["proxy"] = "http://127.0.0.1:1"
    with Supervisor(chosen) as supervisor:
        worker = supervisor.spawn("region", "us-east-2")
        worker.welcome({"instanceTypes": ["m3.large"], "types": ["alpha"]})
        failed = worker.expect("LISTING_FAILED")
    tap.check(not scene.aws.requests, "a proxy that is away: nothing goes out beside it", json.dumps(failed))
    scene.close()


def loopback_and_metadata_go_beside_the_proxy(tap):
    scene, metadata = Scene(), Metadata(("AKIDMETA", "s", "t"))
    since = scene.since()
    environment = {"HOME": "/nonexistent", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": ""}
    chosen = scene.settings("us-east-2")
    chosen["metadataEndpoint"] = metadata.url
    with Supervisor(chosen, environment, helper=False) as supervisor:
        helper = supervisor.spawn("helper", "credentials")
        helper.welcome({})
        told = helper.expect("CREDENTIALS", lambda message: message["present"])
    tap.check(told["source"] == "metadata" and metadata.count("role") == 1 and not since()[1],
              "the metadata service is asked beside the proxy", (told, since()[1]))
    metadata.close()
    scene.close()


if __name__ == "__main__":
    if not shutil.which("openssl"):
        print("1..1\nok 1 - endpoints # SKIP openssl is not installed")
        sys.exit(0)
    sys.exit(Tap().run(calls_go_where_they_are_sent, a_ca_that_is_not_ours_is_refused, a_proxy_that_is_away_is_said,
                       loopback_and_metadata_go_beside_the_proxy))
