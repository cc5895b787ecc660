"""The state directory while a server holds it."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace

from sagemaker_local import credentials
from sagemaker_local.http.listen import listen
from sagemaker_local.state_folder import Identity, Server, new_key
from stagewright import __version__
from stagewright.local import integrity, leftovers
from stagewright.local.state import Owner, State


class HeldState:
    """A locked and intact state directory, and the open port of its server.

    The constructor kills what an earlier server left, checks every file, opens the port, and sets the
    environment variables of this server. Raises SageMakerLocalError or StagewrightError if that fails.
    `port`: None for the port of the earlier server, or any free one.
    """

    def __init__(self, state: State, port: int | None, progress: Callable[[str], None]) -> None:
        self._state = state
        state.create()
        self.key = new_key()
        try:
            self._lock = state.hold()
            integrity.require_format(state)
            self._take_over(progress)
            state.require_space()
            integrity.require_intact(state, progress)
            state.withdraw()
            identity = state.identity()
            self.socket = listen(port, identity.port)
            self.port: int = self.socket.getsockname()[1]
            state.remember_port(self.port)
            self.server = self._describe(identity)
            os.environ.update(credentials.environment(self.server))
            os.environ["TMPDIR"] = str(state.fresh_temporary())
        except OSError as error:
            raise state.unusable(error) from error

    def _take_over(self, progress: Callable[[str], None]) -> None:
        """Kill what an earlier server left, and note in the lock who holds it now."""
        if owner := self._state.owner():
            progress("ends the processes of an earlier server")
            leftovers.kill(owner)
        self._state.claim(self._lock, Owner(os.getpid(), self.key[0], __version__))

    def _describe(self, identity: Identity) -> Server:
        here = replace(identity, port=self.port)
        return Server(here.url, here.access_key, here.secret_key, os.getpid(), self._state.root)

    def leave(self, code: int) -> None:
        """Withdraw the server before its process ends with an exit code.

        After a failure, the lock still names the owner, whose processes the next server kills.
        """
        self._state.withdraw()
        if code == 0:
            self._state.claim(self._lock, None)
