"""A configuration for AWS's provider 6.x, rewritten for 3.39, whose own schema decides what can stay.

Resources, arguments and blocks that 3.39 does not have are left out, and noted. Said in its words are
objects (`aws_s3_bucket_object`, `etag` instead of `source_hash`), what a bucket now has in resources of its
own, and the newest of the Python runtimes that it knows, 3.8. Text is read by its indentation, on which
`terraform fmt` insists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Schema = Mapping[str, Any]
Lines = list[str]

RENAMED = {"aws_s3_object": "aws_s3_bucket_object"}
ALWAYS = ("count", "for_each", "depends_on", "lifecycle")
REWORDED = (
    (r"\baws_s3_object\b", "aws_s3_bucket_object"),
    (r"\b(data\.aws_region\.\w+|self)\.region\b", r"\1.name"),
    (r"\.bucket_region\b", ".region"),
    (r"\.state_machine_version_arn\b", ".arn"),
    (r"(\bqueues?(?:\[[\w.]+\])?)\.url\b", r"\1.id"),
    (r"(\bruntime\s*=) .*", r'\1 "python3.8"'),
    (r"(\bobject_ownership\s*=) .*", r'\1 "BucketOwnerPreferred"'),
)
"""Names that changed, and values that 3.39 refuses."""
WITHOUT = ("aws_glue_job",)
"""3.39 refuses Python 3.9, and the local Glue every other one of Python shells."""
TERRAFORM = """terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "3.39.0"
    }
  }
}"""
BUCKET = """
  versioning {
    enabled = local.bucket.versioning
  }

  server_side_encryption_configuration {
    rule {
      apply_server_side_encryption_by_default {
        sse_algorithm     = var.kms_key_arn == null ? local.bucket.encryption : "aws:kms"
        kms_master_key_id = var.kms_key_arn
      }
    }
  }

  dynamic "lifecycle_rule" {
    for_each = local.lifecycle

    content {
      id                                     = lifecycle_rule.value.id
      enabled                                = true
      prefix                                 = lifecycle_rule.value.prefix
      abort_incomplete_multipart_upload_days = lifecycle_rule.value.abort_days

      dynamic "noncurrent_version_expiration" {
        for_each = lifecycle_rule.value.noncurrent_days[*]

        content {
          days = noncurrent_version_expiration.value
        }
      }
    }
  }"""
"""Versioning, encryption and life cycle, of which 6.x makes resources beside the bucket."""


class Downlevel:
    """`dropped`: what had to go, as `type.name.argument`."""

    def __init__(self, schema: Schema) -> None:
        """`schema`: what `terraform providers schema -json` says of 3.39."""
        self._known = schema["provider_schemas"]["registry.terraform.io/hashicorp/aws"]["resource_schemas"]
        self.dropped: set[str] = set()

    def folder(self, place: Path) -> None:
        """Rewrites every module below."""
        files = list(place.rglob("*.tf"))
        for file in files:
            file.write_text(self.text(file.read_text()))
        gone = [re.escape(name) for name in self.dropped if name.count(".") == 1]
        for file in files:
            file.write_text(re.sub(rf"(?<=[\[ ])({'|'.join(gone)})(, |(?=\]))", "", file.read_text()))

    def text(self, source: str) -> str:
        written = "\n".join("\n".join(self._top(lines)) for lines in _items(source.splitlines()))
        for new, old in REWORDED:
            written = re.sub(new, old, written)
        return written + "\n"

    def _top(self, lines: Lines) -> Lines:
        if lines[0] == "terraform {":
            return TERRAFORM.splitlines()
        if lines[0].startswith('provider "aws"'):
            return []
        if not (found := re.match(r'resource "(aws_\w+)" "(\w+)" \{', lines[0])):
            return lines
        kind = RENAMED.get(found[1], found[1])
        place = f"{kind}.{found[2]}"
        if kind not in self._known or kind in WITHOUT:
            self.dropped.add(place)
            return []
        body = list(self._known_only(_restated(kind, lines[1:-1]), self._known[kind]["block"], place))
        return [lines[0], *body, lines[-1]]

    def _known_only(self, lines: Lines, schema: Schema, place: str) -> Iterator[str]:
        blocks = schema.get("block_types", {})
        for item in _items(lines):
            found = re.match(r'\s*(dynamic )?"?(\w+)"?\s*([={])', item[0])
            if not found or found[2] in ALWAYS:
                yield from item
            elif found[2] not in blocks and found[2] not in schema.get("attributes", {}):
                self.dropped.add(f"{place}.{found[2]}")
            elif found[3] == "=":
                yield from item
            else:
                inner = self._content if found[1] else self._known_only
                yield item[0]
                yield from inner(item[1:-1], blocks[found[2]]["block"], f"{place}.{found[2]}")
                yield item[-1]

    def _content(self, lines: Lines, schema: Schema, place: str) -> Iterator[str]:
        """Of a dynamic block."""
        for item in _items(lines):
            if item[0].strip() != "content {":
                yield from item
                continue
            yield item[0]
            yield from self._known_only(item[1:-1], schema, place)
            yield item[-1]


def _items(lines: Lines) -> Iterator[Lines]:
    """Arguments, blocks and comments that stand side by side, each with the lines that belong to it."""
    indent = min((_indent(line) for line in lines if line.strip()), default=0)
    item: Lines = []
    for line in lines:
        begins = line.strip() and _indent(line) == indent and line.strip()[0] not in "}])"
        if begins and item:
            yield item
            item = []
        if item or line.strip():
            item.append(line)
        if item and line.strip() and line.strip()[0] in "}])" and _indent(line) == indent:
            yield item
            item = []
    if item:
        yield item


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _restated(kind: str, lines: Lines) -> Lines:
    if kind == "aws_s3_bucket":
        return [*lines, *BUCKET.splitlines()]
    text = "\n".join(lines)
    if source := re.search(r"(?m)^\s*source\s*= (.*)$", text):
        text = re.sub(r"(?m)^(\s*)source_hash\s*=.*$", lambda m: f"{m[1]}etag = filemd5({source[1]})", text)
    return text.splitlines()
