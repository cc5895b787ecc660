"""Every kind of item and object, as each version wrote it, is read by this one. A later format is refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import pytest
from tests.formats.stored import VERSIONS, kind, recorded, store, stored
from tests.support.messages import sweep

from stagewright import __version__
from stagewright.errors import StagewrightError
from stagewright.formats import DOCUMENTS, ITEMS, OBJECTS, FormatError
from stagewright.operator_gateway import OperatorGateway
from stagewright.planner.model import PLAN_FORMAT
from stagewright.runs import backfill, resume, stored_plan
from stagewright.runs.documents import layers
from stagewright.runs.endpoints import last_deployment
from stagewright.runs.history.run_history import show
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import publish, released_layers
from stagewright.store.run_queue import lease_item

pytestmark = pytest.mark.slow

Reader = Callable[[OperatorGateway, str, str], Any]
READERS: Mapping[str, Reader] = {
    "announced": lambda gateway, run, item: list(gateway.runs.items(run, item)),
    "attempt": lambda gateway, run, _: list(gateway.runs.attempts(run)),
    "backfill": lambda gateway, run, _: backfill.backfills(gateway, run.removeprefix("backfill#")),
    "batch": lambda gateway, _, item: gateway.trigger_state.batch(item),
    "claim": lambda gateway, run, _: gateway.runs.claimed(run.removeprefix("trigger#")),
    "continued": lambda gateway, run, item: list(gateway.runs.items(run, item)),
    "cooldown": lambda gateway, run, item: (
        gateway.trigger_state.start_cooldown(
            run.removeprefix("cooldown#"), item, "code:other", "2026-01-31T14:00:01.000Z", 60
        )
        in (True, False)
    ),
    "endpoint": lambda gateway, run, _: gateway.endpoint_records.get(run.removeprefix("endpoint#")),
    "lease": lambda gateway, run, _: gateway.run_queue.lease(run.removeprefix("queue#")),
    "page": lambda gateway, run, item: stored_plan.planned_inputs(gateway, run, item.split("#")[1]),
    "plan": lambda gateway, run, item: list(gateway.runs.items(run, item)),
    "resumed": lambda gateway, run, _: resume.resumed_by(gateway, run),
    "run": lambda gateway, run, _: gateway.runs.header(run),
    "skipped": lambda gateway, run, _: gateway.trigger_state.skipped_events(run.removeprefix("skipped#"), 9),
    "stage": lambda gateway, run, item: gateway.runs.stage(run, item.removeprefix("stage#")),
    "stages": lambda gateway, run, item: list(gateway.runs.items(run, item)),
    "tick": lambda gateway, *_: gateway.trigger_state.last_tick(),
    "unannounced": lambda gateway, *_: gateway.runs.unannounced(),
    "uncounted": lambda gateway, *_: gateway.runs.uncounted(),
    "unfinished": lambda gateway, *_: gateway.runs.unfinished(),
    "usage": lambda gateway, run, item: list(gateway.runs.items(run, item)),
    "waiting": lambda gateway, run, _: list(gateway.run_queue.entries(run.removeprefix("queue#"))),
    "base": lambda gateway, pipeline, _: gateway.documents.base(pipeline),
    "environment": lambda gateway, pipeline, _: gateway.documents.layer(pipeline, "environment"),
    "overrides": lambda gateway, pipeline, _: gateway.documents.overrides(pipeline).content,
    "revision": lambda gateway, pipeline, _: gateway.documents.revisions(pipeline, 9),
}
"""How this version reads each kind, by the values of an item's keys."""


@pytest.fixture(params=VERSIONS)
def filled(request: pytest.FixtureRequest, gateway: OperatorGateway) -> OperatorGateway:
    """An installation with what a version stored."""
    store(gateway, recorded(request.param))
    return gateway


def keys_of(gateway: OperatorGateway, wanted: str) -> list[tuple[str, str]]:
    return [keys for keys, item in stored(gateway).items() if kind(item) == wanted]


@pytest.mark.parametrize("version", VERSIONS)
def test_recording_has_every_kind(version: str) -> None:
    recording = recorded(version)
    since = {"unannounced", "uncounted", "usage"} if version == "unnumbered" else set()
    kinds = {table: {kind(item) for item in recording[table]} for table in ("runs", "documents")}
    assert kinds["documents"] == set(DOCUMENTS)
    assert kinds["runs"] == set(ITEMS) - set(DOCUMENTS) - since
    objects = {key.partition("/")[0] + ("/plans" if "/plans/" in key else "") for key in recording["objects"]}
    assert objects == {"manifests", "releases", "releases/plans", "staging"}
    assert len(OBJECTS) == len(objects)


def test_every_item_is_read(filled: OperatorGateway) -> None:
    for wanted, read in READERS.items():
        for keys in keys_of(filled, wanted):
            assert read(filled, *keys) not in (None, {}, [], ()), keys


