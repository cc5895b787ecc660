from __future__ import annotations

import gzip
import io
import json
import tarfile
from dataclasses import replace

import pytest

from stagewright.aws.objects import Objects
from stagewright.document.load import load
from stagewright.errors import DocumentError, ReleaseError, TargetError
from stagewright.planner.model import Plan, StagePlan, Trigger
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.releases.bundles import ensure_bundles, tarball
from stagewright.runs.releases.publish import publish
from stagewright.runs.releases.push import push


def keys(gateway, prefix):
    return [found.key for found in gateway.objects.list(prefix)]


def versions(gateway, key):
    return len(list(gateway.objects.versions(key)))


def test_push_stores_files_document_and_manifest(gateway, pipeline, files):
    pushed = push(gateway, pipeline, files, commit="abc")
    manifest = manifests.read(gateway, "prices")
    assert pushed.trigger_key == f"code:prices:{manifest.version}"
    assert pushed.uploaded == ("lib/shared.py", "prepare.py", "train.py")
    assert manifest.release.digest == pushed.release
    assert manifest.release.commit == "abc"
    for path, body in files.items():
        assert (
            gateway.objects.get(f"staging/prices/{path}", manifest.release.files[path].version).body == body
        )
    base = gateway.documents.base("prices")
    assert load(json.loads(base.document)) == pipeline
    assert base.sha256 == manifest.release.document


def test_unchanged_push_writes_nothing(gateway, pipeline, files):
    first = push(gateway, pipeline, files)
    again = push(gateway, pipeline, files, commit="another commit of the same files")
    assert again.trigger_key is None
    assert again.uploaded == ()
    assert again.removed == ()
    assert again.release == first.release
    assert versions(gateway, "manifests/prices.json") == 1
    assert versions(gateway, "staging/prices/train.py") == 1


def test_only_changed_files_are_uploaded(gateway, pipeline, files):
    push(gateway, pipeline, files)
    pushed = push(gateway, pipeline, files | {"train.py": b"new"})
    assert pushed.uploaded == ("train.py",)
    assert versions(gateway, "staging/prices/prepare.py") == 1


def test_reverted_change_gives_a_new_trigger_and_the_old_release(gateway, pipeline, files):
    pushed = [push(gateway, pipeline, each) for each in (files, files | {"train.py": b"new"}, files)]
    assert len({each.trigger_key for each in pushed}) == 3
    assert pushed[0].release == pushed[2].release != pushed[1].release
    manifest = manifests.read(gateway, "prices")
    assert publish(gateway, manifest).digest == pushed[0].release


def test_removed_file_is_a_change(gateway, pipeline, files):
    push(gateway, pipeline, files | {"old.py": b""})
    pushed = push(gateway, pipeline, files)
    assert pushed.trigger_key
    assert pushed.removed == ("old.py",)
    assert "staging/prices/old.py" not in keys(gateway, "staging/")
    assert "old.py" not in manifests.read(gateway, "prices").release.files


def test_changed_document_alone_is_a_change(gateway, pipeline, files, tools):
    push(gateway, pipeline, files)
    pushed = push(gateway, load(tools.document | {"parameters": {"limit": 4}}), files)
    assert pushed.trigger_key
    assert pushed.uploaded == ()
    assert json.loads(gateway.documents.base("prices").document)["parameters"] == {"limit": 4}


def environment(gateway):
    return gateway.documents.layer("prices", "environment")


def test_overlay_is_stored_separately_and_its_change_is_a_change(gateway, pipeline, files):
    first = push(gateway, pipeline, files, overlay={"parameters": {"limit": 4.0}}, by="ada")
    stored = environment(gateway)
    assert stored.document == '{"parameters":{"limit":4}}'
    assert stored.by == "ada"
    assert manifests.read(gateway, "prices").environment == stored.sha256
    assert load(json.loads(gateway.documents.base("prices").document)) == pipeline
    assert push(gateway, pipeline, files, overlay={"parameters": {"limit": 4}}).trigger_key is None
    second = push(gateway, pipeline, files, overlay={"parameters": {"limit": 5}})
    assert second.trigger_key not in (None, first.trigger_key)
    assert environment(gateway).document == '{"parameters":{"limit":5}}'
    third = push(gateway, pipeline, files)
    assert third.trigger_key not in (None, second.trigger_key)
    assert environment(gateway) is None
    assert manifests.read(gateway, "prices").environment == ""


def test_overlay_with_missing_code_is_rejected(gateway, pipeline, files):
    with pytest.raises(ReleaseError, match=r"other\.py"):
        push(gateway, pipeline, files, overlay={"stages": {"train": {"entry_point": "other.py"}}})
    assert environment(gateway) is None
    assert gateway.documents.base("prices") is None


