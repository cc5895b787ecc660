"""The installation's resources in a state directory: restored from a snapshot, or created."""

from __future__ import annotations

from collections.abc import Callable

from sagemaker_local.state_folder import Server, write_private
from stagewright.local import integrity
from stagewright.local.artifacts import Artifacts
from stagewright.local.services import Services
from stagewright.local.state import State


class CreatedResources:
    """The resources. The constructor restores a snapshot into a new state directory."""

    def __init__(self, state: State, artifacts: Artifacts) -> None:
        self._state = state
        self._artifacts = artifacts
        self.were_used: bool = state.services.exists()
        """Whether an earlier server used the state directory."""
        self._is_new = self._prefill()

    def _prefill(self) -> bool:
        """Return True if the state directory is new and there is no snapshot."""
        from stagewright.local import snapshot

        if self.were_used:
            return False
        if snapshot.restore(self._state, self._artifacts.digest):
            if integrity.check(self._state):  # the cache is damaged
                snapshot.discard(self._state, self._artifacts.digest)
                return True
            write_private(self._state.provisioned, self._artifacts.digest)
            return False
        return True

    def complete(self, server: Server, services: Services, progress: Callable[[str], None]) -> None:
        """Create the resources, unless the restored state was provisioned from the same artifacts."""
        done, digest = self._state.provisioned, self._artifacts.digest
        if done.exists() and done.read_bytes() == digest.encode():
            return
        progress("creates the resources")
        from stagewright.local import snapshot
        from stagewright.local.provision import provision

        provision(server, self._artifacts)
        services.ministack.save()
        if self._is_new:
            services.glue.checkpoint()
            services.ministack.checkpoint()
            snapshot.keep(self._state, digest)
        write_private(done, digest)
