"""Promotion of a release between two installations, `local` and `uat`, on one local server."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.support import commands
from tests.support.waiting import until

from stagewright.api.launch import wait_for_run
from stagewright.cli.commands.inspect.show import print_record
from stagewright.local import server as local
from stagewright.local.artifacts import Artifacts
from stagewright.local.provision import provision
from stagewright.local.state import INSTALLATION
from stagewright.operator_gateway import OperatorGateway
from stagewright.runs.history.records import RunRecord
from stagewright.runs.history.run_history import list_runs, show, with_lineage
from stagewright.runs.releases import manifest as manifests
from stagewright.runs.requests import request_run

pytestmark = [pytest.mark.e2e, pytest.mark.slow]

IMAGE = "registry.example/own:1"
DOCUMENT = f"""
name: promoted
parameters: {{limit: 3}}
defaults: {{image: "{IMAGE}", instance_type: ml.m5.large}}
triggers: [{{type: code}}]
stages:
  prepare: {{kind: processing, code: prepare.py, arguments: ["${{parameters.limit}}"], outputs: [out]}}
"""
SCRIPT = """
import pathlib, sys
pathlib.Path("/opt/ml/processing/output/out/limit.txt").write_text(sys.argv[1])
"""
OVERLAY = "parameters: {limit: 5}\n"


class Place:
    """A folder with a document and an overlay; `stagewright` in it; a gateway to each installation."""

    def __init__(self, folder: Path) -> None:
        self.folder, state = folder, folder / "state"
        state.mkdir()
        (state / "local.toml").write_text(f'[pythons]\n"{IMAGE}" = "{sys.executable}"\n')
        server = local.up(state)
        there = replace(INSTALLATION, environment="uat", bucket="stagewright-uat")
        provision(server, Artifacts.read(there))
        keys = (server.url, server.access_key, server.secret_key)
        self.dev, self.uat = (OperatorGateway.connect(each, *keys) for each in (INSTALLATION, there))
        (folder / "aws").write_text(
            f"[profile uat]\nendpoint_url = {server.url}\naws_access_key_id = {server.access_key}\n"
            f"aws_secret_access_key = {server.secret_key}\n"
        )
        (folder / "stagewright.toml").write_text(
            '[targets.uat]\nbucket = "stagewright-uat"\nregion = "us-east-1"\nenvironment = "uat"\n'
            'profile = "uat"\n'
        )
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "STAGEWRIGHT_"))}
        own = {"STAGEWRIGHT_STATE": str(state), "AWS_CONFIG_FILE": str(folder / "aws")}
        self.environment = inherited | own
        for name, text in (
            ("pipeline.yaml", DOCUMENT),
            ("code/prepare.py", SCRIPT),
            ("environments/uat.yaml", OVERLAY),
        ):
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text(text)

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return commands.stagewright(arguments, self.folder, self.environment)

    def json(self, *arguments: str) -> Any:
        done = self(*arguments, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def promote(self, *more: str) -> Any:
        return self.json("promote", ".", "--from", "local", "--to", "uat", *more)

    def refused(self, *more: str) -> str:
        before = self.stored()
        done = self("promote", ".", "--from", "local", "--to", "uat", *more)
        assert done.returncode != 0, done.stdout
        assert self.stored() == before
        return done.stderr

    def stored(self) -> list[tuple[str, str]]:
        """What a promotion writes in uat."""
        objects = [
            (each.key, each.etag) for each in self.uat.objects.list("") if not each.key.startswith("runs/")
        ]
        base = self.uat.documents.base("promoted")
        return [*objects, ("base", base.written if base else "")]


REGISTERED = f"""
name: approved
defaults: {{image: "{IMAGE}", instance_type: ml.m5.large}}
triggers: [{{type: code}}]
stages:
  register: {{kind: register, model: "s3://${{bucket}}/models/one.tar.gz"}}
  deploy: {{kind: endpoint, model: "${{stages.register.package}}"}}
"""
SERVED = """
triggers: [{type: model-approved, group: approved, only: [deploy]}]
stages:
  register: {enabled: false}
  deploy: {model: "${trigger.package}"}