def test_failed_upload_writes_no_manifest_and_the_next_push_completes(gateway, pipeline, files, monkeypatch):
    put = Objects.put

    def full(self, key, body, content_type="application/octet-stream"):
        if key.endswith("train.py"):
            raise TargetError("no space left on device")
        return put(self, key, body, content_type)

    monkeypatch.setattr(Objects, "put", full)
    with pytest.raises(TargetError, match="no space left"):
        push(gateway, pipeline, files)
    assert keys(gateway, "manifests/") == []
    assert gateway.documents.base("prices") is None
    monkeypatch.undo()
    assert push(gateway, pipeline, files).trigger_key
    assert publish(gateway, manifests.read(gateway, "prices")).files.keys() == files.keys()


def test_next_push_writes_a_manifest_that_was_lost(gateway, pipeline, files, monkeypatch):
    put = Objects.put

    def broken(self, key, body, content_type="application/octet-stream"):
        if key.startswith("manifests/"):
            raise TargetError("gone")
        return put(self, key, body, content_type)

    monkeypatch.setattr(Objects, "put", broken)
    with pytest.raises(TargetError):
        push(gateway, pipeline, files)
    assert gateway.documents.base("prices") is not None
    monkeypatch.undo()
    assert push(gateway, pipeline, files).trigger_key


def test_missing_code_file_is_rejected_before_any_write(gateway, pipeline, files):
    del files["train.py"]
    with pytest.raises(
        ReleaseError, match=r"stages\.train\.entry_point: no train\.py in the release .*trian\.py"
    ):
        push(gateway, pipeline, files | {"trian.py": b""})
    assert keys(gateway, "") == []


def test_push_without_a_code_trigger_starts_no_run(gateway, files, tools):
    pushed = push(gateway, load(tools.document | {"triggers": []}), files)
    assert pushed.trigger_key is None
    assert keys(gateway, "manifests/") == ["manifests/prices.json"]


def test_run_options_of_a_push_are_in_the_manifest(gateway, pipeline, files):
    push(gateway, pipeline, files, parameters={"limit": 5}, by="ada", force=True)
    manifest = manifests.read(gateway, "prices")
    assert manifest.parameters == {"limit": 5}
    assert manifest.by == "ada"
    assert manifest.force is True


def test_publish_is_idempotent_and_deterministic(gateway, pipeline, files):
    push(gateway, pipeline, files)
    manifest = manifests.read(gateway, "prices")
    release = publish(gateway, manifest, by="ada")
    key = f"releases/prices/{release.digest}.json"
    body = gateway.objects.get(key).body
    assert publish(gateway, manifest, by="somebody else") == release
    assert gateway.objects.get(key).body == body
    assert versions(gateway, key) == 1
    assert json.loads(body)["by"] == "ada"


def test_corrupted_staging_object_is_rejected(gateway, pipeline, files):
    push(gateway, pipeline, files)
    manifest = manifests.read(gateway, "prices")
    version = gateway.objects.put("staging/prices/train.py", b"something else")
    listed = dict(manifest.release.files)
    listed["train.py"] = replace(listed["train.py"], version=version)
    forged = replace(manifest, release=replace(manifest.release, files=listed))
    with pytest.raises(ReleaseError, match=r"train\.py has SHA-256 .* listed"):
        publish(gateway, forged)
    assert keys(gateway, "releases/") == []


def test_missing_version_is_rejected(gateway, pipeline, files):
    push(gateway, pipeline, files)
    manifest = manifests.read(gateway, "prices")
    file = manifest.release.files["train.py"]
    gateway.objects.client.delete_object(
        Bucket=gateway.objects.bucket, Key="staging/prices/train.py", VersionId=file.version
    )
    with pytest.raises(ReleaseError, match=r"train\.py \(version .*\) is gone"):
        publish(gateway, manifest)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"{", "is not a release manifest"),
        (b"[]", "is not a release manifest"),
        (b'{"format": "2", "pipeline": "prices", "document": "", "files": {}}', "documents: Field required"),
        (
            b'{"format": 1, "pipeline": "other", "document": "", "documents": {"base": ""}, "files": {}}',
            "is the manifest of other",
        ),
        (
            json.dumps(
                {
                    "format": 1,
                    "pipeline": "prices",
                    "document": "",
                    "documents": {"base": ""},
                    "files": {"../x": {"sha256": "0" * 64, "version": "v", "size": 1}},
                }
            ).encode(),
            "not a path inside the code folder",
        ),
    ],
)
def test_invalid_manifest_is_rejected(body, message):
    with pytest.raises(ReleaseError, match=message):
        manifests.parse(body, "prices", "v", 0.0)


