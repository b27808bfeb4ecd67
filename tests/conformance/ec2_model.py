# SPDX-License-Identifier: MPL-2.0
"""EC2's Query protocol as botocore's service model describes it: forms read back into the operation's input shape,
answers written from its output shape. Shares no code and no table with the daemon."""
import datetime
import re
import xml.sax.saxutils

import botocore.parsers
import botocore.serialize
import botocore.session
import botocore.validate

SESSION = botocore.session.get_session()


class Complaint(Exception):
    """What is wrong with a request."""


def service(name):
    return SESSION.get_service_model(name)


def query_name(member_name, shape):
    """The EC2 protocol's rule: queryName, else the location name with a capital, else the member's own name."""
    if "queryName" in shape.serialization:
        return shape.serialization["queryName"]
    name = shape.serialization.get("name", member_name)
    return name[:1].upper() + name[1:]


def tree_of(pairs):
    """Filter.1.Name=x ... as nested dicts; a name given twice, or both as value and as parent, is a complaint."""
    tree = {}
    for name, value in pairs:
        at, parts = tree, name.split(".")
        for part in parts[:-1]:
            at = at.setdefault(part, {})
            if not isinstance(at, dict):
                raise Complaint(f"{name} goes below a value")
        if parts[-1] in at:
            raise Complaint(f"{name} is given twice")
        at[parts[-1]] = value
    return tree


def read_scalar(text, shape, path):
    if not isinstance(text, str):
        raise Complaint(f"{path} must be a plain value")
    kind = shape.type_name
    if kind in ("integer", "long"):
        if not re.fullmatch(r"-?\d+", text):
            raise Complaint(f"{path}: {text!r} is no integer")
        return int(text)
    if kind == "boolean":
        if text not in ("true", "false"):
            raise Complaint(f"{path}: {text!r} is no boolean")
        return text == "true"
    if kind == "timestamp":
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", text):
            raise Complaint(f"{path}: {text!r} is no time")
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if kind == "blob":
        return text
    if kind != "string":
        raise Complaint(f"{path}: {kind} is not looked into")
    if shape.enum and shape.name != "InstanceType" and text not in shape.enum:
        raise Complaint(f"{path}: {text!r} is none of {shape.enum}")
    return text


def read_value(tree, shape, path):
    if shape.type_name == "structure":
        if not isinstance(tree, dict):
            raise Complaint(f"{path} must have members")
        names = {query_name(name, member): (name, member) for name, member in shape.members.items()}
        out = {}
        for name, inner in tree.items():
            if name not in names:
                raise Complaint(f"unknown parameter {path + '.' if path else ''}{name}")
            member_name, member = names[name]
            out[member_name] = read_value(inner, member, f"{path}.{name}" if path else name)
        return out
    if shape.type_name == "list":
        if not isinstance(tree, dict) or sorted(tree, key=lambda n: (len(n), n)) != [str(i + 1) for i in range(len(tree))]:
            raise Complaint(f"{path} must be numbered from 1")
        return [read_value(tree[str(i + 1)], shape.member, f"{path}.{i + 1}") for i in range(len(tree))]
    return read_scalar(tree, shape, path)


def read_form(pairs):
    """(operation name, parameters) of a request; Complaint if the model does not know such a request."""
    pairs = list(pairs)
    fields = dict(pairs)
    action = fields.get("Action", "")
    model = service("sts" if action == "GetCallerIdentity" else "ec2")
    if action not in model.operation_names:
        raise Complaint(f"unknown action {action!r}")
    if fields.get("Version") != model.api_version:
        raise Complaint(f"version {fields.get('Version')!r}, not {model.api_version}")
    operation = model.operation_model(action)
    tree = tree_of([pair for pair in pairs if pair[0] not in ("Action", "Version")])
    if operation.input_shape is None:
        return operation, {}
    parameters = read_value(tree, operation.input_shape, "")
    report = botocore.validate.ParamValidator().validate(parameters, operation.input_shape)
    if report.has_errors():
        raise Complaint(report.generate_report())
    return operation, parameters


def form_of(operation, parameters):
    """The flat form that botocore itself would send for these parameters."""
    serializer = botocore.serialize.create_serializer(operation.service_model.metadata["protocol"])
    return dict(serializer.serialize_to_request(parameters, operation)["body"])


def _element(name, shape, value):
    if shape.type_name == "structure":
        inner = "".join(_element(member.serialization.get("name", key), member, value[key])
                        for key, member in shape.members.items() if key in value)
    elif shape.type_name == "list":
        inner = "".join(_element(shape.member.serialization.get("name", "item"), shape.member, item) for item in value)
    elif shape.type_name == "timestamp":
        inner = value.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    elif shape.type_name == "boolean":
        inner = "true" if value else "false"
    else:
        inner = xml.sax.saxutils.escape(str(value))
    return f"<{name}>{inner}</{name}>"


def answer(operation, value):
    """The XML of an answer, and what botocore's own parser reads from it."""
    members = "".join(_element(member.serialization.get("name", key), member, value[key])
                      for key, member in operation.output_shape.members.items() if key in value)
    name = f"{operation.name}Response"
    body = ('<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<{name} xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r-1</requestId>{members}</{name}>')
    parser = botocore.parsers.create_parser(operation.service_model.metadata["protocol"])
    parsed = parser.parse({"status_code": 200, "headers": {}, "body": body.encode()}, operation.output_shape)
    parsed.pop("ResponseMetadata", None)
    return body, parsed


def error_answer(code, message):
    return ('<?xml version="1.0" encoding="UTF-8"?>\n<Response><Errors><Error><Code>'
            f"{xml.sax.saxutils.escape(code)}</Code><Message>{xml.sax.saxutils.escape(message)}</Message></Error></Errors>"
            "<RequestID>r-1</RequestID></Response>")