def test_what_is_read_means_what_was_stored(filled: OperatorGateway) -> None:
    (run,) = [keys[0] for keys in keys_of(filled, "attempt")]
    record = show(filled, run)
    stages = {stage.name: stage for stage in record.stages}
    assert (record.status, record.pipeline) == ("SUCCEEDED", "prices")
    assert {name: stage.status for name, stage in stages.items()} == {
        "flaky": "SUCCEEDED",
        "train": "SUCCEEDED",
        "closed": "CLOSED",
        "guarded": "SKIPPED",
        "register": "SUCCEEDED",
        "ok": "SUCCEEDED",
        "deploy": "SUCCEEDED",
    }
    assert stages["train"].result["model"].endswith("model.tar.gz")
    (approval,) = filled.approvals.of_run(run)
    assert (approval.decision, approval.why) == ("approved", "good")
    (attempt,) = filled.runs.attempts(run)
    assert (attempt.stage, attempt.attempt) == ("flaky", 1)
    record_of_endpoint = filled.endpoint_records.get("prices-local")
    assert record_of_endpoint
    assert (record_of_endpoint.deployed_by, record_of_endpoint.stage) == (run, "deploy")
    assert last_deployment.read(filled, record_of_endpoint).timeout > 0
    assert filled.documents.overrides("prices").content == {"parameters": {"seed": 2}}
    good = filled.runs.good_results("prices", record.partition, "train", 9)
    assert {item.status for item in good} == {"SUCCEEDED"}
    assert [item.name for item in filled.endpoint_records.all()] == ["prices-local"]


def test_every_object_is_read(filled: OperatorGateway) -> None:
    filled.documents.delete_environment("prices")  # it was put there, not pushed
    for pipeline in ("prices", "failing"):
        manifest = manifests.read(filled, pipeline)
        assert manifest
        assert publish.files_of(publish.release_record(filled, pipeline, manifest.release.digest))
        assert manifest.requests_run is (pipeline == "prices")
        assert released_layers.read_current(filled, pipeline)
    for run, _ in keys_of(filled, "plan"):
        header = filled.runs.header(run)
        assert header
        proof = stored_plan.require_proof(filled, header)
        assert proof.plan_format in (3, PLAN_FORMAT)
        assert proof.machine_version.endswith("-workflow:1")


def test_empty_proof_is_that_of_an_unpinned_plan(filled: OperatorGateway) -> None:
    """The first proofs had no content."""
    run, _ = keys_of(filled, "plan")[0]
    header = filled.runs.header(run)
    assert header
    filled.objects.put(f"releases/{header.pipeline}/plans/{run}/{header.plan}", b"")
    assert asdict(stored_plan.require_proof(filled, header)) == {"plan_format": 3, "machine_version": ""}


# A later format

LATER = 99


def make_later(gateway: OperatorGateway, keys: tuple[str, str]) -> dict[str, Any]:
    """Give an item a later format."""
    item = stored(gateway)[keys] | {"format": {"N": str(LATER)}}
    put_back(gateway, item)
    return item


def put_back(gateway: OperatorGateway, item: dict[str, Any]) -> None:
    table = "documents" if kind(item) in DOCUMENTS else "runs"
    gateway.runs.client.put_item(TableName=gateway.installation.name(table), Item=item)


def test_item_of_a_later_format_is_refused(gateway: OperatorGateway) -> None:
    store(gateway, recorded("0.1.0"))
    before = stored(gateway)
    for wanted, read in READERS.items():
        keys = next(keys for keys, item in before.items() if kind(item) == wanted)
        item = make_later(gateway, keys)
        with pytest.raises(FormatError) as failure:
            read(gateway, *keys)
        message = failure.value.message
        assert f"the item {keys[0]}, {keys[1]} has format {LATER}" in message
        assert f"this is Stagewright {__version__}, which reads up to {ITEMS[wanted]}" in message
        assert "stagewright doctor" in failure.value.remedy
        assert stored(gateway)[keys] == item
        put_back(gateway, before[keys])
    assert READERS.keys() == ITEMS.keys()


LISTS: Mapping[str, tuple[str, Callable[[OperatorGateway], Any]]] = {
    "of_pipeline": ("run", lambda gateway: gateway.runs.of_pipeline("prices", 9)),
    "rejected": ("run", lambda gateway: gateway.runs.rejected(9)),
    "good_results": (
        "stage",
        lambda gateway: [gateway.runs.good_results("prices", date, "train", 9) for date in ("", "2026-01")],
    ),
    "endpoints": ("endpoint", lambda gateway: gateway.endpoint_records.all()),
    "pending_batches": ("batch", lambda gateway: list(gateway.trigger_state.pending_batches())),
    "approvals": (
        "stage",
        lambda gateway: [gateway.approvals.of_run(run) for run, _ in keys_of(gateway, "attempt")],
    ),
    "layers": ("overrides", lambda gateway: layers.read(gateway, "prices")),
}


@pytest.mark.parametrize("name", LISTS)
def test_list_with_an_item_of_a_later_format_is_refused(gateway: OperatorGateway, name: str) -> None:
    wanted, read = LISTS[name]
    store(gateway, recorded("0.1.0"))
    for keys in keys_of(gateway, wanted):
        make_later(gateway, keys)
    with pytest.raises(FormatError, match=f"has format {LATER}"):
        read(gateway)


