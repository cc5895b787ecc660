"""Model versions that wait for a person, and the runs whose stages wait for them.

A run that registers a version for approval, or would serve one that is not approved, is listed as `awaiting`
when it ends. The approval status in the model registry is the only decision: `stagewright approve` sets it,
and so does a person in the SageMaker console. The event of its change continues what waited.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from stagewright.aws.registry import Package
from stagewright.errors import NotFoundError
from stagewright.gateway import Gateway
from stagewright.naming import person, timestamp
from stagewright.parallel import run_parallel
from stagewright.planner.approvals import APPROVED, PENDING
from stagewright.planner.approvals import reason as approval_reason
from stagewright.runs import four_eyes
from stagewright.runs.own_events import package_changed
from stagewright.runs.stored_plan import good_result, recorded_stages
from stagewright.store.run_items import Header

LIMIT = 1_000
"""Runs whose versions are searched, newest first."""
CONTINUED = "continued#"


@dataclass(frozen=True)
class AwaitedVersion:
    """A version of a run that waits for it. `stages`: the run's stages that wait, in document order."""

    header: Header
    register: str
    package: Package
    stages: tuple[str, ...]

    @property
    def item(self) -> str:
        """Key of the item that keeps the trigger key of the run that continues this one."""
        return f"{CONTINUED}{self.package.arn}"


def of_run(gateway: Gateway, header: Header) -> list[AwaitedVersion]:
    """The versions that a run registered for approval or waits for, whatever their status is now."""
    return [version for name in _registers(header) if (version := _version(gateway, header, name))]


def pending(gateway: Gateway, pipeline: str | None = None) -> list[AwaitedVersion]:
    """The versions that wait for approval, oldest first, each with the newest run that waits for it.

    `pipeline`: None for all pipelines.
    """
    running = [header for header in gateway.runs.open_runs(LIMIT) if header.versions]
    headers = [*reversed(running), *gateway.runs.awaiting(LIMIT)]
    newest: dict[str, AwaitedVersion] = {}
    for version in _of_runs(gateway, [header for header in headers if pipeline in (None, header.pipeline)]):
        if version.package.approval == PENDING:
            newest.setdefault(version.package.arn, version)
    return sorted(newest.values(), key=lambda version: (version.package.created, version.package.arn))


def awaiting(gateway: Gateway, package: Package) -> dict[str, AwaitedVersion]:
    """Pipeline -> its newest ended run that waits for a version."""
    newest: dict[str, AwaitedVersion] = {}
    for version in _of_runs(gateway, gateway.runs.awaiting(LIMIT)):
        if version.package.arn == package.arn:
            newest.setdefault(version.header.pipeline, version)
    return newest


def close_rejected(gateway: Gateway, package: Package) -> None:
    """Take the runs that wait for a rejected version off the list: a later approval is not for them."""
    for version in awaiting(gateway, package).values():
        stop_awaiting(gateway, version.header)


def named(gateway: Gateway, pipeline: str, number: int) -> AwaitedVersion | None:
    """A version that one of the pipeline's newest runs registered or waited for. None: there is none."""
    headers = [header for header in gateway.runs.of_pipeline(pipeline, LIMIT) if header.versions]
    return next((it for it in _of_runs(gateway, headers) if it.package.version == number), None)


def decide(gateway: Gateway, arn: str, *, approved: bool, by: str, why: str) -> str:
    """Set the approval status of a pending version. Returns the time.

    NotFoundError: it is gone, or already decided. DeniedError: `by` may not approve it. The router checks
    that again, by who set the status according to SageMaker.
    """
    package = gateway.registry.package(arn)
    if package is None:
        raise NotFoundError(f"{arn} is gone from the model registry", "list them: stagewright approvals")
    if package.approval != PENDING:
        raise NotFoundError(
            f"version {package.version} of {package.group} was already {status_text(package)}",
            "a later run registers a new version; the model registry can change the status of this one",
        )
    if approved:
        waiting = [version.header for version in awaiting(gateway, package).values()]
        four_eyes.require_other_for(gateway, package, by, waiting)
    gateway.registry.approve(arn, "Approved" if approved else "Rejected", f"{by}: {why}")
    return timestamp(datetime.now(UTC))


