"""A step: a question to the target, and the judgment of its answer, which may be a recording."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stagewright.errors import StagewrightError
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import Plan
from tools import smoke_records

Outcome = Literal["confirmed", "differs", "not tried"]
Judge = Callable[[Any], Iterable[str]]

DENIED = {
    "AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation",
}  # fmt: skip
NO_CREDENTIALS = {
    "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException",
    "InvalidSignatureException", "SignatureDoesNotMatch",
}  # fmt: skip
BUSY = {
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "InternalFailure",
    "ServiceUnavailable",
}
_DENIED_ACTION = re.compile(r"not authorized to perform: ([a-z0-9-]+:\w+)")
SHAPE_ERRORS = (AttributeError, LookupError, TypeError, ValueError, StopIteration)
"""What reading an answer raises that lacks a field or has one of another type."""
CAUSE_LENGTH = 300
"""Characters of a message in the table."""


class NotTriedError(Exception):
    """The step cannot be tried. The text is the reason, with the remedy if there is one."""


@dataclass(frozen=True)
class Target:
    """What steps ask. `plans` are those of the smoke pipelines; `records` is what their runs left."""

    gateway: OperatorGateway
    plans: Sequence[Plan] = ()
    records: smoke_records.Records = field(default_factory=dict)
    is_local: bool = False

    def client(self, service: str) -> Any:
        return self.gateway.installed.client(service)

    def prefixed_client(self, service: str) -> Any:
        """Return a client for operations whose host has a prefix on AWS, which the local target has not."""
        if not self.is_local:
            return self.client(service)
        config, url = Config(inject_host_prefix=False), self.gateway.endpoint_url
        return self.gateway.session.client(service, endpoint_url=url, config=config)

    def record(self, group: str, name: str) -> Any:
        """Return the record of a task, failure or event of the runs. NotTriedError: there is none."""
        try:
            return self.records[group][name]
        except KeyError:
            raise NotTriedError(f"the runs left no record of {name}") from None


Observe = Callable[[Target], Any]


@dataclass(frozen=True)
class Step:
    """`id` is that of the fact in docs/fidelity.md, or A and a number for a condition of the test itself."""

    id: str
    fact: str
    observe: Observe
    judge: Judge


@dataclass(frozen=True)
class Verdict:
    """The outcome of a step: why it was not tried or what differs, and the answer without account data."""

    id: str
    fact: str
    outcome: Outcome
    details: tuple[str, ...] = ()
    answer: Any = None


def try_step(step: Step, target: Target) -> Verdict:
    """Try one step. An error ends this step only."""
    try:
        answer = smoke_records.scrubbed(step.observe(target), target.gateway.installation.bucket)
    except NotTriedError as reason:
        return Verdict(step.id, step.fact, "not tried", (str(reason),))
    except ClientError as error:
        return _failed(step, error, target)
    except StagewrightError as error:
        reason = f"{error.message}; {error.remedy}" if error.remedy else error.message
        return Verdict(step.id, step.fact, "not tried", (reason,))
    except BotoCoreError as error:
        return Verdict(step.id, step.fact, "not tried", (f"{error}; check credentials, region and network",))
    except SHAPE_ERRORS as error:
        return Verdict(step.id, step.fact, "differs", (_other_shape(error),))
    return judged(step, answer)


def judged(step: Step, answer: Any) -> Verdict:
    """Judge an answer, which may be a recording."""
    try:
        details = tuple(step.judge(answer))
    except SHAPE_ERRORS as error:
        details = (_other_shape(error),)
    return Verdict(step.id, step.fact, "differs" if details else "confirmed", details, answer)


def _other_shape(error: Exception) -> str:
    return f"the answer has another shape: {type(error).__name__} {error}"


def _failed(step: Step, error: ClientError, target: Target) -> Verdict:
    if reason := obstacle(error, target):
        return Verdict(step.id, step.fact, "not tried", (reason,))
    rejection = rejected_as(error)
    text = f"{error.operation_name}: {rejection['error']}: {rejection['message']}"[:CAUSE_LENGTH]
    return Verdict(step.id, step.fact, "differs", (text,), smoke_records.scrubbed(rejection))


def obstacle(error: ClientError, target: Target) -> str:
    """Return why the rejection does not answer the question, with the remedy. Empty: it is an answer."""
    code, operation = _code(error), error.operation_name
    if code in NO_CREDENTIALS:
        return f"{operation}: AWS does not accept the credentials ({code}); log in again"
    if code in DENIED:
        action = _DENIED_ACTION.search(rejected_as(error)["message"])
        return (
            f"{action[1] if action else operation} is denied; allow your credentials this action, and repeat"
        )
    if code in BUSY:
        return f"{operation}: {code}; repeat the command"
    if target.is_local and not _served(error):
        return f"the local target has no {operation}"
    return ""


def _served(error: ClientError) -> bool:
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    words = ("Unknown", "Unsupported", "NotImplemented", "InvalidAction", "NoSuchKey")
    return not (status in (404, 405, 501) or any(word in _code(error) for word in words))


def answered(target: Target, call: Callable[..., Mapping[str, Any]], **request: Any) -> dict[str, Any]:
    """Return the response or the rejection of a call. A denied call is no answer: it raises ClientError."""
    try:
        response = dict(call(**request))
    except ClientError as error:
        if obstacle(error, target):
            raise
        return rejected_as(error)
    response.pop("ResponseMetadata", None)
    return {"response": response}


def rejected_as(error: ClientError) -> dict[str, str]:
    return {"error": _code(error), "message": str(error.response.get("Error", {}).get("Message", ""))}


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def rejected(code: str, *words: str) -> Judge:
    """Expect a rejection with this code, and with these words in its message."""

    def judge(answer: Any) -> Iterator[str]:
        if "error" not in answer:
            yield f"it was accepted; a rejection with {code} was expected"
            return
        if answer["error"] != code:
            yield f"the error is {answer['error']}, not {code}: {answer['message'][:CAUSE_LENGTH]}"
        yield from (
            f"the message has no {word!r}: {answer['message']}"
            for word in words
            if word not in answer["message"]
        )

    return judge


def each_rejected(code: str) -> Judge:
    """Expect a rejection with this code of every call in a mapping name -> answer."""

    def judge(answer: Any) -> Iterator[str]:
        for name, item in answer.items():
            yield from (f"{name}: {text}" for text in rejected(code)(item))

    return judge


def equals(expected: Any) -> Judge:
    def judge(answer: Any) -> Iterator[str]:
        if answer != expected:
            yield f"it is {answer!r}, not {expected!r}"

    return judge


def accepted(answer: Any) -> Iterator[str]:
    """Expect that the call was accepted."""
    if "error" in answer:
        yield f"it was rejected: {answer['error']}: {answer['message'][:CAUSE_LENGTH]}"


def is_rejected(answer: Any) -> Iterator[str]:
    if "error" not in answer:
        yield "it was accepted"


def has(*paths: str) -> Judge:
    """Expect these fields, as dotted paths, each with a value."""

    def judge(answer: Any) -> Iterator[str]:
        for path in paths:
            value = answer
            for name in path.split("."):
                value = value.get(name) if isinstance(value, Mapping) else None
            if value in (None, "", [], {}):
                yield f"{path} is missing or empty"

    return judge


def nothing(answer: Any) -> Iterator[str]:
    """Expect an empty list of findings, each a text."""
    yield from answer
