"""DescribeAlarms for clients that ask in the query protocol, such as older SDKs and Terraform providers.

ministack answers them in XML with nine of an alarm's fields, and escapes nothing; in JSON it answers all. So
it is asked in JSON here, and its answer said in XML as botocore's model of CloudWatch has it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Any
from xml.sax.saxutils import escape

import botocore.session

from stagewright.naming import timestamp

OPERATION = "DescribeAlarms"
LISTS = ("AlarmNames", "AlarmTypes")


def mend(cloudwatch: ModuleType) -> None:
    answer = cloudwatch._describe_alarms

    def describe(params: Mapping[str, Sequence[str]], data: Any, is_cbor: bool, is_json: bool = False) -> Any:
        if is_cbor or is_json:
            return answer(params, data, is_cbor, is_json)
        status, _, body = answer({}, _asked(params), False, True)
        if status != 200:
            return answer(params, data, is_cbor, is_json)
        said = f"<{OPERATION}Result>{xml(_output(), json.loads(body))}</{OPERATION}Result>"
        return cloudwatch._xml(status, f"{OPERATION}Response", said)

    cloudwatch._describe_alarms = describe  # type: ignore[attr-defined]


def xml(shape: Any, value: Any) -> str:
    """What is between the tags of a value of this shape (botocore's)."""
    match shape.type_name:
        case "structure":
            known = ((name, member) for name, member in shape.members.items() if value.get(name) is not None)
            return "".join(f"<{name}>{xml(member, value[name])}</{name}>" for name, member in known)
        case "list":
            return "".join(f"<member>{xml(shape.member, each)}</member>" for each in value)
        case "boolean":
            return json.dumps(value)
        case "timestamp":
            return timestamp(datetime.fromtimestamp(value, UTC))  # Go's SDK reads no offset but Z
        case _:
            return escape(str(value))


def _asked(params: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The request as it is in JSON: `AlarmNames.member.1` is the first of a list."""
    asked: dict[str, Any] = {}
    for key, (value, *_) in params.items():
        name, _, rest = key.partition(".")
        if name in LISTS and rest:
            asked.setdefault(name, []).append(value)
        elif not rest:
            asked[name] = value
    return asked


@cache
def _output() -> Any:
    model = botocore.session.get_session().get_service_model("cloudwatch")
    return model.operation_model(OPERATION).output_shape
