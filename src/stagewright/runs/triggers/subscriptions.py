"""Subscriptions: which triggers act on an event.

A trigger acts on the events since the push that added it: each manifest holds its document. So a late event
is judged by what was in force at its time.
"""

from __future__ import annotations

from stagewright.document.triggers import AnyTrigger
from stagewright.errors import ReleaseError
from stagewright.formats import FormatError
from stagewright.gateway import Gateway
from stagewright.naming import epoch
from stagewright.runs.documents.subscribers import Subscribers, triggers_in
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import pushes
from stagewright.runs.releases.manifest import Manifest


class Subscriptions(Subscribers):
    """The subscribers, and the current manifests, at the time of the first read."""

    def __init__(self, gateway: Gateway) -> None:
        super().__init__(gateway)
        self._manifests: dict[str, Manifest | None] = {}

    def is_in_force(self, pipeline: str, trigger: AnyTrigger, time: str) -> bool:
        """Whether the pushed document had this trigger at a time (ISO 8601).

        True also if the manifest is invalid or of a later version: the run is then refused with that reason.
        """
        try:
            manifest = self._current(pipeline)
            if manifest and epoch(time) < manifest.written:
                manifest = pushes.manifest_at(self._gateway, pipeline, epoch(time))
        except (ReleaseError, FormatError):
            return True
        pushed = triggers_in(manifest.document) if manifest else ()
        return any(other.filter == trigger.filter for other in pushed)

    def _current(self, pipeline: str) -> Manifest | None:
        if pipeline not in self._manifests:
            self._manifests[pipeline] = manifests.read(self._gateway, pipeline)
        return self._manifests[pipeline]
