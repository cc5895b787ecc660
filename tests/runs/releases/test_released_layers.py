"""Only what was pushed decides which code runs. A write to the table of documents does not."""

from __future__ import annotations

import json

import pytest
from tests.support.messages import route

from stagewright.api import run_options
from stagewright.document.canonical_json import sha256_of
from stagewright.document.layers import effective, stored_layer
from stagewright.document.load import load
from stagewright.document.stored_layers import Base
from stagewright.errors import DocumentError, NotFoundError, ReleaseError
from stagewright.runs.documents import overrides, revisions
from stagewright.runs.history.run_history import show
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases import promotion, released_layers
from stagewright.runs.releases.push import push

OVERLAY = {"stages": {"train": {"instance_type": "ml.m5.2xlarge"}}}
BACKFILL = {"type": "backfill", "date": "2026-01-30"}
IMAGE = "111122223333.dkr.ecr.us-east-1.amazonaws.com/evil:1"


@pytest.fixture
def stored(gateway, pipeline, files):
    push(gateway, pipeline, files, by="ada", overlay=OVERLAY)
    gateway.__dict__["functions"] = Functions()
    return gateway


class Functions:
    """The server has no function: whether code may be overridden, this answers."""

    def environment(self, _):
        return {}


def evil(text):
    document = json.loads(text)
    document["stages"]["train"] = document["stages"].get("train", {}) | {"image": IMAGE}
    return json.dumps(document)


def edit(gateway, layer, *, hashed):
    stored = gateway.documents.layer("prices", layer)
    text = evil(stored.document)
    gateway.documents.put_layer(
        "prices", layer, Base(text, sha256_of(text) if hashed else stored.sha256, "", "ada")
    )


def requests_of(gateway, run):
    header = gateway.runs.header(run)
    return "".join(item["chains"] for item in gateway.runs.items(run, f"page#{header.plan}"))


def assert_rejected(gateway, started, layer="base"):
    record = show(gateway, started.run)
    assert record.status == "REJECTED"
    assert f"the {layer} document of prices in {gateway.documents.table} was not pushed" in record.reason
    assert "stagewright set" in record.reason
    assert not started.execution


@pytest.mark.parametrize("layer", ["base", "environment"])
@pytest.mark.parametrize("hashed", [False, True])
def test_edited_layer_rejects_the_run(stored, requested, layer, hashed):
    edit(stored, layer, hashed=hashed)
    assert_rejected(stored, route(stored, requested()), layer)


def test_edited_layer_rejects_the_run_of_a_push(stored, created):
    version = manifests.read(stored, "prices").version
    edit(stored, "base", hashed=True)
    assert_rejected(stored, route(stored, created(version)))


def test_added_layer_rejects_the_run(gateway, pipeline, files, requested):
    push(gateway, pipeline, files)
    text = json.dumps({"stages": {"train": {"image": IMAGE}}})
    gateway.documents.put_layer("prices", "environment", stored_layer(text))
    assert_rejected(gateway, route(gateway, requested()), "environment")


def test_removed_layer_rejects_the_run(stored, requested):
    stored.documents.delete_environment("prices")
    assert_rejected(stored, route(stored, requested()), "environment")


def test_earlier_document_in_the_table_rejects_the_run(stored, pipeline, files, requested):
    before = stored.documents.base("prices")
    push(stored, pipeline.model_copy(update={"description": "newer"}), files, overlay=OVERLAY)
    stored.documents.put_layer("prices", "base", before)
    assert_rejected(stored, route(stored, requested()))


def test_document_that_was_never_pushed_does_not_run(stored, requested):
    base = stored.documents.base("prices")
    document = json.loads(base.document) | {"name": "copy"}
    stored.documents.put_layer("copy", "base", stored_layer(json.dumps(document)))
    record = show(stored, route(stored, requested(pipeline="copy")).run)
    assert record.status == "REJECTED"
    assert "copy has a document, but no release" in record.reason


def test_push_repairs_an_edited_document(stored, pipeline, files, requested):
    edit(stored, "base", hashed=True)
    push(stored, pipeline, files, overlay=OVERLAY)
    started = route(stored, requested())
    assert started.execution
    assert IMAGE not in requests_of(stored, started.run)


@pytest.mark.parametrize("at", ["environment", "base"])
def test_push_under_way_runs_the_release_before_it(stored, pipeline, files, requested, monkeypatch, at):
    """The table is written layer by layer, and the manifest last. No run mixes two releases."""

    def stop(*_):
        raise KeyboardInterrupt

    put = stored.documents.put_layer
    if at == "base":
        monkeypatch.setattr(type(stored.objects), "put", _until_manifest(type(stored.objects).put))
    else:
        monkeypatch.setattr(type(stored.documents), "put_layer", lambda _, name, layer, new: (
            put(name, layer, new) if layer == "environment" else stop()
        ))  # fmt: skip
    newer = pipeline.model_copy(update={"description": "newer"})
    with pytest.raises(KeyboardInterrupt):
        push(stored, newer, files, overlay={"stages": {"train": {"instance_type": "ml.m5.4xlarge"}}})
    monkeypatch.undo()
    started = route(stored, requested())
    assert "ml.m5.2xlarge" in requests_of(stored, started.run)
    assert "newer" not in stored.documents.newest_revision("prices").document


