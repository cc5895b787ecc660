"""`worker.Response` of sagemaker_containers: a Flask response."""

from __future__ import annotations

from typing import Any

from . import content_types

try:
    import flask
except ImportError:  # a Python of the user's own
    flask = None


class PlainResponse:
    """What a script and the server use of a Flask response, without Flask."""

    default_mimetype = content_types.JSON

    def __init__(
        self, response: Any = b"", status: int = 200, headers: Any = None, mimetype: str | None = None
    ) -> None:
        self.data = response.encode() if isinstance(response, str) else bytes(response or b"")
        self.status_code = int(status)
        self.headers = dict(headers or {})
        self.mimetype = mimetype or self.default_mimetype
        textual = self.mimetype.startswith("text/")
        self.content_type = f"{self.mimetype}; charset=utf-8" if textual else self.mimetype

    def get_data(self) -> bytes:
        return self.data


class Response(flask.Response if flask else PlainResponse):  # type: ignore[misc]
    """A response with application/json as its default type. `accept` is ignored, as there."""

    default_mimetype = content_types.JSON

    def __init__(
        self,
        response: Any = None,
        accept: str | None = None,  # deprecated there as well
        status: int = 200,
        headers: Any = None,
        mimetype: str | None = None,
        **_ignored: Any,
    ) -> None:
        super().__init__(response, status, headers, mimetype)
