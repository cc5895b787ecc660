"""Messages that no run came of, however often they were delivered: to be seen, sent again, or deleted.

What the router cannot read comes here at once, with the reason; what fails, after five deliveries.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from stagewright.aws.queue import Message
from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import timestamp
from stagewright.runs.intake import messages, run_requests

WELL_FORMED = "it is well-formed; the router's log says what went wrong"
OVER = "its run {run} is over: {status}; show says why, resume goes on with it, replay starts nothing"


@dataclass(frozen=True)
class DeadLetter:
    """`id`: the one that it had at first, which the router's log has. `sent`: when it came here; `receives`:
    how often it was looked at since; `why`: what the router said of it, or what its body tells."""

    id: str
    sent: str
    receives: int
    why: str
    body: str


def look(gateway: Gateway) -> list[DeadLetter]:
    """All that there are, oldest first."""
    return _each(gateway, None, lambda _: False)


def replay(gateway: Gateway, ids: Sequence[str] | None) -> list[DeadLetter]:
    """Sends these (all: None) to the router again, each before it is deleted here, so that none is lost.

    Ids may be shortened. NotFoundError, before anything is done, where one is nobody's or several messages'.
    """

    def send(message: Message) -> bool:
        gateway.queue.send_again(replace(message, reason=""))
        return True

    return _each(gateway, ids, send)


def drop(gateway: Gateway, ids: Sequence[str] | None) -> list[DeadLetter]:
    """Deletes these (all: None) for ever. Ids as in `replay`."""
    return _each(gateway, ids, lambda _: True)


def _each(gateway: Gateway, ids: Sequence[str] | None, done: Callable[[Message], bool]) -> list[DeadLetter]:
    """Deletes those chosen that are `done` with; all others can be received again at once."""
    queue = gateway.dead_letters
    left = {message.id: message for message in queue.receive()}
    try:
        chosen = list(left.values()) if ids is None else _chosen(list(left.values()), ids)
        for message in chosen:
            if done(message):
                queue.delete(message)
                del left[message.id]
    finally:
        for message in left.values():
            queue.release(message)
    return [_letter(message, gateway) for message in sorted(chosen, key=lambda each: each.sent)]


def _chosen(found: Sequence[Message], ids: Sequence[str]) -> list[Message]:
    """A message that SQS delivered twice may be here twice, as one id; then both are meant."""
    chosen: dict[str, Message] = {}
    for wanted in ids:
        same = {message.id: message for message in found if message.origin.startswith(wanted)}
        origins = {message.origin for message in same.values()}
        if len(origins) != 1:
            how = f"{len(origins)} messages" if same else "no message"
            raise NotFoundError(f"{how} with the id {wanted}", "stagewright dlq lists them")
        chosen |= same
    return list(chosen.values())


def _letter(message: Message, gateway: Gateway) -> DeadLetter:
    sent = timestamp(datetime.fromtimestamp(message.sent, UTC))
    why = message.reason or _why(message, gateway)
    return DeadLetter(message.origin, sent, message.receives, why, message.body)


def _why(message: Message, gateway: Gateway) -> str:
    try:
        events = messages.parse(message, gateway.installation)
    except run_requests.MalformedError as error:
        return str(error)
    headers = (gateway.runs.header(run) for event in events if (run := _run_of(event, gateway)))
    over = next((header for header in headers if header and not header.is_open), None)
    return OVER.format(run=over.run, status=over.status) if over else WELL_FORMED


def _run_of(event: messages.Event, gateway: Gateway) -> str:
    match event:
        case run_requests.RunRequest():
            return gateway.runs.claimed(event.trigger.key) or ""
        case messages.RunReady():
            return event.run
    return ""
