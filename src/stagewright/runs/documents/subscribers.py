"""Subscribers: which pipelines have triggers for which events.

`Subscribers` lists the documents (names and hashes, from the index `by_item`) and reads those whose hash is
new to this function. So a thousand events cost as many reads as one. A document counts when the index has it,
about a second after it was written.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from stagewright.document.lists import ItemList, item_findings, items_of
from stagewright.document.merge import merged
from stagewright.document.triggers import AnyTrigger, Trigger
from stagewright.formats import FormatError
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel
from stagewright.stages.registry import KINDS

Kind = TypeVar("Kind", bound=AnyTrigger)


@dataclass(frozen=True)
class Subscriber:
    """A pipeline and its triggers. `groups`: the model package groups in which it registers models."""

    pipeline: str
    triggers: tuple[AnyTrigger, ...] = ()
    groups: tuple[str, ...] = ()


log = logging.getLogger(__name__)
_TRIGGER: TypeAdapter[AnyTrigger] = TypeAdapter(Trigger)
_cache: dict[tuple[str | None, ...], Subscriber] = {}
"""(table, pipeline, document's hash, overlay's hash) -> subscriber, for the life of the function instance."""


class Subscribers:
    """The subscribers at the time of the first read."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def with_trigger(self, kind: type[Kind]) -> Iterator[tuple[Subscriber, Kind]]:
        """Every trigger of a type with its pipeline, in the order of names and documents."""
        for subscriber in self._subscribers:
            for trigger in subscriber.triggers:
                if isinstance(trigger, kind):
                    yield subscriber, trigger

    @cached_property
    def _subscribers(self) -> tuple[Subscriber, ...]:
        bases, overlays = run_parallel(self._gateway.documents.layer_hashes, ("base", "environment"))
        hashes = dict(overlays)
        listed = ((pipeline, sha256, hashes.get(pipeline)) for pipeline, sha256 in sorted(bases))
        return tuple(run_parallel(self._subscriber, listed))

    def _subscriber(self, listed: tuple[str, str, str | None]) -> Subscriber:
        """`listed`: the pipeline, and the hashes of its document and of its overlay (None: no overlay)."""
        key = (self._gateway.documents.table, *listed)
        if "" in key or key not in _cache:
            _cache[key] = self._read(listed[0], overlaid=listed[2] is not None)
        return _cache[key]

    def _read(self, pipeline: str, *, overlaid: bool) -> Subscriber:
        """Read a pipeline's triggers. A document of a later version has none here, and stops no other one."""
        try:
            return self._parsed(pipeline, overlaid=overlaid)
        except FormatError as error:
            log.warning("the triggers of %s are not read: %s", pipeline, error)
            return Subscriber(pipeline)

    def _parsed(self, pipeline: str, *, overlaid: bool) -> Subscriber:
        base = self._gateway.documents.base(pipeline)
        overlay = self._gateway.documents.layer(pipeline, "environment") if overlaid else None
        texts = (layer.document for layer in (base, overlay) if layer)
        return _parsed(pipeline, texts)


def merged_texts(texts: Iterable[str]) -> Mapping[str, Any]:
    """The document that these layers make, lowest first. Empty if one of them is not a JSON object."""
    document: Any = {}
    try:
        for text in texts:
            document = merged(document, json.loads(text))
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _parsed(pipeline: str, texts: Iterable[str]) -> Subscriber:
    """The valid triggers of a document, even if other parts are wrong: they reject its run with the
    reason."""
    document = merged_texts(texts)
    return Subscriber(pipeline, triggers_in(document), tuple(_groups(pipeline, document)))


def triggers_in(document: Mapping[str, Any]) -> tuple[AnyTrigger, ...]:
    """The valid triggers of a document (parsed JSON)."""
    return tuple(_triggers(document))


def _triggers(document: Mapping[str, Any]) -> Iterator[AnyTrigger]:
    for trigger in _list(document.get("triggers")):
        try:
            yield _TRIGGER.validate_python(trigger)
        except ValidationError:
            continue


def _groups(pipeline: str, document: Mapping[str, Any]) -> Iterator[str]:
    stages = document.get("stages")
    for stage in stages.values() if isinstance(stages, dict) else ():
        kind = KINDS.get(str(stage.get("kind"))) if isinstance(stage, dict) else None
        if kind and kind.schema.registers_model:
            group = str(stage.get("group") or pipeline)
            items = _items(document, str(stage["for_each"])) if stage.get("for_each") else [""]
            yield from (f"{group}-{item}" if item else group for item in items)


def _items(document: Mapping[str, Any], name: str) -> list[str]:
    """The names of a list's items, with the parameters of the document. Empty: the list is not valid."""
    parameters = document.get("parameters") or {}
    try:
        declared = ItemList.model_validate(document["lists"][name])
    except (KeyError, TypeError, ValidationError):
        return []
    if any(item_findings(declared, parameters, ())):
        return []
    return [item.name for item in items_of(declared, parameters)]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