def status_text(package: Package) -> str:
    """`approved by ann: as agreed`.

    `stagewright approve` writes its caller before the reason. It counts if SageMaker names the same person.
    """
    by, colon, why = package.why.partition(": ")
    if not colon or (package.changed_by and person(by) != person(package.changed_by)):
        by, why = package.changed_by, package.why
    return " ".join(filter(None, (package.approval.lower(), by and f"by {by}"))) + (why and f": {why}")


def reason(gateway: Gateway, version: AwaitedVersion) -> str:
    """Why a stage that waited for a version did not run in its run, as of now."""
    package, pipeline = version.package, version.header.pipeline
    if package.approval == PENDING:
        return approval_reason(pipeline, package.arn)
    decided = f"version {package.version} was {status_text(package)}"
    later = continued_by(gateway, version)
    return f"{decided}; {later} continues this run" if later else decided


def check_again(gateway: Gateway, header: Header) -> None:
    """Let the router check the versions of an ended run: one that is approved by now continues it."""
    for register in _registers(header):
        if package := _package(gateway, header, register):
            send(gateway, package, header.ended)


def send(gateway: Gateway, package: str, time: str) -> None:
    """Send the event of a version to the router, which reads its status. `package`: ARN."""
    gateway.queue.send(package_changed(gateway.installation, package, time))


def continuation_key(gateway: Gateway, version: AwaitedVersion, proposed: str) -> str:
    """The trigger key of the one run that continues a run for this version.

    The first proposed key is kept, so that later events about the version start no second run.
    """
    item = {"run": version.header.run, "item": version.item, "key": proposed}
    return str(gateway.runs.put_if_absent(item)["key"])


def continued_by(gateway: Gateway, version: AwaitedVersion) -> str:
    """The run that continues a run for this version. Empty: none does yet."""
    return _claim(gateway, version) or ""


def continues(version: AwaitedVersion) -> bool:
    """Whether approval continues the run: it succeeded apart from the stages that wait."""
    return version.header.status == "SUCCEEDED" and bool(version.stages)


def stop_awaiting(gateway: Gateway, header: Header) -> bool:
    """Take a run off the list if nothing of it waits any more. False: it stays.

    An approved version stays until a run that continues this one is claimed.
    """
    for version in of_run(gateway, header):
        approval = version.package.approval
        if approval == PENDING:
            return False
        if approval == APPROVED and continues(version) and _claim(gateway, version) is None:
            return False
    gateway.runs.stop_awaiting(header.run)
    return True


def _claim(gateway: Gateway, version: AwaitedVersion) -> str | None:
    """The run that claimed the continuation. Empty: it was skipped. None: nothing has claimed it."""
    stored = next(gateway.runs.items(version.header.run, version.item), None)
    return gateway.runs.claimed(stored["key"]) if stored else None


def _of_runs(gateway: Gateway, headers: Sequence[Header]) -> Iterator[AwaitedVersion]:
    for versions in run_parallel(partial(of_run, gateway), headers):
        yield from versions


def _registers(header: Header) -> list[str]:
    return list(filter(None, header.versions.split(",")))


def _package(gateway: Gateway, header: Header, register: str) -> str:
    """The ARN of the version that a run registered or reused. Empty: it did not get that far."""
    result = good_result(gateway, header.run, register)
    return str(result.result.get("package", "")) if result else ""


def _version(gateway: Gateway, header: Header, register: str) -> AwaitedVersion | None:
    """None: the run did not get as far as the version, or the version was deleted."""
    arn = _package(gateway, header, register)
    package = gateway.registry.package(arn) if arn else None
    if package is None:
        return None
    stages = recorded_stages(gateway, header)
    return AwaitedVersion(
        header, register, package, tuple(stage.name for stage in stages if stage.awaits == register)
    )
