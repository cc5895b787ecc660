"""The part of Terraform's plugin protocol 6 that a provider needs, as protobuf messages without a .proto.

Field numbers are those of tfplugin6.proto in Terraform's repository (docs/plugin-protocol).
"""

from __future__ import annotations

import json
from typing import Any

import msgpack
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "stagewright_test"
_MESSAGES = """
DynamicValue: msgpack=1 bytes, json=2 bytes
Step: attribute_name=1 string
AttributePath: steps=1 *Step
Diagnostic: severity=1 int64, summary=2 string, detail=3 string, attribute=4 AttributePath
Attribute: name=1 string, type=2 bytes, required=4 bool, optional=5 bool, computed=6 bool, sensitive=7 bool
NestedBlock: type_name=1 string, block=2 Block, nesting=3 int64, min_items=4 int64, max_items=5 int64
Block: version=1 int64, attributes=2 *Attribute, block_types=3 *NestedBlock
Schema: version=1 int64, block=2 Block
SchemaEntry: key=1 string, value=2 Schema
ServerCapabilities: plan_destroy=1 bool, get_provider_schema_optional=2 bool
Empty:
Schemas: provider=1 Schema, resource_schemas=2 *SchemaEntry, data_source_schemas=3 *SchemaEntry, \
diagnostics=4 *Diagnostic, server_capabilities=6 ServerCapabilities
ValidateRequest: type_name=1 string, config=2 DynamicValue
Diagnostics: diagnostics=1 *Diagnostic
ValidateProviderRequest: config=1 DynamicValue
ValidateProviderAnswer: diagnostics=2 *Diagnostic
RawState: json=1 bytes
UpgradeRequest: type_name=1 string, version=2 int64, raw_state=3 RawState
UpgradeAnswer: upgraded_state=1 DynamicValue, diagnostics=2 *Diagnostic
ConfigureRequest: terraform_version=1 string, config=2 DynamicValue
ReadRequest: type_name=1 string, current_state=2 DynamicValue, private=3 bytes
ReadAnswer: new_state=1 DynamicValue, diagnostics=2 *Diagnostic, private=3 bytes
PlanRequest: type_name=1 string, prior_state=2 DynamicValue, proposed_new_state=3 DynamicValue, \
config=4 DynamicValue, prior_private=5 bytes
PlanAnswer: planned_state=1 DynamicValue, requires_replace=2 *AttributePath, planned_private=3 bytes, \
diagnostics=4 *Diagnostic
ApplyRequest: type_name=1 string, prior_state=2 DynamicValue, planned_state=3 DynamicValue, \
config=4 DynamicValue, planned_private=5 bytes
ApplyAnswer: new_state=1 DynamicValue, private=2 bytes, diagnostics=3 *Diagnostic
ReadDataRequest: type_name=1 string, config=2 DynamicValue
ReadDataAnswer: state=1 DynamicValue, diagnostics=2 *Diagnostic
"""
CALLS = {
    "GetProviderSchema": ("Empty", "Schemas"),
    "ValidateProviderConfig": ("ValidateProviderRequest", "ValidateProviderAnswer"),
    "ValidateResourceConfig": ("ValidateRequest", "Diagnostics"),
    "ValidateDataResourceConfig": ("ValidateRequest", "Diagnostics"),
    "UpgradeResourceState": ("UpgradeRequest", "UpgradeAnswer"),
    "ConfigureProvider": ("ConfigureRequest", "Diagnostics"),
    "ReadResource": ("ReadRequest", "ReadAnswer"),
    "PlanResourceChange": ("PlanRequest", "PlanAnswer"),
    "ApplyResourceChange": ("ApplyRequest", "ApplyAnswer"),
    "ReadDataSource": ("ReadDataRequest", "ReadDataAnswer"),
    "StopProvider": ("Empty", "Empty"),
}
UNKNOWN = msgpack.ExtType(0, b"\x00")
"""A value that is known after the apply."""
NESTING = {"single": 1, "list": 2, "set": 3, "map": 4}
FLAGS = ("required", "optional", "computed", "sensitive")


def _messages() -> dict[str, Any]:
    kind = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name=f"{PACKAGE}.proto", package=PACKAGE, syntax="proto3")
    for line in _MESSAGES.strip().splitlines():
        name, _, fields = line.partition(":")
        message = file.message_type.add(name=name)
        for field in filter(None, map(str.strip, fields.split(","))):
            label, type_name = field.split(" ")
            field_name, number = label.split("=")
            many = kind.LABEL_REPEATED if type_name.startswith("*") else kind.LABEL_OPTIONAL
            added = message.field.add(name=field_name, number=int(number), label=many)
            if primitive := getattr(kind, f"TYPE_{type_name.upper()}", None):
                added.type = primitive
            else:
                added.type, added.type_name = kind.TYPE_MESSAGE, f".{PACKAGE}.{type_name.lstrip('*')}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return {
        message.name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{message.name}"))
        for message in file.message_type
    }


MESSAGES = _messages()


def decode(value: Any) -> Any:
    """A DynamicValue as Python has it."""
    if value.msgpack:
        return msgpack.unpackb(value.msgpack, raw=False, strict_map_key=False)
    return json.loads(value.json or b"null")


def encode(value: Any) -> Any:
    return MESSAGES["DynamicValue"](msgpack=msgpack.packb(value, use_bin_type=True))


def unknown(value: Any) -> bool:
    return isinstance(value, msgpack.ExtType)


def schema_message(schema: dict[str, Any]) -> Any:
    """A schema, in the form of `terraform providers schema -json`, as the protocol has it."""
    return MESSAGES["Schema"](version=schema.get("version", 0), block=_block(schema["block"]))


def _block(block: dict[str, Any]) -> Any:
    attributes = [
        MESSAGES["Attribute"](
            name=name,
            type=json.dumps(attribute["type"]).encode(),
            **{flag: True for flag in FLAGS if attribute.get(flag)},
        )
        for name, attribute in block.get("attributes", {}).items()
    ]
    nested = [
        MESSAGES["NestedBlock"](
            type_name=name,
            block=_block(inner["block"]),
            nesting=NESTING[inner["nesting_mode"]],
            min_items=inner.get("min_items", 0),
            max_items=inner.get("max_items", 0),
        )
        for name, inner in block.get("block_types", {}).items()
    ]
    return MESSAGES["Block"](attributes=attributes, block_types=nested)
