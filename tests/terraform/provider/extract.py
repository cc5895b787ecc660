"""Makes schema.json: `python -m tests.terraform.provider.extract cdktn_provider_aws-25.8.1-py3-none-any.whl`.

The package's generated JavaScript says of each attribute whether it is required, optional or computed, and of
each block how it nests. What it does not say, schema.json lacks: max_items above 1, min_items above 1,
sensitive, deprecated and write-only attributes, functions, ephemeral resources.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

_RESOURCES = """
cloudwatch_dashboard cloudwatch_event_bus cloudwatch_event_permission cloudwatch_event_rule
cloudwatch_event_target cloudwatch_log_group cloudwatch_log_metric_filter cloudwatch_log_resource_policy
cloudwatch_metric_alarm dynamodb_table dynamodb_table_item glue_job iam_openid_connect_provider iam_policy
iam_role iam_role_policy iam_role_policy_attachment kms_alias kms_key lambda_alias
lambda_event_source_mapping lambda_function lambda_function_event_invoke_config lambda_layer_version
lambda_permission resourcegroups_group s3_bucket s3_bucket_lifecycle_configuration s3_bucket_notification
s3_bucket_ownership_controls s3_bucket_policy s3_bucket_public_access_block
s3_bucket_server_side_encryption_configuration s3_bucket_versioning s3_object sagemaker_model_package_group
sagemaker_model_package_group_policy scheduler_schedule scheduler_schedule_group sfn_state_machine sns_topic
sns_topic_data_protection_policy sns_topic_policy sns_topic_subscription sqs_queue sqs_queue_policy
"""
_DATA = """
caller_identity iam_policy_document kms_alias lambda_layer_version partition region s3_bucket ssm_parameter
"""
RESOURCES, DATA = _RESOURCES.split(), _DATA.split()
ROOTS = ("TerraformResource", "TerraformDataSource", "TerraformProvider")
PRIMITIVES = {"String": "string", "Number": "number", "Boolean": "bool"}
SIMPLE = {"string": "string", "number": "number", "boolean": "bool"}
COLLECTIONS = ("list", "set")

_CLASS = re.compile(r"^class (\w+) extends cdktn\.(\w+) \{\n(.*?)^\}\n", re.M | re.S)
_SYNTHESISER = re.compile(r"^function (\w+)ToHclTerraform\(struct\) \{\n(.*?)^\}\n", re.M | re.S)
_WRITTEN = re.compile(
    r"^ +(\w+): \{\n +value: .*\n +isBlock: (true|false),\n"
    r' +type: "(\w+)",\n +storageClassType: "(\w+)",',
    re.M,
)
_FLAGS = re.compile(
    r"^    // (\w+) - computed: (true|false), optional: (true|false), required: (true|false)$"
)
_VERSION = re.compile(r"providerVersion: '([\d.]+)'")

Block = dict[str, Any]
Written = dict[str, tuple[bool, str, str]]
"""How an attribute is written as HCL: whether as a block, its type, its storage class."""


class Module:
    """One generated file: a resource, a data source or the provider."""

    def __init__(self, javascript: str) -> None:
        self._classes = {name: (base, body) for name, base, body in _CLASS.findall(javascript)}
        self._written = {name.lower(): _written(body) for name, body in _SYNTHESISER.findall(javascript)}
        self._root = next(name for name, (base, _) in self._classes.items() if base in ROOTS)
        self._written[self._root.lower()] = _written(self._classes[self._root][1])

    def schema(self) -> Block:
        return {"version": 0, "block": self._block(self._root)}

    def _block(self, name: str) -> Block:
        base, body = self._classes[name]
        written = self._written.get(name.removesuffix("OutputReference").lower(), {})
        lines = body.split("\n")
        attributes: Block = {}
        blocks: Block = {}
        for index, line in enumerate(lines):
            if not (found := _FLAGS.match(line)):
                continue
            attribute, flags = found[1], _flags(*found.groups()[1:])
            text = "\n".join(lines[index + 1 : index + 6])
            how = written.get(attribute)
            pattern = rf'= new (\w+)\(this, "{attribute}"(?:, (true|false))?\)'
            if nested := re.search(pattern, text.split("\n    // ")[0]):
                self._nested(attribute, nested[1], nested[2] == "true", flags, how, attributes, blocks)
            elif how and how[0] and base == "TerraformProvider":
                blocks[attribute] = self._provider_block(attribute, body, how[1])
            else:
                attributes[attribute] = {"type": _type(text, how), **flags}
        return {"attributes": attributes, **({"block_types": blocks} if blocks else {})}

    def _nested(
        self,
        attribute: str,
        name: str,
        is_set: bool,
        flags: Block,
        how: tuple[bool, str, str] | None,
        attributes: Block,
        blocks: Block,
    ) -> None:
        """An attribute of objects where it may be computed (`SchemaConfigModeAttr`), else a block."""
        match self._classes[name][0]:
            case "ComplexList":
                inner, mode = f"{name.removesuffix('List')}OutputReference", "set" if is_set else "list"
            case "ComplexMap":
                inner, mode = f"{name.removesuffix('Map')}OutputReference", "map"
            case _:
                inner, mode = name, None
        block = self._block(inner)
        if how is None or flags == {"computed": True}:
            kind = _object(block)
            attributes[attribute] = {"type": [mode, kind] if mode else kind, **flags}
        elif flags.get("computed"):
            mode = how[1] if how[1] in COLLECTIONS else mode or "list"
            attributes[attribute] = {"type": [mode, _object(block)], **flags}
        else:
            nesting = "single" if how[1] == "struct" else how[1]
            blocks[attribute] = {
                "nesting_mode": nesting,
                "block": block,
                **({"min_items": 1} if flags.get("required") else {}),
                **({"max_items": 1} if mode is None and nesting != "single" else {}),
            }

    def _provider_block(self, attribute: str, body: str, mode: str) -> Block:
        """The provider's blocks have no classes of their own, only functions that write them."""
        pattern = rf"^ +{attribute}: \{{\n +value: (cdktn\.listMapperHcl\()?(\w+)ToHclTerraform"
        found = re.search(pattern, body, re.M)
        assert found, attribute
        inner = {
            name: {"type": _type("", how), "optional": True}
            for name, how in self._written[found[2].lower()].items()
        }
        limit = {} if found[1] else {"max_items": 1}
        return {"nesting_mode": mode, "block": {"attributes": inner}, **limit}