@pytest.mark.parametrize("key", ["manifests/a/b.json", "manifests/.json", "manifests/a", "code/a.json"])
def test_other_keys_are_not_manifests(key):
    assert manifests.pipeline_of(key) is None


def plan_of(*bundles):
    stages = tuple(
        StagePlan(f"s{n}", "training", "run", "", bundle=bundle) for n, bundle in enumerate(bundles)
    )
    return Plan("r", "prices", "default", Trigger("code", "k", "t"), "", 1, stages, ())


def test_bundle_has_files_and_tarball(gateway, pipeline, files):
    push(gateway, pipeline, files)
    release = publish(gateway, manifests.read(gateway, "prices"))
    wanted = ("lib/shared.py", "train.py")
    (bundle,) = ensure_bundles(gateway, release, plan_of(wanted))
    prefix = f"code/prices/{bundle}/"
    assert bundle == release.bundle(wanted)
    assert keys(gateway, prefix) == [
        f"{prefix}files/lib/shared.py",
        f"{prefix}files/train.py",
        f"{prefix}source.tar.gz",
    ]
    assert gateway.objects.get(f"{prefix}files/train.py").body == files["train.py"]
    packed = gateway.objects.get(f"{prefix}source.tar.gz").body
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        assert {m.name: archive.extractfile(m).read() for m in archive} == {
            path: files[path] for path in wanted
        }


def test_complete_bundle_is_kept_and_partial_bundle_is_completed(gateway, pipeline, files):
    push(gateway, pipeline, files)
    release = publish(gateway, manifests.read(gateway, "prices"))
    plan = plan_of(("train.py",), ("train.py",), ("prepare.py",))
    assert len(ensure_bundles(gateway, release, plan)) == 2
    assert ensure_bundles(gateway, release, plan) == ()
    key = f"code/prices/{release.bundle(['train.py'])}/source.tar.gz"
    packed = gateway.objects.get(key).body
    gateway.objects.delete(key)
    assert ensure_bundles(gateway, release, plan) == (release.bundle(["train.py"]),)
    assert gateway.objects.get(key).body == packed


def test_bundle_keeps_the_pushed_version_after_a_new_push(gateway, pipeline, files):
    push(gateway, pipeline, files)
    release = publish(gateway, manifests.read(gateway, "prices"))
    push(gateway, pipeline, files | {"train.py": b"later"})
    (bundle,) = ensure_bundles(gateway, release, plan_of(("train.py",)))
    assert gateway.objects.get(f"code/prices/{bundle}/files/train.py").body == files["train.py"]


def test_tarball_does_not_depend_on_order_or_time():
    packed = tarball({"b.py": b"b", "a/é.py": b"a"})
    assert packed == tarball({"a/é.py": b"a", "b.py": b"b"})
    assert packed[:10] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        members = archive.getmembers()
    assert [(m.name, m.uid, m.gid, m.mtime, m.mode) for m in members] == [
        ("a/é.py", 0, 0, 0, 0o644),
        ("b.py", 0, 0, 0, 0o644),
    ]


def waits_for(tools, name, *upstreams, code=True):
    triggers = [{"type": "upstream", "pipeline": each} for each in upstreams]
    return load(tools.document | {"name": name, "triggers": [{"type": "code"}] * code + triggers})


def test_push_that_closes_a_trigger_cycle_writes_nothing(gateway, files, tools):
    push(gateway, waits_for(tools, "first", "third"), files)
    push(gateway, waits_for(tools, "second", "first"), files)
    with pytest.raises(DocumentError) as refused:
        push(gateway, waits_for(tools, "third", "second"), files)
    (problem,) = refused.value.problems
    assert problem.path == "triggers[1].pipeline"
    assert problem.message == "upstream triggers form a cycle: third -> first -> second -> third"
    assert gateway.documents.base("third") is None
    assert keys(gateway, "staging/third/") == keys(gateway, "manifests/third") == []


def test_overlay_can_close_or_break_a_trigger_cycle(gateway, files, tools):
    push(gateway, waits_for(tools, "second", "first"), files)
    closing = {"triggers": [{"type": "upstream", "pipeline": "second"}]}
    with pytest.raises(DocumentError, match="first -> second -> first"):
        push(gateway, waits_for(tools, "first"), files, overlay=closing)
    push(gateway, waits_for(tools, "first", "second"), files, overlay={"triggers": [{"type": "code"}]})
    assert gateway.documents.base("first")


def test_manifest_has_the_date_of_its_run(gateway, pipeline, files):
    push(gateway, pipeline, files, date="2024-03")
    assert manifests.read(gateway, "prices").date == "2024-03"
