"""How an event becomes a run, and how the run ends. Read this module first.

step    what it does                                     what it writes
accept  parse a message, match it with triggers          trigger state, for a data batch or a tick
claim   admit a run request, claim its trigger key       cooldown; key + QUEUED header + queue entry (one
                                                         transaction)
wait    one run of a pipeline holds its lease            lease, entry deleted (one transaction); `Run Ready`
                                                         to the holder, unless it is the caller
plan    document + code + earlier results -> plan        release, revision, code bundles; the plan's items
start   pin the plan, start the execution                PLANNED header; execution; RUNNING header
close   `closing.record_end`, when the execution ends    missing stages; downstream events; header; lease

First delivery  claims the key, then plans and starts the run if the lease is free. If not, the run waits.
                A run of a backfill never waits: it is planned first, then claimed as PLANNED.
Redelivery      finds the key claimed and advances its run from the current state. No second run starts.
Unusable input  A retry cannot help: the run is closed as REJECTED, and the next run starts.
Other error     The queue delivers the message again, five times in all. Then it is a dead letter, and a run
                that holds the lease is closed as FAILED. Without a claim there is no run to close.
Skipped event   is listed with the reason. Its key is claimed for no run, so a redelivery starts none.
Push            requests a run if its manifest says so, whatever the document is now. The pushes of a pipeline
                run in their order: an event first claims the earlier pushes whose events have not arrived. A
                push that a newer one has overtaken is closed as STOPPED before it starts.
Late event      A trigger acts on the events since the push that added it (`Subscriptions.is_in_force`).
Crash           Every step can be repeated: a key is claimed once, plan items and code copies are named by
                their content, one plan is pinned, the execution has the run's name, a status only moves on.
                A redelivery continues after the last completed step, or `reconcile` does: it sends an
                unclaimed push again, advances a claimed run, and closes a run whose execution has ended.
                A lease whose holder has ended counts as free.

The recorder, `stop`, `resume` and `reconcile` call `closing`, which grants the lease to the next run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from stagewright.aws.queue import Message
from stagewright.errors import DeniedError, DocumentError, ReleaseError
from stagewright.runs import notices, queue, rejecting, starting, superseding
from stagewright.runs.intake import admission, matching, messages
from stagewright.runs.intake.messages import Event, RunReady
from stagewright.runs.intake.run_requests import RunRequest
from stagewright.runs.plan_inputs import load
from stagewright.runs.plan_inputs.load import RunInputs
from stagewright.runs.settings import Runtime
from stagewright.runs.triggers.subscriptions import Subscriptions
from stagewright.runs.values import RunOptions, StartedRun
from stagewright.store.run_items import Header

UNUSABLE = (DocumentError, ReleaseError, DeniedError)
"""A wrong document, release or plan, or a call that AWS denies. A retry cannot repair these."""
ATTEMPTS = 5
"""How often a run is planned and started before it fails: as often as the queue delivers a message."""


def accept(runtime: Runtime, message: Message, subscriptions: Subscriptions) -> tuple[StartedRun, ...]:
    """Start or continue every run that a message requests.

    A failing run does not stop the others: its error is raised after them. MalformedError: no delivery of
    this message can succeed. `subscriptions`: new for this batch, so that they include recent documents.
    """
    started: list[StartedRun] = []
    failure: Exception | None = None
    for event in messages.parse(message, runtime.gateway.installation):
        for step in _steps(runtime, event, subscriptions):
            try:
                started += filter(None, [step()])
            except Exception as error:
                failure = error
    if failure:
        raise failure
    return tuple(started)


def _steps(
    runtime: Runtime, event: Event, subscriptions: Subscriptions
) -> Iterator[Callable[[], StartedRun | None]]:
    """`Run Ready` advances a run. Every other event claims the runs that it requests."""
    if isinstance(event, RunReady):
        yield partial(advance, runtime, event.run)
        return
    for request in matching.requests(runtime.gateway, event, subscriptions):
        yield partial(claim, runtime, request)


def claim(runtime: Runtime, request: RunRequest) -> StartedRun | None:
    """Claim the request's trigger key and advance its run. None: the request starts no run.

    If the document or release is unusable, the key is claimed by a rejected run. A push that requests no run
    is ignored instead.
    """
    run = runtime.gateway.runs.claimed(request.trigger.key)
    if run is not None:
        return _continue(runtime, run)
    try:
        inputs = load.load_inputs(runtime, request.pipeline, request.version, request.revision)
        admitted = admission.admit(runtime, request, inputs.document, inputs.manifest)
        return _enqueue(runtime, admitted, inputs) if admitted else None
    except UNUSABLE as error:
        if not admission.is_rejectable(runtime, request):
            return None
        return rejecting.reject_request(runtime, request, error)


def _enqueue(runtime: Runtime, request: RunRequest, inputs: RunInputs) -> StartedRun | None:
    """Claim the key together with a queue entry, and advance the run.

    With `concurrency: skip` it claims the key together with the lease. If an active run holds the lease, the
    event is skipped. A run of a backfill does not use the queue: it is planned, then claimed with its plan.
    """
    gateway, concurrency = runtime.gateway, inputs.document.pipeline.concurrency
    if request.trigger.continues:  # a person asked for it, and for no other run to stop
        concurrency = "queue"
    options = RunOptions(
        request.version,
        request.force,
        concurrency == "cancel-running",
        request.trigger_name,
        request.revision,
        request.any_release,
    )
    if not queue.uses_queue(request.trigger):
        return starting.start(gateway, load.plan_run(gateway, request.trigger, options, inputs))
    header = starting.queued_header(gateway.installation, request.pipeline, request.trigger, options)
    if concurrency == "skip":
        is_new, active = queue.acquire(gateway, header)
    else:
        is_new, active = queue.enqueue(gateway, header), ""
    if active:
        admission.skip(runtime, request, f"{active} is still running (concurrency: skip)")
        return None
    if is_new:
        notices.report_bypass(runtime, header)
        return replace(advance(runtime, header.run, inputs), new=True)
    return _continue(runtime, starting.claimant(gateway, request.trigger.key))


def _continue(runtime: Runtime, run: str) -> StartedRun | None:
    """Advance the run that has claimed a key. `run`: empty for a skipped event."""
    return advance(runtime, run) if run else None


def advance(runtime: Runtime, run: str, inputs: RunInputs | None = None) -> StartedRun:
    """Plan and start a claimed run if it holds the lease or can get it. Otherwise it keeps waiting.

    A run that is running or has ended stays as it is. `inputs`: those that the caller has just loaded.
    TargetError: the run has no header.
    """
    header = runtime.gateway.runs.header(run)
    if header is None or header.status not in ("QUEUED", "PLANNED"):
        return starting.ensure_started(runtime.gateway, run)
    if header.status == "QUEUED" and superseding.close_if_overtaken(runtime, header):
        return StartedRun(run, execution="", new=False)
    if header.status == "PLANNED" or queue.grant_next(runtime.gateway, header.pipeline, caller=run) == run:
        return _plan_and_start(runtime, header, inputs)
    return _wait(runtime, header, inputs)


def _wait(runtime: Runtime, header: Header, inputs: RunInputs | None) -> StartedRun:
    """Leave a run in the queue. With `concurrency: cancel-running`, stop the runs ahead of it.

    It is planned before it stops any. If its inputs are unusable, it is rejected and stops none.
    """
    try:
        if RunOptions.of(header).cancels_running:
            superseding.stop_earlier_runs(runtime, header, inputs)
    except UNUSABLE as error:
        rejecting.reject(runtime, header, error)
    return StartedRun(header.run, execution="", new=False)


def _plan_and_start(runtime: Runtime, header: Header, inputs: RunInputs | None) -> StartedRun:
    """Reject the run if its inputs are unusable, fail it after the last attempt, raise every other error.

    A QUEUED run with a plan was planned by `_wait`. The lease counts the attempts. A run of a backfill holds
    no lease, so its count stays 0; after the last delivery, `reconcile` continues to start it.
    """
    attempts = runtime.gateway.run_queue.count_attempt(header.pipeline, header.run)
    try:
        if header.status == "PLANNED":
            return starting.ensure_started(runtime.gateway, header.run)
        if header.plan:
            return starting.start_saved_plan(runtime.gateway, header)
        return starting.start(runtime.gateway, load.plan_header(runtime, header, inputs))
    except UNUSABLE as error:
        rejecting.reject(runtime, header, error)
    except Exception as error:
        if attempts >= ATTEMPTS:
            rejecting.fail_after_attempts(runtime, header.run, attempts, error)
        raise
    return StartedRun(header.run, execution="", new=False)