def _written(body: str) -> Written:
    return {name: (block == "true", kind, storage) for name, block, kind, storage in _WRITTEN.findall(body)}


def _flags(computed: str, optional: str, required: str) -> dict[str, bool]:
    given = {"required": required, "optional": optional, "computed": computed}
    return {name: True for name, value in given.items() if value == "true"}


def _type(text: str, how: tuple[bool, str, str] | None) -> Any:
    """From the getter; where that does not tell, from how the attribute is written."""
    getter = re.search(r"get \w+\(\) \{\n\s+return (.*);", text)
    expression = getter[1] if getter else ""
    collection = "set" if "Fn.tolist" in expression or (how and how[1] == "set") else "list"
    if found := re.search(r"this\.get(String|Number|Boolean)(Map|List)?Attribute\(", expression):
        primitive = PRIMITIVES[found[1]]
        return {None: primitive, "Map": ["map", primitive], "List": [collection, primitive]}[found[2]]
    if "getListAttribute(" in expression:
        return [collection, "string"]
    if "getNumberListAttribute" in expression:
        return [collection, "number"]
    return _written_type(how[1], how[2]) if how else "dynamic"


def _written_type(kind: str, storage: str) -> Any:
    if kind == "simple":
        return SIMPLE.get(storage, "dynamic")
    for suffix in ("ListList", "List", "Map"):
        if storage.endswith(suffix):
            inner = SIMPLE.get(storage.removesuffix(suffix), "dynamic")
            return {"ListList": ["list", ["list", inner]], "List": [kind, inner], "Map": ["map", inner]}[
                suffix
            ]
    return "dynamic"


def _object(block: Block) -> Any:
    """A block as the type of an attribute."""
    kinds = {name: attribute["type"] for name, attribute in block["attributes"].items()}
    for name, nested in block.get("block_types", {}).items():
        inner = _object(nested["block"])
        kinds[name] = inner if nested["nesting_mode"] == "single" else [nested["nesting_mode"], inner]
    return ["object", kinds]


def extract(wheel: Path) -> Block:
    """In the form of `terraform providers schema -json`. KeyError: the package lacks a type."""
    with zipfile.ZipFile(wheel) as package:
        inner = next(name for name in package.namelist() if name.endswith(".jsii.tgz"))
        archive = io.BytesIO(package.read(inner))
    with tarfile.open(fileobj=archive) as tar:
        files = {member.name: tar.extractfile(member) for member in tar if member.name.endswith("/index.js")}
        texts = {
            name: file.read().decode() for name, file in files.items() if file and _folder(name) in _wanted()
        }
    modules = {
        _folder(name): Module(re.sub(r"^//#.*$", "", text, flags=re.M)) for name, text in texts.items()
    }
    version = _VERSION.search(next(iter(texts.values())))
    assert version
    aws = {
        "provider": modules["provider"].schema(),
        "resource_schemas": {f"aws_{name}": modules[_path(name)].schema() for name in RESOURCES},
        "data_source_schemas": {f"aws_{name}": modules[f"data-aws-{_path(name)}"].schema() for name in DATA},
    }
    return {
        "format_version": "1.0",
        "source": {"package": wheel.name, "provider_version": version[1]},
        "provider_schemas": {"registry.terraform.io/hashicorp/aws": aws},
    }


def _path(name: str) -> str:
    return name.replace("_", "-")


def _folder(name: str) -> str:
    return name.removeprefix("package/lib/").removesuffix("/index.js")


def _wanted() -> set[str]:
    return {"provider", *map(_path, RESOURCES), *(f"data-aws-{_path(name)}" for name in DATA)}


if __name__ == "__main__":
    made = json.dumps(extract(Path(sys.argv[1])), separators=(",", ":"), sort_keys=True)
    Path(__file__).with_name("schema.json").write_text(f"{made}\n")
