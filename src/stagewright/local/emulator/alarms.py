"""Patches of CloudWatch: DescribeAlarms in the query protocol, and the metric of an alarm.

Older SDKs and Terraform providers send DescribeAlarms in the query protocol. ministack answers it with nine
fields of an alarm and escapes nothing, but answers JSON in full. So the JSON answer is converted to XML by
botocore's model of CloudWatch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import FunctionType
from typing import Any
from xml.sax.saxutils import escape

import botocore.session

from stagewright.local.emulator.patches import replace
from stagewright.naming import timestamp

OPERATION = "DescribeAlarms"
LISTS = ("AlarmNames", "AlarmTypes")


def patch(cloudwatch: Any) -> None:
    _answer_query_protocol(cloudwatch)
    _use_metric_with_same_dimensions(cloudwatch)


def _answer_query_protocol(cloudwatch: Any) -> None:
    original = cloudwatch._describe_alarms

    def describe(params: Mapping[str, Sequence[str]], data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return original(params, data, is_cbor, is_json)
        status, _, body = original({}, json_request(params), False, True)
        if status != 200:
            return original(params, data, is_cbor, is_json)
        result = f"<{OPERATION}Result>{xml(_output(), json.loads(body))}</{OPERATION}Result>"
        return cloudwatch._xml(status, f"{OPERATION}Response", result)

    replace(cloudwatch, "_describe_alarms", describe)


def _use_metric_with_same_dimensions(cloudwatch: Any) -> None:
    """ministack evaluates every metric with the alarm's name and namespace."""
    original = cloudwatch._evaluate_alarm

    def evaluate_alarm(alarm: dict[str, Any]) -> None:
        dimensions = {entry["Name"]: entry["Value"] for entry in alarm.get("Dimensions") or ()}
        key = cloudwatch._dims_key(dimensions)
        metrics = {name: points for name, points in cloudwatch._metrics.items() if name[2] == key}
        # Run the original function over these metrics only. The module's own may be in use by other threads.
        FunctionType(original.__code__, {**vars(cloudwatch), "_metrics": metrics})(alarm)

    replace(cloudwatch, "_evaluate_alarm", evaluate_alarm)


def xml(shape: Any, value: Any) -> str:
    """Return the content of the XML element for a value. `shape` is botocore's."""
    match shape.type_name:
        case "structure":
            known = ((name, member) for name, member in shape.members.items() if value.get(name) is not None)
            return "".join(f"<{name}>{xml(member, value[name])}</{name}>" for name, member in known)
        case "list":
            return "".join(f"<member>{xml(shape.member, member)}</member>" for member in value)
        case "boolean":
            return json.dumps(value)
        case "timestamp":
            return timestamp(datetime.fromtimestamp(value, UTC))  # Go's SDK accepts no offset but Z
        case _:
            return escape(str(value))


def json_request(params: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Convert a query request to its JSON form. `AlarmNames.member.1` is the first member of a list."""
    request: dict[str, Any] = {}
    for key, (value, *_) in params.items():
        name, _, rest = key.partition(".")
        if name in LISTS and rest:
            request.setdefault(name, []).append(value)
        elif not rest:
            request[name] = value
    return request


@cache
def _output() -> Any:
    model = botocore.session.get_session().get_service_model("cloudwatch")
    return model.operation_model(OPERATION).output_shape
