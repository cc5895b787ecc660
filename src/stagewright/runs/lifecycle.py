"""A claimed run goes on: as far as it can now, from wherever it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from stagewright.document.triggers import has_code_trigger, trigger_name
from stagewright.errors import DeniedError, DocumentError, ReleaseError, StagewrightError
from stagewright.gateway import Gateway
from stagewright.runs import notices, queue, settings
from stagewright.runs.closing import abandon
from stagewright.runs.intake import matching, messages
from stagewright.runs.intake.messages import Event, TurnCame
from stagewright.runs.intake.run_requests import Request, _asked, _drop, _wanted
from stagewright.runs.notices import report_refusal, said
from stagewright.runs.plan_inputs.load import RunInputs, load_inputs, plan_header, plan_run
from stagewright.runs.starting import claimant, queued, refuse, resume, start, start_kept
from stagewright.runs.superseding import _take_over
from stagewright.runs.triggers.subscriptions import Catalogue
from stagewright.runs.values import Asked, Started
from stagewright.store.runs import Header


def route(gateway: Gateway, body: str) -> Started | None:
    """The run of one message, of several the last; None for one that asks for no run of ours."""
    return next(reversed(route_all(gateway, body)), None)


def route_all(
    gateway: Gateway, body: str, message: str = "", sent: str = "", catalogue: Catalogue | None = None
) -> tuple[Started, ...]:
    """The runs that one message asks for, started or refused. `message`, `sent`: its id and time (ISO 8601).
    `catalogue` must not have been looked at before the message came.

    What is wrong with document, release or plan is recorded as a refused run: trying again would not help.
    Everything else is raised, after the other runs have been seen to, for the message to be delivered again.
    """
    catalogue = catalogue or Catalogue(gateway)
    started: list[Started] = []
    failure: Exception | None = None
    for event in messages.parse(body, gateway.installation, message, sent):
        for act in _acts(gateway, event, catalogue):
            try:
                run = act()
            except Exception as error:
                failure = error
            else:
                started += [run] if run else []
    if failure:
        raise failure
    return tuple(started)


def _acts(gateway: Gateway, event: Event, catalogue: Catalogue) -> Iterator[Callable[[], Started | None]]:
    """Each by itself, so that each may fail by itself."""
    if isinstance(event, TurnCame):
        yield partial(go_on, gateway, event.run)
        return
    for request in matching.requests(gateway, event, catalogue):
        yield partial(_run, gateway, request)


def _run(gateway: Gateway, request: Request) -> Started | None:
    claimed = gateway.runs.claimed(request.trigger.key)
    if claimed is not None:
        return go_on(gateway, claimed) if claimed else None
    try:
        return _begin(gateway, request)
    except UNUSABLE as error:
        _cancel_cooldown(gateway, request)
        return _refused(gateway, request, said(error))


def _refused(gateway: Gateway, request: Request, reason: str) -> Started:
    refused = refuse(gateway, request.pipeline, request.trigger, reason)
    if refused.new and (header := gateway.runs.header(refused.run)):
        report_refusal(gateway, header, reason)
    return refused


def _cancel_cooldown(gateway: Gateway, request: Request) -> None:
    """No run comes of it, so that its trigger's cooldown must not begin."""
    if request.listens:
        gateway.trigger_state.cancel_cooldown(
            request.pipeline, trigger_name(request.listens), request.trigger.key
        )


def _begin(gateway: Gateway, request: Request) -> Started | None:
    inputs = load_inputs(gateway, request.pipeline, request.version, request.revision)
    document = inputs.document
    if request.is_push and not has_code_trigger(document.layers.document()):
        return None
    request = _asked(gateway, request, inputs.manifest)
    if request.listens is not None:
        wanted = _wanted(gateway, document.pipeline, request, request.listens)
        if wanted is None:
            return None
        request = wanted
    return _claim(gateway, request, inputs)


