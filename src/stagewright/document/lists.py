"""Lists of a document: the items that stages with `for_each` run for."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import Field

from stagewright.syntax.fields import Accepts, Model, Name, Reference, Scalar, Whole
from stagewright.syntax.findings import Finding, Path, quoted
from stagewright.syntax.references import find_references, render, text_of

MOST_ITEMS = 1_000
ITEM_NAME = re.compile(r"[a-z0-9](-?[a-z0-9])*")
ITEM_NAME_LIMIT = 32
ITEM_NAME_FORM = f"use lowercase letters, digits and single hyphens, at most {ITEM_NAME_LIMIT} characters"

OneItem = Scalar | Mapping[Name, Scalar]


class ItemList(Model):
    """A list of items, and how the stages with this `for_each` run for them."""

    items: Annotated[
        Reference | Annotated[tuple[OneItem, ...], Field(min_length=1, max_length=MOST_ITEMS)],
        Accepts(("text", "number", "flag"), known="plan", roots=("parameters",)),
    ]
    """`[eu, us]`, or records with a name: `[{name: eu, rate: 0.1}]`. Or `${parameters.<name>}`: a text with
    commas (`eu,us`), or with a list in JSON."""
    max_concurrency: Annotated[Whole, Field(ge=1)] | None = None
    """The most items that run at the same time. Default: as many as `max_concurrency` of the document."""
    max_failures: Annotated[Whole, Field(ge=0, le=MOST_ITEMS)] = 0
    """The most items that may fail without failing the run. Stages that depend on a failed item only do not
    run."""


@dataclass(frozen=True)
class Item:
    """One item. `values`: what `${each.<field>}` refers to, `name` among them."""

    name: str
    values: Mapping[str, Scalar]


def items_of(declared: ItemList, parameters: Mapping[str, Any]) -> tuple[Item, ...]:
    """Return the items of a list without problems (`item_findings`), with these parameters."""
    return tuple(_item(value) for value in _values(declared, parameters))


def first_item(declared: ItemList, parameters: Mapping[str, Any]) -> Item | None:
    """Return the first item of a list. None: the list has problems (`item_findings`)."""
    try:
        values = _values(declared, parameters)
    except ValueError:
        return None
    return _item(values[0]) if values and not any(_one(values[0], ())) else None


def item_findings(declared: ItemList, parameters: Mapping[str, Any], path: Path) -> Iterator[Finding]:
    """Yield what is wrong with the items of a list. `path`: of the list."""
    at = (*path, "items")
    try:
        values = _values(declared, parameters)
    except ValueError as error:
        yield Finding(at, str(error), "write eu,us or a JSON list of texts, numbers or records with a name")
        return
    if not 1 <= len(values) <= MOST_ITEMS:
        yield Finding(at, f"the list has {len(values):,} items", f"give 1 to {MOST_ITEMS:,} items")
        return
    findings = [finding for value in values for finding in _one(value, at)]
    yield from findings
    if not findings:
        yield from _together([_item(value) for value in values], at)


def has_reviewed_items(declared: ItemList, allowed: Mapping[str, Any]) -> bool:
    """Return whether only the document decides the items, not a person who starts a run.

    `allowed`: the parameters with `allowed_values`.
    """
    texts = json.dumps(declared.model_dump(mode="json", include={"items"}))
    return all(".".join(reference.path[1:]) in allowed for reference in find_references(texts))


def _values(declared: ItemList, parameters: Mapping[str, Any]) -> Sequence[Any]:
    """Return the values of the items. ValueError: the parameter's text is not a list."""
    values = render(declared.items, lambda reference: parameters.get(".".join(reference.path[1:]), ""))
    if isinstance(values, list):
        return values
    text = text_of(values).strip()
    if not text.startswith("["):
        return [part.strip() for part in text.split(",") if part.strip()]
    try:
        parsed = json.loads(text)
    except ValueError as error:
        raise ValueError(f"{quoted(text)} is not a list in JSON: {error}") from None
    return list(parsed)


def _item(value: Any) -> Item:
    if isinstance(value, Mapping):
        return Item(str(value["name"]), value)
    name = re.sub(r"[^a-z0-9]+", "-", text_of(value).lower()).strip("-")
    return Item(name, {"name": name, "value": value})


def _one(value: Any, at: Path) -> Iterator[Finding]:
    """Yield what is wrong with one item: it has no name, or a value of the wrong type."""
    if isinstance(value, Mapping):
        if "name" not in value:
            yield Finding(at, f"the record {_shown(value)} has no name", "add name: it names the instance")
            return
        if wrong := [
            field for field, item in value.items() if not isinstance(item, bool | int | float | str)
        ]:
            yield Finding(at, f"{wrong[0]} of {_shown(value)} is not a text, a number, true or false")
            return
    elif not isinstance(value, bool | int | float | str):
        yield Finding(at, f"{_shown(value)} is not an item", "give texts, numbers, or records with a name")
        return
    name = _item(value).name
    if not ITEM_NAME.fullmatch(name) or len(name) > ITEM_NAME_LIMIT:
        remedy = ITEM_NAME_FORM
        if not isinstance(value, Mapping):
            remedy += "; or a record with such a name: {name: ..., value: ...}"
        yield Finding(at, f"{_shown(value)} makes no name of an instance", remedy)


def _together(items: Sequence[Item], at: Path) -> Iterator[Finding]:
    """Yield the names that two items share, and the fields that not all items have with one type."""
    counts = Counter(item.name for item in items)
    for name in (name for name, count in counts.items() if count > 1):
        yield Finding(at, f"{counts[name]} items have the name {name}", "give each item its own name")
    kinds: dict[str, set[str]] = {}
    for item in items:
        for field, value in item.values.items():
            kinds.setdefault(field, set()).add(type_name(value))
    for field, types in kinds.items():
        if any(field not in item.values for item in items):
            yield Finding(at, f"not every item has {field}", "give every item the same fields")
        elif len(types) > 1:
            yield Finding(at, f"{field} is {' and '.join(sorted(types))}", "give it one type in every item")


def type_name(value: Scalar) -> Literal["flag", "number", "text"]:
    """Return the type of a value of an item: text, number or flag."""
    return "flag" if isinstance(value, bool) else "number" if isinstance(value, int | float) else "text"


def _shown(value: Any) -> str:
    return quoted(json.dumps(value, ensure_ascii=False), 80).strip("'")
