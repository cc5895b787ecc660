"""Which pipelines want which events.

Every look at it lists the documents once (their names and hashes, from the index by_item), and reads those
that it does not know by their hash yet: a thousand events cost no more than one. A document counts from the
moment that the index has it, within a second or so of its writing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from stagewright.document.merge import merged
from stagewright.document.triggers import AnyTrigger, Trigger
from stagewright.gateway import Gateway
from stagewright.parallel import run_parallel

Wanted = TypeVar("Wanted", bound=AnyTrigger)


@dataclass(frozen=True)
class Entry:
    """What a pipeline listens to. `groups`: the model package groups that it registers models in."""

    pipeline: str
    triggers: tuple[AnyTrigger, ...] = ()
    groups: tuple[str, ...] = ()


_TRIGGER: TypeAdapter[AnyTrigger] = TypeAdapter(Trigger)
_known: dict[tuple[str | None, ...], Entry] = {}
"""(table, pipeline, hash, overlay's hash) -> what that document says: what never changes is read once by each
function."""


class Catalogue:
    """As it is when it is first looked at."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    def wanting(self, kind: type[Wanted]) -> Iterator[tuple[Entry, Wanted]]:
        """Every trigger of this type, in the order of pipelines and of their documents."""
        for entry in self.entries:
            for trigger in entry.triggers:
                if isinstance(trigger, kind):
                    yield entry, trigger

    @cached_property
    def entries(self) -> tuple[Entry, ...]:
        bases, overlays = run_parallel(self._gateway.documents.layer_hashes, ("base", "environment"))
        hashes = dict(overlays)
        listed = ((pipeline, sha256, hashes.get(pipeline)) for pipeline, sha256 in sorted(bases))
        return tuple(run_parallel(self._entry, listed))

    def _entry(self, listed: tuple[str, str, str | None]) -> Entry:
        """`listed`: pipeline, and the hashes of its document and of its overlay (None: it has none)."""
        key = (self._gateway.documents.table, *listed)
        if "" in key or key not in _known:
            _known[key] = self._read(listed[0], overlaid=listed[2] is not None)
        return _known[key]

    def _read(self, pipeline: str, *, overlaid: bool) -> Entry:
        base = self._gateway.documents.base(pipeline)
        overlay = self._gateway.documents.layer(pipeline, "environment") if overlaid else None
        texts = (layer.document for layer in (base, overlay) if layer)
        return _entry_of(pipeline, texts)


def _entry_of(pipeline: str, texts: Iterable[str]) -> Entry:
    """Of a document that is wrong, as much as can be understood: its run will be refused, with the reason."""
    document: Any = {}
    try:
        for text in texts:
            document = merged(document, json.loads(text))
    except ValueError:
        return Entry(pipeline)
    if not isinstance(document, dict):
        return Entry(pipeline)
    return Entry(pipeline, tuple(_triggers(document)), tuple(_groups(pipeline, document)))


def _triggers(document: Mapping[str, Any]) -> Iterator[AnyTrigger]:
    for given in _list(document.get("triggers")):
        try:
            yield _TRIGGER.validate_python(given)
        except ValidationError:
            continue


def _groups(pipeline: str, document: Mapping[str, Any]) -> Iterator[str]:
    stages = document.get("stages")
    for stage in stages.values() if isinstance(stages, dict) else ():
        if isinstance(stage, dict) and stage.get("kind") == "register":
            yield str(stage.get("group") or pipeline)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