def _claim(gateway: Gateway, request: Request, inputs: RunInputs) -> Started | None:
    """A run, as far as it can go now; None where it is dropped because another one goes on."""
    concurrency = inputs.document.pipeline.concurrency
    listens = trigger_name(request.listens) if request.listens else ""
    asked = Asked(request.version, request.force, concurrency == "cancel-running", listens)
    if not queue.takes_turns(request.trigger):
        return start(gateway, plan_run(gateway, request.trigger, asked, inputs))
    header, holder = queued(gateway.installation, request.pipeline, request.trigger, asked), ""
    if concurrency == "skip":
        new, holder = queue.seize(gateway, header)
    else:
        new = queue.line_up(gateway, header)
    if holder:
        _cancel_cooldown(gateway, request)
        _drop(gateway, request, f"{holder} goes on (concurrency: skip)")
        return None
    if new:
        return replace(go_on(gateway, header.run, inputs), new=True)
    claimed = claimant(gateway, request.trigger.key)
    return go_on(gateway, claimed) if claimed else None


UNUSABLE = (DocumentError, ReleaseError, DeniedError)
"""What is wrong with document, release or plan: trying again would not help."""
ATTEMPTS = 5
"""To plan and start a run whose turn has come: as often as the queue delivers a message."""


def go_on(gateway: Gateway, run: str, inputs: RunInputs | None = None) -> Started:
    """Plans and starts the run if its turn has come; starts it if it is planned; else changes nothing.

    `inputs`, where the caller has gathered it just now. What is wrong with document, release or plan
    refuses the run; whatever else goes wrong is raised, to be tried again, but the last time ends the run.
    Either way the next one's turn comes.
    """
    header = gateway.runs.header(run)
    if header is None or header.status not in ("QUEUED", "PLANNED"):
        return resume(gateway, run)
    asked = Asked.of(header)
    if header.status == "PLANNED" or queue.call(gateway, header.pipeline, caller=run) == run:
        return _try(gateway, header, asked, inputs)
    if asked.cancels:
        try:
            _take_over(gateway, header, asked, inputs)
        except UNUSABLE as error:
            _refuse(gateway, header, asked, said(error))
    return Started(run, "", new=False)


def _try(gateway: Gateway, header: Header, asked: Asked, inputs: RunInputs | None) -> Started:
    """Of a run whose turn has come. It is tried as often as a message is delivered, whatever has it tried."""
    tries = gateway.run_queue.count_attempt(header.pipeline, header.run)
    try:
        return _begun(gateway, header, asked, inputs)
    except UNUSABLE as error:
        _refuse(gateway, header, asked, said(error))
    except Exception as error:
        if tries >= ATTEMPTS:
            give_up(gateway, header.run, f"{tries} attempts to plan and start it failed: {_told(error)}")
        raise
    return Started(header.run, "", new=False)


def _begun(gateway: Gateway, header: Header, asked: Asked, inputs: RunInputs | None) -> Started:
    if header.status == "PLANNED":
        return resume(gateway, header.run)
    if header.plan:
        return start_kept(gateway, header)
    return start(gateway, plan_header(gateway, header, asked, inputs))


def _refuse(gateway: Gateway, header: Header, asked: Asked, reason: str) -> None:
    _hear_again(gateway, header, asked)
    if abandon(gateway, header, "REFUSED", reason):
        report_refusal(gateway, header, reason)


def give_up(gateway: Gateway, run: str, why: str) -> bool:
    """Ends a run that cannot be planned or started, and tells people; False where it is over, or runs."""
    header = gateway.runs.header(run)
    reason = f"{why}; the router's log says where (that mended: stagewright resume {run})"
    if header is None or not abandon(gateway, header, "FAILED", reason):
        return False
    _hear_again(gateway, header, Asked.of(header))
    settings.logger().error("given up", run=run, pipeline=header.pipeline, reason=reason)
    notices.notify(gateway, header, reason)
    return True


def _hear_again(gateway: Gateway, header: Header, asked: Asked) -> None:
    """No run came of it, so that its trigger's cooldown must not go on."""
    if asked.listens:
        gateway.trigger_state.cancel_cooldown(header.pipeline, asked.listens, header.trigger.key)


def _told(error: Exception) -> str:
    return said(error) if isinstance(error, StagewrightError) else f"{type(error).__name__}: {error}"
