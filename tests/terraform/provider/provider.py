"""A stand-in for terraform-provider-aws: it has the real one's schema, and makes nothing.

Plans and applies as the real one does where our configuration depends on it: computed attributes are unknown
until the apply, and a new version of an S3 object or of a state machine is unknown as soon as that changes
(the real one's CustomizeDiff). It knows no ForceNew, conflicts, defaults or enumerations, which no schema
holds.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.terraform.provider import values
from tests.terraform.provider.wire import MESSAGES, UNKNOWN, decode, encode, schema_message, unknown

ADDRESS = "registry.terraform.io/hashicorp/aws"
CONTENT = ("content", "source", "source_hash")
"""Attributes of an S3 object whose change makes a version."""

Attribute = Callable[[str, dict[str, Any], Any], Any]


class Provider:
    """A method per call of the protocol, named as there."""

    def __init__(self, schema: Path) -> None:
        document = json.loads(schema.read_text())["provider_schemas"][ADDRESS]
        self._resources, self._data = document["resource_schemas"], document["data_source_schemas"]
        self._region = "us-east-1"
        entries = [_entries(kind) for kind in (self._resources, self._data)]
        self._schemas = MESSAGES["Schemas"](
            provider=schema_message(document["provider"]),
            server_capabilities=MESSAGES["ServerCapabilities"](get_provider_schema_optional=True),
            resource_schemas=entries[0],
            data_source_schemas=entries[1],
        )

    def GetProviderSchema(self, request: Any) -> Any:  # noqa: N802
        return self._schemas

    def StopProvider(self, request: Any) -> Any:  # noqa: N802
        return MESSAGES["Empty"]()

    def ValidateProviderConfig(self, request: Any) -> Any:  # noqa: N802
        return MESSAGES["ValidateProviderAnswer"]()

    def ConfigureProvider(self, request: Any) -> Any:  # noqa: N802
        self._region = decode(request.config)["region"] or "us-east-1"
        return MESSAGES["Diagnostics"]()

    def ValidateResourceConfig(self, request: Any) -> Any:  # noqa: N802
        return MESSAGES["Diagnostics"]()

    ValidateDataResourceConfig = ValidateResourceConfig

    def UpgradeResourceState(self, request: Any) -> Any:  # noqa: N802
        return MESSAGES["UpgradeAnswer"](upgraded_state=encode(json.loads(request.raw_state.json)))

    def ReadResource(self, request: Any) -> Any:  # noqa: N802
        return MESSAGES["ReadAnswer"](new_state=request.current_state, private=request.private)

    def PlanResourceChange(self, request: Any) -> Any:  # noqa: N802
        new, prior, kind = decode(request.proposed_new_state), decode(request.prior_state), request.type_name
        if new is not None:
            moving = {"tags_all"} if prior is None or prior.get("tags") != new.get("tags") else set()
            if kind == "aws_s3_object" and prior and any(prior[name] != new[name] for name in CONTENT):
                moving.add("version_id")
            if kind == "aws_sfn_state_machine" and prior and values.republished(prior, new, "tags"):
                moving |= {"revision_id", "state_machine_version_arn"}

            def mark(name: str, attribute: dict[str, Any], value: Any) -> Any:
                fresh = prior is None and value is None
                return UNKNOWN if attribute.get("computed") and (fresh or name in moving) else value

            new = walk(self._resources[kind]["block"], new, mark)
        return MESSAGES["PlanAnswer"](planned_state=encode(new), planned_private=request.prior_private)

    def ApplyResourceChange(self, request: Any) -> Any:  # noqa: N802
        new, kind = decode(request.planned_state), request.type_name
        if new is not None:
            known = {name: value for name, value in new.items() if not unknown(value)}
            made = values.resource(kind, known, self._region)
            if kind == "aws_sfn_state_machine":
                made["state_machine_version_arn"] = values.machine_version(
                    made["arn"], decode(request.prior_state), new
                )

            def fill(name: str, attribute: dict[str, Any], value: Any) -> Any:
                return made.get(name, values.zero(attribute["type"])) if unknown(value) else value

            new = walk(self._resources[kind]["block"], new, fill)
        return MESSAGES["ApplyAnswer"](new_state=encode(new), private=request.planned_private)

    def ReadDataSource(self, request: Any) -> Any:  # noqa: N802
        given, kind = decode(request.config), request.type_name
        made = values.data(kind, given, self._region)

        def fill(name: str, attribute: dict[str, Any], value: Any) -> Any:
            open_ = value is None and attribute.get("computed")
            return made.get(name, values.zero(attribute["type"])) if open_ else value

        return MESSAGES["ReadDataAnswer"](state=encode(walk(self._data[kind]["block"], given, fill)))


def walk(block: dict[str, Any], value: Any, attribute: Attribute) -> Any:
    """A copy of a block's value with `attribute(name, schema, value)` in place of each attribute."""
    if value is None or unknown(value):
        return value
    out = dict(value)
    for name, schema in block.get("attributes", {}).items():
        out[name] = attribute(name, schema, value.get(name))
    for name, nested in block.get("block_types", {}).items():
        inner, content = nested["block"], value.get(name)
        if isinstance(content, list):
            out[name] = [walk(inner, each, attribute) for each in content]
        elif isinstance(content, dict) and nested["nesting_mode"] == "single":
            out[name] = walk(inner, content, attribute)
        elif isinstance(content, dict):
            out[name] = {key: walk(inner, each, attribute) for key, each in content.items()}
    return out


def _entries(schemas: dict[str, Any]) -> list[Any]:
    return [MESSAGES["SchemaEntry"](key=name, value=schema_message(each)) for name, each in schemas.items()]
