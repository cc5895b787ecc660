"""Dead letters: messages that did not start a run. They can be listed, replayed or deleted.

A malformed message becomes a dead letter at once, with the reason. Any other message does after five
deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stagewright.aws.queue import ANY_RELEASE, Message
from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.runs.intake import messages, run_requests

WELL_FORMED = "it is well-formed; the router's log has the error"
RUN_ENDED = (
    "its run {run} has ended: {status}; show prints why, resume continues it, replay starts no second run"
)


@dataclass(frozen=True)
class DeadLetter:
    """`id`: the message's first id, as in the router's log. `sent`: when it became a dead letter, ISO 8601.

    `receives`: how often it was received since, by `list_letters` too. `why`: the router's reason, or what
    its body shows.
    """

    id: str
    sent: str
    receives: int
    why: str
    body: str


def list_letters(gateway: Gateway) -> list[DeadLetter]:
    """All dead letters, oldest first."""
    return _process(gateway, None, lambda _: False)


def replay(gateway: Gateway, ids: Sequence[str] | None) -> list[DeadLetter]:
    """Send dead letters to the router again. Returns them. `ids`: None for all; each can be shortened.

    A letter is deleted only after it was sent, so none is lost. A push that is named by its id runs even if a
    newer one has. NotFoundError, before any is sent: an id fits no letter, or several.
    """
    named = {ANY_RELEASE: {"DataType": "String", "StringValue": "yes"}} if ids is not None else {}

    def send(message: Message) -> bool:
        gateway.queue.send_again(replace(message, reason="", attributes={**message.attributes, **named}))
        return True

    return _process(gateway, ids, send)


def delete(gateway: Gateway, ids: Sequence[str] | None) -> list[DeadLetter]:
    """Delete dead letters. Returns them. `ids` and errors: as in `replay`."""
    return _process(gateway, ids, lambda _: True)


def _process(
    gateway: Gateway, ids: Sequence[str] | None, action: Callable[[Message], bool]
) -> list[DeadLetter]:
    """Apply the action to the chosen letters, and delete those for which it returns True.

    All other letters can be received again at once.
    """
    queue = gateway.dead_letters
    left = {message.id: message for message in queue.receive()}
    try:
        chosen = list(left.values()) if ids is None else _chosen(list(left.values()), ids)
        for message in chosen:
            if action(message):
                queue.delete(message)
                del left[message.id]
    finally:
        for message in left.values():
            queue.release(message)
    return [_letter(gateway, message) for message in sorted(chosen, key=lambda message: message.sent)]


def _chosen(letters: Sequence[Message], ids: Sequence[str]) -> list[Message]:
    """The letters with these ids. SQS can deliver a message twice, so two letters can share an id."""
    chosen: dict[str, Message] = {}
    for prefix in ids:
        same = {message.id: message for message in letters if message.origin.startswith(prefix)}
        origins = {message.origin for message in same.values()}
        if len(origins) != 1:
            count = f"{len(origins)} messages" if same else "no message"
            raise NotFoundError(f"{count} with the id {prefix}", "stagewright dlq lists them")
        chosen |= same
    return list(chosen.values())


def _letter(gateway: Gateway, message: Message) -> DeadLetter:
    sent = timestamp(datetime.fromtimestamp(message.sent, UTC))
    why = message.reason or _why(gateway, message)
    return DeadLetter(message.origin, sent, message.receives, why, message.body)


def _why(gateway: Gateway, message: Message) -> str:
    try:
        events = messages.parse(message, gateway.installation)
    except run_requests.MalformedError as error:
        return str(error)
    headers = (gateway.runs.header(run) for event in events if (run := _run_of(gateway, event)))
    ended = next((header for header in headers if header and not header.is_open), None)
    return RUN_ENDED.format(run=ended.run, status=ended.status) if ended else WELL_FORMED


def _run_of(gateway: Gateway, event: messages.Event) -> str:
    """The run that an event belongs to; empty: no run has claimed its key."""
    match event:
        case run_requests.RunRequest():
            return gateway.runs.claimed(event.trigger.key) or ""
        case messages.RunReady():
            return event.run
    return ""
