from __future__ import annotations

from typing import Any

import pytest

from sagemaker_local.transform.json_path import JsonPathError, parse

ROW = ["7", "a", "b", "c", "0.5"]
HOUSE = {"id": 7, "features": {"rooms": [3, 4, 5], "town": "Ames"}, "Sale Condition": "Normal"}


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ("$", HOUSE, HOUSE),
        ("$[1:]", ROW, ["a", "b", "c", "0.5"]),
        ("$[:2]", ROW, ["7", "a"]),
        ("$[1:3]", ROW, ["a", "b"]),
        ("$[0:-1]", ROW, ["7", "a", "b", "c"]),
        ("$[-2:]", ROW, ["c", "0.5"]),
        ("$[0]", ROW, "7"),
        ("$[-1]", ROW, "0.5"),
        ("$[0,-1]", ROW, ["7", "0.5"]),
        ("$[3, 1]", ROW, ["c", "a"]),
        ("$[*]", ROW, ROW),
        ("$.id", HOUSE, 7),
        ("$.features.town", HOUSE, "Ames"),
        ("$.features.rooms[1:]", HOUSE, [4, 5]),
        ("$.features.*", HOUSE, [[3, 4, 5], "Ames"]),
        ("$.features.*[0]", {"features": {"a": [1, 2], "b": [3]}}, [1, 3]),
        ("$['id','features']", HOUSE, {"id": 7, "features": HOUSE["features"]}),
        ("$['Sale Condition']", HOUSE, "Normal"),
        ("$.features.['town']", HOUSE, "Ames"),
        ("$[0].id", [HOUSE], 7),
    ],
)
def test_path_selects_values(path: str, value: Any, found: Any) -> None:
    assert parse(path).select(value) == found


@pytest.mark.parametrize(
    ("path", "value", "because"),
    [
        ("$[5]", ROW, "list index out of range"),
        ("$[0,9]", ROW, "list index out of range"),
        ("$[9:]", ROW, "it has 5 elements"),
        ("$.price", HOUSE, "'price'"),
        ("$['id','price']", HOUSE, "'price'"),
        ("$.id.x", HOUSE, "it has no x: it is not a JSON object"),
        ("$[0]", HOUSE, "it is not an array"),
    ],
)
def test_path_without_a_match_is_an_error_with_the_reason(path: str, value: Any, because: str) -> None:
    with pytest.raises(JsonPathError) as raised:
        parse(path).select(value)
    assert str(raised.value) == f"{path} finds nothing in the record ({because})"


@pytest.mark.parametrize("path", ["id", "$[", "$..id", "$[?(@.x)]", "$[0::2]", "$.", "$['a'", "$[a]", "$[]"])
def test_invalid_paths_are_rejected(path: str) -> None:
    with pytest.raises(JsonPathError, match="Invalid JsonPath"):
        parse(path)


@pytest.mark.parametrize("path", ["$[0:2,246:]", "$[0,5:]"])
def test_multiple_ranges_are_rejected_with_the_services_message(path: str) -> None:
    with pytest.raises(JsonPathError) as raised:
        parse(path)
    assert str(raised.value) == (
        f"Invalid JsonPath: {path}: only single range filters of format (eg: [1:5]) are supported. "
        f"Format {path[1:]} is not supported"
    )


def test_several_names_are_allowed_at_the_end() -> None:
    with pytest.raises(JsonPathError, match="at the end"):
        parse("$['a','b'].c")
