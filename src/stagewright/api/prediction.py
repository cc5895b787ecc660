"""Requests to the endpoint of a pipeline, and their responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stagewright.api import documents, html
from stagewright.api.target import target_label
from stagewright.errors import NotFoundError, TargetError

if TYPE_CHECKING:
    from stagewright.api.payloads import Payload
    from stagewright.api.target import Session


@dataclass(frozen=True)
class Prediction:
    """The response of an endpoint.

    Attributes:
        body: The bytes of the response.
        content_type: Their content type.
    """

    endpoint: str
    body: bytes
    content_type: str

    @property
    def value(self) -> Any:
        """The parsed JSON, other text as a string, other bytes as they are."""
        try:
            text = self.body.decode()
            return json.loads(text) if "json" in self.content_type else text
        except (ValueError, RecursionError):
            return self.body

    def _repr_html_(self) -> str:
        text = self.value if isinstance(self.value, str) else repr(self.value)
        return f"{html.paragraph(f'{self.endpoint} ({self.content_type})')}<pre>{html.text(text)}</pre>"


def predict(session: Session, name: str, payload: Payload, accept: str = "application/json") -> Prediction:
    """Send data to the endpoint of a pipeline, or to an endpoint.

    NotFoundError: there is neither. TargetError: the model failed; the remedy names its log.
    """
    endpoint, deployed_by = endpoint_of(session, name)
    try:
        answer = session.gateway.endpoints.invoke(endpoint, payload.body, payload.content_type, accept)
    except TargetError as error:
        remedies = (error.remedy, *_remedies(deployed_by, payload))
        raise type(error)(error.message, "; ".join(filter(None, remedies))) from error
    return Prediction(endpoint, answer.body, answer.content_type)


def endpoint_of(session: Session, name: str) -> tuple[str, str]:
    """Endpoint of the pipeline `name`, with the run and stage that deployed it, or the endpoint `name`.

    NotFoundError: there is no such pipeline with an endpoint, and no such endpoint.
    """
    from stagewright.runs.history.run_history import deployed_endpoints

    for endpoint, made_by in deployed_endpoints(session.gateway, name).items():
        return endpoint, " ".join(made_by)
    if session.gateway.endpoints.describe(name):
        return name, ""
    raise NotFoundError(
        f"{name} is neither a pipeline with an endpoint nor an endpoint in {target_label(session.target)}",
        documents.pipeline_hint(session, name) or "stagewright endpoints lists the endpoints",
    )


def _remedies(deployed_by: str, payload: Payload) -> Iterator[str]:
    """Remedies for a failed request. `deployed_by`: run and stage."""
    if deployed_by:
        yield f"stagewright logs {deployed_by} shows the log of the model"
    if payload.guessed:
        yield f"the data was sent as {payload.content_type}; set another type with --content-type TYPE"
