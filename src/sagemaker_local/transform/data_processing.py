"""DataProcessing of a transform job: filters records before inference, and joins and filters the results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_local.api.protocol import invalid
from sagemaker_local.transform import json_path
from sagemaker_local.transform.json_path import JsonPath, JsonPathError, Names
from sagemaker_local.transform.mini_batches import Record
from sagemaker_local.transform.record_formats import FORMATS, Csv, RecordError, RecordFormat, media_type

DEFAULTS = {"InputFilter": "$", "JoinSource": "None", "OutputFilter": "$"}
OPERATORS = ("$", "[", "]", "*", ".", " ", ",", ":", "-", "'")


@dataclass(frozen=True)
class DataProcessing:
    """The filters and the join of a job. Without them, data of any format passes unchanged."""

    input_filter: JsonPath
    output_filter: JsonPath
    joins: bool
    format: RecordFormat

    @property
    def changes_output(self) -> bool:
        return self.joins or not self.output_filter.is_root

    @property
    def has_bounded_slice(self) -> bool:
        """Whether a slice has an end. AWS's documentation is contradictory about whether the end is
        included."""
        steps = (*self.input_filter.steps, *self.output_filter.steps)
        return any(isinstance(step, json_path.Slice) and step.end is not None for step in steps)

    def record(self, whole: bytes) -> Record:
        """The record with its filtered part. RecordError, JsonPathError."""
        if self.input_filter.is_root:
            return Record(whole, whole)
        return Record(whole, self.format.write(self.input_filter.select(self.format.read(whole))))

    def output(self, records: Sequence[Record], response: bytes) -> bytes:
        """The output for the records, one line each. RecordError if the response has another number of lines.

        Also raises JsonPathError.
        """
        if not self.changes_output:
            return response
        return b"\n".join(
            self._joined(record, line)
            for record, line in zip(records, self._responses(response, len(records)), strict=True)
        )

    def _joined(self, record: Record, response: Any) -> bytes:
        joined = self.format.join(self.format.read(record.whole), response) if self.joins else response
        return self.format.write(self.output_filter.select(joined))

    def _responses(self, response: bytes, count: int) -> list[Any]:
        lines = [response] if count == 1 and not isinstance(self.format, Csv) else response.splitlines()
        if len(lines) != count:
            raise RecordError(f"the model returned {len(lines)} lines for {count} records")
        return [self.format.read(line) for line in lines]


def parse(record: dict[str, Any]) -> DataProcessing:
    """Parse the data processing of a job or a request. ValidationException if SageMaker would reject it."""
    settings = {**DEFAULTS, **record.get("DataProcessing", {})}
    source, target = record["TransformInput"], record["TransformOutput"]
    content_type = media_type(source.get("ContentType", ""))
    filters = {name: _path(name, settings[name], content_type) for name in ("InputFilter", "OutputFilter")}
    processing = DataProcessing(
        filters["InputFilter"],
        filters["OutputFilter"],
        settings["JoinSource"] == "Input",
        FORMATS.get(content_type, FORMATS["text/csv"]),
    )
    if processing.changes_output or not processing.input_filter.is_root:
        _check_input(processing, content_type, source.get("SplitType", "None"))
    if processing.changes_output:
        _check_output(source, target)
    return processing


def _path(field: str, text: str, content_type: str) -> JsonPath:
    for character in text:
        if not (character.isascii() and character.isalnum()) and character not in OPERATORS:
            known = ", ".join(f"'{operator}'" for operator in OPERATORS)
            raise invalid(
                f'Invalid {field}: "{text}". Unexpected "{character}" in JsonPath.'
                f' Supported operators for "{content_type}" are [{known}]'
            )
    try:
        return json_path.parse(text or "$")
    except JsonPathError as error:
        raise invalid(f'Invalid {field}: "{text}". {error}') from error


def _check_input(processing: DataProcessing, content_type: str, split_type: str) -> None:
    if content_type not in FORMATS:
        raise invalid(
            f"DataProcessing needs TransformInput.ContentType to be one of {', '.join(FORMATS)};"
            f" it is {content_type or 'missing'}."
        )
    if content_type in ("text/csv", "application/jsonlines") and split_type != "Line":
        raise invalid(f"DataProcessing of {content_type} needs TransformInput.SplitType to be Line.")
    paths = (processing.input_filter, processing.output_filter)
    for path in paths if content_type == "text/csv" else ():
        if any(isinstance(step, Names) for step in path.steps):
            raise invalid(f'The filter "{path.text}" has a name; for text/csv only indexes can be used.')


def _check_output(source: dict[str, Any], target: dict[str, Any]) -> None:
    """Check that both formats and both splittings are the same, as the developer guide requires."""
    accept = target.get("Accept", source["ContentType"])
    if media_type(accept) != media_type(source["ContentType"]):
        raise invalid(
            f"JoinSource and OutputFilter need the same TransformOutput.Accept ({accept})"
            f" and TransformInput.ContentType ({source['ContentType']})."
        )
    split, assemble = source.get("SplitType", "None"), target.get("AssembleWith", "None")
    if split != assemble:
        raise invalid(
            f"JoinSource and OutputFilter need the same TransformOutput.AssembleWith ({assemble})"
            f" and TransformInput.SplitType ({split})."
        )
