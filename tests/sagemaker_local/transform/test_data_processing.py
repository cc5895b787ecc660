from __future__ import annotations

from typing import Any

import pytest

from sagemaker_local.api.protocol import ApiError
from sagemaker_local.transform import data_processing
from sagemaker_local.transform.data_processing import DataProcessing
from sagemaker_local.transform.record_formats import Json, RecordError

CSV, LINES, JSON = "text/csv", "application/jsonlines", "application/json"
UNDERSCORE = (
    "Invalid OutputFilter: \"$['account_id','SageMakerOutput']\". Unexpected \"_\" in JsonPath. "
    "Supported operators for \"application/jsonlines\" are ['$', '[', ']', '*', '.', ' ', ',', ':', "
    "'-', ''']"
)
"""In the service's words (github.com/aws/aws-sdk, issue 184)."""


def processing(content_type: str, split: str = "Line", accept: str = "", **filters: str) -> DataProcessing:
    return data_processing.parse(request(content_type, split, split, accept, **filters))


def request(
    content_type: str, split: str, assemble: str = "None", accept: str = "", **filters: str
) -> dict[str, Any]:
    return {
        "TransformInput": {"SplitType": split, **({"ContentType": content_type} if content_type else {})},
        "TransformOutput": {"AssembleWith": assemble, **({"Accept": accept} if accept else {})},
        "DataProcessing": filters,
    }


def test_csv_columns_are_filtered_and_joined_back() -> None:
    """The developer guide's example: the ID is removed from the model input and joined to the output."""
    made = processing(CSV, InputFilter="$[1:]", JoinSource="Input", OutputFilter="$[0,-1]")
    records = [made.record(line) for line in (b"7,1.50,x", b'8,2,"a, b"')]
    assert [record.sent for record in records] == [b"1.50,x", b'2,"a, b"']
    assert made.output(records, b"0.1\n0.2\n") == b"7,0.1\n8,0.2"


def test_csv_join_appends_all_response_columns_to_the_input() -> None:
    made = processing(CSV, JoinSource="Input")
    records = [made.record(b'1,"two, or three",3')]
    assert made.output(records, b"4,5") == b'1,"two, or three",3,4,5'


@pytest.mark.parametrize(
    ("record", "answer", "joined"),
    [
        (b'{"key":1}', b'{"label":1}', b'{"key":1,"SageMakerOutput":{"label":1}}'),
        (b"[1,2]", b"0.5", b'{"SageMakerInput":[1,2],"SageMakerOutput":0.5}'),
        ('{"town":"Århus"}'.encode(), b'"ja"', '{"town":"Århus","SageMakerOutput":"ja"}'.encode()),
    ],
)
def test_json_join_puts_the_response_under_its_own_key(record: bytes, answer: bytes, joined: bytes) -> None:
    made = processing(LINES, JoinSource="Input")
    assert made.output([made.record(record)], answer) == joined


def test_json_filters() -> None:
    made = processing(
        LINES, InputFilter="$.features", JoinSource="Input", OutputFilter="$['id','SageMakerOutput']"
    )
    records = [made.record(b'{"id": 7, "features": [1, 2]}'), made.record(b'{"id": 8, "features": [3]}')]
    assert [record.sent for record in records] == [b"[1,2]", b"[3]"]
    answer = b'{"y": 1}\n{"y": 2}\n'
    assert made.output(records, answer) == (
        b'{"id":7,"SageMakerOutput":{"y":1}}\n{"id":8,"SageMakerOutput":{"y":2}}'
    )


def test_unsplit_json_file_is_one_record() -> None:
    made = processing(JSON, split="None", JoinSource="Input")
    pretty = b'{\n "key": 1\n}\n'
    assert made.output([made.record(pretty)], b"[\n 1,\n 2\n]\n") == b'{"key":1,"SageMakerOutput":[1,2]}'


def test_data_passes_unchanged_without_filters() -> None:
    made = processing("image/png", split="None")
    record = made.record(b"\x89PNG\n\x00")
    assert record.sent == b"\x89PNG\n\x00"
    assert made.output([record], b"\n\n\xff") == b"\n\n\xff"


def test_response_needs_one_line_per_record() -> None:
    made = processing(CSV, JoinSource="Input")
    records = [made.record(b"1"), made.record(b"2")]
    with pytest.raises(RecordError, match="the model returned 1 lines for 2 records"):
        made.output(records, b"[0.1, 0.2]")


def test_record_of_another_content_type_is_rejected() -> None:
    with pytest.raises(RecordError, match="Failed to parse as JSON"):
        processing(LINES, InputFilter="$.x").record(b"1,2")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (
            request(LINES, "Line", "Line", OutputFilter="$['account_id','SageMakerOutput']"),
            UNDERSCORE,
        ),
        (request(CSV, "Line", InputFilter="1:"), 'Invalid InputFilter: "1:".'),
        (request(CSV, "Line", InputFilter="$.id"), "for text/csv only indexes can be used"),
        (request(CSV, "None", InputFilter="$[1:]"), "needs TransformInput.SplitType to be Line"),
        (request("", "Line", InputFilter="$[1:]"), "it is missing"),
        (request("image/png", "None", JoinSource="Input"), "it is image/png"),
        (request(CSV, "Line", "Line", JSON, JoinSource="Input"), "need the same TransformOutput.Accept"),
        (request(CSV, "Line", "None", JoinSource="Input"), "need the same TransformOutput.AssembleWith"),
    ],
)
def test_invalid_data_processing_is_rejected(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(ApiError) as refused:
        data_processing.parse(wrong)
    assert refused.value.code == "ValidationException"
    assert said in refused.value.message


def test_input_filter_alone_does_not_change_the_response() -> None:
    made = data_processing.parse(request("text/csv; charset=utf-8", "Line", InputFilter="$[1:]"))
    assert made.output([made.record(b"1,2"), made.record(b"3,4")], b"[1, 2]") == b"[1, 2]"


@pytest.mark.parametrize("record", [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 5000, b"\xff"])
def test_json_that_cannot_be_read_or_written_is_a_record_error(record: bytes) -> None:
    with pytest.raises(RecordError, match="as JSON"):
        Json().write(Json().read(record))


def test_half_of_a_surrogate_pair_is_written_as_it_was_read() -> None:
    record = b'"\\ud800"'
    assert Json().write(Json().read(record)) == record