def test_update_of_an_item_of_a_later_format_is_refused(gateway: OperatorGateway) -> None:
    """These updates read nothing before."""
    store(gateway, recorded("0.1.0"))
    state, later = gateway.trigger_state, "2027-01-01T00:00:00.000Z"
    batch = state.batch(keys_of(gateway, "batch")[0][1])
    items = {wanted: make_later(gateway, keys_of(gateway, wanted)[0]) for wanted in ("batch", "tick")}
    assert batch
    for update in (
        lambda: state.record_arrival(batch, later),
        lambda: state.record_request(batch),
        lambda: state.record_tick(later),
    ):
        with pytest.raises(FormatError, match=f"has format {LATER}"):
            update()
    for wanted, item in items.items():
        assert stored(gateway)[keys_of(gateway, wanted)[0]] == item


OBJECT_READERS: Mapping[str, tuple[str, Callable[[OperatorGateway], Any]]] = {
    "manifest": ("manifests/prices.json", lambda gateway: manifests.read(gateway, "prices")),
    "release": (
        "releases/prices/{digest}.json",
        lambda gateway: publish.release_record(gateway, "prices", digest(gateway)),
    ),
    "announcement": (
        "staging/prices.json",
        lambda gateway: released_layers.read(gateway, manifests.read(gateway, "prices")),
    ),
}


def digest(gateway: OperatorGateway) -> str:
    manifest = manifests.read(gateway, "prices")
    assert manifest
    return manifest.release.digest


@pytest.mark.parametrize("wanted", OBJECT_READERS)
def test_object_of_a_later_format_is_refused(gateway: OperatorGateway, wanted: str) -> None:
    store(gateway, recorded("0.1.0"))
    pattern, read = OBJECT_READERS[wanted]
    key = pattern.format(digest=digest(gateway))
    if wanted == "announcement":  # it is read only while the table differs from the manifest
        gateway.documents.delete_environment("prices")
        base = gateway.documents.base("failing")
        assert base
        gateway.documents.put_layer("prices", "base", base)
    content = json.loads(gateway.objects.get(key).body) | {"format": LATER}
    gateway.objects.put(key, json.dumps(content).encode())
    with pytest.raises(FormatError, match=f"has format {LATER}; this is Stagewright {__version__}"):
        read(gateway)


def test_proof_of_a_later_format_starts_nothing(gateway: OperatorGateway) -> None:
    store(gateway, recorded("0.1.0"))
    run, _ = keys_of(gateway, "plan")[0]
    header = gateway.runs.header(run)
    assert header
    key = f"releases/{header.pipeline}/plans/{run}/{header.plan}"
    gateway.objects.put(key, json.dumps({"format": LATER}).encode())
    with pytest.raises(FormatError, match=f"has format {LATER}"):
        stored_plan.require_proof(gateway, header)


def test_sweep_repairs_everything_else(gateway: OperatorGateway) -> None:
    """An open run of a later version fails the sweep, after it has released the lease of another pipeline."""
    store(gateway, recorded("0.1.0"))
    (pipeline, later), (other, waiting) = ("prices", "a-run"), ("failing", "failing-20260131t140000-abcdef")
    trigger = json.dumps({"type": "manual", "key": "k", "time": "2026-01-31T14:00:00.000Z"})
    header = {"item": "run", "status": "QUEUED", "created": "2026-01-31T14:00:00.000Z", "trigger": trigger}
    put(gateway, {"run": later, "pipeline": pipeline, "open": "yes", "format": LATER, **header})
    ended = header | {"status": "FAILED", "ended": "2026-01-31T14:00:00.000Z"}
    put(gateway, {"run": waiting, "pipeline": other, "format": 1, **ended})
    put(gateway, lease_item(other, waiting))
    put(gateway, {"run": "unfinished", "item": f"run#{waiting}", "since": "2026-01-31T14:00:00.000Z"})
    with pytest.raises(StagewrightError, match=f"has format {LATER}"):
        sweep(gateway)
    assert gateway.run_queue.lease(other) is None
    assert stored(gateway)[(later, "run")]["status"] == {"S": "QUEUED"}


def put(gateway: OperatorGateway, item: dict[str, Any]) -> None:
    typed = {
        name: {"N": str(value)} if isinstance(value, int) else {"S": value} for name, value in item.items()
    }
    gateway.runs.client.put_item(TableName=gateway.runs.table, Item=typed)


def test_pipeline_of_a_later_version_does_not_stop_the_others(gateway: OperatorGateway) -> None:
    from stagewright.document.triggers import CodeTrigger
    from stagewright.runs.documents.subscribers import Subscribers

    store(gateway, recorded("0.1.0"))
    make_later(gateway, ("failing", "base"))
    subscribers = Subscribers(gateway)
    assert [subscriber.pipeline for subscriber, _ in subscribers.with_trigger(CodeTrigger)] == ["prices"]
