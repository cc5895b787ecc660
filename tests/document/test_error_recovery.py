"""Any document is loaded, or rejected with a DocumentError."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagewright.document.load import load
from stagewright.errors import DocumentError

WORDS = st.sampled_from(
    [
        "kind",
        "training",
        "gate",
        "stages",
        "train",
        "${run.id}",
        "${stages.train.model}",
        "${",
        "1 < 2",
        "",
        "s3://b",
        "code",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | WORDS | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, each in inner for place in places(each, (*path, key)))]


def put(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    place = document
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return document


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data(), value=VALUES, extra=VALUES)
def test_any_document_is_loaded_or_rejected(house, data, value, extra):
    document = house()
    document = put(document, data.draw(st.sampled_from(places(document))), value)
    document = put(document, data.draw(st.sampled_from(places(document))), extra)
    problems, stages = (), {}
    try:
        stages = load(document).stages
    except DocumentError as error:
        problems = error.problems

    assert bool(problems) != bool(stages)
    assert all(problem.message for problem in problems)