def _until_manifest(put):
    def checked(self, key, *rest):
        if key.startswith("manifests/"):
            raise KeyboardInterrupt
        return put(self, key, *rest)

    return checked


def test_announcement_of_another_push_does_not_cover_an_edit(stored, requested):
    announced = released_layers._announcement_key("prices")
    assert stored.objects.exists(announced)
    edit(stored, "base", hashed=True)
    for body in (b"", b"{", b"[]"):
        stored.objects.put(announced, body)
        with pytest.raises(ReleaseError, match="was not pushed"):
            released_layers.read_current(stored, "prices")


def test_run_of_an_older_release_uses_its_document(stored, pipeline, files):
    older = manifests.read(stored, "prices")
    push(stored, pipeline.model_copy(update={"description": "newer"}), files)
    layers = released_layers.read(stored, older)
    assert layers.base.document == older.documents["base"]
    assert layers.environment.document == older.documents["environment"]


@pytest.mark.parametrize(
    "change", [{"document": "0" * 64}, {"environment": ""}, {"documents": {"base": "{}"}}]
)
def test_manifest_whose_hashes_do_not_match_is_rejected(stored, requested, change):
    body = manifests.read(stored, "prices").to_json() | change
    stored.objects.put(manifests.key_of("prices"), manifests.to_bytes(body))
    record = show(stored, route(stored, requested()).run)
    assert record.status == "REJECTED"
    assert "has another SHA-256 than listed" in record.reason


def tamper(gateway, number, change):
    """Edit a revision in the table, hashes included."""
    key = {"pipeline": {"S": "prices"}, "item": {"S": f"revision#{number:06}"}}
    document = change(json.loads(gateway.documents.revision("prices", number).document))
    text = json.dumps(document)
    gateway.documents.client.update_item(
        TableName=gateway.documents.table, Key=key, UpdateExpression="SET document = :d, sha256 = :s",
        ExpressionAttributeValues={":d": {"S": text}, ":s": {"S": sha256_of(text)}},
    )  # fmt: skip


def image(document):
    document["stages"]["train"]["image"] = IMAGE
    return document


def no_stage(document):
    del document["stages"]["train"]
    return document


def trigger(document):
    return document | {"description": "edited"}


@pytest.mark.parametrize("change", [image, no_stage, trigger])
def test_edited_revision_does_not_run(stored, requested, change):
    revisions.record(stored, effective(released_layers.read_current(stored, "prices")[1], bool))
    tamper(stored, 1, change)
    record = show(stored, route(stored, requested(**BACKFILL, revision=1)).run)
    assert record.status == "REJECTED"
    assert "revision 1 of prices differs from its release" in record.reason


def test_revision_with_overrides_runs_after_they_are_gone(stored, requested):
    number = overrides.put(stored, "prices", ["parameters.limit=7"], "bea").revision
    overrides.remove(stored, "prices", [], "bea")
    started = route(stored, requested(**BACKFILL, revision=number))
    assert started.execution
    assert show(stored, started.run).revision == number


def test_revision_that_does_not_exist_is_named(stored):
    layers = released_layers.read_current(stored, "prices")[1]
    with pytest.raises(NotFoundError, match="prices has no revision 9"):
        revisions.verified(stored, layers, 9, lambda: True)


def test_rollback_to_an_edited_revision_changes_no_code(stored):
    overrides.put(stored, "prices", ["parameters.limit=6"], "bea")
    overrides.put(stored, "prices", ["parameters.limit=7"], "bea")
    tamper(stored, 1, image)
    with pytest.raises(DocumentError, match="the code that runs"):
        overrides.roll_back(stored, "prices", 1, "bea")


def test_promotion_takes_the_document_from_the_manifest(stored):
    edit(stored, "base", hashed=True)
    edited = stored.documents.base("prices")
    with pytest.raises(ReleaseError, match="is not stored"):
        promotion._document(stored, "prices", edited.sha256)
    candidate = promotion.find_candidate(stored, "prices", untested=True)
    assert candidate.pipeline == load(json.loads(manifests.read(stored, "prices").documents["base"]))
    assert candidate.release.document == manifests.read(stored, "prices").release.document


def test_commands_that_plan_a_stored_document_refuse_an_edited_one(stored):
    assert run_options.pushed(stored, "prices")[1].digest == manifests.read(stored, "prices").release.digest
    edit(stored, "base", hashed=True)
    with pytest.raises(ReleaseError, match="was not pushed"):
        run_options.pushed(stored, "prices")