"""
INFERENCE = """
def model_fn(folder): return None
def transform_fn(model, body, content_type, accept): return '"one"', accept
"""


def archive(script: str) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        entry = tarfile.TarInfo("code/inference.py")
        entry.size = len(script)
        tar.addfile(entry, io.BytesIO(script.encode()))
    return buffer.getvalue()


def ended(gateway: OperatorGateway, run: str) -> RunRecord:
    until(lambda: not show(gateway, run).is_open)
    return show(gateway, run)


def written(gateway: OperatorGateway, record: RunRecord) -> str:
    uri = record.stage("prepare").result["outputs"]["out"]
    return gateway.objects.get(f"{uri.split('/', 3)[3]}/limit.txt").body.decode()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("promotion"))
    yield made
    local.down(made.folder / "state")


def test_promoted_release_runs_with_target_overlay(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert "no release of promoted in local" in place.refused()
    done = place.json("run", ".")
    assert done["status"] == "SUCCEEDED", done
    tried = place.promote("--dry-run")
    assert (tried["run"], tried["uploaded"], place.stored()) == (None, [], [("base", "")])
    assert {each["path"]: each["after"] for each in tried["changes"]}["parameters"] == {"limit": 5}
    promoted = place.promote()
    dev, uat = ended(place.dev, done["run"]), ended(place.uat, promoted["run"])
    assert uat.status == "SUCCEEDED", uat
    assert dev.release == uat.release == promoted["release"]
    assert (written(place.dev, dev), written(place.uat, uat)) == ("3", "5")
    lineage = {"from": "local", "installation": "stagewright-local", "run": done["run"]}
    print_record(with_lineage(place.uat, uat))
    said = capsys.readouterr().out
    assert f"release {uat.release[:12]}" in said
    assert "promoted from local (stagewright-local), pushed there by " in said
    assert f"succeeded in {done['run']}" in said
    manifest = manifests.read(place.uat, "promoted")
    record = json.loads(place.uat.objects.get(f"releases/promoted/{uat.release}.json").body)
    for kept in (manifest.promoted, record["promoted"]):
        assert lineage.items() <= kept.items()
        assert kept["by"]
    assert manifest.release.document == manifests.read(place.dev, "promoted").release.document
    assert place.promote()["run"] is None  # it is there already
    assert len(list_runs(place.uat, "promoted")) == 1


def test_promote_rejects_release_without_successful_run(place: Place) -> None:
    good = manifests.read(place.dev, "promoted").release.digest
    (place.folder / "code" / "prepare.py").write_text("raise SystemExit('broken')\n")
    assert place("run", ".").returncode == 6
    assert "has no successful run in local" in place.refused()
    kept = place.promote("--release", good[:12], "--dry-run")  # the release before still can be
    assert (kept["release"], kept["promoted"]["from"], kept["changes"]) == (good, "local", [])
    assert "no release 0000 of promoted" in place.refused("--release", "0000")
    forced = place.promote("--untested")
    assert ended(place.uat, forced["run"]).status == "FAILED"
    lineage = manifests.read(place.uat, "promoted").promoted
    assert lineage["untested"] is True
    assert "run" not in lineage


def test_promote_rejects_document_without_successful_run(place: Place) -> None:
    """The files and the digest are the same, but the document differs."""
    (place.folder / "code" / "prepare.py").write_text(SCRIPT)
    (place.folder / "pipeline.yaml").write_text(
        DOCUMENT.replace("type: code", "type: schedule, rate: 9 hours")
    )
    place.json("push", ".")
    assert "has no successful run in local" in place.refused()
    (place.folder / "pipeline.yaml").write_text(DOCUMENT)
    assert ended(place.dev, place.json("push", ".")["run"]).status == "SUCCEEDED"
    promoted = place.promote()
    assert written(place.uat, ended(place.uat, promoted["run"])) == "5"


def test_promote_rejects_release_with_deleted_file_version(place: Place) -> None:
    (place.folder / "code" / "prepare.py").write_text(SCRIPT + "# new\n")
    assert place.json("run", ".")["status"] == "SUCCEEDED"
    file = manifests.read(place.dev, "promoted").release.files["prepare.py"]
    place.dev.objects.client.delete_object(
        Bucket=place.dev.installation.bucket, Key="staging/promoted/prepare.py", VersionId=file.version
    )
    message = place.refused()
    assert f"prepare.py (version {file.version}) is gone" in message


def test_promote_rejects_invalid_overlay_before_writing(place: Place) -> None:
    (place.folder / "code" / "prepare.py").write_text(SCRIPT + "# newer\n")
    assert place.json("run", ".")["status"] == "SUCCEEDED"
    (place.folder / "environments" / "uat.yaml").write_text("stages: {prepare: {kinds: 1}}\n")
    assert "environments/uat.yaml:1: stages.prepare.kinds" in place.refused()
    assert (
        "is where the release is" in place("promote", "promoted", "--from", "local", "--to", "local").stderr
    )


def test_approval_in_source_deploys_in_target(place: Place) -> None:
    """The overlay takes the package from the trigger, as in docs/environments.md."""
    folder = place.folder / "registered"
    for name, text in (("pipeline.yaml", REGISTERED), ("environments/uat.yaml", SERVED)):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).write_text(text)
    place.dev.objects.put("models/one.tar.gz", archive(INFERENCE))
    done = place.json("run", "registered")
    assert done["status"] == "SUCCEEDED", done
    assert "waits for approval" in ended(place.dev, done["run"]).stage("deploy").reason
    assert place.json("promote", "registered", "--from", "local", "--to", "uat")["run"] is None
    key = request_run(place.uat, "approved", {}, "test")  # by hand there is nothing to deploy
    by_hand = ended(place.uat, wait_for_run(place.uat, key))
    assert (by_hand.status, "deploy.model: no model package" in by_hand.reason) == ("REJECTED", True)
    package = ended(place.dev, done["run"]).stage("register").result["package"]
    place.dev.registry.client.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    found = until(lambda: (listed := list_runs(place.uat, "approved"))[1:] and listed)
    run = ended(place.uat, found[0].run)
    assert (run.status, run.trigger.package) == ("SUCCEEDED", package), run
    described = place.uat.endpoints.client.describe_endpoint(
        EndpointName=run.stage("deploy").result["endpoint"]
    )
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointName"].endswith("uat")
